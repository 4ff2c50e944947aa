"""The difference in access between two states of a declared tailnet, each line with the declaration that causes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tailstack.access.changes import Cause, Change, Difference, Side
from tailstack.access.compile import CompiledPolicy
from tailstack.access.diff import difference
from tailstack.access.inventory import Inventory, Node
from tailstack.access.nodes import DeclaredNode, declared_names, declared_nodes
from tailstack.access.policy import Policy
from tailstack.access.vocabulary import PLAIN, Vocabulary, vocabulary
from tailstack.allocation import without_garbage_collection
from tailstack.topology.tailnet import Tailnet


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A difference, and the words in which to speak of it."""

    difference: Difference
    vocabulary: Vocabulary


NOTHING_CHANGED = Comparison(difference=Difference(), vocabulary=PLAIN)

_NOTHING_GRANTED = Policy(file="", grants=())

Declared = tuple[Tailnet, CompiledPolicy]
"""A tailnet and the policy that was compiled of it."""


def compare(old: Declared | None, new: Declared) -> Comparison:
    """Who gains and who loses what when a tailnet is declared as `new` says instead of as `old` says, or not at all.

    Every declared node is taken into account. Causes stand where people wrote them: in the YAML files, or in the
    hand-written policy file.
    """
    with without_garbage_collection():
        nodes = (declared_nodes(old[0]) if old is not None else ()), declared_nodes(new[0])
        known = [_by_reference(side) for side in nodes]
        policy = old[1].policy if old is not None else _NOTHING_GRANTED
        found = difference(policy, new[1].policy, old_inventory=known[0], new_inventory=known[1])
        sources = {Side.NEW: _Sources(new[1], nodes[1])}
        if old is not None:
            sources[Side.OLD] = _Sources(old[1], nodes[0])
        changes = tuple(_attributed(change, sources) for change in found.changes)
        names = (declared_names(old[0]) if old is not None else ()), declared_names(new[0])
        words = vocabulary(
            *((*side, *named) for side, named in zip(nodes, names, strict=True)),
            states=found.nodes,
        )
        return Comparison(difference=replace(found, changes=changes), vocabulary=words)


def _by_reference(nodes: Iterable[DeclaredNode]) -> Inventory:
    """The nodes by what people call them: with another host name a node is still the same."""
    return Inventory(
        nodes=tuple(Node(name=str(node), tags=node.tags, services=node.services, place=node.place) for node in nodes)
    )


class _Sources:
    """Leads from places in a compiled policy to what people wrote."""

    def __init__(self, policy: CompiledPolicy, nodes: Iterable[DeclaredNode]) -> None:
        self._policy = policy
        self._nodes = {node.place: str(node) for node in nodes}

    def of(self, cause: Cause) -> Iterator[Cause]:
        """The causes behind one that stands in the compiled policy; one that stands elsewhere is its own."""
        if cause.place.file != self._policy.policy.file:
            yield replace(cause, declaration=self._nodes.get(cause.place, ""))
            return
        derived = self._policy.declaration(cause.place) if self._policy.is_derived(cause.place) else ""
        for place in self._policy.sources(cause.place):
            yield Cause(side=cause.side, place=place, declaration=derived)


def _attributed(change: Change, sources: Mapping[Side, _Sources]) -> Change:
    causes = (found for cause in change.causes for found in sources[cause.side].of(cause))
    elsewhere = tuple(
        replace(one, cause=next(sources[one.cause.side].of(one.cause), one.cause)) for one in change.elsewhere
    )
    return replace(change, causes=tuple(dict.fromkeys(causes)), elsewhere=elsewhere)
