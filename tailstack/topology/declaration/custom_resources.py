"""The operator's custom resources in a cluster. Keys are those of the CRDs, where they are not about the tailnet.

https://github.com/tailscale/tailscale/blob/main/k8s-operator/api.md
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from tailstack.topology.declaration.base import SUPPRESS, Declaration, Passed, SuppressionDeclaration
from tailstack.topology.declaration.connectors import AppConnectorDeclaration, RouteEntry
from tailstack.topology.declaration.syntax import (
    DnsLabel,
    Endpoint,
    HttpsUrl,
    KubernetesName,
    LabelKey,
    LabelValue,
    Name,
    PortNumber,
    Tag,
)

_FORMERLY: Any = Field(
    default_factory=list[str], description="Former names, oldest first: tag, node names and object stay"
)
_REPLICAS: Any = Field(default=None, ge=0, le=1000, description="How many nodes share the work; by default the CRD's")


class OfTailnet(Declaration):
    """What custom resources with nodes share."""

    tags: list[Tag] | None = Field(
        default=None, min_length=1, description="Tags of the nodes; by default tag:k8s-<cluster>--<name>"
    )
    tailnet: Name | None = Field(
        default=None, description="Another tailnet that the nodes belong to; by default this one"
    )
    formerly: list[Name] = _FORMERLY
    suppress: list[SuppressionDeclaration] = SUPPRESS


class ProxyGroupType(StrEnum):
    """What a proxy group is for; it cannot be changed."""

    EGRESS = "egress"
    INGRESS = "ingress"
    KUBE_API_SERVER = "kube-apiserver"


class ApiServerGroupMode(StrEnum):
    """`auth` impersonates the tailnet identity, `noauth` only carries the connection."""

    AUTH = "auth"
    NOAUTH = "noauth"


class KubeApiServerDeclaration(Declaration):
    """The API-server proxy that a kube-apiserver group is."""

    mode: ApiServerGroupMode = Field(
        default=ApiServerGroupMode.AUTH, strict=False, description="auth (impersonates) or noauth (only carries)"
    )
    hostname: DnsLabel | None = Field(
        default=None, description="Name of the Tailscale Service, without svc:; by default <cluster>-<name>"
    )


class NetworkPolicyDeclaration(Declaration):
    """A NetworkPolicy that closes the proxies of an egress group to pods of other namespaces."""

    from_namespaces: list[KubernetesName] = Field(min_length=1, description="Namespaces whose pods may use the group")


class ProxyGroupDeclaration(OfTailnet):
    """Proxies that share their work: highly available, and with one tag for all of them."""

    type: ProxyGroupType = Field(strict=False, description="What it is for; it cannot be changed later")
    replicas: int | None = _REPLICAS
    hostname_prefix: DnsLabel | None = Field(
        default=None, description="Nodes are called <prefix>-0 and so on; by default <cluster>-<name>"
    )
    proxy_class: Name | None = Field(default=None, description="The proxy class of its proxies")
    kube_api_server: KubeApiServerDeclaration | None = Field(
        default=None, alias="kubeAPIServer", description="Only with type: kube-apiserver"
    )
    network_policy: NetworkPolicyDeclaration | None = Field(
        default=None, description="Who in the cluster may use it; only with type: egress. Without it every pod may"
    )
    share_acme_account: bool | None = Field(
        default=None,
        alias="shareACMEAccount",
        description="Certificates of one ACME account for the whole tailnet, of which renewals do not count towards limits;"
        " only with type: ingress, needs chart 1.104 or newer",
    )


class ConnectorDeclaration(OfTailnet):
    """A subnet router, an exit node or an app connector in a cluster."""

    routes: list[RouteEntry] = Field(
        default_factory=list[RouteEntry], description="Ranges of addresses that it leads to, as a subnet router"
    )
    exit_node: bool = Field(default=False, description="It leads to the internet, as an exit node")
    app_connector: AppConnectorDeclaration | None = Field(
        default=None, description="It leads to the addresses of domains; then it can be nothing else"
    )
    replicas: int | None = _REPLICAS
    hostname: DnsLabel | None = Field(
        default=None,
        description="Node name, or with several replicas what their names begin with; by default <cluster>-<name>",
    )
    proxy_class: Name | None = Field(default=None, description="The proxy class of its proxies")


class S3Declaration(Declaration):
    """A bucket for recordings, as spec.storage.s3 of the Recorder."""

    endpoint: str = Field(min_length=1, description="The S3 endpoint", examples=["s3.eu-west-1.amazonaws.com"])
    bucket: str = Field(min_length=1, description="The bucket", examples=["recordings"])
    credentials_secret: KubernetesName | None = Field(
        default=None,
        description="A Secret in the operator's namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; without it the pod's own identity",
    )


class RecorderDeclaration(OfTailnet):
    """Records sessions: needs an interface of its own, a bucket, or both."""

    enable_ui: bool = Field(
        default=False, alias="enableUI", description="Recordings can be watched in a browser, at https://<node>"
    )
    s3: S3Declaration | None = Field(default=None, description="Where recordings are kept")
    replicas: int | None = _REPLICAS
    stateful_set: Passed | None = Field(default=None, description="spec.statefulSet of the Recorder, as it is")


class AwsDeclaration(Declaration):
    """Elastic IP addresses for the replicas of a peer relay."""

    allocation_id: str = Field(
        min_length=1, alias="allocationID", description="The Elastic IP", examples=["eipalloc-0a1b"]
    )
    subnet_id: str = Field(
        min_length=1, alias="subnetID", description="The subnet of the load balancer", examples=["subnet-0a1b"]
    )


class PeerRelayDeclaration(OfTailnet):
    """Relays the traffic of nodes that reach one another in no other way. Needs chart 1.102 or newer."""

    replicas: int | None = _REPLICAS
    hostname_prefix: DnsLabel | None = Field(
        default=None, description="Nodes are called <prefix>-0 and so on; by default <cluster>-<name>"
    )
    proxy_class: Name | None = Field(default=None, description="The proxy class of its nodes")
    service_annotations: dict[LabelKey, str] = Field(
        default_factory=dict, description="Annotations of the load balancers in front of it"
    )
    service_port: PortNumber | None = Field(
        default=None,
        description="UDP port of the relay and its load balancers; by default 41641. Needs chart 1.104 or newer",
    )
    static_endpoints: list[Endpoint] = Field(
        default_factory=list[Endpoint],
        description="Where each replica is reached from outside as well, such as the public side of a firewall. Needs chart"
        " 1.104 or newer",
    )
    elastic_ips: list[AwsDeclaration] = Field(
        default_factory=list[AwsDeclaration], alias="elasticIPs", description="On AWS: an Elastic IP for each replica"
    )


class NodePortRange(Declaration):
    """A range of node ports, both ends included."""

    port: PortNumber = Field(description="The first port")
    end_port: PortNumber | None = Field(default=None, description="The last port; by default the first")


class StaticEndpointsDeclaration(Declaration):
    """Node ports by which the proxies are reached directly."""

    ports: list[NodePortRange] = Field(min_length=1, description="Ranges of node ports")
    selector: dict[LabelKey, LabelValue] = Field(default_factory=dict, description="Labels of the nodes that are used")


class MetricsDeclaration(Declaration):
    """Metrics of the proxies."""

    enable: bool = Field(default=True, description="Serve metrics")
    service_monitor: bool = Field(default=False, description="Make a ServiceMonitor; needs the Prometheus operator")
    service_monitor_labels: dict[LabelKey, LabelValue] = Field(default_factory=dict, description="Its labels")


class ProxyClassDeclaration(Declaration):
    """How proxies are run."""

    accept_routes: bool = Field(default=False, description="Proxies use subnet routes and Tailscale Services of others")
    use_lets_encrypt_staging_environment: bool = Field(
        default=False,
        description="Certificates of the staging environment, which browsers refuse and which has wide limits",
    )
    metrics: MetricsDeclaration | None = Field(default=None, description="Metrics of the proxies")
    static_endpoints: StaticEndpointsDeclaration | None = Field(
        default=None, description="Direct connections by node ports"
    )
    stateful_set: Passed | None = Field(default=None, description="spec.statefulSet of the ProxyClass, as it is")
    suppress: list[SuppressionDeclaration] = SUPPRESS


class ProxyGroupPolicyDeclaration(Declaration):
    """Which proxy groups the objects of a namespace may use. Needs chart 1.96 or newer."""

    namespace: KubernetesName = Field(description="The namespace")
    ingress: list[Name] = Field(default_factory=list, description="Ingress groups that it may use; none by default")
    egress: list[Name] = Field(default_factory=list, description="Egress groups that it may use; none by default")
    suppress: list[SuppressionDeclaration] = SUPPRESS


class DnsConfigDeclaration(Declaration):
    """A nameserver in the cluster for the tailnet's names. CoreDNS must forward ts.net to it."""

    nameserver: Passed = Field(
        default_factory=dict,
        min_length=0,
        description="spec.nameserver of the DNSConfig, as it is",
        examples=[{"image": {"tag": "v1.102.3"}}],
    )
    suppress: list[SuppressionDeclaration] = SUPPRESS


class OtherTailnetDeclaration(Declaration):
    """Another tailnet that custom resources of the cluster can belong to."""

    credentials_secret: KubernetesName = Field(
        description="A Secret in the operator's namespace with client_id and client_secret of the other tailnet"
    )
    login_url: HttpsUrl | None = Field(default=None, description="Its control server; by default Tailscale's")
    suppress: list[SuppressionDeclaration] = SUPPRESS
