"""The chain of every declared link, step by step: from the client's namespace to the Service at the other end.

Each step is shown to hold, or the chain breaks there, with the smallest mend. A link is complete when a request can pass.
The operator says little of this: an egress counts as ready while its proxy's log says `could not find ...`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tailstack.access.compile import CompiledPolicy
from tailstack.access.derive import ip_entries, normal_fqdn, target_name
from tailstack.access.evaluate import Access, Match
from tailstack.access.inventory import Node
from tailstack.access.nodes import DeclaredNode, declared_nodes
from tailstack.access.ports import Ports, parse_ip_entry
from tailstack.finding import Place
from tailstack.rules.ownership import not_given, owners_by_tag
from tailstack.topology.tailnet import Address, Cluster, Egress, Exposure, Ingress, Port, Tailnet
from tailstack.topology.wording import listed


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of a chain: what it is about, why it holds or what is wrong, where that stands, and how to mend it."""

    name: str
    holds: bool
    text: str
    places: tuple[Place, ...] = ()
    mend: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkProof:
    """A link (`green.nginx-remote -> blue.nginx`) with the steps of its chain, in the order of a request."""

    link: str
    egress: str
    place: Place
    steps: tuple[Step, ...]

    @property
    def broken(self) -> Step | None:
        """The first step that does not hold; None where the link is complete."""
        return next((step for step in self.steps if not step.holds), None)

    @property
    def is_complete(self) -> bool:
        return self.broken is None


def links(
    tailnet: Tailnet,
    policy: CompiledPolicy,
    access: Access | None = None,
    nodes: Sequence[DeclaredNode] | None = None,
) -> tuple[LinkProof, ...]:
    """The proof of every egress, in the order of the files.

    `access` is that of the policy and `nodes` are those of the tailnet, where they are at hand.
    """
    prover = _Prover(tailnet, policy, access or Access(policy.policy), nodes or declared_nodes(tailnet))
    return tuple(
        LinkProof(
            link=f"{egress.reference} -> {target_name(egress)}",
            egress=egress.reference,
            place=egress.place,
            steps=tuple(prover.steps(egress)),
        )
        for egress in tailnet.egresses
    )


class _Prover:
    """Holds what all proofs of a tailnet need, so that each costs little."""

    def __init__(self, tailnet: Tailnet, policy: CompiledPolicy, access: Access, nodes: Sequence[DeclaredNode]) -> None:
        self._tailnet = tailnet
        self._policy = policy
        self._access = access
        self._owners = owners_by_tag(policy.policy)
        self._clusters = {cluster.name: cluster for cluster in tailnet.clusters}
        self._named = {normal_fqdn(node.fqdn): node for node in reversed(nodes)}
        self._wishes = Counter(normal_fqdn(node.fqdn) for node in nodes)

    def steps(self, egress: Egress) -> Iterator[Step]:
        yield Step(
            name="client",
            holds=True,
            text=f"Pods of {egress.cluster} call {egress.service}.{egress.namespace} on {_ports_text(egress.ports)}.",
            places=(egress.place,),
        )
        yield self._credential(
            "proxy", f"The proxy {egress.hostname}", self._clusters[egress.cluster], egress.tags, egress
        )
        if isinstance(egress.target, Address) and egress.target.ip is not None:
            yield self._grant(egress, egress.target.ip, egress.target.ip)
            return
        target = self._named.get(normal_fqdn(_fqdn(egress)))
        yield self._name(egress, target)
        if target is None:
            return
        yield self._grant(egress, Node(name=target.fqdn, tags=target.tags), str(target))
        if target.cluster is not None:
            yield self._credential("target", str(target), self._clusters[target.cluster], target.tags, target)
        yield from _service(egress)

    def _credential(
        self, name: str, who: str, cluster: Cluster, tags: tuple[str, ...], declared: Egress | DeclaredNode
    ) -> Step:
        missing = not_given(cluster, tags, self._owners)
        wears = f"{who} wears {listed(tags)}"
        if not missing:
            return Step(name=name, holds=True, text=f"{wears}, which the operator of {cluster.name} may give.")
        defined = [self._owners[tag] for tag in missing if tag in self._owners]
        return Step(
            name=name,
            holds=False,
            text=f"{wears}, and the operator of {cluster.name} may not give {listed(missing)}.",
            places=(declared.place, *(place for owners in defined for place in self._policy.sources(owners.place))),
            mend=f"Add {cluster.operator.tags[0]} to the owners of {listed(missing)}.",
        )

    def _name(self, egress: Egress, target: DeclaredNode | None) -> Step:
        fqdn = _fqdn(egress)
        if target is None:
            return Step(
                name="name",
                holds=False,
                text=f"No declared node is called {fqdn}.",
                places=(egress.place,),
                mend="Lead the egress to something that is declared, or declare the node under `machines`.",
            )
        if self._wishes[normal_fqdn(fqdn)] > 1:
            return Step(
                name="name",
                holds=False,
                text=f"Several nodes ask for the name {fqdn}, and only one will have it.",
                places=(target.place,),
                mend="Give each of them a hostname of its own.",
            )
        if not self._tailnet.magic_dns:
            return Step(
                name="name",
                holds=False,
                text=f"MagicDNS is off, so {fqdn} means nothing.",
                places=(self._tailnet.place,),
                mend="Write `magicDNS: true` under `tailnet`.",
            )
        return Step(name="name", holds=True, text=f"{fqdn} is {target}.")

    def _grant(self, egress: Egress, target: Node | str, called: str) -> Step:
        source = Node(name=egress.reference, tags=egress.tags)
        matches = self._access.matches(source, target)
        free = [match for match in matches if not match.postures]
        missing = _wanted(egress.ports).minus(_allowed(free))
        if not missing:
            useful = [
                match for match in free if _wanted(egress.ports) != _wanted(egress.ports).minus(match.entry.ports)
            ]
            reasons = dict.fromkeys(self._policy.declaration(match.entry.place) for match in useful)
            return Step(
                name="grant",
                holds=True,
                text=f"{listed(egress.tags)} reaches {called} on {_ports_text(egress.ports)}, by {listed(reasons)}.",
                places=tuple(dict.fromkeys(p for match in useful for p in self._policy.sources(match.entry.place))),
            )
        under = " without a posture" if not missing.minus(_allowed(matches)) else ""
        return Step(
            name="grant",
            holds=False,
            text=f"Nothing grants {listed(egress.tags)} to reach {called} on {missing}{under}.",
            places=(egress.place,),
            mend="Add an access entry from the egress's tag to the target on these ports.",
        )


def _service(egress: Egress) -> Iterator[Step]:
    """What stands behind the node at the other end, as far as it is declared."""
    target = egress.target
    if isinstance(target, Exposure):
        behind = f"Service {target.namespace}/{target.service} of {target.cluster}"
    elif isinstance(target, Ingress):
        behind = f"Service {target.namespace}/{target.backend_service} of {target.cluster}, port {target.backend_port}"
    else:
        return
    closed = [port for port in egress.ports if not any(offered.covers(port) for offered in target.granted_ports)]
    if closed:
        yield Step(
            name="service",
            holds=False,
            text=f"{target.reference} offers {_ports_text(target.granted_ports)}, and not {_ports_text(tuple(closed))}.",
            places=(egress.place, target.place),
            mend=f"Add the port to {target.reference}, or take it from {egress.reference}.",
        )
    else:
        yield Step(name="service", holds=True, text=f"Behind it is {behind}.", places=(target.place,))


def _fqdn(egress: Egress) -> str:
    return (egress.target.fqdn or "").rstrip(".")


def _ports_text(ports: tuple[Port, ...]) -> str:
    return listed(ip_entries(ports))


def _wanted(ports: tuple[Port, ...]) -> Ports:
    every = Ports()
    for entry in ip_entries(ports):
        every = every.union(parse_ip_entry(entry))
    return every


def _allowed(matches: tuple[Match, ...] | list[Match]) -> Ports:
    every = Ports()
    for match in matches:
        every = every.union(match.entry.ports)
    return every
