"""Network access and application capabilities under two policies, compared pair by pair of selectors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from tailstack.access.addresses import NO_ADDRESSES, AddressSet
from tailstack.access.changes import Change, Direction, Right, RightKind, Risk
from tailstack.access.entries import Entry
from tailstack.access.evaluate import Access, Match, capability_values
from tailstack.access.hujson import Json
from tailstack.access.ports import Ports
from tailstack.access.principals import EVERYONE, Principal
from tailstack.access.selectors import DANGER_ALL, INTERNET, SHARED
from tailstack.finding import Place

KUBERNETES = "tailscale.com/cap/kubernetes"
MASTERS = "system:masters"
_BROAD = frozenset({EVERYONE, DANGER_ALL, INTERNET, SHARED})


def canonical(value: Json) -> str:
    """JSON of one form for each value, to compare and to sort by."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Condition:
    """Postures of which any one is needed, each with its assertions, and routers of which any one is passed through."""

    postures: tuple[tuple[str, tuple[str, ...]], ...] = ()
    via: tuple[str, ...] = ()

    def covers(self, other: Condition) -> bool:
        """Whether whoever meets the other condition meets this one too."""
        if self.via and not (other.via and set(other.via) <= set(self.via)):
            return False
        if not self.postures:
            return True
        return bool(other.postures) and all(
            any(set(own) <= set(asked) for _, own in self.postures) for _, asked in other.postures
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the postures."""
        return tuple(name for name, _ in self.postures)


@dataclass(frozen=True, slots=True)
class Party:
    """A selector on one side of an entry. A host or IP set is its addresses: two policies may define the name differently."""

    name: str
    addresses: AddressSet = NO_ADDRESSES


Pair: TypeAlias = tuple[Party, Party]


@dataclass(frozen=True, slots=True)
class Held:
    """A right on a condition, and the places of the entries that give it."""

    right: Right
    condition: Condition
    places: tuple[Place, ...]


class EntryComparison:
    """Compares the entries of two policies. `moves` are pairs of a group and a user who joins or leaves it."""

    def __init__(self, before: Access, after: Access) -> None:
        self._before, self._after = _View(before, after), _View(after, before)
        self.moves = tuple(_moves(before, after))

    def changes(self) -> Iterator[Change]:
        """What each pair of selectors gains and loses, without what a broader pair says already."""
        through = dict.fromkeys(
            [*self._changed_pairs(self._before, self._after), *self._changed_pairs(self._after, self._before)], ""
        )
        for pair, group in self._moved_pairs():
            through.setdefault(pair, group)
        for pair, held in _one_way(through, self._before, self._after).items():
            yield from self._gains(pair, held, through[pair])
        for pair, held in _one_way(through, self._after, self._before).items():
            yield from self._losses(pair, held, through[pair])

    def _changed_pairs(self, here: _View, there: _View) -> Iterator[Pair]:
        """Pairs of selectors named by the entries of one policy that do not stand in the other."""
        for key, entry in here.by_content.items():
            if key not in there.by_content:
                yield from here.pairs(entry)

    def _moved_pairs(self) -> Iterator[tuple[Pair, str]]:
        """Pairs that a change of a group's members concerns, with the group."""
        for group, user in self.moves:
            for view in (self._before, self._after):
                for entry in view.naming.get(group, ()):
                    for src, dst in view.pairs(entry):
                        if src.name == group:
                            yield (Party(user), dst), group
                        if dst.name == group:
                            yield (src, Party(user)), group

    def _gains(self, pair: Pair, held: list[Held], through: str) -> Iterator[Change]:
        had = self._before.held(*pair)
        for one in held:
            for part, others in _split(one, had):
                yield Change(
                    direction=Direction.WIDENED if others else Direction.GAINED,
                    who=(self._label(pair[0]),),
                    what=(self._label(pair[1]),),
                    right=part.right,
                    postures=part.condition.names,
                    via=part.condition.via,
                    before=_postures(others),
                    before_via=_routers(others),
                    through=through,
                    risk=_risk(pair, part.right, eased=bool(others)),
                    places=part.places,
                )

    def _losses(self, pair: Pair, held: list[Held], through: str) -> Iterator[Change]:
        has = self._after.held(*pair)
        for one in held:
            for part, others in _split(one, has):
                yield Change(
                    direction=Direction.NARROWED if others else Direction.LOST,
                    who=(self._label(pair[0]),),
                    what=(self._label(pair[1]),),
                    right=part.right,
                    postures=_postures(others) if others else part.condition.names,
                    via=_routers(others) if others else part.condition.via,
                    before=part.condition.names if others else (),
                    before_via=part.condition.via if others else (),
                    through=through,
                    is_partial=not others and self._after.gives_some(pair, part.right),
                    risk=Risk.LOSS,
                    places=tuple(place for other in others for place in other.places) or part.places,
                )

    def _label(self, party: Party) -> str:
        """The name, with the addresses where the two policies mean different ones by it."""
        meant = {view.defined(party.name) for view in (self._before, self._after)}
        if not party.addresses or len(meant - {NO_ADDRESSES}) <= 1:
            return party.name
        return f"{party.name} ({', '.join(map(str, party.addresses))})"


class _View:
    """One of the two policies, indexed as the comparison needs it."""

    def __init__(self, access: Access, other: Access) -> None:
        self._access, self._other = access, other
        self._assertions = {
            posture.name: tuple(sorted({assertion.text.strip() for assertion in posture.entries}))
            for posture in access.policy.postures
        }
        self._parties: dict[str, Party] = {}
        self._principals: dict[Party, Principal] = {}
        self._within: tuple[dict[str, set[int]], dict[str, set[int]]] | None = None
        self.by_content: dict[object, Entry] = {}
        self.naming: dict[str, list[Entry]] = {}
        for entry in access.entries:
            for selector in (*entry.src, *entry.dst):
                if selector.name not in self._parties:
                    self._parties[selector.name] = Party(selector.name, access.names.addresses(selector))
            self.by_content[self._content(entry)] = entry
            for name in {selector.name for selector in (*entry.src, *entry.dst)}:
                self.naming.setdefault(name, []).append(entry)

    def _content(self, entry: Entry) -> object:
        return (
            frozenset(self._parties[selector.name] for selector in entry.src),
            frozenset(self._parties[selector.name] for selector in entry.dst),
            entry.ports,
            frozenset((capability.key, canonical(capability.value)) for capability in entry.app),
            self._condition(entry.postures, entry.via),
        )

    def _condition(self, postures: Iterable[str], via: Iterable[str]) -> Condition:
        known = {name: self._assertions.get(name, (name,)) for name in postures}
        return Condition(tuple(sorted(known.items())), tuple(sorted(set(via))))

    def pairs(self, entry: Entry) -> Iterator[Pair]:
        """Each source of an entry with each of its destinations."""
        for src in entry.src:
            for dst in entry.dst:
                yield self._parties[src.name], self._parties[dst.name]

    def defined(self, name: str) -> AddressSet:
        """The addresses that this policy means by a name."""
        return self._parties[name].addresses if name in self._parties else NO_ADDRESSES

    def principal(self, party: Party) -> Principal:
        """Who that is under this policy. A group that only the other policy defines is its members there."""
        if party not in self._principals:
            self._principals[party] = self._principal(party)
        return self._principals[party]

    def _principal(self, party: Party) -> Principal:
        names = self._access.names
        if party.addresses:
            return names.addressed(party.name, party.addresses)
        members = self._other.names.members(party.name)
        if members and names.members(party.name) is None:
            return names.group_of(party.name, members)
        return names.principal(party.name)

    def held(self, src: Party, dst: Party) -> list[Held]:
        """Every right that one has on the other."""
        network: dict[Condition, Held] = {}
        capabilities: dict[tuple[Condition, str, str], Held] = {}
        for match in self._access.matches(self.principal(src), self.principal(dst)):
            condition = self._condition(match.postures, match.entry.via)
            place = match.entry.place
            if match.entry.ports:
                had = network.get(condition, Held(Right(kind=RightKind.NETWORK), condition, ()))
                right = Right(kind=RightKind.NETWORK, ports=had.right.ports.union(match.entry.ports))
                network[condition] = Held(right, condition, (*had.places, place))
            for right in _capability_rights(match):
                key = condition, right.name, canonical(right.value)
                had = capabilities.get(key, Held(right, condition, ()))
                capabilities[key] = Held(right, condition, (*had.places, place))
        return [*network.values(), *capabilities.values()]

    def gives_some(self, pair: Pair, right: Right) -> bool:
        """Whether an entry gives some of a right to a part of `src` or at a part of `dst`. Asked of broad selectors only."""
        if not any(party.name in _BROAD or party.name.startswith(("group:", "autogroup:")) for party in pair):
            return False
        if self._within is None:
            self._within = self._indexed_by_whole()
        inside = self._within[0].get(pair[0].name, set()) & self._within[1].get(pair[1].name, set())
        entries = (self._access.entries[number] for number in inside)
        if right.kind is RightKind.NETWORK:
            return any(_common(entry.ports, right.ports) for entry in entries)
        return any(capability.key == right.name for entry in entries for capability in entry.app)

    def _indexed_by_whole(self) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
        """For each selector, the entries with a source that is a part of it, and those with such a destination."""
        sources: dict[str, set[int]] = {}
        targets: dict[str, set[int]] = {}
        for number, entry in enumerate(self._access.entries):
            for found, side in ((sources, entry.src), (targets, entry.dst)):
                for selector in side:
                    for key in self.principal(self._parties[selector.name]).keys | {selector.name}:
                        found.setdefault(key, set()).add(number)
        return sources, targets

    def wider(self, party: Party) -> tuple[str, ...]:
        """The names of what holds all of a party: itself, and selectors that are more than it under another name."""
        own = self.principal(party)
        names = (name for name in own.keys if name != party.name and self._is_more(name, party))
        return (party.name, *sorted(names))

    def _is_more(self, name: str, party: Party) -> bool:
        # A group with one member and that member hold each other: then the group is the one to speak of.
        return party.name not in self._access.names.principal(name).keys or name.startswith("group:")


def _moves(before: Access, after: Access) -> Iterator[tuple[str, str]]:
    groups = {group.name for access in (before, after) for group in access.policy.groups}
    for group in sorted(groups):
        old, new = before.names.members(group), after.names.members(group)
        if old is not None and new is not None:
            yield from ((group, user) for user in sorted({*old} ^ {*new}))


def _capability_rights(match: Match) -> Iterator[Right]:
    for capability in match.entry.app:
        for value in capability_values(capability) or (None,):
            yield Right(kind=RightKind.CAPABILITY, name=capability.key, value=value)


def _common(one: Ports, other: Ports) -> Ports:
    return one.minus(one.minus(other))


def _same_capability(one: Right, other: Right) -> bool:
    return (one.kind, one.name, canonical(one.value)) == (other.kind, other.name, canonical(other.value))


def _without(held: Held, others: Iterable[Held]) -> Held | None:
    """What is left of a right where others give it on the same or an easier condition; None if nothing is."""
    ports = held.right.ports
    for other in others:
        if other.right.kind is not held.right.kind or not other.condition.covers(held.condition):
            continue
        if held.right.kind is RightKind.NETWORK:
            ports = ports.minus(other.right.ports)
        elif _same_capability(held.right, other.right):
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


def _one_way(pairs: Iterable[Pair], less: _View, more: _View) -> dict[Pair, list[Held]]:
    """What each pair has under `more` and not under `less`."""
    extra = {pair: held for pair in pairs if (held := _extra(less.held(*pair), more.held(*pair)))}
    by_name = {(src.name, dst.name): held for (src, dst), held in extra.items()}
    found: dict[Pair, list[Held]] = {}
    for (src, dst), held in extra.items():
        left = held
        for wider_src in more.wider(src):
            for wider_dst in more.wider(dst):
                if (wider_src, wider_dst) != (src.name, dst.name):
                    left = _extra(by_name.get((wider_src, wider_dst), []), left)
        if left:
            found[src, dst] = left
    return found


def _split(held: Held, others: list[Held]) -> Iterator[tuple[Held, tuple[Held, ...]]]:
    """A right in two parts: that which others give on another condition, with those others, and the rest."""
    if held.right.kind is not RightKind.NETWORK:
        yield held, tuple(other for other in others if _same_capability(held.right, other.right))
        return
    rest = held.right.ports
    giving = tuple(other for other in others if _common(rest, other.right.ports))
    for other in giving:
        rest = rest.minus(other.right.ports)
    if giving:
        yield replace(held, right=replace(held.right, ports=held.right.ports.minus(rest))), giving
    if rest:
        yield replace(held, right=replace(held.right, ports=rest)), ()


def _postures(held: Iterable[Held]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in held for name in one.condition.names))


def _routers(held: Iterable[Held]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in held for name in one.condition.via))


def _risk(pair: Pair, right: Right, *, eased: bool) -> Risk:
    if right.name == KUBERNETES:
        return Risk.GRAVE if f'"{MASTERS}"' in canonical(right.value) else Risk.HIGH
    if pair[0].name in _BROAD or pair[1].name in _BROAD:
        return Risk.HIGH
    return Risk.RAISED if eased else Risk.ORDINARY
