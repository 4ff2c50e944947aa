"""An ingress: HTTPS of the tailnet in front of Services, at a node or a Tailscale Service; with Funnel on the internet too."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.networking import v1 as networking

from components.chart_values import INGRESS_CLASS
from components.custom_resource_specs import group_object
from components.kubernetes_objects import Ready, class_label, metadata, waiting
from components.options import proxied, resource_name, section_of
from tailstack.topology.declaration import IngressHttp
from tailstack.topology.tailnet import Cluster, Ingress

SECTION = "ingress"


def annotations_of(ingress: Ingress, cluster: Cluster) -> dict[str, str]:
    """What the operator reads on an Ingress, by ingress.go and ingress-for-pg.go in `cmd/k8s-operator` of tailscale.com
    v1.100.0 to v1.104.5. Its name in the tailnet is the first host of `tls`, not an annotation."""
    told = {"tailscale.com/tags": ",".join(ingress.tags)}
    if ingress.proxy_group is not None:
        told["tailscale.com/proxy-group"] = group_object(cluster, ingress.proxy_group)
    if ingress.http is IngressHttp.REDIRECT:
        told["tailscale.com/http-redirect"] = "true"
    if ingress.http is IngressHttp.SERVE:
        told["tailscale.com/http-endpoint"] = "enabled"
    if ingress.funnel:
        told["tailscale.com/funnel"] = "true"
    if ingress.forward_cluster_traffic:
        told["tailscale.com/experimental-forward-cluster-traffic-via-ingress"] = "true"
    return told


def open_ingress(
    parent: pulumi.Resource,
    ingress: Ingress,
    cluster: Cluster,
    *,
    depends_on: Sequence[pulumi.Resource],
    skip_await: bool,
) -> networking.Ingress:
    """The one resource of an ingress. Its object keeps its first name through renames, or it would be another node."""
    section = section_of(SECTION, is_shared=ingress.is_shared)
    object_name = [*ingress.former_names, ingress.name][0]
    return networking.Ingress(
        resource_name(ingress.cluster, section, ingress.name),
        metadata=metadata(
            object_name,
            ingress.namespace,
            annotations=annotations_of(ingress, cluster) | waiting(Ready.INGRESS, skip=skip_await),
            labels=class_label(ingress.proxy_class),
        ),
        spec=networking.IngressSpecArgs(
            ingress_class_name=cluster.operator.ingress_class or INGRESS_CLASS,
            default_backend=_backend(ingress.backend_service, ingress.backend_port)
            if ingress.backend_service
            else None,
            # A rule without a host is for every host: the operator compares one with `tls` in another way for each form.
            rules=[networking.IngressRuleArgs(http=networking.HTTPIngressRuleValueArgs(paths=_paths(ingress)))]
            if ingress.paths
            else None,
            tls=[networking.IngressTLSArgs(hosts=[ingress.hostname])],
        ),
        opts=proxied(parent, ingress, section, depends_on=depends_on),
    )


def _paths(ingress: Ingress) -> list[networking.HTTPIngressPathArgs]:
    return [
        networking.HTTPIngressPathArgs(path=path.path, path_type="Prefix", backend=_backend(path.service, path.port))
        for path in ingress.paths
    ]


def _backend(service: str, port: int) -> networking.IngressBackendArgs:
    return networking.IngressBackendArgs(
        service=networking.IngressServiceBackendArgs(name=service, port=networking.ServiceBackendPortArgs(number=port))
    )
