"""The difference in access: who gains and who loses what, in the names that people wrote.

No list of nodes is needed. Entries that stand in both policies cancel out; for each pair of selectors in what is left, the
whole access under either policy is compared, so that a right that another entry gives as well is neither gained nor lost.
A change of a group's members is a change for those who join and leave; one of the nodes, for the nodes that are new, gone
or tagged otherwise. Cost grows with what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from tailstack.access.changes import Change, Difference, Elsewhere, RightKind, Side
from tailstack.access.diff_entries import EntryComparison, Move
from tailstack.access.diff_nodes import route_changes
from tailstack.access.diff_sections import approval_changes, attribute_changes, tag_owner_changes
from tailstack.access.diff_ssh import ssh_changes
from tailstack.access.diff_view import View, canonical
from tailstack.access.evaluate import Access
from tailstack.access.inventory import NOTHING_KNOWN, Inventory
from tailstack.access.policy import Policy, SshTest, Test


def difference(
    old: Policy, new: Policy, *, old_inventory: Inventory = NOTHING_KNOWN, new_inventory: Inventory = NOTHING_KNOWN
) -> Difference:
    """What changes in access when `new` takes the place of `old`, and the new inventory that of the old one.

    Inventories add what is known of users, their roles and the nodes; where nothing is known of nodes, none is spoken of.
    """
    before, after = Access(old, old_inventory), Access(new, new_inventory)
    views = View(Side.OLD, before, after), View(Side.NEW, after, before)
    comparison = EntryComparison(*views)
    found = [
        *comparison.changes(),
        *route_changes(*views),
        *ssh_changes(before, after, [(move.group, move.user) for move in comparison.moves]),
        *tag_owner_changes(old, new),
        *approval_changes(old, new),
        *attribute_changes(old, new),
    ]
    through = {change.through for change in found}
    idle = [move for move in comparison.moves if move.group not in through]
    owned = {tag for change in found if change.right.kind is RightKind.TAG_OWNER for tag in change.what}
    notes = (*_moves(idle), *_tags(old, new, owned), *_notes(old, new))
    return Difference(changes=tuple(sorted(merged(found), key=_order)), notes=notes, nodes=comparison.nodes)


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
        canonical(change.before_value),
        change.through,
    )


def merged(changes: Iterable[Change]) -> Iterator[Change]:
    """The same changes in fewer: those that differ in who only become one, then those that differ in what only."""
    by_what = _grouped(changes, lambda change: (change.what, *_rest(change)))
    yield from _grouped(by_what, lambda change: (change.who, *_rest(change)))


def _grouped(changes: Iterable[Change], key: Callable[[Change], object]) -> list[Change]:
    groups: dict[object, list[Change]] = {}
    for change in changes:
        groups.setdefault(key(change), []).append(change)
    return [
        replace(
            group[0],
            who=tuple(sorted({who for change in group for who in change.who})),
            what=tuple(sorted({what for change in group for what in change.what})),
            elsewhere=_elsewhere(group),
            causes=tuple(sorted({cause for change in group for cause in change.causes})),
        )
        for group in groups.values()
    ]


def _elsewhere(changes: Iterable[Change]) -> tuple[Elsewhere, ...]:
    """Each entry once, in the order of the policies."""
    every = {id(one.entry): one for change in changes for one in change.elsewhere}
    return tuple(sorted(every.values(), key=lambda one: (one.side, one.entry.place)))


def _rest(change: Change) -> tuple[object, ...]:
    """Everything of a change but who, what, and what it comes from."""
    right = change.right
    return (
        right.kind,
        right.ports,
        right.name,
        canonical(right.value),
        right.lacks,
        change.postures,
        change.via,
        change.before,
        change.before_via,
        canonical(change.before_value),
        change.through,
        change.direction,
        change.is_swap,
        change.risk,
        bool(change.elsewhere),
    )


def _moves(idle: Iterable[Move]) -> Iterator[str]:
    for move in idle:
        yield f"{move.user} {'joins' if move.joins else 'leaves'} {move.group}, which changes no access"


def _tags(old: Policy, new: Policy, owned: set[str]) -> Iterator[str]:
    """Tags that come and go, but for those of which it is said already who may give them."""
    tags = [{tag.name for tag in policy.tag_owners} for policy in (old, new)]
    yield from (f"{tag} is defined" for tag in sorted(tags[1] - tags[0] - owned))
    yield from (f"{tag} is no longer defined" for tag in sorted(tags[0] - tags[1] - owned))


def _notes(old: Policy, new: Policy) -> Iterator[str]:
    """What else changed without a change of access."""
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
