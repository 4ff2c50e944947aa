"""A resolved tailnet to build from, made by hand so that components are tested without the loader."""

from __future__ import annotations

from tailstack.finding import Place
from tailstack.topology.declaration import ApiServerProxyMode, ManagedBy
from tailstack.topology.tailnet import (
    Access,
    Address,
    Bind,
    Chart,
    Cluster,
    Destination,
    DestinationKind,
    Egress,
    Exposure,
    Ingress,
    KubernetesAccess,
    Operator,
    Port,
    ServicePort,
    Source,
    Tailnet,
)

HERE = Place("stacks/test/tailnet.yaml", 7, 3)
DOMAIN = "tail1a2b.ts.net"


def operator(cluster: str, mode: ApiServerProxyMode = ApiServerProxyMode.OFF) -> Operator:
    return Operator(
        hostname=f"{cluster}-operator",
        fqdn=f"{cluster}-operator.{DOMAIN}",
        namespace="tailscale",
        tags=(f"tag:k8s-op-{cluster}",),
        proxy_tags=(f"tag:k8s-{cluster}", "tag:more"),
        chart=Chart(version="1.102.3", repository="https://charts.example.com", path=None),
        api_server_proxy=mode,
        existing_secret=None,
        place=HERE,
    )


NGINX = Exposure(
    cluster="blue",
    name="nginx",
    namespace="default",
    service="nginx-service",
    ports=(ServicePort(port=Port("tcp", 80, 80), target_port=8080, name="http"),),
    managed_by=ManagedBy.PULUMI,
    selector=(("app", "proxy"),),
    hostname="blue-nginx",
    fqdn=f"blue-nginx.{DOMAIN}",
    tags=("tag:k8s-blue--nginx", "tag:shared"),
    consumers=None,
    former_names=(),
    place=HERE,
)
WEB = Ingress(
    cluster="blue",
    name="web",
    namespace="shop",
    backend_service="nginx-service",
    backend_port=80,
    funnel=False,
    hostname="blue-web",
    fqdn=f"blue-web.{DOMAIN}",
    tags=("tag:k8s-blue--web",),
    consumers=None,
    former_names=(),
    place=HERE,
)
REMOTE = Egress(
    cluster="green",
    name="nginx-remote",
    namespace="default",
    service="nginx-remote",
    target=NGINX,
    ports=(Port("tcp", 80, 80),),
    hostname="green-nginx-remote",
    tags=("tag:k8s-green--nginx-remote",),
    former_names=(),
    place=HERE,
)
ADDRESS = Address(ip="100.101.102.103")


def cluster(
    name: str,
    *,
    mode: ApiServerProxyMode = ApiServerProxyMode.OFF,
    exposures: tuple[Exposure, ...] = (),
    ingresses: tuple[Ingress, ...] = (),
    egresses: tuple[Egress, ...] = (),
) -> Cluster:
    return Cluster(
        name=name,
        labels=(),
        context=name,
        kubeconfig_secret=None,
        operator=operator(name, mode),
        exposures=exposures,
        ingresses=ingresses,
        egresses=egresses,
        place=HERE,
    )


BLUE = cluster("blue", mode=ApiServerProxyMode.AUTH, exposures=(NGINX,), ingresses=(WEB,))
GREEN = cluster("green", mode=ApiServerProxyMode.NOAUTH, egresses=(REMOTE,))


def api_server(name: str) -> Destination:
    return Destination(
        kind=DestinationKind.API_SERVER,
        reference=name,
        selectors=(f"tag:k8s-op-{name}",),
        ports=(Port("tcp", 443, 443),),
        cluster=name,
        place=HERE,
    )


def rights(name: str, *clusters: str, groups: tuple[str, ...] = ("readers",), bind: Bind | None = None) -> Access:
    """An access entry that lets somebody impersonate `groups` on these clusters' API servers."""
    return Access(
        name=name,
        sources=(Source(reference="group:dev", selectors=("group:dev",), place=HERE),),
        destinations=tuple(api_server(each) for each in clusters),
        src_posture=(),
        kubernetes=KubernetesAccess(groups=groups, bind=bind, place=HERE),
        place=HERE,
    )


def tailnet(*clusters: Cluster, access: tuple[Access, ...] = ()) -> Tailnet:
    return Tailnet(
        environment="test",
        dns_name=DOMAIN,
        magic_dns=True,
        https_certificates=True,
        base_policy=None,
        derive_tests=True,
        clusters=clusters,
        access=access,
        place=HERE,
    )


VIEW = Bind(role_kind="ClusterRole", role="view", namespaces=())
