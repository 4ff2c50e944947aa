"""The names under which people know what selectors stand for: `tag:k8s-blue--nginx` is exposure blue.nginx to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from tailstack.access.diff_nodes import GONE, NEW
from tailstack.access.nodes import DeclaredName, DeclaredNode, NamedKind, NodeKind
from tailstack.access.phrases import joined
from tailstack.access.principals import EVERYONE

NAMED = 4
"""How many names a list shows before it counts the rest."""
_FEW = 2
"""How many things of one kind in one cluster are named one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """A declared node, Tailscale Service or route as people speak of it.

    `whole` is how many of its kind its cluster has, itself among them.
    """

    kind: NodeKind | NamedKind
    reference: str
    cluster: str | None
    whole: int

    def __str__(self) -> str:
        return (
            f"the operator of {self.reference}" if self.kind is NodeKind.OPERATOR else f"{self.kind} {self.reference}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """What selectors and names of nodes are called. What is not known here goes by its own name.

    `states` says of nodes, by name or by the tag that is theirs alone, what became of them: `new`, `gone`.
    """

    things: Mapping[str, Thing] = field(default_factory=dict[str, Thing])
    states: Mapping[str, str] = field(default_factory=dict[str, str])

    def listed(self, selectors: Sequence[str], named: int = NAMED, *, everything: str = "*") -> str:
        """`group:dev, exposure blue.nginx and 3 exposures of green`, with words for `*`."""
        phrases = self._phrases(selectors, everything)
        if len(phrases) <= named + 1:
            return joined(phrases)
        return f"{', '.join(phrases[:named])} and {len(phrases) - named} more"

    def name(self, selector: str) -> str:
        """One selector or node as people call it, with what became of it."""
        thing = self.things.get(selector)
        state = self.states.get(selector)
        return f"{thing or selector}{f' ({state})' if state else ''}"

    def _phrases(self, selectors: Sequence[str], everything: str) -> list[str]:
        """The selectors in as few phrases as they make: many things of one cluster are one phrase."""
        plain: list[str] = []
        together: dict[tuple[NodeKind | NamedKind, str | None, str], list[str]] = {}
        for selector in selectors:
            thing = self.things.get(selector)
            if thing is None:
                plain.append(everything if selector == EVERYONE else self.name(selector))
            else:
                key = thing.kind, thing.cluster, self.states.get(selector, "")
                same = together.setdefault(key, [])
                # A node may be named by its tag and by its name.
                if all(self.things[other].reference != thing.reference for other in same):
                    same.append(selector)
        return plain + [phrase for key, same in together.items() for phrase in self._of_cluster(key, same)]

    def _of_cluster(self, key: tuple[NodeKind | NamedKind, str | None, str], selectors: Sequence[str]) -> list[str]:
        kind, cluster, state = key
        if len(selectors) <= _FEW or cluster is None:
            return [self.name(selector) for selector in selectors]
        whole = self.things[selectors[0]].whole
        phrase = (
            f"every {kind} of {cluster}"
            if len(selectors) == whole
            else f"{len(selectors)} {_plural(kind)} of {cluster}"
        )
        return [f"{phrase} ({state})" if state else phrase]


PLAIN = Vocabulary()
"""Knows nothing: every selector goes by its own name."""


def vocabulary(
    *tailnets: Iterable[DeclaredNode | DeclaredName], states: Mapping[str, str] = MappingProxyType({})
) -> Vocabulary:
    """The words for what one or more states of a tailnet declare: for nodes by what they are, for others by their selectors,
    and for both by each tag that only one wears.

    `states` are by node; the tag of a node that is new or gone is so too.
    """
    wearers: dict[str, set[str]] = {}
    things: dict[str, Thing] = {}
    for nodes in map(tuple, tailnets):
        wholes: dict[tuple[NodeKind | NamedKind, str | None], int] = {}
        for node in nodes:
            wholes[node.kind, node.cluster] = wholes.get((node.kind, node.cluster), 0) + 1
        for node in nodes:
            thing = Thing(
                kind=node.kind,
                reference=node.reference,
                cluster=node.cluster,
                whole=wholes[node.kind, node.cluster],
            )
            things[node.selector if isinstance(node, DeclaredName) else str(node)] = thing
            for tag in node.tags:
                wearers.setdefault(tag, set()).add(str(node))
                things[tag] = thing
    own = {tag: next(iter(who)) for tag, who in wearers.items() if len(who) == 1}
    of_tags = {tag: states[node] for tag, node in own.items() if states.get(node) in (NEW, GONE)}
    return Vocabulary(
        things={name: thing for name, thing in things.items() if name in own or name not in wearers},
        states={**states, **of_tags},
    )


def _plural(kind: NodeKind | NamedKind) -> str:
    irregular: dict[NodeKind | NamedKind, str] = {NodeKind.INGRESS: "ingresses", NodeKind.EGRESS: "egresses"}
    return irregular.get(kind, f"{kind}s")
