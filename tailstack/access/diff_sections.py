"""Differences of the sections beside grants and SSH: tag owners, automatic approval, node attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tailstack.access.changes import Cause, Change, Direction, Right, RightKind, Risk, Side
from tailstack.access.diff_view import canonical
from tailstack.access.hujson import Json
from tailstack.access.policy import Listed, Policy
from tailstack.finding import Place

EXIT_NODE = "exit node"
_SIDES = {Direction.GAINED: Side.NEW, Direction.LOST: Side.OLD}


def tag_owner_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """Who may give nodes a tag. A tag is a set of rights, so a new owner is no small thing unless the tag is new too."""
    known = {tag.name for tag in old.tag_owners}
    for direction, who, what, place in _pairs(_owners(old.tag_owners), _owners(new.tag_owners)):
        gained = Risk.HIGH if what in known else Risk.ORDINARY
        risk = gained if direction is Direction.GAINED else Risk.LOSS
        yield Change(
            direction=direction,
            who=(who,),
            what=(what,),
            right=Right(kind=RightKind.TAG_OWNER),
            risk=risk,
            causes=(Cause(side=_SIDES[direction], place=place),),
        )


def approval_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """Whose routes, exit nodes and service hosts are approved without an admin."""
    for direction, who, what, place in _pairs(_approvals(old), _approvals(new)):
        gained = Risk.HIGH if what == EXIT_NODE else Risk.RAISED
        risk = gained if direction is Direction.GAINED else Risk.LOSS
        yield Change(
            direction=direction,
            who=(who,),
            what=(what,),
            right=Right(kind=RightKind.APPROVAL),
            risk=risk,
            causes=(Cause(side=_SIDES[direction], place=place),),
        )


def _owners(listed: Iterable[Listed]) -> dict[tuple[str, str], Place]:
    return {(owner.name, entry.name): owner.place for entry in listed for owner in entry.entries}


def _approvals(policy: Policy) -> dict[tuple[str, str], Place]:
    approvers = policy.auto_approvers
    exits = {(approver.name, EXIT_NODE): approver.place for approver in approvers.exit_node}
    return _owners(approvers.routes) | _owners(approvers.services) | exits


def _pairs(
    old: dict[tuple[str, str], Place], new: dict[tuple[str, str], Place]
) -> Iterator[tuple[Direction, str, str, Place]]:
    yield from ((Direction.GAINED, *pair, place) for pair, place in new.items() if pair not in old)
    yield from ((Direction.LOST, *pair, place) for pair, place in old.items() if pair not in new)


def attribute_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """Which nodes have which attributes. `funnel` opens a node to the internet."""
    before, after = _attributes(old), _attributes(new)
    for direction, here, there in ((Direction.GAINED, after, before), (Direction.LOST, before, after)):
        for key, (value, place) in here.items():
            if key in there:
                continue
            target, name, _ = key
            gained = Risk.GRAVE if name == "funnel" else Risk.ORDINARY
            yield Change(
                direction=direction,
                who=(target,),
                what=(),
                right=Right(kind=RightKind.ATTRIBUTE, name=name, value=value),
                risk=gained if direction is Direction.GAINED else Risk.LOSS,
                causes=(Cause(side=_SIDES[direction], place=place),),
            )


def _attributes(policy: Policy) -> dict[tuple[str, str, str], tuple[Json, Place]]:
    found: dict[tuple[str, str, str], tuple[Json, Place]] = {}
    for entry in policy.node_attributes:
        for target in entry.target:
            for attribute in entry.attr:
                found[target.name, attribute.text, ""] = None, attribute.place
            for app in entry.app:
                found[target.name, app.key, canonical(app.value)] = app.value, app.place
            for pool in entry.ip_pool:
                found[target.name, f"addresses from {pool.text}", ""] = None, pool.place
    return found
