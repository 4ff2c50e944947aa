"""The operator's custom resources in one cluster, as far as other things depend on them.

Shapes and defaults are those of the CRDs `tailscale.com/v1alpha1` of chart 1.102.3; names of nodes are what the operator
makes of them (https://github.com/tailscale/tailscale/tree/main/k8s-operator/apis/v1alpha1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

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
class Connector:
    """A subnet router, an exit node or an app connector. `hostnames` are the names that its nodes ask for."""

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
    place: Place

    @property
    def reference(self) -> str:
        return f"{self.cluster}.{self.name}"


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
    place: Place

    @property
    def reference(self) -> str:
        return f"{self.cluster}.{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerRelay:
    """Relays traffic of other nodes. `elastic_ips` is how many there are for it, None where AWS is not named."""

    cluster: str
    name: str
    hostnames: tuple[str, ...]
    replicas: int
    tags: tuple[str, ...]
    elastic_ips: int | None = None
    proxy_class: str | None = None
    tailnet: str | None = None
    place: Place

    @property
    def reference(self) -> str:
        return f"{self.cluster}.{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyClass:
    """How proxies are run. `node_ports` are ranges, both ends included; `env` the names of variables set for tailscaled."""

    cluster: str
    name: str
    accept_routes: bool = False
    uses_staging: bool = False
    has_metrics: bool = False
    has_service_monitor: bool = False
    node_ports: tuple[tuple[int, int], ...] = ()
    env: tuple[str, ...] = ()
    image: str | None = None
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyGroupPolicy:
    """Which ProxyGroups a namespace may use; None leaves that kind open to all of them."""

    cluster: str
    namespace: str
    name: str
    ingress: tuple[str, ...] | None
    egress: tuple[str, ...] | None
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class DnsConfig:
    """A nameserver for the tailnet's names in the cluster, of which there can be one."""

    cluster: str
    name: str
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherTailnet:
    """A custom resource `Tailnet`: one more tailnet that custom resources of a cluster can belong to."""

    cluster: str
    name: str
    secret: str
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
class Backend:
    """A Service that an Ingress can lead to: its ports by number and name, and whether it has an address of its own."""

    cluster: str
    namespace: str
    name: str
    ports: tuple[tuple[int, str], ...]
    is_headless: bool
    is_external_name: bool
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployed:
    """What else is known of a cluster where all its manifests are: what is not here is not there.

    `namespaces` are those that the manifests make, with their labels.
    """

    role_bindings: tuple[RoleBinding, ...] = ()
    backends: tuple[Backend, ...] = ()
    namespaces: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    secrets: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """Namespace, name and keys; never a value."""
    secrets_to_come: tuple[tuple[str, str], ...] = ()
    """Namespace and name of Secrets that a controller makes of something else, so that their keys are not known."""
    kinds: frozenset[str] = field(default_factory=frozenset[str])
    """The kinds of the CustomResourceDefinitions among the manifests."""
