"""How a cluster is reached, and the operator that runs in it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import ConfigDict, Field

from tailstack.topology.declaration.base import ONE_KEY, SUPPRESS, Declaration, Passed, SuppressionDeclaration
from tailstack.topology.declaration.syntax import DnsLabel, HttpsUrl, KubernetesName, Name, Tag

CHART_REPOSITORY = "https://pkgs.tailscale.com/helmcharts"
"""The stable chart repository, https://tailscale.com/kb/1236/kubernetes-operator."""


class KubeconfigSecret(Declaration):
    """A kubeconfig kept as a secret of the stack's configuration."""

    secret: str = Field(
        min_length=1, description="Name of the secret in Pulumi.<environment>.yaml", examples=["blueKubeconfig"]
    )


class KubernetesDeclaration(Declaration):
    """How the stack reaches the cluster's API server: never through the proxy that it manages itself."""

    model_config = ConfigDict(json_schema_extra=ONE_KEY)

    context: str | None = Field(
        default=None, min_length=1, description="A context of the kubeconfig that the environment provides"
    )
    kubeconfig: KubeconfigSecret | None = Field(default=None, description="A kubeconfig from the stack's secrets")


class ChartDeclaration(Declaration):
    """Which operator chart is installed. The chart's version is the operator's version."""

    version: str | None = Field(
        default=None, pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", description="Exact version, in quotes", examples=["1.102.3"]
    )
    repository: str | None = Field(
        default=None,
        pattern=r"^(https?|oci)://\S+$",
        description=f"Chart repository; by default {CHART_REPOSITORY}",
        examples=[CHART_REPOSITORY],
    )
    path: str | None = Field(
        default=None,
        pattern=r"^[^/~\\][^\\]*$",
        description="A chart in a folder, relative to the project and with forward slashes, instead of a repository",
        examples=["charts/tailscale-operator"],
    )
    crds: str | None = Field(
        default=None,
        pattern=r"^[^/~\\][^\\]*$",
        description="A folder with the CRDs of this version: the stack applies them and keeps them, and the chart makes none",
        examples=["charts/crds"],
    )


class ApiServerProxyMode(StrEnum):
    """The operator's API-server proxy. `auth` impersonates the tailnet identity, `noauth` only carries the connection."""

    OFF = "off"
    AUTH = "auth"
    NOAUTH = "noauth"


class ApiServerProxyDeclaration(Declaration):
    """The API-server proxy inside the operator."""

    mode: ApiServerProxyMode = Field(
        default=ApiServerProxyMode.OFF, strict=False, description='"off", auth (impersonates) or noauth (only carries)'
    )


class FederatedDeclaration(Declaration):
    """Workload identity federation: the cluster vouches for its operator, and nobody keeps a secret."""

    issuer: HttpsUrl = Field(
        description="The issuer of the cluster's service account tokens, which Tailscale can reach"
    )
    claims: dict[str, str] = Field(default_factory=dict, description="Further claims that a token must have")


class CredentialsDeclaration(Declaration):
    """Credentials of the operator, instead of an OAuth client made by the stack: exactly one of these."""

    model_config = ConfigDict(json_schema_extra=ONE_KEY)

    existing_secret: KubernetesName | None = Field(
        default=None,
        description="A Secret in the operator's namespace with the keys client_id and client_secret",
        examples=["operator-oauth"],
    )
    federated: FederatedDeclaration | None = Field(default=None, description="A federated identity, made by the stack")
    volume: Passed | None = Field(
        default=None,
        description="A volume source of Kubernetes with the files client_id and client_secret, such as csi",
        examples=[{"csi": {"driver": "secrets-store.csi.k8s.io"}}],
    )


class PullPolicy(StrEnum):
    """When a node pulls an image."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class ImageDeclaration(Declaration):
    """An image of a mirror. What is left out is the chart's own."""

    repository: str | None = Field(
        default=None,
        pattern=r"^[^\s@]+$",
        description="Where it comes from",
        examples=["mirror.example.com/tailscale/tailscale"],
    )
    tag: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
        description="Its tag; by default the chart's version",
        examples=["v1.102.3"],
    )
    digest: str | None = Field(
        default=None, pattern=r"^sha256:[0-9a-f]{64}$", description="Its digest, instead of a tag"
    )


class OperatorImageDeclaration(ImageDeclaration):
    """The operator's image. Of the images it alone has a pull policy in the chart."""

    pull_policy: PullPolicy | None = Field(
        default=None, strict=False, description="When it is pulled; by default Always"
    )


class ImagesDeclaration(Declaration):
    """Where images come from."""

    operator: OperatorImageDeclaration | None = Field(default=None, description="The operator's image")
    proxy: ImageDeclaration | None = Field(default=None, description="The image of proxies, connectors and relays")
    k8s_proxy: str | None = Field(
        default=None,
        alias="k8sProxy",
        pattern=r"^[^\s@:]+\S*[:@]\S+$",
        description="The image of kube-apiserver groups, with its tag",
        examples=["mirror.example.com/tailscale/k8s-proxy:v1.102.3"],
    )


class IngressClassDeclaration(Declaration):
    """The IngressClass that the chart makes."""

    name: KubernetesName = Field(
        default="tailscale", description="Its name; another one for each operator of a cluster"
    )


class FirewallMode(StrEnum):
    """How proxies set up their packet filter."""

    AUTO = "auto"
    NFTABLES = "nftables"
    IPTABLES = "iptables"


class Logging(StrEnum):
    """How much the operator writes."""

    INFO = "info"
    DEBUG = "debug"
    DEV = "dev"


class OperatorDefaults(Declaration):
    """What every cluster's operator has unless the cluster says otherwise."""

    namespace: KubernetesName | None = Field(
        default=None, description="Namespace of the operator; by default tailscale"
    )
    chart: ChartDeclaration | None = Field(default=None, description="The chart")
    api_server_proxy: ApiServerProxyDeclaration | None = Field(default=None, description="The API-server proxy")
    login_server: HttpsUrl | None = Field(
        default=None, description="A control server of one's own; by default Tailscale's"
    )
    images: ImagesDeclaration | None = Field(default=None, description="Where images come from; by default Docker Hub")
    image_pull_secrets: list[KubernetesName] | None = Field(
        default=None, min_length=1, description="Secrets in the operator's namespace for pulling images"
    )
    ingress_class: IngressClassDeclaration | None = Field(default=None, description="The IngressClass")
    default_proxy_class: Name | None = Field(
        default=None, description="The proxy class of exposures, ingresses, egresses and proxy groups that name none"
    )
    firewall_mode: FirewallMode | None = Field(
        default=None, strict=False, description="How proxies set up their packet filter; by default auto"
    )
    logging: Logging | None = Field(
        default=None, strict=False, description="How much the operator writes; by default info"
    )
    values: Passed | None = Field(
        default=None,
        description="Further values of the chart, checked against its version; not those that follow from what is declared",
        examples=[{"operatorConfig": {"resources": {"requests": {"memory": "128Mi"}}}}],
    )


class OperatorDeclaration(OperatorDefaults):
    """The operator of one cluster."""

    hostname: DnsLabel | None = Field(
        default=None, description="Node name of the operator; by default <cluster>-operator"
    )
    tags: list[Tag] | None = Field(
        default=None,
        min_length=1,
        description="Tags of the operator and its OAuth client; by default tag:k8s-op-<cluster>",
    )
    proxy_tags: list[Tag] | None = Field(
        default=None, min_length=1, description="Tags of proxies that nobody declared; by default tag:k8s-<cluster>"
    )
    credentials: CredentialsDeclaration | None = Field(
        default=None, description="Credentials, instead of an OAuth client made by the stack"
    )
    suppress: list[SuppressionDeclaration] = SUPPRESS
