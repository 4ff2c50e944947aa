"""Network access and application capabilities under two policies, compared pair by pair of selectors and nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from tailstack.access.addresses import NO_ADDRESSES
from tailstack.access.changes import Cause, Change, Direction, Elsewhere, Right, RightKind, Risk
from tailstack.access.diff_nodes import changed_nodes, node_pairs, retagged
from tailstack.access.diff_view import End, Held, Pair, View, canonical, capability_rights
from tailstack.access.entries import Entry
from tailstack.access.kubernetes import KUBERNETES_CAPABILITY, MASTERS, impersonated
from tailstack.access.ports import NO_PORTS
from tailstack.access.principals import EVERYONE
from tailstack.access.selectors import DANGER_ALL, INTERNET, SHARED

_BROAD = frozenset({EVERYONE, DANGER_ALL, INTERNET, SHARED})


@dataclass(frozen=True, order=True, slots=True)
class Move:
    """A user who joins or leaves a group, or is given or loses the role behind an autogroup."""

    group: str
    user: str
    joins: bool


class EntryComparison:
    """Compares what the entries of two policies give."""

    def __init__(self, before: View, after: View) -> None:
        self._before, self._after = before, after
        self.moves = tuple(_moves(before, after))
        self.nodes = changed_nodes(before, after)

    def changes(self) -> Iterator[Change]:
        """What each pair gains and loses, without what a broader pair says already."""
        through = dict.fromkeys(self._pairs(), "")
        for pair, group in self._moved_pairs():
            through.setdefault(pair, group)
        gained = _one_way(through, self._before, self._after)
        lost = _one_way(through, self._after, self._before)
        for pair in dict.fromkeys((*gained, *lost)):
            for shift in _shifts(self._before.held(*pair), self._after.held(*pair)):
                eased, tightened = (_part(shift.right, more.get(pair, [])) for more in (gained, lost))
                yield from self._changes(pair, shift, eased, tightened, through[pair])

    def _changes(
        self, pair: Pair, shift: _Shift, eased: Right | None, tightened: Right | None, through: str
    ) -> Iterator[Change]:
        """The part of a shift that is easier now, and the part that is harder; where it is both, one change for the two."""
        both = _common_right(eased, tightened)
        for right, direction in (
            (both, Direction.WIDENED),
            (_minus(eased, both), Direction.WIDENED if shift.before else Direction.GAINED),
            (_minus(tightened, both), Direction.NARROWED if shift.after else Direction.LOST),
        ):
            if right is not None:
                is_more = direction in (Direction.GAINED, Direction.WIDENED)
                givers = [view for view, held in ((self._before, shift.after), (self._after, shift.before)) if held]
                yield Change(
                    direction=direction,
                    who=(self._label(pair[0]),),
                    what=(self._label(pair[1]),),
                    right=right,
                    postures=_postures(shift.after or shift.before),
                    via=_routers(shift.after or shift.before),
                    before=_postures(shift.before if shift.after else ()),
                    before_via=_routers(shift.before if shift.after else ()),
                    through=through,
                    is_swap=right is both,
                    elsewhere=tuple(one for view in givers for one in self._elsewhere(pair, right, shift, view)),
                    risk=_risk(pair, right, eased=bool(shift.before)) if is_more else Risk.LOSS,
                    causes=self._causes(pair, right, shift, through, self._after if is_more else self._before),
                )

    def _pairs(self) -> Iterator[Pair]:
        """The pairs that entries on one side only are about, that an open port may matter to, and those of changed nodes."""
        for here, there in ((self._before, self._after), (self._after, self._before)):
            for key, entry in here.by_content.items():
                if key not in there.by_content or any(
                    capability.key == KUBERNETES_CAPABILITY for capability in entry.app
                ):
                    yield from here.pairs(entry)
            yield from node_pairs(here, self.nodes)
            yield from self._pairs_changed_on_both_sides(here, there)

    def _pairs_changed_on_both_sides(self, here: View, there: View) -> Iterator[Pair]:
        """Pairs of which both parts became what an entry names: what either selector had before says nothing of them."""
        sides = retagged(here, there, self.nodes)
        for move in self.moves:
            for side, ends in enumerate(sides):
                for number in here.naming_on[side].get(move.group, ()):
                    ends.setdefault(number, []).append(End(move.user))
        sources, targets = sides
        for number, ends in sources.items():
            yield from product(ends, targets.get(number, ()))

    def _moved_pairs(self) -> Iterator[tuple[Pair, str]]:
        """Pairs that a change of a group's members concerns, with the group."""
        for move in self.moves:
            user = End(move.user)
            for view in (self._before, self._after):
                sources, targets = (view.naming_on[side].get(move.group, ()) for side in (0, 1))
                for number in sources:
                    for selector in view.access.entries[number].dst:
                        yield (user, view.end(selector.name)), move.group
                for number in targets:
                    for selector in view.access.entries[number].src:
                        yield (view.end(selector.name), user), move.group

    def _elsewhere(self, pair: Pair, right: Right, shift: _Shift, view: View) -> Iterator[Elsewhere]:
        """The entries of one policy that give some of a right to some of a pair of the other, on whatever condition."""
        there = self._after if view is self._before else self._before
        src, dst = pair
        numbers = view.giving(src, there, is_source=True) & view.giving(dst, there, is_source=False)
        said = {id(entry) for held in (*shift.before, *shift.after, *shift.idle) for entry in held.entries}
        for number in sorted(numbers):
            entry = view.access.entries[number]
            is_met = view.access.open_postures(entry.postures, view.principal(src)) is not None
            if is_met and _gives(entry, right) and id(entry) not in said:
                yield Elsewhere(entry=entry, cause=view.cause(entry.place))

    def _causes(self, pair: Pair, right: Right, shift: _Shift, through: str, view: View) -> tuple[Cause, ...]:
        """What stands on one side only and makes the change: a group's members, a node, a name's meaning, or entries."""
        of_group = self._after.definitions((through,)) or self._before.definitions((through,))
        of_nodes = [view.cause(node.place) for node in map(view.node, pair) if node and node.place]
        of_names = view.definitions(p.name for p in pair if p.addresses and self._is_redefined(p))
        return tuple(of_group or of_nodes or of_names or self._of_entries(right, shift, view))

    def _of_entries(self, right: Right, shift: _Shift, view: View) -> list[Cause]:
        postures = [name for name in _postures(shift.after) if self._is_other_posture(name)]
        if postures and _postures(shift.before) == _postures(shift.after):
            return self._after.definitions(postures)
        new = _giving(shift.after, right, self._after, self._before)
        old = _giving(shift.before, right, self._before, self._after)
        # Where less is given but an entry that asks for more came instead, that is the one to look at.
        found = new if view is self._after or shift.after else []
        if view is self._before:
            found = found or old
        return found or self._of_members(right, shift, view)

    def _of_members(self, right: Right, shift: _Shift, view: View) -> list[Cause]:
        """Entries that stand on both sides name a group whose members changed; where they name none, the entries."""
        held = shift.after if view is self._after else shift.before
        entries = [entry for one in held for entry in one.entries if _gives(entry, right)]
        moved = {move.group for move in self.moves}
        groups = {s.name for entry in entries for s in (*entry.src, *entry.dst) if s.name in moved}
        return self._after.definitions(groups) or [view.cause(entry.place) for entry in entries]

    def _is_redefined(self, end: End) -> bool:
        """Whether the two policies mean different addresses by one name."""
        meant = {view.defined(end.name) for view in (self._before, self._after)}
        return len(meant - {NO_ADDRESSES}) > 1

    def _is_other_posture(self, name: str) -> bool:
        before, after = (view.condition((name,), ()) for view in (self._before, self._after))
        return before != after

    def _label(self, end: End) -> str:
        """The name, with the addresses where the two policies mean different ones by it."""
        if not end.addresses or not self._is_redefined(end):
            return end.name
        return f"{end.name} ({', '.join(map(str, end.addresses))})"


def _moves(before: View, after: View) -> Iterator[Move]:
    views = before.access, after.access
    groups = {group.name for access in views for group in access.policy.groups}
    groups |= {name for access in views for name in access.inventory.groups}
    for group in sorted(groups):
        old, new = (access.names.members(group) for access in views)
        if old is not None and new is not None:
            yield from (Move(group, user, user in new) for user in sorted({*old} ^ {*new}))
    was, is_now = ({user.login: user.roles for user in access.inventory.users} for access in views)
    for login in sorted(was.keys() & is_now.keys()):
        for role in sorted(was[login] ^ is_now[login]):
            yield Move(f"autogroup:{role}", login, role in is_now[login])


@dataclass(frozen=True, slots=True)
class _Shift:
    """A right, with all that gives it before and all that gives it after: every port of it is given by the same.

    `idle` is what names it on one side but is of no use there.
    """

    right: Right
    before: tuple[Held, ...]
    after: tuple[Held, ...]
    idle: tuple[Held, ...] = ()


def _shifts(before: list[Held], after: list[Held]) -> Iterator[_Shift]:
    """What two lists of rights give, in as many parts as are given differently."""
    networks = [[held for held in side if held.right.kind is RightKind.NETWORK] for side in (before, after)]
    whole = NO_PORTS
    for held in (*networks[0], *networks[1]):
        whole = whole.union(held.right.ports)
    parts = [_Shift(Right(kind=RightKind.NETWORK, ports=whole), (), ())] if whole else []
    for number, side in enumerate(networks):
        for held in side:
            parts = [part for shift in parts for part in _parted(shift, held, is_after=number == 1)]
    yield from parts
    keys = {capability_key(held.right): held.right for held in (*before, *after) if held.right.name}
    for key in keys:
        yield _capability_shift(
            *([held for held in side if capability_key(held.right) == key] for side in (before, after))
        )


def _parted(shift: _Shift, held: Held, *, is_after: bool) -> Iterator[_Shift]:
    """A shift in two: the ports that one more gives, and the rest."""
    inside = shift.right.ports.intersection(held.right.ports)
    outside = shift.right.ports.minus(inside)
    if inside:
        right = replace(shift.right, ports=inside)
        before, after = shift.before, shift.after
        yield _Shift(right, before, (*after, held)) if is_after else _Shift(right, (*before, held), after)
    if outside:
        yield replace(shift, right=replace(shift.right, ports=outside))


def _capability_shift(before: list[Held], after: list[Held]) -> _Shift:
    """Where a capability is of use on one side only, it is as if it were not there on the other."""
    lacking = {held.right.lacks for held in (*before, *after)}
    useful = [[held for held in side if len(lacking) == 1 or not held.right.lacks] for side in (before, after)]
    idle = tuple(held for held in (*before, *after) if held.right.lacks) if len(lacking) > 1 else ()
    return _Shift((useful[0] or useful[1])[0].right, tuple(useful[0]), tuple(useful[1]), idle)


def _part(right: Right, held: Iterable[Held]) -> Right | None:
    """The part of a right that is among others; None if there is none."""
    if right.kind is not RightKind.NETWORK:
        return right if any(_covers(one.right, right) and _covers(right, one.right) for one in held) else None
    ports = NO_PORTS
    for one in held:
        ports = ports.union(right.ports.intersection(one.right.ports))
    return replace(right, ports=ports) if ports else None


def _common_right(one: Right | None, other: Right | None) -> Right | None:
    if one is None or other is None:
        return None
    ports = one.ports.intersection(other.ports)
    return replace(one, ports=ports) if ports or one.kind is not RightKind.NETWORK else None


def _minus(right: Right | None, other: Right | None) -> Right | None:
    if right is None or other is None:
        return right
    ports = right.ports.minus(other.ports)
    return replace(right, ports=ports) if ports else None


def _giving(helds: Iterable[Held], right: Right, view: View, other: View | None) -> list[Cause]:
    """The entries that give some of a right; those only that say what no entry of the other policy says."""
    return [
        view.cause(entry.place)
        for held in helds
        for entry in held.entries
        if _gives(entry, right) and (other is None or view.content(entry) not in other.by_content)
    ]


def _gives(entry: Entry, right: Right) -> bool:
    """Whether an entry gives any of a right."""
    if right.kind is RightKind.NETWORK:
        return bool(entry.ports.intersection(right.ports))
    return any(capability_key(right) == capability_key(other) for other in capability_rights(entry))


def capability_key(right: Right) -> tuple[str, str]:
    """What tells one capability from another: its name and its value."""
    return right.name, canonical(right.value)


def _covers(one: Right, other: Right) -> bool:
    """Whether a capability is the same as another, and of use where that is."""
    return capability_key(one) == capability_key(other) and one.lacks in ("", other.lacks)


def _without(held: Held, others: Iterable[Held]) -> Held | None:
    """What is left of a right where others give it on the same or an easier condition; None if nothing is."""
    ports = held.right.ports
    for other in others:
        if other.right.kind is not held.right.kind or not other.condition.covers(held.condition):
            continue
        if held.right.kind is RightKind.NETWORK:
            ports = ports.minus(other.right.ports)
        elif _covers(other.right, held.right):
            return None
    if held.right.kind is RightKind.NETWORK:
        return replace(held, right=replace(held.right, ports=ports)) if ports else None
    return held


def _extra(less: list[Held], more: list[Held]) -> list[Held]:
    """What is in `more` and not in `less`; the easier condition first, and nothing twice."""
    found: list[Held] = []
    for held in sorted(more, key=lambda one: len(one.condition.postures) + len(one.condition.via)):
        left = _without(held, [*less, *found])
        if left is not None:
            found.append(left)
    return found


def _one_way(pairs: Iterable[Pair], less: View, more: View) -> Mapping[Pair, list[Held]]:
    """What each pair has under `more` and not under `less`."""
    extra = {pair: held for pair in pairs if (held := _extra(less.held(*pair), more.held(*pair)))}
    found: dict[Pair, list[Held]] = {}
    for (src, dst), held in extra.items():
        left = held
        for wider_src in more.wider(src):
            for wider_dst in more.wider(dst):
                if (wider_src, wider_dst) != (src, dst):
                    left = _extra(extra.get((wider_src, wider_dst), []), left)
        if left:
            found[src, dst] = left
    return found


def _postures(held: Iterable[Held]) -> tuple[str, ...]:
    """The postures of which any one is needed; none where one of the rights needs none."""
    every = [one.condition.names for one in held]
    return tuple(sorted({name for names in every for name in names})) if all(every) else ()


def _routers(held: Iterable[Held]) -> tuple[str, ...]:
    every = [one.condition.via for one in held]
    return tuple(sorted({name for names in every for name in names})) if all(every) else ()


def _risk(pair: Pair, right: Right, *, eased: bool) -> Risk:
    if right.lacks:
        return Risk.RAISED
    if right.name == KUBERNETES_CAPABILITY:
        return Risk.GRAVE if MASTERS in impersonated(right.value) else Risk.HIGH
    if pair[0].name in _BROAD or pair[1].name in _BROAD:
        return Risk.HIGH
    return Risk.RAISED if eased else Risk.ORDINARY
