"""The operator's custom resources in one cluster, as far as other things depend on them.

Shapes and defaults are those of the CRDs `tailscale.com/v1alpha1` of chart 1.102.3; names of nodes are what the operator
makes of them (https://github.com/tailscale/tailscale/tree/main/k8s-operator/apis/v1alpha1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tailstack.finding import Place
from tailstack.topology.declaration import ApiServerProxyMode


class ProxyGroupKind(StrEnum):
    """What a ProxyGroup is for; it cannot be changed."""

    EGRESS = "egress"
    INGRESS = "ingress"
    KUBE_API_SERVER = "kube-apiserver"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyGroup:
    """Proxies that share their work. Their nodes are `<hostname_prefix>-0`, `-1` and so on, and all wear `tags`.

    `api_server_mode` and `hostname`, the name of the Tailscale Service, are those of a kube-apiserver group only.
    `allowed_namespaces` are those whose pods a NetworkPolicy lets through to the proxies; None where there is none.
    `shares_account` tells whether an ingress group has the tailnet's ACME account; None leaves it to the chart's values.
    """

    cluster: str
    name: str
    kind: ProxyGroupKind
    replicas: int
    hostname_prefix: str
    tags: tuple[str, ...]
    proxy_class: str | None = None
    api_server_mode: ApiServerProxyMode | None = None
    hostname: str | None = None
    tailnet: str | None = None
    allowed_namespaces: tuple[str, ...] | None = None
    shares_account: bool | None = None
    former_names: tuple[str, ...] = ()
    place: Place

    @property
    def reference(self) -> str:
        return f"{self.cluster}.{self.name}"

    @property
    def hostnames(self) -> tuple[str, ...]:
        return tuple(f"{self.hostname_prefix}-{number}" for number in range(self.replicas))

    @property
    def service(self) -> str | None:
        """The Tailscale Service that a kube-apiserver group is reached by."""
        return f"svc:{self.hostname}" if self.hostname else None


@dataclass(frozen=True, kw_only=True, slots=True)
class AppConnector:
    """Domains of which the traffic leaves through a node, for every node of the tailnet.

    Tailscale lets nobody choose who uses it: https://github.com/tailscale/tailscale/issues/12538 and 13742.
    """

    domains: tuple[str, ...]
    routes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteRange:
    """A range of IPv4 addresses that is advertised as `route`, the IPv6 range of its site (4via6)."""

    cidr: str
    site: int
    route: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Connector:
    """A subnet router, an exit node or an app connector. `hostnames` are the names that its nodes ask for.

    `routes` are what it advertises: those of `sites` among them, by the range of their site. `domains` is known where
    the connector is declared in YAML. `hostname_prefix` is set where the nodes are called `<prefix>-0` and so on.
    """

    cluster: str
    name: str
    hostnames: tuple[str, ...]
    replicas: int
    tags: tuple[str, ...]
    routes: tuple[str, ...] = ()
    exit_node: bool = False
    app_connector: bool = False
    app_routes: tuple[str, ...] = ()
    proxy_class: str | None = None
    tailnet: str | None = None
    sites: tuple[SiteRange, ...] = ()
    domains: AppConnector | None = None
    hostname_prefix: str | None = None
    former_names: tuple[str, ...] = ()
    place: Place

    @property
    def reference(self) -> str:
        return f"{self.cluster}.{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Storage:
    """A bucket for recordings; `credentials_secret` names a Secret in the operator's namespace."""

    endpoint: str
    bucket: str
    credentials_secret: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorder:
    """Records sessions. Without tags of its own it wears tag:k8s, whatever the chart says of proxies.

    `has_default_tags` tells that it names none.
    """

    cluster: str
    name: str
    hostnames: tuple[str, ...]
    replicas: int
    tags: tuple[str, ...]
    has_ui: bool
    has_s3: bool
    has_default_tags: bool = False
    tailnet: str | None = None
    s3: S3Storage | None = None
    stateful_set: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    former_names: tuple[str, ...] = ()
    place: Place

    @property
    def reference(self) -> str:
        return f"{self.cluster}.{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerRelay:
    """Relays traffic of other nodes. `elastic_ips` is how many there are for it, None where AWS is not named; `addresses`
    are their allocations, each with its subnet. `static_endpoints` are addresses with ports, as they are written."""

    cluster: str
    name: str
    hostnames: tuple[str, ...]
    replicas: int
    tags: tuple[str, ...]
    elastic_ips: int | None = None
    proxy_class: str | None = None
    tailnet: str | None = None
    hostname_prefix: str | None = None
    addresses: tuple[tuple[str, str], ...] = ()
    service_annotations: tuple[tuple[str, str], ...] = ()
    service_port: int | None = None
    static_endpoints: tuple[str, ...] = ()
    former_names: tuple[str, ...] = ()
    place: Place

    @property
    def reference(self) -> str:
        return f"{self.cluster}.{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyClass:
    """How proxies are run. `node_ports` are ranges, both ends included; `env` the names of variables set for tailscaled.

    `is_derived` tells that nobody declared it: egresses to Tailscale Services and to routes need one that accepts routes.
    """

    cluster: str
    name: str
    accept_routes: bool = False
    uses_staging: bool = False
    has_metrics: bool = False
    has_service_monitor: bool = False
    node_ports: tuple[tuple[int, int], ...] = ()
    env: tuple[str, ...] = ()
    image: str | None = None
    node_port_selector: tuple[tuple[str, str], ...] = ()
    service_monitor_labels: tuple[tuple[str, str], ...] = ()
    stateful_set: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    is_derived: bool = False
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyGroupPolicy:
    """Which ProxyGroups a namespace may use: of a kind with an empty list, no group (`proxygrouppolicy.go`)."""

    cluster: str
    namespace: str
    name: str
    ingress: tuple[str, ...]
    egress: tuple[str, ...]
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class DnsConfig:
    """A nameserver for the tailnet's names in the cluster, of which there can be one."""

    cluster: str
    name: str
    nameserver: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherTailnet:
    """A custom resource `Tailnet`: one more tailnet that custom resources of a cluster can belong to."""

    cluster: str
    name: str
    secret: str
    login_url: str | None = None
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomResources:
    """All custom resources of a cluster, in the order of the files."""

    proxy_groups: tuple[ProxyGroup, ...] = ()
    connectors: tuple[Connector, ...] = ()
    recorders: tuple[Recorder, ...] = ()
    peer_relays: tuple[PeerRelay, ...] = ()
    proxy_classes: tuple[ProxyClass, ...] = ()
    proxy_group_policies: tuple[ProxyGroupPolicy, ...] = ()
    dns_configs: tuple[DnsConfig, ...] = ()
    tailnets: tuple[OtherTailnet, ...] = ()


NO_CUSTOM_RESOURCES = CustomResources()


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleBinding:
    """A RoleBinding or ClusterRoleBinding: the names of the groups and users that it binds. `namespace` is None for all."""

    cluster: str
    name: str
    namespace: str | None
    groups: tuple[str, ...]
    users: tuple[str, ...]
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployed:
    """What else is known of a cluster where all its manifests are: what is not here is not there."""

    role_bindings: tuple[RoleBinding, ...] = ()
    secrets_to_come: tuple[tuple[str, str], ...] = ()
    """Namespace and name of Secrets that a controller makes of something else, so that their keys are not known."""
    kinds: frozenset[str] = field(default_factory=frozenset[str])
    """The kinds of the CustomResourceDefinitions among the manifests."""
