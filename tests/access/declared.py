"""Resolved tailnets made by hand, with each thing that the operator and a tailnet can have; no file is read."""

from __future__ import annotations

from itertools import count
from typing import Any

from tailstack.finding import Place
from tailstack.topology.custom import (
    AppConnector,
    Connector,
    CustomResources,
    PeerRelay,
    ProxyGroup,
    ProxyGroupKind,
    Recorder,
)
from tailstack.topology.declaration import ApiServerProxyMode, ManagedBy, SshAction
from tailstack.topology.tailnet import (
    ALL_PORTS,
    HTTPS,
    Access,
    BasePolicy,
    Chart,
    Cluster,
    Destination,
    DestinationKind,
    Egress,
    Exposure,
    Group,
    Ingress,
    KubernetesAccess,
    Machine,
    Operator,
    Port,
    Posture,
    Recording,
    ServicePort,
    Source,
    SshAccess,
    Tailnet,
    TailscaleService,
    Target,
)

DOMAIN = "tail1a2b.ts.net"
POSTGRES = Port("tcp", 5432, 5432)
OFF, AUTH, NOAUTH = ApiServerProxyMode.OFF, ApiServerProxyMode.AUTH, ApiServerProxyMode.NOAUTH

_LINES = count(1)


def place() -> Place:
    """A place that nothing else has."""
    return Place("stacks/test/main.yaml", next(_LINES), 1)


def operator(cluster: str, mode: ApiServerProxyMode = OFF) -> Operator:
    return Operator(
        hostname=f"{cluster}-operator",
        fqdn=f"{cluster}-operator.{DOMAIN}",
        namespace="tailscale",
        tags=(f"tag:k8s-op-{cluster}",),
        proxy_tags=(f"tag:k8s-{cluster}",),
        chart=Chart(version="1.102.3", repository="https://charts.example.com", path=None),
        api_server_proxy=mode,
        existing_secret=None,
        allows_impersonation=True,
        place=place(),
    )


def cluster(name: str, mode: ApiServerProxyMode = OFF, **parts: Any) -> Cluster:  # noqa: ANN401 -- fields of a Cluster
    """Custom resources are given beside the other fields of a cluster, by their own names."""
    custom = {key: parts.pop(key) for key in list(parts) if key in CustomResources.__dataclass_fields__}
    fields: dict[str, Any] = {"exposures": (), "ingresses": (), "egresses": (), "labels": (), **parts}
    return Cluster(
        name=name,
        context=name,
        kubeconfig_secret=None,
        operator=operator(name, mode),
        custom=CustomResources(**custom),
        place=place(),
        **fields,
    )


def exposure(reference: str, port: Port = POSTGRES, **parts: Any) -> Exposure:  # noqa: ANN401
    of, _, name = reference.partition(".")
    hostname = parts.pop("hostname", f"{of}-{name}")
    fields: dict[str, Any] = {"tags": (f"tag:k8s-{of}--{name}",), "consumers": None, "former_names": (), **parts}
    return Exposure(
        cluster=of,
        name=name,
        namespace="apps",
        service=name,
        ports=(ServicePort(port=port, target_port=port.first, name=f"p{port.first}"),),
        managed_by=ManagedBy.PATCH,
        selector=(),
        hostname=hostname,
        fqdn=f"{hostname}.{DOMAIN}",
        place=place(),
        **fields,
    )


def ingress(reference: str, **parts: Any) -> Ingress:  # noqa: ANN401
    of, _, name = reference.partition(".")
    hostname = parts.pop("hostname", f"{of}-{name}")
    fields: dict[str, Any] = {
        "tags": (f"tag:k8s-{of}--{name}",),
        "consumers": None,
        "former_names": (),
        "funnel": False,
        **parts,
    }
    return Ingress(
        cluster=of,
        name=name,
        namespace="apps",
        backend_service=name,
        backend_port=80,
        hostname=hostname,
        fqdn=f"{hostname}.{DOMAIN}",
        place=place(),
        **fields,
    )


def egress(reference: str, target: Target, *ports: Port, **parts: Any) -> Egress:  # noqa: ANN401
    of, _, name = reference.partition(".")
    fields: dict[str, Any] = {"tags": (f"tag:k8s-{of}--{name}",), **parts}
    return Egress(
        cluster=of,
        name=name,
        namespace="apps",
        service=name,
        target=target,
        ports=ports or (POSTGRES,),
        hostname=f"{of}-{name}",
        former_names=(),
        place=place(),
        **fields,
    )


def service(*backends: Exposure | Ingress, name: str = "svc:payments", **parts: Any) -> TailscaleService:  # noqa: ANN401
    fields: dict[str, Any] = {"tags": (f"tag:svc-{name[4:]}",), "machines": (), "consumers": None, **parts}
    return TailscaleService(
        name=name,
        fqdn=f"{name[4:]}.{DOMAIN}",
        ports=fields.pop("ports", (POSTGRES,)),
        backends=backends,
        place=place(),
        **fields,
    )


def machine(name: str, *tags: str, **parts: Any) -> Machine:  # noqa: ANN401
    return Machine(
        name=name,
        hostname=name,
        fqdn=f"{name}.{DOMAIN}",
        tags=tags or (f"tag:{name}",),
        place=place(),
        **parts,
    )


def group(reference: str, kind: ProxyGroupKind = ProxyGroupKind.INGRESS, **parts: Any) -> ProxyGroup:  # noqa: ANN401
    of, _, name = reference.partition(".")
    fields: dict[str, Any] = {"replicas": 2, "tags": (f"tag:k8s-{of}--{name}",), **parts}
    if kind is ProxyGroupKind.KUBE_API_SERVER:
        fields = {"api_server_mode": AUTH, "hostname": f"{of}-{name}", **fields}
    return ProxyGroup(cluster=of, name=name, kind=kind, hostname_prefix=f"{of}-{name}", place=place(), **fields)


def connector(reference: str, *routes: str, **parts: Any) -> Connector:  # noqa: ANN401
    of, _, name = reference.partition(".")
    fields: dict[str, Any] = {"tags": (f"tag:k8s-{of}--{name}",), "hostnames": (f"{of}-{name}",), **parts}
    app: AppConnector | None = fields.get("domains")
    return Connector(
        cluster=of,
        name=name,
        replicas=1,
        routes=routes,
        app_connector=app is not None,
        app_routes=app.routes if app is not None else (),
        place=place(),
        **fields,
    )


def recorder(reference: str, **parts: Any) -> Recorder:  # noqa: ANN401
    of, _, name = reference.partition(".")
    fields: dict[str, Any] = {"tags": (f"tag:k8s-{of}--{name}",), **parts}
    return Recorder(
        cluster=of,
        name=name,
        hostnames=(f"{of}-{name}-0",),
        replicas=1,
        has_ui=True,
        has_s3=False,
        place=place(),
        **fields,
    )


def relay(reference: str, **parts: Any) -> PeerRelay:  # noqa: ANN401
    of, _, name = reference.partition(".")
    fields: dict[str, Any] = {"tags": (f"tag:k8s-{of}--{name}",), **parts}
    return PeerRelay(cluster=of, name=name, hostnames=(f"{of}-{name}-0",), replicas=1, place=place(), **fields)


def app(*domains: str, routes: tuple[str, ...] = ()) -> AppConnector:
    return AppConnector(domains=domains, routes=routes)


def source(*selectors: str) -> Source:
    return Source(reference=selectors[0], selectors=selectors, place=place())


def destination(kind: DestinationKind, reference: str, *selectors: str, **parts: Any) -> Destination:  # noqa: ANN401
    fields: dict[str, Any] = {"ports": (ALL_PORTS,), **parts}
    return Destination(kind=kind, reference=reference, selectors=selectors, place=place(), **fields)


def to_api_server(name: str, through: ProxyGroup | None = None) -> Destination:
    """Of a cluster's own operator, or of a group."""
    tags = through.tags if through is not None else (f"tag:k8s-op-{name}",)
    return destination(
        DestinationKind.API_SERVER,
        name,
        *tags,
        ports=(HTTPS,),
        cluster=name,
        service=through.service if through is not None else None,
    )


def access(name: str, who: str, *to: Destination, **parts: Any) -> Access:  # noqa: ANN401
    fields: dict[str, Any] = {"src_posture": (), "kubernetes": None, **parts}
    return Access(name=name, sources=(source(who),), destinations=to, place=place(), **fields)


def rights(*groups: str, recording: Recording | None = None) -> KubernetesAccess:
    return KubernetesAccess(groups=groups, bind=None, recording=recording, place=place())


def recording(into: Recorder, *, enforce: bool = True, events: bool = False) -> Recording:
    return Recording(recorder=into, enforce=enforce, events=events, place=place())


def ssh(name: str, who: tuple[str, ...], to: tuple[Destination, ...], **parts: Any) -> SshAccess:  # noqa: ANN401
    fields: dict[str, Any] = {
        "users": ("deploy",),
        "action": SshAction.ACCEPT,
        "check_period": "",
        "accept_env": (),
        "src_posture": (),
        "recording": None,
        **parts,
    }
    return SshAccess(name=name, sources=tuple(map(source, who)), destinations=to, place=place(), **fields)


def people(name: str, *members: str) -> Group:
    return Group(name=name, members=members, place=place())


def tailnet(*clusters: Cluster, base: str | None = None, **parts: Any) -> Tailnet:  # noqa: ANN401
    fields: dict[str, Any] = {
        "groups": (people("group:dev", "ana@example.com"), people("group:ops", "li@example.com")),
        "postures": (Posture(name="posture:mac", assertions=("node:os == 'macos'",), place=place()),),
        "derive_tests": True,
        **parts,
    }
    return Tailnet(
        environment="test",
        dns_name=DOMAIN,
        magic_dns=True,
        https_certificates=True,
        base_policy=BasePolicy(file="stacks/test/base.hujson", text=base) if base is not None else None,
        clusters=clusters,
        place=place(),
        **fields,
    )
