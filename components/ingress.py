"""An ingress: an HTTPS node of the tailnet in front of a Service, on the internet too with Funnel."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.networking.v1 import (
    Ingress as KubernetesIngress,
)
from pulumi_kubernetes.networking.v1 import (
    IngressBackendArgs,
    IngressServiceBackendArgs,
    IngressSpecArgs,
    IngressTLSArgs,
    ServiceBackendPortArgs,
)

from components.kubernetes_objects import Ready, metadata, waiting
from components.options import node, resource_name
from tailstack.topology.tailnet import Ingress

SECTION = "ingress"
INGRESS_CLASS = "tailscale"
"""The class that the chart makes unless told otherwise (`ingressClass.name` in its values)."""


def annotations_of(ingress: Ingress) -> dict[str, str]:
    """What the operator reads on an Ingress; its node's name is the first host of `tls`, not an annotation."""
    tags = {"tailscale.com/tags": ",".join(ingress.tags)}
    return tags | {"tailscale.com/funnel": "true"} if ingress.funnel else tags


def open_ingress(
    parent: pulumi.Resource, ingress: Ingress, *, depends_on: Sequence[pulumi.Resource], skip_await: bool
) -> KubernetesIngress:
    """The one resource of an ingress. Its object keeps its first name through renames, or it would be another node."""
    object_name = [*ingress.former_names, ingress.name][0]
    return KubernetesIngress(
        resource_name(ingress.cluster, SECTION, ingress.name),
        metadata=metadata(
            object_name,
            ingress.namespace,
            annotations=annotations_of(ingress) | waiting(Ready.INGRESS, skip=skip_await),
        ),
        spec=IngressSpecArgs(
            ingress_class_name=INGRESS_CLASS,
            default_backend=IngressBackendArgs(
                service=IngressServiceBackendArgs(
                    name=ingress.backend_service, port=ServiceBackendPortArgs(number=ingress.backend_port)
                )
            ),
            tls=[IngressTLSArgs(hosts=[ingress.hostname])],
        ),
        opts=node(
            parent,
            cluster=ingress.cluster,
            section=SECTION,
            former_names=ingress.former_names,
            depends_on=depends_on,
        ),
    )
