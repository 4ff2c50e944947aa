"""One of two policies that are compared: who its names stand for, what an end holds of another, and which entries say so.

An end is a selector or a node; a pair of ends is asked for all its rights at once. Nothing here compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from tailstack.access.addresses import NO_ADDRESSES, AddressSet, Span
from tailstack.access.changes import Cause, Right, RightKind, Side
from tailstack.access.entries import Entry
from tailstack.access.evaluate import Access, capability_values
from tailstack.access.hujson import Json
from tailstack.access.inventory import Node
from tailstack.access.kubernetes import KUBERNETES_CAPABILITY, KUBERNETES_PORT
from tailstack.access.principals import EVERYONE, Principal
from tailstack.access.selectors import DANGER_ALL, SELF, TAGGED
from tailstack.finding import Place

_HOLDING_TAGS = frozenset({EVERYONE, DANGER_ALL, TAGGED})
"""Selectors that hold tags, each of which is only a part of these and of itself."""


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
class End:
    """A selector on one side of an entry, or a node by its name.

    A host or IP set is its addresses: two policies may define the name differently.
    """

    name: str
    addresses: AddressSet = NO_ADDRESSES
    is_node: bool = False


Pair: TypeAlias = tuple[End, End]


@dataclass(frozen=True, slots=True)
class Held:
    """A right on a condition, and the entries that give it."""

    right: Right
    condition: Condition
    entries: tuple[Entry, ...]


class View:
    """One of the two policies, with what is known of the tailnet, indexed as the comparison needs it."""

    def __init__(self, side: Side, access: Access, other: Access) -> None:
        self.side = side
        self.access = access
        self._other = other
        self._assertions = {
            posture.name: tuple(sorted({assertion.text.strip() for assertion in posture.entries}))
            for posture in access.policy.postures
        }
        self._conditions: dict[tuple[tuple[str, ...], tuple[str, ...]], Condition] = {}
        self._ends: dict[str, End] = {}
        self._principals: dict[End, Principal] = {}
        self._giving: dict[tuple[End, bool], frozenset[int]] = {}
        self.nodes = {node.name: node for node in access.inventory.nodes}
        self.by_content: dict[object, Entry] = {}
        for entry in access.entries:
            for selector in (*entry.src, *entry.dst):
                if selector.name not in self._ends:
                    self._ends[selector.name] = End(selector.name, access.names.addresses(selector))
            self.by_content[self.content(entry)] = entry

    def content(self, entry: Entry) -> object:
        """What an entry says: equal for two entries that say the same, wherever they stand."""
        return (
            frozenset(self._ends[selector.name] for selector in entry.src),
            frozenset(self._ends[selector.name] for selector in entry.dst),
            entry.ports,
            frozenset((capability.key, canonical(capability.value)) for capability in entry.app),
            self.condition(entry.postures, entry.via),
        )

    def condition(self, postures: tuple[str, ...], via: tuple[str, ...]) -> Condition:
        """The condition that an entry asks for, with what its postures mean in this policy."""
        key = postures, via
        if key not in self._conditions:
            known = {name: self._assertions.get(name, (name,)) for name in postures}
            self._conditions[key] = Condition(tuple(sorted(known.items())), tuple(sorted(set(via))))
        return self._conditions[key]

    def end(self, name: str) -> End:
        """The end of a selector that some entry names."""
        return self._ends[name]

    def pairs(self, entry: Entry) -> Iterator[Pair]:
        """Each source of an entry with each of its destinations."""
        for src in entry.src:
            for dst in entry.dst:
                yield self._ends[src.name], self._ends[dst.name]

    def defined(self, name: str) -> AddressSet:
        """The addresses that this policy means by a name."""
        return self._ends[name].addresses if name in self._ends else NO_ADDRESSES

    def principal(self, end: End) -> Principal:
        """Who that is under this policy. A group that only the other policy defines is its members there."""
        if end not in self._principals:
            self._principals[end] = self._principal(end)
        return self._principals[end]

    def _principal(self, end: End) -> Principal:
        names = self.access.names
        if end.is_node:
            node = self.nodes.get(end.name)
            # A node that is not on this side matches nothing, not even everyone.
            return Principal(name=end.name, keys=frozenset()) if node is None else self.access.principal(node)
        if end.addresses:
            return names.addressed(end.name, end.addresses)
        members = self._other.names.members(end.name)
        if members and names.members(end.name) is None:
            return names.group_of(end.name, members)
        return names.principal(end.name)

    def held(self, src: End, dst: End) -> list[Held]:
        """Every right that one has on the other."""
        network: dict[Condition, Held] = {}
        capabilities: dict[tuple[Condition, str, str], Held] = {}
        for match in self.access.matches(self.principal(src), self.principal(dst)):
            condition = self.condition(match.postures, match.entry.via)
            if match.entry.ports:
                had = network.get(condition, Held(Right(kind=RightKind.NETWORK), condition, ()))
                right = Right(kind=RightKind.NETWORK, ports=had.right.ports.union(match.entry.ports))
                network[condition] = Held(right, condition, (*had.entries, match.entry))
            for right in capability_rights(match.entry):
                key = condition, right.name, canonical(right.value)
                had = capabilities.get(key, Held(right, condition, ()))
                capabilities[key] = Held(right, condition, (*had.entries, match.entry))
        found = [*network.values(), *capabilities.values()]
        is_closed = all(KUBERNETES_PORT.minus(held.right.ports) for held in network.values())
        if capabilities and is_closed and not self._opens_hosted(src, dst):
            return [_without_port(held) for held in found]
        return found

    def _opens_hosted(self, src: End, dst: End) -> bool:
        """Whether a Tailscale Service of the end is reached on the port of API servers."""
        services = (service for node in self.nodes_of(dst) for service in self.nodes[node].services)
        source = self.principal(src)
        return any(
            not KUBERNETES_PORT.minus(match.entry.ports)
            for service in dict.fromkeys(services)
            for match in self.access.matches(source, service)
        )

    def giving(self, end: End, there: View, *, is_source: bool) -> frozenset[int]:
        """Indexes of the entries that name any part of an end on one side; its nodes are those that `there` knows."""
        key = end, is_source
        if key not in self._giving:
            self._giving[key] = frozenset(self._search_giving(end, there, is_source=is_source))
        return self._giving[key]

    def _search_giving(self, end: End, there: View, *, is_source: bool) -> set[int]:
        ask = self.access.entries_from if is_source else self.access.entries_to
        whole = self.principal(end)
        parts = [whole, *whole.known_members]
        parts += [self.access.principal(self.nodes[name]) for name in there.nodes_of(end) if name in self.nodes]
        found = {number for part in parts for number in ask(part)}
        side = 0 if is_source else 1
        if end.addresses:
            return found | {number for span, number in self._spans[side] if end.addresses.overlaps(span)}
        for part in self._parts(end.name):
            found.update(self.naming_on[side].get(part, ()))
        return found

    def _parts(self, name: str) -> Iterator[str]:
        """The selectors named by entries that are a part of one, by the principals that they stand for."""
        for end in self._ends.values() if name in _HOLDING_TAGS else self._people:
            if name in self.principal(end).keys:
                yield end.name

    @cached_property
    def _people(self) -> list[End]:
        return [end for end in self._ends.values() if not end.name.startswith("tag:")]

    @cached_property
    def naming_on(self) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
        """The entries by the selectors that they name as sources and as destinations."""
        found: tuple[dict[str, list[int]], dict[str, list[int]]] = {}, {}
        for number, entry in enumerate(self.access.entries):
            for naming, selectors in zip(found, (entry.src, entry.dst), strict=True):
                for selector in selectors:
                    naming.setdefault(selector.name, []).append(number)
        return found

    def nodes_of(self, end: End) -> Iterable[str]:
        """The names of the nodes that an end stands for."""
        if end.is_node:
            return (end.name,)
        if end.addresses:
            return [name for name, node in self.nodes.items() if not end.addresses.isdisjoint(node.addresses)]
        if end.name.startswith("tag:"):
            return self._tagged.get(end.name, ())
        if end.name == SELF:
            return [name for name, node in self.nodes.items() if node.user and not node.tags]
        among = self.nodes.items() if end.name in _HOLDING_TAGS else self._owned
        return [name for name, node in among if end.name in self.access.principal(node).keys]

    @cached_property
    def _tagged(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, node in self.nodes.items():
            for tag in node.tags:
                found.setdefault(tag, []).append(name)
        return found

    @cached_property
    def _owned(self) -> list[tuple[str, Node]]:
        return [(name, node) for name, node in self.nodes.items() if not node.tags]

    @cached_property
    def _spans(self) -> tuple[list[tuple[Span, int]], list[tuple[Span, int]]]:
        """The addresses that entries name as sources and as destinations."""
        found: tuple[list[tuple[Span, int]], list[tuple[Span, int]]] = [], []
        for number, entry in enumerate(self.access.entries):
            for spans, selectors in zip(found, (entry.src, entry.dst), strict=True):
                spans += [(span, number) for s in selectors for span in self._ends[s.name].addresses]
        return found

    def wider(self, end: End) -> tuple[End, ...]:
        """What holds all of an end: itself, and the selectors that are more than it under another name."""
        own = self.principal(end)
        names = (name for name in own.keys if name != end.name and self._is_more(name, end))
        return (end, *map(End, sorted(names)))

    def _is_more(self, name: str, end: End) -> bool:
        # A group with one member and that member hold each other: then the group is the one to speak of.
        return end.name not in self.access.names.principal(name).keys or name.startswith("group:")

    def node(self, end: End) -> Node | None:
        """The node that an end is; None for a selector, and for a node that is not on this side."""
        return self.nodes.get(end.name) if end.is_node else None

    def cause(self, place: Place) -> Cause:
        """A cause on this side."""
        return Cause(side=self.side, place=place)

    def definitions(self, names: Iterable[str]) -> list[Cause]:
        """Where groups, hosts, IP sets and postures of these names are defined on this side."""
        policy = self.access.policy
        wanted = set(names)
        return [
            self.cause(defined.place)
            for defined in (*policy.groups, *policy.hosts, *policy.ipsets, *policy.postures)
            if defined.name in wanted
        ]


def capability_rights(entry: Entry) -> Iterator[Right]:
    """Each value of each application capability of an entry as a right of its own."""
    for capability in entry.app:
        for value in capability_values(capability) or (None,):
            yield Right(kind=RightKind.CAPABILITY, name=capability.key, value=value)


def _without_port(held: Held) -> Held:
    """An API server is reached on its port or not at all, whatever a capability says."""
    if held.right.name != KUBERNETES_CAPABILITY:
        return held
    return replace(held, right=replace(held.right, lacks=str(KUBERNETES_PORT)))
