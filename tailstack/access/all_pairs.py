"""Who reaches whom among all nodes of a tailnet, as a sparse answer: an entry leads from some classes of nodes to others.

Nodes that every entry treats alike, as a source and as a destination, are one class. With a tag for each exposure there are
about as many classes as nodes, so nothing here is made for each pair of them: the answer is as long as there are matches of
an entry with a class, and `* -> *` is one link with two sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tailstack.access.allocation import without_garbage_collection
from tailstack.access.entries import Entry
from tailstack.access.evaluate import Access, Answer, Match, answer_of
from tailstack.access.inventory import Node
from tailstack.access.ports import parse_protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeClass:
    """Nodes that no entry tells apart.

    `index` is that in `AllPairs.classes`. `sources` are the entries that lead from these nodes, by their index in
    `Access.entries`, each with the postures of which one is yet needed; those whose postures are all missed are left out.
    `targets` are the entries that lead to them, but for those to autogroup:self: `user` is whose devices the nodes are
    where there are such, else None.
    """

    index: int
    nodes: tuple[Node, ...]
    sources: Mapping[int, tuple[str, ...]]
    targets: frozenset[int]
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


class AllPairs:
    """The access among all nodes of an inventory. Made by `all_pairs`."""

    def __init__(self, access: Access, classes: tuple[NodeClass, ...]) -> None:
        self.access = access
        self.classes = classes
        self._of_node = {id(node): one for one in classes for node in one.nodes}
        self._nodes = {node.name: node for node in access.inventory.nodes}
        self._from: dict[int, list[NodeClass]] = {}
        self._to: dict[int, list[NodeClass]] = {}
        self._users: dict[str, list[NodeClass]] = {}
        for one in classes:
            for number in one.sources:
                self._from.setdefault(number, []).append(one)
            for number in one.targets:
                self._to.setdefault(number, []).append(one)
            if one.user is not None:
                self._users.setdefault(one.user, []).append(one)

    def class_of(self, node: str | Node) -> NodeClass:
        """The class of a node of the inventory, given or by its name. Raises KeyError for any other."""
        found = self._nodes[node] if isinstance(node, str) else node
        return self._of_node[id(found)]

    def links(self) -> Iterator[Link]:
        """Every entry that leads from some node to some node, in the order of the policy."""
        own = self.access.entries_to_self
        for number in sorted(self._from):
            targets = self._to.get(number, ())
            for postures, sources in _by_postures(number, self._from[number]):
                if targets:
                    yield self._link(number, postures, sources, targets)
                if number in own:
                    for user, devices in _by_user(sources).items():
                        yield self._link(number, postures, devices, self._users[user])

    def _link(
        self, number: int, postures: tuple[str, ...], sources: Iterable[NodeClass], targets: Iterable[NodeClass]
    ) -> Link:
        return Link(
            entry=self.access.entries[number],
            postures=postures,
            sources=tuple(one.index for one in sources),
            targets=tuple(one.index for one in targets),
        )

    def matches(self, src: str | Node, dst: str | Node) -> tuple[Match, ...]:
        """The entries that apply from one node to another, in the order of the policy, as `Access.matches` gives them."""
        source, target = self.class_of(src), self.class_of(dst)
        reached = target.targets
        if source.user is not None and source.user == target.user:
            reached = reached | self.access.entries_to_self
        return tuple(
            Match(entry=self.access.entries[number], postures=source.sources[number])
            for number in sorted(reached & source.sources.keys())
        )

    def reach(self, src: str | Node, dst: str | Node, protocol: str | int, port: int = 0) -> Answer:
        """Whether one node reaches another, as `Access.reach` says. Raises PortError for a protocol that is none."""
        number = protocol if isinstance(protocol, int) else parse_protocol(protocol)
        return answer_of(self.matches(src, dst), number, port)

    def count(self, *, with_conditional: bool = True) -> int:
        """How many ordered pairs of two different nodes there are of which the first reaches the second on any port.

        Pairs that yet need a posture count too, unless `with_conditional` is False.
        """
        ranges = _ranges(self.classes)
        masks = {number: _mask(targets, ranges) for number, targets in self._to.items() if self._opens(number)}
        owned = {user: _mask(devices, ranges) for user, devices in self._users.items()}
        unions: dict[tuple[frozenset[int], str | None], int] = {}
        pairs = 0
        for one in self.classes:
            used = frozenset(
                number
                for number, postures in one.sources.items()
                if self._opens(number) and (with_conditional or not postures)
            )
            user = one.user if one.user is not None and not used.isdisjoint(self.access.entries_to_self) else None
            if (used, user) not in unions:
                reached = owned[user] if user is not None else 0
                for number in used:
                    reached |= masks.get(number, 0)
                unions[used, user] = reached
            reached = unions[used, user]
            itself = reached >> ranges[one.index].start & 1
            pairs += len(one.nodes) * (reached.bit_count() - itself)
        return pairs

    def _opens(self, number: int) -> bool:
        return bool(self.access.entries[number].ports)


def all_pairs(access: Access) -> AllPairs:
    """The access among all nodes of the inventory that `access` was made with."""
    with without_garbage_collection():
        return AllPairs(access, tuple(_classes(access)))


def _classes(access: Access) -> Iterator[NodeClass]:
    has_own = bool(access.entries_to_self)
    groups: dict[tuple[frozenset[tuple[int, tuple[str, ...]]], frozenset[int], str | None], list[Node]] = {}
    for node in access.inventory.nodes:
        user = access.principal(node).user if has_own else None
        key = frozenset(_sources(access, node)), access.entries_to(node, with_own=False), user
        groups.setdefault(key, []).append(node)
    for index, ((sources, targets, user), nodes) in enumerate(groups.items()):
        yield NodeClass(index=index, nodes=tuple(nodes), sources=dict(sources), targets=targets, user=user)


def _sources(access: Access, node: Node) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The entries that lead from a node, with the postures of which it yet needs one."""
    principal = access.principal(node)
    for number in access.entries_from(principal):
        postures = access.open_postures(access.entries[number].postures, principal)
        if postures is not None:
            yield number, postures


def _by_postures(number: int, classes: Iterable[NodeClass]) -> list[tuple[tuple[str, ...], list[NodeClass]]]:
    found: dict[tuple[str, ...], list[NodeClass]] = {}
    for one in classes:
        found.setdefault(one.sources[number], []).append(one)
    return sorted(found.items(), key=lambda item: item[0])


def _by_user(classes: Iterable[NodeClass]) -> dict[str, list[NodeClass]]:
    found: dict[str, list[NodeClass]] = {}
    for one in classes:
        if one.user is not None:
            found.setdefault(one.user, []).append(one)
    return found


def _ranges(classes: Iterable[NodeClass]) -> list[range]:
    """The bits of each class in a mask of nodes: as many as it has nodes."""
    found: list[range] = []
    start = 0
    for one in classes:
        found.append(range(start, start + len(one.nodes)))
        start += len(one.nodes)
    return found


def _mask(classes: Iterable[NodeClass], ranges: list[range]) -> int:
    """The nodes of some classes as bits of one number, so that thousands are joined and counted at once."""
    bits = bytearray(ranges[-1].stop // 8 + 1)
    for one in classes:
        for bit in ranges[one.index]:
            bits[bit >> 3] |= 1 << (bit & 7)
    return int.from_bytes(bits, "little")
