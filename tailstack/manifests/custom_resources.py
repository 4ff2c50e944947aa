"""The operator's custom resources, with the defaults that their definitions and the operator give them.

Read in `k8s-operator/apis/v1alpha1`, `k8s-operator/reconciler` and `cmd/k8s-operator` of tailscale.com v1.102.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.finding import Place
from tailstack.manifests.objects import KubernetesObject, Objects
from tailstack.topology.custom import (
    Connector,
    CustomResources,
    DnsConfig,
    OtherTailnet,
    PeerRelay,
    ProxyClass,
    ProxyGroup,
    ProxyGroupKind,
    ProxyGroupPolicy,
    Recorder,
)
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.naming import numbered
from tailstack.topology.tailnet import Operator

MOST_REPLICAS = 1000
"""More are not counted: each is a node with a name, and a slip of the keys should not take all memory."""

RECORDER_TAGS = ("tag:k8s",)
"""Of a Recorder without tags of its own, whatever the chart's default for proxies is (`tsrecorder.go`)."""

_KINDS = {str(kind): kind for kind in ProxyGroupKind}


def custom_resources(objects: Objects, cluster: str, operator: Operator) -> CustomResources:
    """All custom resources of a cluster. What is missing or has a wrong type is read as its default."""
    return CustomResources(
        proxy_groups=tuple(_proxy_groups(objects, cluster, operator)),
        connectors=tuple(_connector(made, operator) for made in objects.of_kind("Connector", cluster)),
        recorders=tuple(_recorder(made) for made in objects.of_kind("Recorder", cluster)),
        peer_relays=tuple(_peer_relay(made, operator) for made in objects.of_kind("PeerRelay", cluster)),
        proxy_classes=tuple(_proxy_class(made) for made in objects.of_kind("ProxyClass", cluster)),
        proxy_group_policies=tuple(
            # As soon as a namespace has a policy, what none of them lists is refused (`proxygrouppolicy.go`).
            ProxyGroupPolicy(
                cluster=cluster,
                namespace=made.namespace,
                name=made.name,
                ingress=made.texts("spec", "ingress"),
                egress=made.texts("spec", "egress"),
                place=_place(made),
            )
            for made in objects.of_kind("ProxyGroupPolicy", cluster)
        ),
        dns_configs=tuple(
            DnsConfig(cluster=cluster, name=made.name, place=_place(made))
            for made in objects.of_kind("DNSConfig", cluster)
        ),
        tailnets=tuple(
            OtherTailnet(
                cluster=cluster,
                name=made.name,
                secret=made.text("spec", "credentials", "secretName") or "",
                place=_place(made),
            )
            for made in objects.of_kind("Tailnet", cluster)
        ),
    )


def _place(made: KubernetesObject) -> Place:
    return made.place("metadata", "name")


def _replicas(made: KubernetesObject, default: int) -> int:
    number = made.number("spec", "replicas")
    return default if number is None else max(0, min(number, MOST_REPLICAS))


def _proxy_groups(objects: Objects, cluster: str, operator: Operator) -> Iterator[ProxyGroup]:
    """Groups of a type that there is; the API server refuses any other."""
    for made in objects.of_kind("ProxyGroup", cluster):
        kind = _KINDS.get(made.text("spec", "type") or "")
        if kind is None:
            continue
        is_api_server = kind is ProxyGroupKind.KUBE_API_SERVER
        is_noauth = made.text("spec", "kubeAPIServer", "mode") == "noauth"
        shares = made.annotation("share-acme-account")
        yield ProxyGroup(
            cluster=cluster,
            name=made.name,
            kind=kind,
            replicas=_replicas(made, 2),
            hostname_prefix=made.text("spec", "hostnamePrefix") or made.name,
            tags=made.texts("spec", "tags") or operator.proxy_tags,
            proxy_class=made.text("spec", "proxyClass") or operator.default_proxy_class,
            api_server_mode=(
                (ApiServerProxyMode.NOAUTH if is_noauth else ApiServerProxyMode.AUTH) if is_api_server else None
            ),
            hostname=(made.text("spec", "kubeAPIServer", "hostname") or made.name) if is_api_server else None,
            tailnet=made.text("spec", "tailnet") or None,
            shares_account=None if shares is None else shares == "true",
            place=_place(made),
        )


def _connector(made: KubernetesObject, operator: Operator) -> Connector:
    """Several replicas without a prefix all ask for one and the same name."""
    replicas = _replicas(made, 1)
    prefix = made.text("spec", "hostnamePrefix")
    hostname = made.text("spec", "hostname") or f"{made.name}-connector"
    return Connector(
        cluster=made.cluster,
        name=made.name,
        hostnames=numbered(prefix, replicas) if prefix else (hostname,) * replicas,
        replicas=replicas,
        tags=made.texts("spec", "tags") or operator.proxy_tags,
        routes=made.texts("spec", "subnetRouter", "advertiseRoutes"),
        exit_node=made.truth("spec", "exitNode") is True,
        app_connector=made.value("spec", "appConnector") is not None,
        app_routes=made.texts("spec", "appConnector", "routes"),
        proxy_class=made.text("spec", "proxyClass") or None,
        tailnet=made.text("spec", "tailnet") or None,
        place=_place(made),
    )


def _recorder(made: KubernetesObject) -> Recorder:
    replicas = _replicas(made, 1)
    return Recorder(
        cluster=made.cluster,
        name=made.name,
        hostnames=numbered(made.name, replicas),
        replicas=replicas,
        tags=made.texts("spec", "tags") or RECORDER_TAGS,
        has_ui=made.truth("spec", "enableUI") is True,
        has_s3=made.value("spec", "storage", "s3") is not None,
        has_default_tags=not made.texts("spec", "tags"),
        tailnet=made.text("spec", "tailnet") or None,
        place=_place(made),
    )


def _peer_relay(made: KubernetesObject, operator: Operator) -> PeerRelay:
    replicas = _replicas(made, 1)
    return PeerRelay(
        cluster=made.cluster,
        name=made.name,
        hostnames=numbered(made.text("spec", "hostnamePrefix") or made.name, replicas),
        replicas=replicas,
        tags=made.texts("spec", "tags") or operator.proxy_tags,
        elastic_ips=made.length("spec", "aws", "elasticIPs") if made.value("spec", "aws") is not None else None,
        proxy_class=made.text("spec", "proxyClass") or None,
        tailnet=made.text("spec", "tailnet") or None,
        place=_place(made),
    )


def _proxy_class(made: KubernetesObject) -> ProxyClass:
    container = ("spec", "statefulSet", "pod", "tailscaleContainer")
    names = (made.text(*container, "env", index, "name") for index in range(made.length(*container, "env")))
    return ProxyClass(
        cluster=made.cluster,
        name=made.name,
        accept_routes=made.truth("spec", "tailscale", "acceptRoutes") is True,
        uses_staging=made.truth("spec", "useLetsEncryptStagingEnvironment") is True,
        has_metrics=made.truth("spec", "metrics", "enable") is True,
        has_service_monitor=made.truth("spec", "metrics", "serviceMonitor", "enable") is True,
        node_ports=tuple(_node_ports(made)),
        env=tuple(name for name in names if name),
        image=made.text(*container, "image") or None,
        place=_place(made),
    )


def _node_ports(made: KubernetesObject) -> Iterator[tuple[int, int]]:
    ports = ("spec", "staticEndpoints", "nodePort", "ports")
    for index in range(made.length(*ports)):
        first = made.number(*ports, index, "port")
        if first is not None:
            yield first, made.number(*ports, index, "endPort") or first
