"""What wears tags, and so must be given them: nodes, Tailscale Services, what joins by a key, and proxies that nobody declared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.access.nodes import DeclaredNode, NodeKind
from tailstack.finding import Place
from tailstack.topology.tailnet import Cluster, Tailnet


@dataclass(frozen=True, kw_only=True, slots=True)
class Wearing:
    """Tags that are asked for together. `kind` is None for the proxies of a cluster that nobody declared, and for what belongs
    to no cluster and is no node.

    `is_assumed` where no manifest shows the operator that they come from; `has_default_tags` for a Recorder that names none.
    """

    who: str
    kind: NodeKind | None
    cluster: str | None
    tags: tuple[str, ...]
    place: Place
    is_assumed: bool = False
    has_default_tags: bool = False


def wearings(tailnet: Tailnet, nodes: tuple[DeclaredNode, ...]) -> Iterator[Wearing]:
    """Everything that wears tags, the replicas of one resource once: cluster by cluster, then the machines and the rest.

    Where no manifest shows the operator, its tags and those of undeclared proxies are only assumed.
    """
    by_cluster: dict[str | None, list[DeclaredNode]] = {}
    for node in nodes:
        by_cluster.setdefault(node.cluster, []).append(node)
    for cluster in tailnet.clusters:
        yield _undeclared_proxies(cluster)
        yield from _nodes(cluster, by_cluster.get(cluster.name, []))
        yield from _services(cluster)
    yield from _nodes(None, by_cluster.get(None, []))
    yield from _of_the_tailnet(tailnet)


def _of_the_tailnet(tailnet: Tailnet) -> Iterator[Wearing]:
    """Tailscale Services that machines serve, and what is to join by a key. Those of clusters stand there."""
    services = ((f"service {each.name}", each.tags, each.place) for each in tailnet.services if each.machines)
    keys = ((f"what joins by key {each.name}", each.tags, each.place) for each in tailnet.extras.keys)
    for who, tags, place in (*services, *keys):
        yield Wearing(who=who, kind=None, cluster=None, tags=tags, place=place)


def _undeclared_proxies(cluster: Cluster) -> Wearing:
    operator = cluster.operator
    return Wearing(
        who=f"any other proxy of {cluster.name}",
        kind=None,
        cluster=cluster.name,
        tags=operator.proxy_tags,
        place=operator.place,
        is_assumed=operator.is_assumed,
    )


def _nodes(cluster: Cluster | None, nodes: list[DeclaredNode]) -> Iterator[Wearing]:
    assumed = cluster.operator if cluster is not None and cluster.operator.is_assumed else None
    recorders = cluster.custom.recorders if cluster is not None else ()
    without_tags = {recorder.reference for recorder in recorders if recorder.has_default_tags}
    seen: set[tuple[NodeKind, str]] = set()
    for node in nodes:
        if (node.kind, node.reference) not in seen:
            seen.add((node.kind, node.reference))
            yield Wearing(
                who=str(node),
                kind=node.kind,
                cluster=node.cluster,
                tags=node.tags,
                place=node.place,
                is_assumed=assumed is not None and (node.kind is NodeKind.OPERATOR or node.tags == assumed.proxy_tags),
                has_default_tags=node.kind is NodeKind.RECORDER and node.reference in without_tags,
            )


def _services(cluster: Cluster) -> Iterator[Wearing]:
    """What is exposed by a ProxyGroup: its tags are those of the Tailscale Service, and not the group's."""
    for kind, exposed in ((NodeKind.EXPOSURE, cluster.exposures), (NodeKind.INGRESS, cluster.ingresses)):
        for each in exposed:
            if each.tailscale_service is not None:
                yield Wearing(
                    who=f"{kind} {each.reference}",
                    kind=kind,
                    cluster=cluster.name,
                    tags=each.tags,
                    place=each.place,
                )
