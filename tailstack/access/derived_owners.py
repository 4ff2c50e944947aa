"""Owners of tags: for every tag that a node, a Tailscale Service or a key is to have, who may give it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tailstack.access.derive import Derived, Section, some_of
from tailstack.access.nodes import DeclaredNode, NodeKind
from tailstack.finding import Place
from tailstack.topology.tailnet import Exposure, Ingress, Tailnet


@dataclass(slots=True)
class _Tag:
    """Who wears a tag and where that is declared, and the tags of those who give it."""

    wearers: dict[str, None] = field(default_factory=dict[str, None])
    places: dict[Place, None] = field(default_factory=dict[Place, None])
    owners: dict[str, None] = field(default_factory=dict[str, None])


def tag_owners(tailnet: Tailnet, nodes: Sequence[DeclaredNode]) -> Iterator[Derived]:
    """A tag that an operator gives, to a node or to a Tailscale Service, is owned by the operator's own tags: it may then
    give this one and no others. One that operators of several clusters give is owned by the tags of each.

    Tags of operators, machines and keys are owned by nobody, which leaves them to the tailnet's admins.
    """
    operator_tags = {cluster.name: cluster.operator.tags for cluster in tailnet.clusters}
    tags: dict[str, _Tag] = {}
    for names, wearer, place, cluster in _wearing(tailnet, nodes):
        for name in names:
            tag = tags.setdefault(name, _Tag())
            tag.wearers.setdefault(wearer)
            tag.places.setdefault(place)
            tag.owners.update(dict.fromkeys(operator_tags[cluster] if cluster is not None else ()))
    for name, tag in tags.items():
        yield Derived(
            section=Section.TAG_OWNERS,
            key=name,
            value=list(tag.owners),
            declaration=f"worn by {some_of(list(tag.wearers))}",
            places=tuple(tag.places),
        )


def _wearing(
    tailnet: Tailnet, nodes: Sequence[DeclaredNode]
) -> Iterator[tuple[tuple[str, ...], str, Place, str | None]]:
    """Tags, what wears them and where that is declared, and the cluster whose operator gives them."""
    for node in nodes:
        if node.kind is NodeKind.OPERATOR:
            yield node.tags, str(node), node.place, None
    for cluster in tailnet.clusters:
        operator = cluster.operator
        yield operator.proxy_tags, f"proxies of {cluster.name}", operator.place, cluster.name
    for node in nodes:
        if node.kind is not NodeKind.OPERATOR:
            yield node.tags, str(node), node.place, node.cluster
    for kind, exposed in _through_groups(tailnet):
        yield exposed.tags, f"{kind} {exposed.reference}", exposed.place, exposed.cluster
    for service in tailnet.services:
        for giving in [backend.cluster for backend in service.backends] or [None]:
            yield service.tags, f"service {service.name}", service.place, giving
    for key in tailnet.extras.keys:
        yield key.tags, f"devices that join by key {key.name}", key.place, None


def _through_groups(tailnet: Tailnet) -> Iterator[tuple[NodeKind, Exposure | Ingress]]:
    """What is a Tailscale Service of one cluster: no node wears its tags."""
    for kind, several in ((NodeKind.EXPOSURE, tailnet.exposures), (NodeKind.INGRESS, tailnet.ingresses)):
        for each in several:
            if each.proxy_group is not None and not each.is_shared:
                yield kind, each
