"""An exposure: a Service of a cluster that the operator makes a node of the tailnet, or a Tailscale Service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

import pulumi
from pulumi_kubernetes.core.v1 import (
    Service,
    ServicePatch,
    ServicePortArgs,
    ServiceSpecArgs,
    ServiceSpecPatchArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaPatchArgs

from components.custom_resource_specs import group_object
from components.kubernetes_objects import SKIP_AWAIT, Ready, class_label, metadata, waiting
from components.options import node, proxied, resource_name, section_of
from tailstack.topology.declaration import ManagedBy, ServiceType
from tailstack.topology.tailnet import Cluster, Exposure, ServicePort

SECTION = "expose"
LOAD_BALANCER_CLASS = "tailscale"
"""The one load balancer class that the operator answers to, whatever its IngressClass is called."""
FIELD_MANAGER = {"pulumi.com/patchFieldManager": "tailstack"}
"""Who says what the operator needs to know of a Service as long as it cleans up after it. Always the same, so that a later
patch takes back what an earlier one has left."""
_HELD = ("tailscale.com/hostname", "tailscale.com/proxy-group")


def annotations_of(exposure: Exposure, cluster: Cluster) -> dict[str, str]:
    """What the operator reads on an exposed Service, by svc.go and svc-for-pg.go in `cmd/k8s-operator` of tailscale.com
    v1.100.0 to v1.104.5.

    `expose` counts only as the text "true"; a load balancer says as much by its class. Tags are used as they stand: a space
    after a comma would reach the API.
    """
    told = {
        "tailscale.com/hostname": exposure.hostname,
        "tailscale.com/tags": ",".join(exposure.tags),
    }
    if exposure.service_type is not ServiceType.LOAD_BALANCER:
        told = {"tailscale.com/expose": "true", **told}
    if exposure.proxy_group is not None:
        told["tailscale.com/proxy-group"] = group_object(cluster, exposure.proxy_group)
    return told


def expose(
    parent: pulumi.Resource,
    exposure: Exposure,
    cluster: Cluster,
    *,
    depends_on: Sequence[pulumi.Resource],
    skip_await: bool,
) -> pulumi.Resource | None:
    """The one resource of an exposure: the Service itself, annotations on one that exists, or nothing for `gitops`. Those on
    one that exists are two resources where it is served by a proxy group."""
    section = section_of(SECTION, is_shared=exposure.is_shared)
    ready = Ready.SERVICE if exposure.proxy_group is None else Ready.SERVICE_OF_GROUP
    annotated = annotations_of(exposure, cluster) | waiting(ready, skip=skip_await)
    match exposure.managed_by:
        case ManagedBy.PULUMI:
            return Service(
                resource_name(exposure.cluster, section, exposure.name),
                metadata=metadata(
                    exposure.service,
                    exposure.namespace,
                    annotations=annotated,
                    labels=class_label(exposure.proxy_class),
                ),
                spec=_spec(exposure),
                opts=proxied(parent, exposure, section, depends_on=depends_on),
            )
        case ManagedBy.PATCH:
            if exposure.proxy_group is None:
                return _patch(parent, exposure, section, annotated | FIELD_MANAGER, depends_on)
            held = _hold(parent, exposure, section, annotated, depends_on)
            exposing = {key: value for key, value in annotated.items() if key not in _HELD}
            return _patch(parent, exposure, section, exposing, [*depends_on, held])
        case ManagedBy.GITOPS:
            return None
        case _:
            assert_never(exposure.managed_by)


def _patch(
    parent: pulumi.Resource,
    exposure: Exposure,
    section: str,
    annotations: Mapping[str, str],
    depends_on: Sequence[pulumi.Resource],
) -> ServicePatch:
    """No patchForce: a field that somebody else manages with another value is theirs, and an error here."""
    return ServicePatch(
        resource_name(exposure.cluster, section, exposure.name),
        metadata=ObjectMetaPatchArgs(
            name=exposure.service,
            namespace=exposure.namespace,
            annotations=dict(annotations),
            labels=class_label(exposure.proxy_class) or None,
        ),
        spec=_patched_spec(exposure),
        opts=proxied(parent, exposure, section, depends_on=depends_on),
    )


def _hold(
    parent: pulumi.Resource,
    exposure: Exposure,
    section: str,
    annotations: Mapping[str, str],
    depends_on: Sequence[pulumi.Resource],
) -> ServicePatch:
    """The name of the Tailscale Service and of the group, which stay when the exposure goes.

    The operator needs both to clean up: where they went together with `expose`, the Tailscale Service would be left, and on
    the Service a finalizer that nobody takes off (`Reconcile` and `maybeCleanup` in svc-for-pg.go, up to 1.102.3; 1.104.5
    knows the group without it, and not the name). Without `expose` they say nothing.
    """
    return ServicePatch(
        resource_name(exposure.cluster, section, _held(exposure.name)),
        metadata=ObjectMetaPatchArgs(
            name=exposure.service,
            namespace=exposure.namespace,
            annotations={
                **{key: annotations[key] for key in _HELD},
                **FIELD_MANAGER,
                SKIP_AWAIT: "true",
            },
        ),
        opts=node(
            parent,
            cluster=exposure.cluster,
            section=section,
            former_names=[_held(name) for name in exposure.former_names],
            depends_on=depends_on,
            replaced_by=(),
            retain_on_delete=True,
        ),
    )


def _held(name: str) -> str:
    return f"{name}.proxyGroup"


def _spec(exposure: Exposure) -> ServiceSpecArgs:
    is_balanced = exposure.service_type is ServiceType.LOAD_BALANCER
    return ServiceSpecArgs(
        type=exposure.service_type.value,
        selector=dict(exposure.selector) or None,
        ports=[_port(declared) for declared in exposure.ports],
        external_name=exposure.external_name,
        load_balancer_class=LOAD_BALANCER_CLASS if is_balanced else None,
        # Without it Kubernetes opens each port on every machine of the cluster as well, and nothing of ours uses that.
        allocate_load_balancer_node_ports=False if is_balanced else None,
    )


def _patched_spec(exposure: Exposure) -> ServiceSpecPatchArgs | None:
    """Of a Service that exists only a load balancer's spec is touched: a class goes with the type, or not at all."""
    if exposure.service_type is not ServiceType.LOAD_BALANCER:
        return None
    return ServiceSpecPatchArgs(
        type=exposure.service_type.value,
        load_balancer_class=LOAD_BALANCER_CLASS,
        allocate_load_balancer_node_ports=False,
    )


def _port(declared: ServicePort) -> ServicePortArgs:
    """A Service has single ports; a range where the stack creates the Service is refused when declarations are read."""
    return ServicePortArgs(
        name=declared.name,
        port=declared.port.first,
        protocol=declared.port.protocol.upper(),
        target_port=declared.target_port,
    )
