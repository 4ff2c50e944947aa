"""The resolved tailnet: every name, tag, FQDN and port filled in, every reference followed. Frozen; made by `resolve`.

All later stages (access, rules, components, report) read this and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tailstack.finding import Place
from tailstack.topology.custom import (
    NO_CUSTOM_RESOURCES,
    AppConnector,
    Connector,
    CustomResources,
    Deployed,
    PeerRelay,
    ProxyGroupKind,
    Recorder,
)
from tailstack.topology.declaration import (
    ApiServerProxyMode,
    FirewallMode,
    IngressHttp,
    Logging,
    ManagedBy,
    ServiceType,
    SshAction,
)
from tailstack.topology.extras import NO_EXTRAS, Extras


@dataclass(frozen=True, order=True, slots=True)
class Port:
    """A protocol with an inclusive range of ports. `*` as the protocol means every protocol (and then every port).

    `icmp` has no ports; its range is 0-0. All ports of a protocol is 0-65535, as in the packet filter.
    """

    protocol: str
    first: int
    last: int

    def __str__(self) -> str:
        if self.protocol == "*":
            return "*"
        if self.protocol == "icmp" or (self.first, self.last) == (0, 65535):
            return f"{self.protocol}:*"
        return f"{self.protocol}:{self.first}" + (f"-{self.last}" if self.last != self.first else "")

    def covers(self, other: Port) -> bool:
        """True when everything `other` lets through is let through by this one."""
        return self.protocol == "*" or (
            self.protocol == other.protocol and self.first <= other.first and other.last <= self.last
        )


ALL_PORTS = Port("*", 0, 65535)
HTTPS = Port("tcp", 443, 443)
HTTP = Port("tcp", 80, 80)
SSH = Port("tcp", 22, 22)
DNS = (Port("tcp", 53, 53), Port("udp", 53, 53))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServicePort:
    """A port of an exposure; `target_port` and `name` matter only where the stack creates the Service."""

    port: Port
    target_port: int | str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """`members` are login names; None where an identity provider keeps them, which is not the same as nobody.

    `on_rotation` tells that members are those whose turn it is at the time of resolving.
    """

    name: str
    members: tuple[str, ...] | None
    on_rotation: bool = False
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Posture:
    name: str
    assertions: tuple[str, ...]
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceSettings:
    """What the stack sets on a machine's device once it has joined; `key_expiry_disabled` None leaves that as it is."""

    tags: bool = False
    routes: bool = False
    authorized: bool = False
    key_expiry_disabled: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A node outside the clusters. `routes` are ranges of addresses that it leads to."""

    name: str
    hostname: str
    fqdn: str
    tags: tuple[str, ...]
    routes: tuple[str, ...] = ()
    exit_node: bool = False
    app_connector: AppConnector | None = None
    device: DeviceSettings | None = None
    place: Place

    @property
    def reference(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """`path` is a chart in a folder, relative to the project; otherwise the chart comes from `repository`.

    `crds` is a folder with the CRDs, which the stack then applies itself; None leaves them to the chart.
    """

    version: str
    repository: str
    path: str | None
    crds: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Federation:
    """A federated identity: who vouches for the operator, and what else a token must claim."""

    issuer: str
    claims: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image of a mirror. What is empty is the chart's own. Only the operator's has a pull policy."""

    repository: str = ""
    tag: str = ""
    digest: str = ""
    pull_policy: str = ""


NO_IMAGE = Image()


@dataclass(frozen=True, kw_only=True, slots=True)
class Operator:
    """The operator of one cluster. `existing_secret` names a Secret that somebody else provides, `credentials_volume` is a
    volume with such credentials, `federation` a federated identity; without any of them the stack makes an OAuth client
    whose tags are `tags`. `proxy_tags` are worn by proxies that nobody declared. `values` are further values of the chart.

    `allows_impersonation` tells that the chart sets up what a kube-apiserver ProxyGroup in auth mode needs. `is_assumed`
    tells that no manifest shows the operator, so that it is taken to be as the chart makes it by default. The chart's
    version is empty where manifests do not tell it.
    """

    hostname: str
    fqdn: str
    namespace: str
    tags: tuple[str, ...]
    proxy_tags: tuple[str, ...]
    chart: Chart
    api_server_proxy: ApiServerProxyMode
    existing_secret: str | None
    ingress_class: str | None = "tailscale"
    default_proxy_class: str | None = None
    allows_impersonation: bool = False
    is_assumed: bool = False
    credentials_volume: Mapping[str, Any] | None = field(default=None, hash=False)
    federation: Federation | None = None
    login_server: str | None = None
    image: Image = NO_IMAGE
    proxy_image: Image = NO_IMAGE
    k8s_proxy_image: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    firewall_mode: FirewallMode | None = None
    logging: Logging | None = None
    values: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """A Service that is a node of the tailnet, or with a `proxy_group` the Tailscale Service `svc:<hostname>`.

    `former_names` are oldest first. `has_default_hostname` tells that the operator makes the name of namespace and name.
    `service_type` is that of the Kubernetes Service, and `external_name` where it leads with that type. `is_shared` tells
    that it is one of the backends of a Tailscale Service of the whole tailnet.
    """

    cluster: str
    name: str
    namespace: str
    service: str
    ports: tuple[ServicePort, ...]
    managed_by: ManagedBy
    selector: tuple[tuple[str, str], ...]
    hostname: str
    fqdn: str
    tags: tuple[str, ...]
    consumers: tuple[str, ...] | None
    former_names: tuple[str, ...]
    proxy_group: str | None = None
    proxy_class: str | None = None
    has_default_hostname: bool = False
    service_type: ServiceType = ServiceType.CLUSTER_IP
    external_name: str | None = None
    is_shared: bool = False
    place: Place

    @property
    def reference(self) -> str:
        return f"{self.cluster}.{self.name}"

    @property
    def granted_ports(self) -> tuple[Port, ...]:
        return tuple(p.port for p in self.ports)

    @property
    def tailscale_service(self) -> str | None:
        """Its name as a Tailscale Service, which is a name of the whole tailnet; None for a node."""
        return f"svc:{self.hostname}" if self.proxy_group else None


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpPath:
    """Where requests for a path and those below it go."""

    path: str
    service: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingress:
    """An HTTPS node in front of a Service, or with a `proxy_group` the Tailscale Service `svc:<hostname>`.

    It listens on tcp:443, and on tcp:80 too where it `serves_http`, if only to redirect: `http` says which of the two where
    that is known. `has_default_hostname` tells that the operator makes the name of namespace and name. `paths` are the
    backends of single paths, and `backend_service` is empty where there are only those. `is_shared` tells that it is one of
    the backends of a Tailscale Service of the whole tailnet.
    """

    cluster: str
    name: str
    namespace: str
    backend_service: str
    backend_port: int
    funnel: bool
    hostname: str
    fqdn: str
    tags: tuple[str, ...]
    consumers: tuple[str, ...] | None
    former_names: tuple[str, ...]
    serves_http: bool = False
    proxy_group: str | None = None
    proxy_class: str | None = None
    has_default_hostname: bool = False
    http: IngressHttp | None = None
    paths: tuple[HttpPath, ...] = ()
    forward_cluster_traffic: bool = False
    is_shared: bool = False
    place: Place

    @property
    def reference(self) -> str:
        return f"{self.cluster}.{self.name}"

    @property
    def granted_ports(self) -> tuple[Port, ...]:
        return (HTTPS, HTTP) if self.serves_http else (HTTPS,)

    @property
    def tailscale_service(self) -> str | None:
        """Its name as a Tailscale Service, which is a name of the whole tailnet; None for a node."""
        return f"svc:{self.hostname}" if self.proxy_group else None


@dataclass(frozen=True, kw_only=True, slots=True)
class TailscaleService:
    """A Tailscale Service that is declared once for the tailnet: `svc:payments`, and its name and address for all who serve it.

    `backends` are the exposures or ingresses of the clusters that serve it, which their operators then own together; they
    stand among those of their clusters too. `machines` serve one that the stack itself makes. One of the two is empty.
    """

    name: str
    fqdn: str
    ports: tuple[Port, ...]
    tags: tuple[str, ...]
    backends: tuple[Exposure | Ingress, ...]
    machines: tuple[Machine, ...]
    consumers: tuple[str, ...] | None
    comment: str = ""
    place: Place

    @property
    def reference(self) -> str:
        return self.name

    @property
    def hostname(self) -> str:
        return self.name.removeprefix("svc:")

    @property
    def tailscale_service(self) -> str:
        """Its name, as of what one cluster exposes by a proxy group."""
        return self.name

    @property
    def granted_ports(self) -> tuple[Port, ...]:
        return self.ports


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A target known only by an address: a full MagicDNS name or an IP address, one of the two.

    `route` is the advertised range in which an address behind a connector lies; None for the address of a node.
    """

    fqdn: str | None = None
    ip: str | None = None
    route: str | None = None


Target = Exposure | Ingress | TailscaleService | Machine | Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Egress:
    """A Service in a cluster that leads to a node of the tailnet: with a declared target it is a link.

    With a `proxy_group` its traffic leaves by the nodes of that group, and wears their tags.
    """

    cluster: str
    name: str
    namespace: str
    service: str
    target: Target
    ports: tuple[Port, ...]
    hostname: str
    tags: tuple[str, ...]
    former_names: tuple[str, ...]
    proxy_group: str | None = None
    proxy_class: str | None = None
    place: Place

    @property
    def reference(self) -> str:
        return f"{self.cluster}.{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """Where it is declared in YAML, exactly one of `context` and `kubeconfig_secret` is set.

    `deployed` is what its manifests hold beside; None where the manifests are not known.
    """

    name: str
    labels: tuple[tuple[str, str], ...]
    context: str | None
    kubeconfig_secret: str | None
    operator: Operator
    exposures: tuple[Exposure, ...]
    ingresses: tuple[Ingress, ...]
    egresses: tuple[Egress, ...]
    custom: CustomResources = NO_CUSTOM_RESOURCES
    deployed: Deployed | None = None
    place: Place

    @property
    def impersonates(self) -> bool:
        """Whether an API-server proxy of the cluster, in the operator or highly available, impersonates who calls."""
        return self.operator.api_server_proxy is ApiServerProxyMode.AUTH or any(
            group.kind is ProxyGroupKind.KUBE_API_SERVER
            and group.api_server_mode is ApiServerProxyMode.AUTH
            and group.tailnet is None
            for group in self.custom.proxy_groups
        )


class DestinationKind(StrEnum):
    """What a destination of an access entry was written as."""

    SELECTOR = "selector"
    EXPOSURE = "exposure"
    INGRESS = "ingress"
    SERVICE = "service"
    MACHINE = "machine"
    API_SERVER = "apiServer"
    ROUTE = "route"
    CONNECTOR = "connector"
    EXIT_NODE = "exitNode"
    APP_CONNECTOR = "appConnector"
    RECORDER = "recorder"
    PEER_RELAY = "peerRelay"


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """One thing that an access entry reaches: policy selectors and ports. `reference` is what the person wrote
    (`blue.nginx`, `blue`, `tag:k8s`); `cluster` is set for an API server.

    `selectors` are the tags of one node, or one other selector: `svc:web` for what is a Tailscale Service, a range of
    addresses for a route (one destination for each of a connector), autogroup:internet for an exit node and an app connector.
    `via` are the tags of the nodes that lead there. An app connector is two destinations: the internet by way of its nodes,
    and these nodes themselves on the ports of DNS, because they learn the addresses of a domain from who asks for it
    (https://tailscale.com/kb/1342/how-app-connectors-work, and `offersExitNodeOrAppConnectorAndPeerHasAutogroupInternet` in
    ipn/ipnlocal/peerapi.go). `service` is the Tailscale Service of a highly available API server, whose
    nodes wear `selectors`. A peer relay has no ports.
    """

    kind: DestinationKind
    reference: str
    selectors: tuple[str, ...]
    ports: tuple[Port, ...]
    cluster: str | None = None
    via: tuple[str, ...] = ()
    service: str | None = None
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Bind:
    """One role for all impersonated groups: `role_kind` is ClusterRole or Role; no namespaces means cluster-wide."""

    role_kind: str
    role: str
    namespaces: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """Where sessions are recorded: `enforce` refuses those that cannot be, `events` records requests too."""

    recorder: Recorder
    enforce: bool
    events: bool = False
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class KubernetesAccess:
    groups: tuple[str, ...]
    bind: Bind | None
    recording: Recording | None = None
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One thing that an access entry starts from: policy selectors (all tags of a machine must not be merged)."""

    reference: str
    selectors: tuple[str, ...]
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Who may reach what. Any of `src_posture` must hold; none means no condition."""

    name: str
    sources: tuple[Source, ...]
    destinations: tuple[Destination, ...]
    src_posture: tuple[str, ...]
    kubernetes: KubernetesAccess | None
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class SshAccess:
    """Who may log in where, as which users. `check_period` is empty for Tailscale's default."""

    name: str
    sources: tuple[Source, ...]
    destinations: tuple[Destination, ...]
    users: tuple[str, ...]
    action: SshAction
    check_period: str
    accept_env: tuple[str, ...]
    src_posture: tuple[str, ...]
    recording: Recording | None
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class BasePolicy:
    """The hand-written policy file: its path relative to the project, and its text."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a file, from one place up to another, both in it. Line and column are counted from 1."""

    file: str
    first: tuple[int, int]
    last: tuple[int, int]

    def holds(self, place: Place) -> bool:
        return self.file == place.file and self.first <= (place.line, place.column) <= self.last


@dataclass(frozen=True, kw_only=True, slots=True)
class Suppression:
    """A warning that is meant. `rule` is a slug or a code, as it was written; nobody has looked yet whether there is one.

    `stretches` are where the thing stands that it is written at: a cluster may be spread over files. `place` is where a
    reader finds the suppression.
    """

    rule: str
    reason: str
    place: Place
    stretches: tuple[Stretch, ...]

    def covers(self, places: Iterable[Place]) -> bool:
        """Whether one of the places lies within the thing."""
        return any(stretch.holds(place) for place in places for stretch in self.stretches)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tailnet:
    """A whole environment. Tuples are in the order of the files, so that the same topology gives the same bytes.

    `guests` are other environments whose needs its policy serves; `guest_of` is the one that owns the policy of this one.

    `is_dns_name_assumed` tells that nobody said `dns_name`: it is what most of the manifests name, or a stand-in.
    """

    environment: str
    dns_name: str
    magic_dns: bool
    https_certificates: bool
    base_policy: BasePolicy | None
    derive_tests: bool
    groups: tuple[Group, ...] = ()
    postures: tuple[Posture, ...] = ()
    machines: tuple[Machine, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    services: tuple[TailscaleService, ...] = ()
    access: tuple[Access, ...] = ()
    ssh: tuple[SshAccess, ...] = ()
    extras: Extras = NO_EXTRAS
    guests: tuple[str, ...] = ()
    guest_of: str | None = None
    suppressions: tuple[Suppression, ...] = ()
    place: Place
    files: tuple[str, ...] = field(default=(), compare=False)
    is_dns_name_assumed: bool = False

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        return tuple(e for c in self.clusters for e in c.exposures)

    @property
    def ingresses(self) -> tuple[Ingress, ...]:
        return tuple(i for c in self.clusters for i in c.ingresses)

    @property
    def egresses(self) -> tuple[Egress, ...]:
        return tuple(e for c in self.clusters for e in c.egresses)

    @property
    def connectors(self) -> tuple[Connector, ...]:
        return tuple(connector for c in self.clusters for connector in c.custom.connectors)

    @property
    def recorders(self) -> tuple[Recorder, ...]:
        return tuple(recorder for c in self.clusters for recorder in c.custom.recorders)

    @property
    def peer_relays(self) -> tuple[PeerRelay, ...]:
        return tuple(relay for c in self.clusters for relay in c.custom.peer_relays)
