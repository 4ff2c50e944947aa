"""Custom resources to build from: one of each kind with all that can be said of it, and one with as little as possible."""

from __future__ import annotations

import dataclasses

from tailstack.topology.custom import (
    AppConnector,
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
    S3Storage,
)
from tailstack.topology.declaration import ApiServerProxyMode
from tests.components.tailnets import BLUE, HERE

IN = ProxyGroup(
    cluster="blue",
    name="in",
    kind=ProxyGroupKind.INGRESS,
    replicas=2,
    hostname_prefix="blue-in",
    tags=("tag:k8s-blue--in",),
    place=HERE,
)
OUT = dataclasses.replace(
    IN,
    name="out",
    kind=ProxyGroupKind.EGRESS,
    replicas=3,
    hostname_prefix="blue-out",
    tags=("tag:k8s-blue--out", "tag:out"),
    proxy_class="routed",
    tailnet="other",
    allowed_namespaces=("shop", "pay"),
)
API = dataclasses.replace(
    IN,
    name="api",
    kind=ProxyGroupKind.KUBE_API_SERVER,
    hostname_prefix="blue-api-node",
    api_server_mode=ApiServerProxyMode.NOAUTH,
    hostname="blue-api",
)
EXIT = Connector(
    cluster="blue",
    name="exit",
    hostnames=("blue-exit",),
    replicas=1,
    tags=("tag:k8s-blue--exit",),
    exit_node=True,
    place=HERE,
)
OFFICE = dataclasses.replace(
    EXIT,
    name="office",
    hostnames=("blue-office-0", "blue-office-1"),
    hostname_prefix="blue-office",
    replicas=2,
    routes=("10.20.0.0/16", "fd7a:115c:a1e0:b1a:0:1:a2a:0/112"),
    proxy_class="routed",
    tailnet="other",
)
SAAS = dataclasses.replace(
    EXIT,
    name="saas",
    hostnames=("blue-saas",),
    exit_node=False,
    app_connector=True,
    app_routes=("203.0.113.0/24",),
    domains=AppConnector(domains=("example.com",), routes=("203.0.113.0/24",)),
)
SAAS_WITHOUT_ROUTES = dataclasses.replace(SAAS, name="saas-dns", hostnames=("blue-saas-dns",), app_routes=())
AUDIT = Recorder(
    cluster="blue",
    name="audit",
    hostnames=("audit-0",),
    replicas=1,
    tags=("tag:k8s-blue--audit",),
    has_ui=True,
    has_s3=False,
    place=HERE,
)
STORED = dataclasses.replace(
    AUDIT,
    name="stored",
    hostnames=("stored-0", "stored-1"),
    replicas=2,
    has_ui=False,
    has_s3=True,
    tailnet="other",
    s3=S3Storage(endpoint="s3.eu-west-1.amazonaws.com", bucket="recordings", credentials_secret="s3"),
    stateful_set={"pod": {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r"}}}},
)
RELAY = PeerRelay(
    cluster="blue",
    name="relay",
    hostnames=("blue-relay-0",),
    replicas=1,
    tags=("tag:k8s-blue--relay",),
    hostname_prefix="blue-relay",
    place=HERE,
)
PUBLIC_RELAY = dataclasses.replace(
    RELAY,
    name="public-relay",
    hostname_prefix="blue-public-relay",
    elastic_ips=1,
    addresses=(("eipalloc-0a1b", "subnet-0a1b"),),
    service_annotations=(("example.com/scheme", "internet-facing"),),
    proxy_class="routed",
    tailnet="other",
)
REACHABLE_RELAY = dataclasses.replace(
    RELAY,
    name="reachable-relay",
    hostname_prefix="blue-reachable-relay",
    service_port=41700,
    static_endpoints=("203.0.113.1:41700", "[2001:db8::1]:41700"),
)
"""Since chart 1.104."""
ROUTED = ProxyClass(cluster="blue", name="routed", accept_routes=True, place=HERE)
STANDARD = ProxyClass(
    cluster="blue",
    name="standard",
    uses_staging=True,
    has_metrics=True,
    has_service_monitor=True,
    node_ports=((30000, 30000), (30100, 30200)),
    node_port_selector=(("edge", "true"),),
    service_monitor_labels=(("team", "platform"),),
    stateful_set={"labels": {"team": "platform"}, "pod": {"tailscaleContainer": {"image": "mirror.example.com/ts:v1"}}},
    place=HERE,
)
METRICS = ProxyClass(cluster="blue", name="metrics", has_metrics=True, node_ports=((30300, 30310),), place=HERE)
SHOP = ProxyGroupPolicy(
    cluster="blue", namespace="shop", name="shop", ingress=("in",), egress=("out", "elsewhere"), place=HERE
)
NOTHING = ProxyGroupPolicy(cluster="blue", namespace="pay", name="nothing", ingress=(), egress=(), place=HERE)
NAMESERVER = DnsConfig(
    cluster="blue", name="nameserver", nameserver={"image": {"repo": "mirror.example.com/ns", "tag": "v1"}}, place=HERE
)
OTHER = OtherTailnet(
    cluster="blue", name="other", secret="other-tailnet", login_url="https://headscale.example.com", place=HERE
)
PLAIN_TAILNET = OtherTailnet(cluster="blue", name="plain", secret="plain-tailnet", place=HERE)

ALL = CustomResources(
    proxy_groups=(IN, OUT, API),
    connectors=(EXIT, OFFICE, SAAS, SAAS_WITHOUT_ROUTES),
    recorders=(AUDIT, STORED),
    peer_relays=(RELAY, PUBLIC_RELAY, REACHABLE_RELAY),
    proxy_classes=(ROUTED, STANDARD, METRICS),
    proxy_group_policies=(SHOP, NOTHING),
    dns_configs=(NAMESERVER,),
    tailnets=(OTHER, PLAIN_TAILNET),
)
WITH_ALL = dataclasses.replace(BLUE, custom=ALL, exposures=(), ingresses=())
