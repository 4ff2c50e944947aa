"""Who reaches whom among all nodes of a tailnet, as a sparse answer: an entry leads from some classes of nodes to others.

Nodes that the same selectors match, as sources and as destinations, are one class. With a tag for each exposure there are
about as many classes as nodes, so nothing is made for each pair of them, nor for each entry and node: everything is worked
out once for each selector. `* -> *` is one link with two sides, and a thousand entries from `*` share one of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tailstack.access.entries import Entry
from tailstack.access.evaluate import Access, Answer, Match, PrefixIndex, answer_of
from tailstack.access.inventory import Node
from tailstack.access.ports import parse_protocol
from tailstack.access.principals import Names, Principal
from tailstack.access.selectors import Selector
from tailstack.allocation import without_garbage_collection

_NOTHING = frozenset[int]()


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeClass:
    """Nodes that no entry tells apart. `index` is that in `AllPairs.classes`.

    `sources` and `targets` are numbers of the selectors that match them on either side of entries; selectors that stand in
    the same entries have one number. `postures` says for each of `AllPairs.postures` which of them are yet needed, None
    where all are missed. `user` is whose devices they are, where an entry leads to autogroup:self; else None.
    """

    index: int
    nodes: tuple[Node, ...]
    sources: frozenset[int]
    targets: frozenset[int]
    postures: tuple[tuple[str, ...] | None, ...]
    user: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """By this entry every class of `sources` reaches every class of `targets`: indexes in `AllPairs.classes`, in order.

    `postures` are those of which the sources yet need one. An entry has a link for each different `postures`, and one for
    each user where it leads to autogroup:self. One without ports leads to application capabilities only.
    """

    entry: Entry
    postures: tuple[str, ...]
    sources: tuple[int, ...]
    targets: tuple[int, ...]


class _Side:
    """The selectors on one side of all entries, by number, with the entries that each stands in."""

    def __init__(self, names: Names, sides: Sequence[tuple[Selector, ...]]) -> None:
        standing: dict[str, dict[int, None]] = {}
        selectors: dict[str, Selector] = {}
        for number, side in enumerate(sides):
            for selector in side:
                standing.setdefault(selector.name, {})[number] = None
                selectors[selector.name] = selector
        numbers: dict[tuple[int, ...], int] = {}
        self._numbers = {name: numbers.setdefault(tuple(where), len(numbers)) for name, where in standing.items()}
        self._by_address = PrefixIndex()
        for name, selector in selectors.items():
            for span in names.addresses(selector):
                self._by_address.add(span, self._numbers[name])
        self.entries = tuple(numbers)
        self.of_entry = [frozenset(self._numbers[selector.name] for selector in side) for side in sides]

    def matching(self, principal: Principal) -> frozenset[int]:
        """The numbers of the selectors that match a node."""
        found = {self._numbers[key] for key in principal.keys if key in self._numbers}
        if self._by_address.spans:
            for span in principal.addresses:
                found.update(self._by_address.containing(span))
        return frozenset(found)


class AllPairs:
    """The access among all nodes of an inventory. Made by `all_pairs`.

    `postures` are the different demands of entries: of each, one posture has to be met.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self._sources = _Side(access.names, [entry.src for entry in access.entries])
        self._targets = _Side(access.names, [entry.dst for entry in access.entries])
        self._own = access.entries_to_self
        self.postures = tuple(dict.fromkeys(entry.postures for entry in access.entries if entry.postures))
        self._asking = [
            frozenset[int]().union(
                *(self._sources.of_entry[n] for n, entry in enumerate(access.entries) if entry.postures == postures)
            )
            for postures in self.postures
        ]
        self.classes = tuple(self._classes())
        self._of_node = {id(node): one for one in self.classes for node in one.nodes}
        self._nodes = {node.name: node for node in access.inventory.nodes}
        self._from = _by_number(self.classes, [one.sources for one in self.classes])
        self._to = _by_number(self.classes, [one.targets for one in self.classes])
        self._devices: dict[str, list[NodeClass]] = {}
        for one in self.classes:
            if one.user is not None:
                self._devices.setdefault(one.user, []).append(one)
        self._leading: dict[tuple[bool, frozenset[int]], frozenset[int]] = {}

    def _classes(self) -> Iterator[NodeClass]:
        groups: dict[object, NodeClass] = {}
        members: dict[object, list[Node]] = {}
        for node in self.access.inventory.nodes:
            principal = self.access.principal(node)
            sources, targets = self._sources.matching(principal), self._targets.matching(principal)
            postures = tuple(
                self.access.open_postures(asked, principal) if sources & asking else ()
                for asked, asking in zip(self.postures, self._asking, strict=True)
            )
            user = principal.user if self._own else None
            key = sources, targets, postures, user
            if key not in groups:
                groups[key] = NodeClass(
                    index=len(groups), nodes=(), sources=sources, targets=targets, postures=postures, user=user
                )
            members.setdefault(key, []).append(node)
        for key, one in groups.items():
            yield NodeClass(
                index=one.index,
                nodes=tuple(members[key]),
                sources=one.sources,
                targets=one.targets,
                postures=one.postures,
                user=one.user,
            )

    def class_of(self, node: str | Node) -> NodeClass:
        """The class of a node of the inventory, given or by its name. Raises KeyError for any other."""
        found = self._nodes[node] if isinstance(node, str) else node
        return self._of_node[id(found)]

    def links(self) -> Iterator[Link]:
        """Every entry that leads from some node to some node, in the order of the policy. Equal sides are one tuple."""
        sides: dict[tuple[bool, frozenset[int]], tuple[int, ...]] = {}
        for number, entry in enumerate(self.access.entries):
            sources = _joined(sides, self._from, self._sources.of_entry[number], is_source=True)
            targets = _joined(sides, self._to, self._targets.of_entry[number], is_source=False)
            for postures, leading in self._by_postures(entry, sources):
                if targets:
                    yield Link(entry=entry, postures=postures, sources=leading, targets=targets)
                if number in self._own:
                    yield from self._own_links(entry, postures, leading)

    def _by_postures(self, entry: Entry, sources: tuple[int, ...]) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
        if not entry.postures:
            return [((), sources)] if sources else []
        found: dict[tuple[str, ...], list[int]] = {}
        for index in sources:
            needed = self._needed(entry, self.classes[index])
            if needed is not None:
                found.setdefault(needed, []).append(index)
        return [(postures, tuple(leading)) for postures, leading in sorted(found.items())]

    def _needed(self, entry: Entry, source: NodeClass) -> tuple[str, ...] | None:
        return source.postures[self.postures.index(entry.postures)] if entry.postures else ()

    def _own_links(self, entry: Entry, postures: tuple[str, ...], sources: tuple[int, ...]) -> Iterator[Link]:
        by_user: dict[str, list[int]] = {}
        for index in sources:
            user = self.classes[index].user
            if user is not None:
                by_user.setdefault(user, []).append(index)
        for user, leading in by_user.items():
            devices = tuple(one.index for one in self._devices[user])
            yield Link(entry=entry, postures=postures, sources=tuple(leading), targets=devices)

    def matches(self, src: str | Node, dst: str | Node) -> tuple[Match, ...]:
        """The entries that apply from one node to another, in the order of the policy, as `Access.matches` gives them."""
        source, target = self.class_of(src), self.class_of(dst)
        reached = self._entries(target.targets, is_source=False)
        if source.user is not None and source.user == target.user:
            reached = reached | self._own
        found: list[Match] = []
        for number in sorted(reached & self._entries(source.sources, is_source=True)):
            entry = self.access.entries[number]
            needed = self._needed(entry, source)
            if needed is not None:
                found.append(Match(entry=entry, postures=needed))
        return tuple(found)

    def _entries(self, selectors: frozenset[int], *, is_source: bool) -> frozenset[int]:
        key = is_source, selectors
        if key not in self._leading:
            side = self._sources if is_source else self._targets
            self._leading[key] = _NOTHING.union(*(side.entries[number] for number in selectors))
        return self._leading[key]

    def reach(self, src: str | Node, dst: str | Node, protocol: str | int, port: int = 0) -> Answer:
        """Whether one node reaches another, as `Access.reach` says. Raises PortError for a protocol that is none."""
        number = protocol if isinstance(protocol, int) else parse_protocol(protocol)
        return answer_of(self.matches(src, dst), number, port)

    def count(self, *, with_conditional: bool = True) -> int:
        """How many ordered pairs of two different nodes there are of which the first reaches the second on any port.

        Pairs that yet need a posture count too, unless `with_conditional` is False.
        """
        masks = _Masks(self.classes)
        by_target = [masks.of(self._to.get(number, ())) for number in range(len(self._targets.entries))]
        owned = {user: masks.of(devices) for user, devices in self._devices.items()}
        reached_by: dict[object, tuple[int, bool]] = {}
        pairs = 0
        for one in self.classes:
            reached, has_own = 0, False
            for selector in one.sources:
                key = selector, one.postures
                if key not in reached_by:
                    used = [
                        n
                        for n in self._sources.entries[selector]
                        if self._opens(n, one, with_conditional=with_conditional)
                    ]
                    targets = set[int]().union(*(self._targets.of_entry[number] for number in used))
                    mask = 0
                    for target in targets:
                        mask |= by_target[target]
                    reached_by[key] = mask, not self._own.isdisjoint(used)
                mask, leads_to_own = reached_by[key]
                reached |= mask
                has_own = has_own or leads_to_own
            if has_own and one.user is not None:
                reached |= owned[one.user]
            itself = reached >> masks.first[one.index] & 1
            pairs += len(one.nodes) * (reached.bit_count() - itself)
        return pairs

    def _opens(self, number: int, source: NodeClass, *, with_conditional: bool) -> bool:
        entry = self.access.entries[number]
        needed = self._needed(entry, source)
        return bool(entry.ports) and needed is not None and (with_conditional or not needed)


def all_pairs(access: Access) -> AllPairs:
    """The access among all nodes of the inventory that `access` was made with."""
    with without_garbage_collection():
        return AllPairs(access)


def _by_number(classes: Iterable[NodeClass], numbers: Iterable[frozenset[int]]) -> dict[int, list[NodeClass]]:
    found: dict[int, list[NodeClass]] = {}
    for one, matching in zip(classes, numbers, strict=True):
        for number in matching:
            found.setdefault(number, []).append(one)
    return found


def _joined(
    known: dict[tuple[bool, frozenset[int]], tuple[int, ...]],
    classes: dict[int, list[NodeClass]],
    selectors: frozenset[int],
    *,
    is_source: bool,
) -> tuple[int, ...]:
    """The indexes of all classes that any of the selectors matches."""
    key = is_source, selectors
    if key not in known:
        known[key] = tuple(sorted({one.index for number in selectors for one in classes.get(number, ())}))
    return known[key]


class _Masks:
    """Sets of nodes as the bits of one number, so that thousands are joined and counted at once."""

    def __init__(self, classes: Sequence[NodeClass]) -> None:
        self.first: list[int] = []
        self._bits = 0
        for one in classes:
            self.first.append(self._bits)
            self._bits += len(one.nodes)

    def of(self, classes: Iterable[NodeClass]) -> int:
        """The nodes of some classes; those of one class are bits beside each other, from `first` on."""
        mask = bytearray(self._bits // 8 + 1)
        for one in classes:
            first = self.first[one.index]
            for bit in range(first, first + len(one.nodes)):
                mask[bit >> 3] |= 1 << (bit & 7)
        return int.from_bytes(mask, "little")
