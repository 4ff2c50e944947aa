"""The difference in access of two policies: who gains and who loses what, in the names that people wrote.

No list of nodes is needed. Entries that stand in both policies cancel out; for each pair of selectors in what is left, the
whole access under either policy is compared, so that a right that another entry gives as well is neither gained nor lost.
A change of a group's members is a change for those who join and leave. Cost grows with what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tailstack.access.changes import Change, Difference, Direction, Right, Risk
from tailstack.access.diff_entries import EntryComparison, canonical
from tailstack.access.diff_sections import approval_changes, attribute_changes, ssh_changes, tag_owner_changes
from tailstack.access.evaluate import Access
from tailstack.access.inventory import NOTHING_KNOWN, Inventory
from tailstack.access.policy import Policy, SshTest, Test


def difference(
    old: Policy, new: Policy, *, old_inventory: Inventory = NOTHING_KNOWN, new_inventory: Inventory = NOTHING_KNOWN
) -> Difference:
    """What changes in access when `new` takes the place of `old`. Inventories add what is known of users and their roles."""
    before, after = Access(old, old_inventory), Access(new, new_inventory)
    comparison = EntryComparison(before, after)
    found = [
        *comparison.changes(),
        *ssh_changes(before, after, comparison.moves),
        *tag_owner_changes(old, new),
        *approval_changes(old, new),
        *attribute_changes(old, new),
    ]
    through = {change.through for change in found}
    idle = [(group, user) for group, user in comparison.moves if group not in through]
    return Difference(changes=tuple(sorted(merged(found), key=_order)), notes=tuple(_notes(old, new, idle)))


def _order(change: Change) -> tuple[object, ...]:
    right = change.right
    return (
        change.risk,
        change.direction,
        right.kind,
        change.what,
        change.who,
        right.name,
        str(right.ports),
        canonical(right.value),
        change.postures,
        change.via,
        change.before,
        change.before_via,
        change.through,
    )


def merged(changes: Iterable[Change]) -> Iterator[Change]:
    """The same changes in fewer: those that differ in who only become one, then those that differ in what only."""
    by_rest: dict[object, Change] = {}
    for change in changes:
        key = _key(replace(change, who=(), places=()))
        other = by_rest.get(key)
        by_rest[key] = change if other is None else _joined(other, change)
    by_who: dict[object, Change] = {}
    for change in by_rest.values():
        key = _key(replace(change, what=(), places=()))
        other = by_who.get(key)
        by_who[key] = change if other is None else _joined(other, change)
    yield from _swapped(by_who)


def _key(change: Change) -> object:
    right = change.right
    value = canonical(right.value)
    return replace(change, right=Right(kind=right.kind, ports=right.ports, name=right.name, value=value))


def _joined(one: Change, other: Change) -> Change:
    return replace(
        one,
        who=tuple(sorted({*one.who, *other.who})),
        what=tuple(sorted({*one.what, *other.what})),
        places=tuple(sorted({*one.places, *other.places})),
    )


def _swapped(changes: dict[object, Change]) -> Iterator[Change]:
    """With one change for `posture:b is needed instead of posture:a`, which is easier for some and harder for others."""
    sides = {
        direction: {_direction_free(c) for c in changes.values() if c.direction is direction} for direction in Direction
    }
    both = sides[Direction.WIDENED] & sides[Direction.NARROWED]
    for change in changes.values():
        is_swap = _direction_free(change) in both
        if not is_swap or change.direction is Direction.WIDENED:
            yield replace(change, is_swap=is_swap)


def _direction_free(change: Change) -> object:
    return _key(replace(change, direction=Direction.WIDENED, risk=Risk.LOSS, is_partial=False, places=()))


def _notes(old: Policy, new: Policy, idle: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What changed without a change of access."""
    members = {group.name: {member.name for member in group.entries} for group in new.groups}
    for group, user in idle:
        word = "joins" if user in members.get(group, set()) else "leaves"
        yield f"{user} {word} {group}, which changes no access"
    tags = [{tag.name for tag in policy.tag_owners} for policy in (old, new)]
    yield from (f"{tag} is defined" for tag in sorted(tags[1] - tags[0]))
    yield from (f"{tag} is no longer defined" for tag in sorted(tags[0] - tags[1]))
    for name, before, after in (
        ("tests", [_test(test) for test in old.tests], [_test(test) for test in new.tests]),
        ("sshTests", [_ssh_test(test) for test in old.ssh_tests], [_ssh_test(test) for test in new.ssh_tests]),
    ):
        if before != after:
            yield f"{name} changed"
    settings = [{setting.key: canonical(setting.value) for setting in policy.settings} for policy in (old, new)]
    for key in sorted({*settings[0], *settings[1]}):
        if settings[0].get(key) != settings[1].get(key):
            yield f"the setting {key} changed"


def _test(test: Test) -> object:
    return test.src.text, test.proto.text, [text.text for text in test.accept], [text.text for text in test.deny]


def _ssh_test(test: SshTest) -> object:
    return test.src.text, *([text.text for text in part] for part in (test.dst, test.accept, test.check, test.deny))
