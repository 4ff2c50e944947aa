"""What should be there, as what is live can be held against it: the objects of a cluster, and the Tailscale Services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tailstack.access.nodes import NamedKind, NodeKind, declared_nodes
from tailstack.finding import Place
from tailstack.live.model import ObjectKey
from tailstack.topology.custom import ProxyGroup, ProxyGroupKind
from tailstack.topology.declaration import ManagedBy
from tailstack.topology.naming import INGRESS_CLASS, first_name
from tailstack.topology.shards import WHOLE, Shard
from tailstack.topology.tailnet import Cluster, Egress, Exposure, Ingress, Tailnet

OPERATOR_DEPLOYMENT = "operator"
"""The Deployment of the operator, in its namespace (`templates/deployment.yaml` of the chart)."""

PLACEHOLDER = "placeholder"
"""What an egress Service leads to until the operator has put its proxy's name there (components/egress.py)."""

_CUSTOM_KINDS = (
    ("proxy_groups", "ProxyGroup", str(NodeKind.PROXY_GROUP), "ProxyGroupReady"),
    ("connectors", "Connector", str(NodeKind.CONNECTOR), "ConnectorReady"),
    ("recorders", "Recorder", str(NodeKind.RECORDER), "RecorderReady"),
    ("peer_relays", "PeerRelay", str(NodeKind.PEER_RELAY), "PeerRelayReady"),
    ("proxy_classes", "ProxyClass", "proxy class", "ProxyClassReady"),
    ("proxy_group_policies", "ProxyGroupPolicy", "proxy group policy", ""),
    ("dns_configs", "DNSConfig", "nameserver", "NameserverReady"),
    ("tailnets", "Tailnet", "tailnet", "TailnetReady"),
)
"""Section, kind, word, and the condition by which the operator says that it is done (`k8s-operator/apis/v1alpha1` of
tailscale.com v1.104.5). A ProxyGroupPolicy has no status."""

Served: TypeAlias = Exposure | Ingress | Egress | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredObject:
    """An object that the stack makes in a cluster, or that somebody else makes of a declaration (`gitops`).

    `who` is the declaration in people's words, `conditions` are those that the operator sets once it is done.
    """

    who: str
    key: ObjectKey
    place: Place
    conditions: tuple[str, ...] = ()
    served: Served = None
    group: ProxyGroup | None = None

    @property
    def is_applied_by_others(self) -> bool:
        return isinstance(self.served, Exposure) and self.served.managed_by is not ManagedBy.PULUMI


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredService:
    """A Tailscale Service. `ports` are None where they are the operator's to say.

    `clusters` are those whose operators serve it; none for one that machines serve.
    """

    who: str
    name: str
    place: Place
    tags: tuple[str, ...]
    ports: tuple[str, ...] | None
    clusters: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The part of an environment that is looked at: that of all stacks together which a command is about.

    `is_all` tells that it is everything that is the environment's own: without the tailnet for a guest.
    """

    has_tailnet: bool
    clusters: tuple[Cluster, ...]
    is_all: bool

    @classmethod
    def of(cls, tailnet: Tailnet, shards: Iterable[Shard] = (WHOLE,)) -> Scope:
        """The scope of several shards of an environment."""
        parts = tuple(shards)
        is_owner = tailnet.guest_of is None
        has_tailnet = is_owner and any(part.has_tailnet for part in parts)
        clusters = tuple(c for c in tailnet.clusters if any(part.holds(c.name) for part in parts))
        is_all = has_tailnet is is_owner and len(clusters) == len(tailnet.clusters)
        return cls(has_tailnet=has_tailnet, clusters=clusters, is_all=is_all)

    def holds(self, cluster: str) -> bool:
        """Whether a cluster, by its name, belongs to it."""
        return any(one.name == cluster for one in self.clusters)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnNames:
    """The tags that are an environment's own, so that a node with one of them is its matter, and names by which it joins.

    `handed_out` are the sets of tags of the keys that it declares, by which anything may join.
    """

    tags: frozenset[str]
    handed_out: tuple[frozenset[str], ...] = ()


def objects_of(cluster: Cluster) -> Iterator[DeclaredObject]:
    """Every object of a cluster that is declared, in the order of the file's sections."""
    operator = cluster.operator
    yield DeclaredObject(
        who=f"{NodeKind.OPERATOR} {cluster.name}",
        key=("Deployment", operator.namespace, OPERATOR_DEPLOYMENT),
        place=operator.place,
        conditions=("Available",),
    )
    yield from _custom_resources(cluster)
    for exposure in cluster.exposures:
        ready = "TailscaleProxyReady" if exposure.proxy_group is None else "TailscaleIngressSvcConfigured"
        yield DeclaredObject(
            who=f"{NodeKind.EXPOSURE} {exposure.reference}",
            key=("Service", exposure.namespace, exposure.service),
            place=exposure.place,
            conditions=(ready,),
            served=exposure,
        )
    for ingress in cluster.ingresses:
        yield DeclaredObject(
            who=f"{NodeKind.INGRESS} {ingress.reference}",
            key=("Ingress", ingress.namespace, first_name(ingress.name, ingress.former_names)),
            place=ingress.place,
            served=ingress,
        )
    for egress in cluster.egresses:
        ready = "TailscaleProxyReady" if egress.proxy_group is None else "TailscaleEgressSvcReady"
        yield DeclaredObject(
            who=f"{NodeKind.EGRESS} {egress.reference}",
            key=("Service", egress.namespace, egress.service),
            place=egress.place,
            conditions=(ready,),
            served=egress,
        )


def _custom_resources(cluster: Cluster) -> Iterator[DeclaredObject]:
    for section, kind, word, ready in _CUSTOM_KINDS:
        for one in getattr(cluster.custom, section):
            group = one if isinstance(one, ProxyGroup) else None
            more = ("KubeAPIServerProxyConfigured",) if group and group.kind is ProxyGroupKind.KUBE_API_SERVER else ()
            yield DeclaredObject(
                who=f"{word} {cluster.name}.{one.name}",
                key=(kind, getattr(one, "namespace", ""), first_name(one.name, getattr(one, "former_names", ()))),
                place=one.place,
                conditions=((ready,) if ready else ()) + more,
                group=group,
            )


def services_of(tailnet: Tailnet) -> tuple[DeclaredService, ...]:
    """Every Tailscale Service that is declared, once."""
    found: dict[str, DeclaredService] = {}
    for service in tailnet.services:
        found[service.name] = DeclaredService(
            who=f"{NamedKind.SERVICE} {service.name}",
            name=service.name,
            place=service.place,
            tags=service.tags,
            ports=tuple(map(str, service.ports)) if service.machines else None,
            clusters=tuple(dict.fromkeys(backend.cluster for backend in service.backends)),
        )
    exposed: tuple[tuple[NodeKind, Iterable[Exposure | Ingress]], ...] = (
        (NodeKind.EXPOSURE, tailnet.exposures),
        (NodeKind.INGRESS, tailnet.ingresses),
    )
    for kind, several in exposed:
        for each in several:
            if each.tailscale_service is not None and not each.is_shared:
                found[each.tailscale_service] = DeclaredService(
                    who=f"{kind} {each.reference}",
                    name=each.tailscale_service,
                    place=each.place,
                    tags=each.tags,
                    ports=None,
                    clusters=(each.cluster,),
                )
    for group in (group for cluster in tailnet.clusters for group in cluster.custom.proxy_groups):
        if group.service is not None and group.tailnet is None:
            found[group.service] = DeclaredService(
                who=f"{NamedKind.API_SERVER} {group.reference}",
                name=group.service,
                place=group.place,
                tags=group.tags,
                ports=None,
                clusters=(group.cluster,),
            )
    return tuple(found.values())


def own_names(tailnet: Tailnet) -> OwnNames:
    """The tags of everything that an environment declares, those of proxies that nobody declared included."""
    tags = {tag for node in declared_nodes(tailnet) for tag in node.tags}
    tags |= {tag for cluster in tailnet.clusters for tag in cluster.operator.proxy_tags}
    tags |= {tag for service in services_of(tailnet) for tag in service.tags}
    keys = tuple(frozenset(key.tags) for key in tailnet.extras.keys)
    return OwnNames(tags=frozenset(tags).union(*keys), handed_out=keys)


def ingress_class(cluster: Cluster) -> str:
    """The IngressClass that the operator of a cluster answers to."""
    return cluster.operator.ingress_class or INGRESS_CLASS
