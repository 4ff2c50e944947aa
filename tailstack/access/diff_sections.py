"""Differences of the sections beside grants: SSH logins, tag owners, automatic approval, node attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tailstack.access.changes import Cause, Change, Direction, Right, RightKind, Risk, Side
from tailstack.access.diff_view import canonical
from tailstack.access.evaluate import Access, Verdict
from tailstack.access.hujson import Json
from tailstack.access.policy import Listed, Policy, SshRule
from tailstack.access.ports import TCP
from tailstack.access.principals import Principal
from tailstack.access.selectors import NONROOT, Selector
from tailstack.finding import Place

EXIT_NODE = "exit node"
CHECK = "check"
_SSH_PORT = 22
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


@dataclass(frozen=True, order=True, slots=True)
class _Way:
    """How somebody may log in: at once or after a fresh login, with one of these postures; `lacks` a port it needs."""

    action: str
    postures: tuple[str, ...]
    lacks: str = ""

    def covers(self, other: _Way) -> bool:
        """Whether whoever may log in the other way may do it this way too."""
        if self.action == CHECK and other.action != CHECK:
            return False
        if self.lacks and not other.lacks:
            return False
        return not self.postures or (bool(other.postures) and set(other.postures) <= set(self.postures))


def ssh_changes(before: Access, after: Access, moves: Iterable[tuple[str, str]]) -> Iterator[Change]:
    """Who may log in where through Tailscale SSH. `moves` are groups with users who join or leave them."""
    together: dict[_Login, tuple[list[str], list[Cause]]] = {}
    for (src, dst, user), through in _login_keys(before.policy, after.policy, tuple(moves)).items():
        old, new = _ways(before, Side.OLD, src, dst, user), _ways(after, Side.NEW, src, dst, user)
        for gained, mine, others in ((True, new, old), (False, old, new)):
            for way, cause in mine.items():
                if any(other.covers(way) for other in others):
                    continue
                same = tuple(sorted(other for other in others if other.lacks == way.lacks))
                login = _Login(gained, src, dst, way, same, through)
                users, causes = together.setdefault(login, ([], []))
                users.append(user)
                causes += [others[other] for other in same] if same and not gained else [cause]
    for login, (users, causes) in together.items():
        yield _login_change(login, users, causes)


@dataclass(frozen=True, slots=True)
class _Login:
    """A way to log in that is there under one policy only; `others` are those under the other policy."""

    gained: bool
    src: str
    dst: str
    way: _Way
    others: tuple[_Way, ...]
    through: str


def _login_change(login: _Login, users: list[str], causes: list[Cause]) -> Change:
    if login.gained:
        direction = Direction.WIDENED if login.others else Direction.GAINED
        now, before = login.way, _any_of(login.others)
        risk = Risk.HIGH if login.src == "*" or "root" in users else Risk.RAISED
    else:
        direction = Direction.NARROWED if login.others else Direction.LOST
        now, before = login.way, ()
        if login.others:
            now, before = replace(login.others[0], postures=_any_of(login.others)), login.way.postures
        risk = Risk.LOSS
    return Change(
        direction=direction,
        who=(login.src,),
        what=(login.dst,),
        right=Right(kind=RightKind.SSH, name=", ".join(sorted(users)), value=now.action, lacks=now.lacks),
        postures=now.postures,
        before=before,
        through=login.through,
        risk=risk,
        causes=tuple(sorted(set(causes))),
    )


def _any_of(ways: tuple[_Way, ...]) -> tuple[str, ...]:
    """The postures of which any one is needed; none where one way needs none."""
    every = [way.postures for way in ways]
    return tuple(sorted({posture for postures in every for posture in postures})) if all(every) else ()


def _login_keys(old: Policy, new: Policy, moves: tuple[tuple[str, str], ...]) -> dict[tuple[str, str, str], str]:
    """Everyone who is named with where and as whom; and, by the group, the users who join or leave a group named."""
    keys: dict[tuple[str, str, str], str] = {}
    for rule in (*old.ssh, *new.ssh):
        for src in rule.src:
            for dst in rule.dst:
                keys.update(dict.fromkeys(((src.name, dst.name, user.text.strip()) for user in rule.users), ""))
    for group, member in moves:
        for src, dst, user in list(keys):
            if src == group:
                keys.setdefault((member, dst, user), group)
    return keys


def _ways(access: Access, side: Side, src: str, dst: str, user: str) -> dict[_Way, Cause]:
    """How `src` may log in to `dst` as `user`. A check without a condition comes before every rule that accepts."""
    sources, targets = access.principal(src), access.principal(dst)
    rules = [
        rule
        for rule in access.policy.ssh
        if _is_named(rule.src, sources) and _is_named(rule.dst, targets) and _allows(rule, user)
    ]
    if not rules:
        return {}
    is_open = access.reach(sources, targets, TCP, _SSH_PORT).verdict is not Verdict.DENIED
    lacks = "" if is_open else f"tcp:{_SSH_PORT}"
    found = {
        _Way(rule.action.text.strip(), tuple(sorted(posture.text for posture in rule.src_posture)), lacks): Cause(
            side=side, place=rule.place
        )
        for rule in rules
    }
    if _Way(CHECK, (), lacks) in found:
        return {way: cause for way, cause in found.items() if way.action == CHECK}
    return found


def _is_named(selectors: Iterable[Selector], principal: Principal) -> bool:
    return any(selector.name in principal.keys for selector in selectors)


def _allows(rule: SshRule, user: str) -> bool:
    named = {text.text.strip() for text in rule.users}
    return user in named or (NONROOT in named and user != "root")
