"""Every node that a tailnet declares, whatever it is: operators, proxies, the nodes of custom resources, and machines.

Beside them what is declared, has a selector of its own in the policy, and is no node: Tailscale Services and routes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tailstack.access.inventory import Inventory, Node
from tailstack.finding import Place
from tailstack.topology.custom import ProxyGroup
from tailstack.topology.tailnet import HTTPS, Port, Tailnet


class NodeKind(StrEnum):
    """What a node was declared as; the words are those of the reports."""

    OPERATOR = "operator"
    EXPOSURE = "exposure"
    INGRESS = "ingress"
    EGRESS = "egress"
    PROXY_GROUP = "proxy group"
    CONNECTOR = "connector"
    RECORDER = "recorder"
    PEER_RELAY = "peer relay"
    MACHINE = "machine"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredNode:
    """`reference` is what a person calls it: `blue.nginx`, the cluster for an operator, the key for a machine.

    `cluster` is None outside of the clusters. A ProxyGroup with three replicas is three nodes of one reference. `services`
    are the Tailscale Services that it is to host.
    """

    kind: NodeKind
    reference: str
    cluster: str | None
    hostname: str
    fqdn: str
    tags: tuple[str, ...]
    services: tuple[str, ...] = ()
    place: Place

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


def declared_nodes(tailnet: Tailnet) -> tuple[DeclaredNode, ...]:
    """All nodes: the operators, then what each cluster declares, then the machines.

    What is exposed or led out through a ProxyGroup has no node of its own: the group has.
    """
    return (*_operators(tailnet), *_proxies(tailnet), *_of_custom_resources(tailnet), *_machines(tailnet))


class NamedKind(StrEnum):
    """What is declared as something else than a node; the words are those of the reports."""

    SERVICE = "service"
    API_SERVER = "API server"
    ROUTE = "route"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredName:
    """Something that the policy names by a selector of its own: `svc:web`, `10.0.0.0/8`. `reference` is what a person calls it.

    `tags` and `ports` are those of a Tailscale Service; `api_server` is the group that serves one.
    """

    kind: NodeKind | NamedKind
    reference: str
    cluster: str | None
    selector: str
    tags: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    api_server: ProxyGroup | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


def declared_names(tailnet: Tailnet) -> tuple[DeclaredName, ...]:
    """The Tailscale Services, then the routes."""
    return (*_services(tailnet), *_routes(tailnet))


def _services(tailnet: Tailnet) -> Iterator[DeclaredName]:
    for service in tailnet.services:
        yield DeclaredName(
            kind=NamedKind.SERVICE,
            reference=service.name,
            cluster=None,
            selector=service.name,
            tags=service.tags,
            ports=service.ports,
        )
    for kind, several in ((NodeKind.EXPOSURE, tailnet.exposures), (NodeKind.INGRESS, tailnet.ingresses)):
        for each in several:
            if each.tailscale_service is not None and not each.is_shared:
                yield DeclaredName(
                    kind=kind,
                    reference=each.reference,
                    cluster=each.cluster,
                    selector=each.tailscale_service,
                    tags=each.tags,
                    ports=each.granted_ports,
                )
    groups = (group for cluster in tailnet.clusters for group in cluster.custom.proxy_groups)
    for group in groups:
        if group.service is not None and group.tailnet is None:
            yield DeclaredName(
                kind=NamedKind.API_SERVER,
                reference=group.reference,
                cluster=group.cluster,
                selector=group.service,
                ports=(HTTPS,),
                api_server=group,
            )


def _routes(tailnet: Tailnet) -> Iterator[DeclaredName]:
    """Each range once, with whatever leads to it."""
    leading: dict[str, list[str]] = {}
    for connector in tailnet.connectors:
        for route in connector.routes if connector.tailnet is None else ():
            leading.setdefault(route, []).append(f"{NodeKind.CONNECTOR} {connector.reference}")
    for machine in tailnet.machines:
        for route in machine.routes:
            leading.setdefault(route, []).append(f"{NodeKind.MACHINE} {machine.name}")
    for route, routers in leading.items():
        yield DeclaredName(
            kind=NamedKind.ROUTE, reference=f"{route} of {' and '.join(routers)}", cluster=None, selector=route
        )


def _operators(tailnet: Tailnet) -> Iterator[DeclaredNode]:
    for cluster in tailnet.clusters:
        operator = cluster.operator
        yield DeclaredNode(
            kind=NodeKind.OPERATOR,
            reference=cluster.name,
            cluster=cluster.name,
            hostname=operator.hostname,
            fqdn=operator.fqdn,
            tags=operator.tags,
            place=operator.place,
        )


def _proxies(tailnet: Tailnet) -> Iterator[DeclaredNode]:
    for cluster in tailnet.clusters:
        for kind, nodes in (
            (NodeKind.EXPOSURE, cluster.exposures),
            (NodeKind.INGRESS, cluster.ingresses),
            (NodeKind.EGRESS, cluster.egresses),
        ):
            for node in nodes:
                if node.proxy_group is None:
                    yield DeclaredNode(
                        kind=kind,
                        reference=node.reference,
                        cluster=cluster.name,
                        hostname=node.hostname,
                        fqdn=f"{node.hostname}.{tailnet.dns_name}",
                        tags=node.tags,
                        place=node.place,
                    )


def _of_custom_resources(tailnet: Tailnet) -> Iterator[DeclaredNode]:
    """The nodes of custom resources, but for those that belong to another tailnet."""
    for cluster in tailnet.clusters:
        custom = cluster.custom
        hosted = {group.name: [group.service] if group.service else [] for group in custom.proxy_groups}
        for exposed in (*cluster.exposures, *cluster.ingresses):
            hosted.get(exposed.proxy_group or "", []).append(f"svc:{exposed.hostname}")
        for kind, resources in (
            (NodeKind.PROXY_GROUP, custom.proxy_groups),
            (NodeKind.CONNECTOR, custom.connectors),
            (NodeKind.RECORDER, custom.recorders),
            (NodeKind.PEER_RELAY, custom.peer_relays),
        ):
            for resource in resources:
                for hostname in resource.hostnames if resource.tailnet is None else ():
                    yield DeclaredNode(
                        kind=kind,
                        reference=resource.reference,
                        cluster=cluster.name,
                        hostname=hostname,
                        fqdn=f"{hostname}.{tailnet.dns_name}",
                        tags=resource.tags,
                        services=tuple(hosted[resource.name]) if kind is NodeKind.PROXY_GROUP else (),
                        place=resource.place,
                    )


def _machines(tailnet: Tailnet) -> Iterator[DeclaredNode]:
    hosted: dict[str, list[str]] = {}
    for service in tailnet.services:
        for host in service.machines:
            hosted.setdefault(host.name, []).append(service.name)
    for machine in tailnet.machines:
        yield DeclaredNode(
            kind=NodeKind.MACHINE,
            reference=machine.name,
            cluster=None,
            hostname=machine.hostname,
            fqdn=machine.fqdn,
            tags=machine.tags,
            services=tuple(hosted.get(machine.name, ())),
            place=machine.place,
        )


def tag_wearers(nodes: Sequence[DeclaredNode]) -> Counter[str]:
    """How many of the nodes wear each tag."""
    return Counter(tag for node in nodes for tag in set(node.tags))


def narrowest(selectors: Sequence[str], worn: Counter[str]) -> str:
    """The one tag of a node by which it is granted: that of the fewest nodes, the first of several.

    A node is matched by each of its tags, so naming all of them in a grant would reach every node that wears any.
    """
    return min(selectors, key=lambda selector: worn[selector])


def inventory_of(nodes: Sequence[DeclaredNode]) -> Inventory:
    """The declared nodes for the evaluator, each under its FQDN. Their addresses are not known before they join."""
    return Inventory(
        nodes=tuple(Node(name=node.fqdn, tags=node.tags, services=node.services, place=node.place) for node in nodes)
    )
