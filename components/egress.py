"""An egress: a Service of a cluster that leads to a node of the tailnet, or to what lies behind one."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.core.v1 import Service, ServicePortArgs, ServiceSpecArgs

from components.custom_resource_specs import group_object
from components.kubernetes_objects import Ready, class_label, metadata, waiting
from components.options import proxied, resource_name
from tailstack.topology.tailnet import Address, Cluster, Egress

SECTION = "egress"
PLACEHOLDER = "placeholder"
"""An ExternalName Service must name something when it is made; the operator puts its proxy's name there, and keeps it."""


def annotations_of(egress: Egress, cluster: Cluster) -> dict[str, str]:
    """What the operator reads on an egress Service, by svc.go and egress-services.go in `cmd/k8s-operator` of tailscale.com
    v1.100.0 to v1.104.5.

    The tags of a proxy group are its own. A hostname says nothing there, but without one the operator looks whether
    namespace and name together could be a node's, and refuses what is too long for that.
    """
    told = {**_target(egress), "tailscale.com/hostname": egress.hostname}
    if egress.proxy_group is not None:
        return told | {"tailscale.com/proxy-group": group_object(cluster, egress.proxy_group)}
    return told | {"tailscale.com/tags": ",".join(egress.tags)}


def _target(egress: Egress) -> dict[str, str]:
    target = egress.target
    if isinstance(target, Address) and target.ip:
        return {"tailscale.com/tailnet-ip": target.ip}
    return {"tailscale.com/tailnet-fqdn": target.fqdn or ""}


def lead_out(
    parent: pulumi.Resource,
    egress: Egress,
    cluster: Cluster,
    *,
    depends_on: Sequence[pulumi.Resource],
    skip_await: bool,
) -> Service:
    """The one resource of an egress. Its own proxy forwards all ports, and the policy grants some; a proxy group forwards
    those that the Service has."""
    ready = Ready.SERVICE if egress.proxy_group is None else Ready.EGRESS_OF_GROUP
    return Service(
        resource_name(egress.cluster, SECTION, egress.name),
        metadata=metadata(
            egress.service,
            egress.namespace,
            annotations=annotations_of(egress, cluster) | waiting(ready, skip=skip_await),
            labels=class_label(egress.proxy_class),
        ),
        spec=ServiceSpecArgs(
            type="ExternalName",
            external_name=PLACEHOLDER,
            ports=None if egress.proxy_group is None else _ports(egress),
        ),
        opts=proxied(parent, egress, SECTION, depends_on=depends_on, ignore_changes=["spec.externalName"]),
    )


def _ports(egress: Egress) -> list[ServicePortArgs]:
    """Each port by itself, because a Service knows no ranges."""
    return [
        ServicePortArgs(name=f"{port.protocol}-{number}", port=number, protocol=port.protocol.upper())
        for port in egress.ports
        for number in range(port.first, port.last + 1)
    ]
