"""The proxy class of proxies that lead to Tailscale Services and to routes: without one that accepts routes they hang."""

from __future__ import annotations

from dataclasses import replace

from tailstack.topology import naming
from tailstack.topology.custom import ProxyClass
from tailstack.topology.declaration import ClusterDeclaration
from tailstack.topology.tailnet import Address, Cluster, Egress, Exposure, Ingress, TailscaleService


def needs_routes(egress: Egress) -> bool:
    """Whether its proxy must accept routes: the address of a Tailscale Service is one, like those behind a connector.

    https://tailscale.com/kb/1438/kubernetes-operator-cluster-egress.
    """
    target = egress.target
    if isinstance(target, Exposure | Ingress):
        return target.tailscale_service is not None
    return isinstance(target, TailscaleService) or (isinstance(target, Address) and target.route is not None)


def with_accepting_class(cluster: Cluster, declared: ClusterDeclaration) -> Cluster:
    """The cluster with a class for the egresses, and groups of them, that need to accept routes and name none.

    It is as the cluster's default class, but for node ports, of which no two classes can have the same.
    """
    needing = [egress for egress in cluster.egresses if needs_routes(egress)]
    alone = {
        egress.name for egress in needing if egress.proxy_group is None and not declared.egress[egress.name].proxy_class
    }
    groups = {
        egress.proxy_group
        for egress in needing
        if egress.proxy_group and not declared.proxy_groups[egress.proxy_group].proxy_class
    }
    custom = cluster.custom
    default = next((each for each in custom.proxy_classes if each.name == cluster.operator.default_proxy_class), None)
    if not (alone or groups) or (default is not None and default.accept_routes):
        return cluster
    name = naming.ACCEPTING_CLASS
    base = default or ProxyClass(cluster=cluster.name, name=name, place=needing[0].place)
    derived = replace(
        base,
        name=name,
        accept_routes=True,
        node_ports=(),
        node_port_selector=(),
        is_derived=True,
        place=needing[0].place,
    )
    return replace(
        cluster,
        egresses=tuple(
            replace(egress, proxy_class=name) if egress.name in alone else egress for egress in cluster.egresses
        ),
        custom=replace(
            custom,
            proxy_classes=(*custom.proxy_classes, derived),
            proxy_groups=tuple(
                replace(group, proxy_class=name) if group.name in groups else group for group in custom.proxy_groups
            ),
        ),
    )
