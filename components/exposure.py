"""An exposure: a Service of a cluster that the operator makes a node of the tailnet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import pulumi
from pulumi_kubernetes.core.v1 import Service, ServicePatch, ServicePortArgs, ServiceSpecArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaPatchArgs

from components.kubernetes_objects import Ready, metadata, waiting
from components.options import node, resource_name
from tailstack.topology.declaration import ManagedBy
from tailstack.topology.tailnet import Exposure, ServicePort

SECTION = "expose"


def annotations_of(exposure: Exposure) -> dict[str, str]:
    """What the operator reads on an exposed Service, by `cmd/k8s-operator/svc.go` of tailscale.com v1.102.3.

    `expose` counts only as the text "true". Tags are used as they stand: a space after a comma would reach the API.
    """
    return {
        "tailscale.com/expose": "true",
        "tailscale.com/hostname": exposure.hostname,
        "tailscale.com/tags": ",".join(exposure.tags),
    }


def expose(
    parent: pulumi.Resource, exposure: Exposure, *, depends_on: Sequence[pulumi.Resource], skip_await: bool
) -> pulumi.Resource | None:
    """The one resource of an exposure: the Service itself, annotations on one that exists, or nothing for `gitops`."""
    name = resource_name(exposure.cluster, SECTION, exposure.name)
    options = node(
        parent,
        cluster=exposure.cluster,
        section=SECTION,
        former_names=exposure.former_names,
        depends_on=depends_on,
    )
    annotated = annotations_of(exposure) | waiting(Ready.SERVICE, skip=skip_await)
    match exposure.managed_by:
        case ManagedBy.PULUMI:
            return Service(
                name,
                metadata=metadata(exposure.service, exposure.namespace, annotations=annotated),
                spec=ServiceSpecArgs(
                    type="ClusterIP",
                    selector=dict(exposure.selector),
                    ports=[_port(declared) for declared in exposure.ports],
                ),
                opts=options,
            )
        case ManagedBy.PATCH:
            # No patchForce: an annotation that somebody else manages with another value is theirs, and an error here.
            return ServicePatch(
                name,
                metadata=ObjectMetaPatchArgs(
                    name=exposure.service, namespace=exposure.namespace, annotations=annotated
                ),
                opts=options,
            )
        case ManagedBy.GITOPS:
            return None
        case _:
            assert_never(exposure.managed_by)


def _port(declared: ServicePort) -> ServicePortArgs:
    """A Service has single ports; a range where the stack creates the Service is refused when declarations are read."""
    return ServicePortArgs(
        name=declared.name,
        port=declared.port.first,
        protocol=declared.port.protocol.upper(),
        target_port=declared.target_port,
    )
