"""An egress: a Service of a cluster that leads to a node of the tailnet."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.core.v1 import Service, ServiceSpecArgs

from components.kubernetes_objects import Ready, metadata, waiting
from components.options import node, resource_name
from tailstack.topology.tailnet import Address, Egress

SECTION = "egress"
PLACEHOLDER = "placeholder"
"""An ExternalName Service must name something when it is made; the operator puts its proxy's name there, and keeps it."""


def annotations_of(egress: Egress) -> dict[str, str]:
    """What the operator reads on an egress Service, by `cmd/k8s-operator/svc.go` of tailscale.com v1.102.3."""
    return {
        **_target(egress),
        "tailscale.com/hostname": egress.hostname,
        "tailscale.com/tags": ",".join(egress.tags),
    }


def _target(egress: Egress) -> dict[str, str]:
    target = egress.target
    if isinstance(target, Address) and target.ip:
        return {"tailscale.com/tailnet-ip": target.ip}
    return {"tailscale.com/tailnet-fqdn": target.fqdn or ""}


def lead_out(
    parent: pulumi.Resource, egress: Egress, *, depends_on: Sequence[pulumi.Resource], skip_await: bool
) -> Service:
    """The one resource of an egress. It has no ports: its proxy forwards all of them, and the policy grants some."""
    return Service(
        resource_name(egress.cluster, SECTION, egress.name),
        metadata=metadata(
            egress.service,
            egress.namespace,
            annotations=annotations_of(egress) | waiting(Ready.SERVICE, skip=skip_await),
        ),
        spec=ServiceSpecArgs(type="ExternalName", external_name=PLACEHOLDER),
        opts=node(
            parent,
            cluster=egress.cluster,
            section=SECTION,
            former_names=egress.former_names,
            depends_on=depends_on,
            ignore_changes=["spec.externalName"],
        ),
    )
