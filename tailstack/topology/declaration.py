"""What a person writes: one pydantic model for each thing of the YAML language, and nothing else.

Field names are camelCase in YAML and snake_case here. Unknown keys are refused. The JSON Schema that editors use is made
from these models (`tailstack schema`), so every field has a description. Whether the pieces fit together (references,
clashing names, ports) is decided in `resolve`, which sees all of them.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue
from pydantic import Tag as WrittenAs
from pydantic.alias_generators import to_camel

CHART_REPOSITORY = "https://pkgs.tailscale.com/helmcharts"
"""The stable chart repository, https://tailscale.com/kb/1236/kubernetes-operator."""


class Declaration(BaseModel):
    """Base of every declaration: strict types, unknown keys refused, immutable."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, validate_by_name=False
    )


ONE_KEY: dict[str, JsonValue] = {"minProperties": 1, "maxProperties": 1}
"""For editors: exactly one key. `resolve` checks it too, with a message that says more."""


def _one_of(*keys: str) -> dict[str, JsonValue]:
    """For editors: exactly one of these keys, whatever others there are. `resolve` checks it too."""
    pairs: list[JsonValue] = [{"not": {"required": list(pair)}} for pair in combinations(keys, 2)]
    return {"minProperties": 1, "allOf": pairs}


class Kind(StrEnum):
    """What a value is written as, where there are two ways to write it: it decides which of the two is meant."""

    TEXT = "text"
    NUMBER = "number"
    LIST = "list"
    MAPPING = "mapping"


def _kind(value: object) -> Kind | None:
    if isinstance(value, str):
        return Kind.TEXT
    if isinstance(value, dict | BaseModel):
        return Kind.MAPPING
    if isinstance(value, list):
        return Kind.LIST
    return Kind.NUMBER if isinstance(value, int) and not isinstance(value, bool) else None


# One choice and one mistake: a plain union would report a mistake once for each way to write the value.
_BY_KIND = Discriminator(_kind, custom_error_type="wrong_kind", custom_error_message="written in none of the ways")


def _text(pattern: str, description: str, *examples: str) -> object:
    return Field(pattern=pattern, description=description, examples=list(examples))


# A declaration's own name becomes part of a tag and of a node name. `--` separates cluster and name in a derived tag, so
# that no two names can ever meet in one; it is refused by `resolve` with a message of its own.
Name = Annotated[
    str,
    _text(r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", "Lower-case letters, digits and single hyphens, at most 40", "nginx"),
]
Tag = Annotated[str, _text(r"^tag:[a-zA-Z][a-zA-Z0-9-]*$", "A tag of the policy file", "tag:k8s")]
GroupName = Annotated[str, _text(r"^group:[^\s:]+$", "A group of the policy file", "group:platform")]
PostureName = Annotated[str, _text(r"^posture:[a-zA-Z0-9_-]+$", "A posture of the policy file", "posture:latestMac")]
Selector = Annotated[
    str,
    _text(r"^\S+$", "A selector of the policy file, and nothing else", "group:platform", "autogroup:admin", "tag:k8s"),
]
Port = Annotated[
    str,
    _text(
        r"^(\*|(tcp|udp|sctp):(\*|[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?)|icmp:\*)$",
        "A protocol and a port, a range of ports, or * for all of them",
        "tcp:80",
        "udp:5000-5010",
        "tcp:*",
        "*",
    ),
]
DnsLabel = Annotated[
    str,
    _text(
        r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        "One label of a DNS name: at most 63 lower-case letters, digits, -",
        "nginx",
    ),
]
KubernetesName = Annotated[
    str, _text(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "The name of a Kubernetes object", "default")
]
ClusterMember = Annotated[
    str, _text(r"^[a-z0-9-]+\.[a-z0-9-]+$", "A declaration of a cluster: <cluster>.<name>", "blue.nginx")
]
Login = Annotated[str, _text(r"^[^\s:@]+@[^\s:@]+$", "The login name of a user", "ana@example.com", "ana@github")]
Assertion = Annotated[
    str,
    _text(r"^[^\s].*$", "A condition on an attribute of a device", "node:os IN ['macos']", "node:tsVersion >= '1.60'"),
]
LabelKey = Annotated[
    str,
    _text(
        r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
        "The key of a Kubernetes label",
        "app.kubernetes.io/name",
    ),
]
LabelValue = Annotated[
    str,
    _text(
        r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$",
        "The value of a Kubernetes label: at most 63 letters, digits, -, _ and .",
        "nginx",
    ),
]
KubernetesGroup = Annotated[
    str, _text(r"^[^\s\x00-\x1f\x7f]+$", "A group as the API server sees it", "system:masters", "tailnet-readers")
]
RoleName = Annotated[str, _text(r"^[^\s/%\x00-\x1f\x7f]+$", "The name of a role", "view")]
PortNumber = Annotated[int, Field(ge=1, le=65535, description="A port number", examples=[8080])]
PortName = Annotated[
    str, Field(pattern=r"^[a-z0-9-]*[a-z][a-z0-9-]*$", max_length=15, description="The name of a container's port", examples=["http"])
]  # fmt: skip


# A pattern that JavaScript, in which editors check it, reads alike: at least one character that is no space.
Reason = Annotated[
    str, _text(r"\S", "Why this is meant, for whoever reads it next", "Both clusters are run by one team")
]
RuleName = Annotated[
    str,
    _text(
        r"^([Tt][Ss][0-9]{3}|[a-z][a-z0-9]*(-[a-z0-9]+)*)$",
        "The slug or the code of a rule",
        "exposed-to-nobody",
        "TS404",
    ),
]


class SuppressionDeclaration(Declaration):
    """A warning that is meant: it is not shown where one of its places lies within what this stands in."""

    rule: RuleName = Field(description="The rule, by its slug or its code; `tailstack rule` lists them")
    reason: Reason = Field(description="Why the warning is meant, for whoever reads it next")


_SUPPRESS: Any = Field(
    default_factory=list[SuppressionDeclaration],
    description="Warnings about this that are meant, each with its reason",
)


class GroupRotation(Declaration):
    """Whose turn it is: members take turns of equal length, in the order written, for ever.

    Before the first turn the group is empty. With `size` 2 a person shares the first turn with the one before and the second
    with the one after.
    """

    members: list[Login] = Field(min_length=1, description="Login names, in the order of their turns")
    every: str = Field(
        pattern=r"^[1-9][0-9]{0,4}[hdw]$",
        description="Length of a turn in hours, days or weeks",
        examples=["12h", "7d", "2w"],
    )
    from_: str = Field(
        alias="from", description="Start of the first turn, RFC 3339 in quotes", examples=["2026-01-05T09:00:00Z"]
    )
    size: int = Field(default=1, ge=1, description="How many members are on at a time")


class GroupDeclaration(Declaration):
    """A group whose members are written here, synchronised from an identity provider, or taken from a rotation."""

    model_config = ConfigDict(json_schema_extra=_one_of("members", "synced", "rotation"))

    members: list[Login] | None = Field(default=None, description="Login names of the members")
    synced: Literal[True] | None = Field(
        default=None, description="Members come from the identity provider; unknown here"
    )
    rotation: GroupRotation | None = Field(default=None, description="Members take turns")
    suppress: list[SuppressionDeclaration] = _SUPPRESS


GroupEntry = Annotated[
    Annotated[list[Login], WrittenAs(Kind.LIST)] | Annotated[GroupDeclaration, WrittenAs(Kind.MAPPING)], _BY_KIND
]


class PostureDeclaration(Declaration):
    """A posture as a mapping, for one that needs more than its assertions."""

    assertions: list[Assertion] = Field(min_length=1, description="Conditions on a device; all of them must hold")
    suppress: list[SuppressionDeclaration] = _SUPPRESS


PostureEntry = Annotated[
    Annotated[list[Assertion], Field(min_length=1), WrittenAs(Kind.LIST)]
    | Annotated[PostureDeclaration, WrittenAs(Kind.MAPPING)],
    _BY_KIND,
]


class PolicyTests(StrEnum):
    """Whether policy tests are derived from the declared links and exposures."""

    DERIVED = "derived"
    NONE = "none"


class PolicyDeclaration(Declaration):
    """The tailnet's policy file: a hand-written base to which the derived entries are added, and its tests."""

    base: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(hujson|json)$",
        description="A HuJSON file of this environment's folder",
        examples=["base.hujson"],
    )
    tests: PolicyTests = Field(
        default=PolicyTests.DERIVED, strict=False, description="Derive policy tests from what is declared, or none"
    )


class TailnetDeclaration(Declaration):
    """The tailnet as a whole."""

    dns_name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]*\.ts\.net$",
        description="The tailnet's DNS name, as the admin console shows it",
        examples=["tail1a2b.ts.net"],
    )
    magic_dns: bool = Field(default=True, alias="magicDNS", description="Names of nodes resolve in the tailnet")
    https_certificates: bool = Field(default=True, description="Nodes may obtain HTTPS certificates; Ingresses need it")
    policy: PolicyDeclaration = Field(default_factory=PolicyDeclaration, description="The policy file")
    suppress: list[SuppressionDeclaration] = _SUPPRESS


class MachineDeclaration(Declaration):
    """A node outside the clusters, such as a CI runner or a database host."""

    tags: list[Tag] = Field(min_length=1, description="The tags that the node wears")
    hostname: DnsLabel | None = Field(default=None, description="The node's name; by default the key")
    suppress: list[SuppressionDeclaration] = _SUPPRESS


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


class CredentialsDeclaration(Declaration):
    """Credentials of the operator that somebody else provides, instead of an OAuth client made by the stack."""

    existing_secret: KubernetesName = Field(
        description="A Secret in the operator's namespace with the keys client_id and client_secret",
        examples=["operator-oauth"],
    )


class OperatorDefaults(Declaration):
    """What every cluster's operator has unless the cluster says otherwise."""

    namespace: KubernetesName | None = Field(
        default=None, description="Namespace of the operator; by default tailscale"
    )
    chart: ChartDeclaration | None = Field(default=None, description="The chart")
    api_server_proxy: ApiServerProxyDeclaration | None = Field(default=None, description="The API-server proxy")


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
    credentials: CredentialsDeclaration | None = Field(default=None, description="Credentials that exist already")
    suppress: list[SuppressionDeclaration] = _SUPPRESS


class ServicePortDeclaration(Declaration):
    """A port of a Service that the stack creates, where it needs more than a number."""

    port: Port = Field(description="Protocol and port")
    target_port: (
        Annotated[Annotated[PortNumber, WrittenAs(Kind.NUMBER)] | Annotated[PortName, WrittenAs(Kind.TEXT)], _BY_KIND]
        | None
    ) = Field(default=None, description="Port of the pods; by default the same")
    name: KubernetesName | None = Field(default=None, description="Name of the port")


ServicePortEntry = Annotated[
    Annotated[Port, WrittenAs(Kind.TEXT)] | Annotated[ServicePortDeclaration, WrittenAs(Kind.MAPPING)], _BY_KIND
]


class ManagedBy(StrEnum):
    """Who owns the Kubernetes Service of an exposure."""

    PULUMI = "pulumi"
    PATCH = "patch"
    GITOPS = "gitops"


class Exposed(Declaration):
    """What exposures and ingresses share: a node of the tailnet that stands for something in a cluster."""

    namespace: KubernetesName = Field(description="Namespace")
    hostname: DnsLabel | None = Field(default=None, description="Node name; by default <cluster>-<name>")
    tags: list[Tag] | None = Field(default=None, min_length=1, description="Tags; by default tag:k8s-<cluster>--<name>")
    consumers: list[Name] | None = Field(
        default=None, description="Clusters whose egress may link to it; by default every cluster of the environment"
    )
    formerly: list[Name] = Field(
        default_factory=list, description="Former names, oldest first: tag, node name and Service stay"
    )
    suppress: list[SuppressionDeclaration] = _SUPPRESS


class ExposeDeclaration(Exposed):
    """A Service that becomes a node of the tailnet."""

    service: KubernetesName | None = Field(
        default=None, description="Name of the Service; by default the key, or its oldest former name"
    )
    ports: list[ServicePortEntry] = Field(min_length=1, description="Ports; for an existing Service, those granted")
    managed_by: ManagedBy = Field(
        default=ManagedBy.PULUMI,
        strict=False,
        description="pulumi: the stack creates the Service; patch: it annotates one that exists; gitops: somebody else does",
    )
    selector: dict[LabelKey, LabelValue] | None = Field(
        default=None, min_length=1, description="Labels of the pods; needed with managedBy: pulumi, and only there"
    )


class BackendDeclaration(Declaration):
    """The Service behind an Ingress."""

    service: KubernetesName = Field(description="Name of a Service in the Ingress's namespace")
    port: int = Field(ge=1, le=65535, description="Port of the Service")


class IngressDeclaration(Exposed):
    """An HTTPS node of the tailnet in front of a Service; public on the internet with funnel."""

    backend: BackendDeclaration = Field(description="Where requests go")
    funnel: bool = Field(default=False, description="Open it to the internet through Tailscale Funnel")


class EgressTarget(Declaration):
    """Where an egress leads: exactly one of these."""

    model_config = ConfigDict(json_schema_extra=ONE_KEY)

    exposure: ClusterMember | None = Field(default=None, description="An exposure of any cluster")
    ingress: ClusterMember | None = Field(default=None, description="An ingress of any cluster")
    machine: Name | None = Field(default=None, description="A machine")
    fqdn: str | None = Field(
        default=None, description="The full MagicDNS name of a node", examples=["db.tail1a2b.ts.net"]
    )
    ip: str | None = Field(default=None, description="The Tailscale IP address of a node", examples=["100.101.102.103"])


class EgressDeclaration(Declaration):
    """A Service in this cluster that leads to a node of the tailnet."""

    namespace: KubernetesName = Field(description="Namespace of the clients")
    service: KubernetesName | None = Field(
        default=None, description="Name of the Service; by default the key, or its oldest former name"
    )
    to: EgressTarget = Field(description="Where it leads")
    ports: list[Port] | None = Field(default=None, min_length=1, description="Ports; by default those of the target")
    hostname: DnsLabel | None = Field(default=None, description="Node name of the proxy; by default <cluster>-<name>")
    tags: list[Tag] | None = Field(default=None, min_length=1, description="Tags; by default tag:k8s-<cluster>--<name>")
    formerly: list[Name] = Field(
        default_factory=list, description="Former names, oldest first: tag, node name and Service stay"
    )
    suppress: list[SuppressionDeclaration] = _SUPPRESS


class ClusterDeclaration(Declaration):
    """A Kubernetes cluster in the tailnet."""

    labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, description="Labels by which access entries choose clusters"
    )
    kubernetes: KubernetesDeclaration = Field(
        description="How the stack reaches the cluster. Needed in one of the files"
    )
    operator: OperatorDeclaration = Field(default_factory=OperatorDeclaration, description="The Tailscale operator")
    expose: dict[Name, ExposeDeclaration] = Field(default_factory=dict, description="Services to expose")
    ingress: dict[Name, IngressDeclaration] = Field(default_factory=dict, description="HTTPS in front of Services")
    egress: dict[Name, EgressDeclaration] = Field(default_factory=dict, description="Services that lead out")
    suppress: list[SuppressionDeclaration] = _SUPPRESS


class LabelSelector(Declaration):
    """Clusters by their labels; all must match."""

    match_labels: dict[LabelKey, LabelValue] = Field(min_length=1, description="Labels that a cluster must have")


class Reference(Declaration):
    """Something declared here: exactly one of these."""

    model_config = ConfigDict(json_schema_extra=ONE_KEY)

    exposure: ClusterMember | None = Field(default=None, description="An exposure")
    ingress: ClusterMember | None = Field(default=None, description="An ingress")
    machine: Name | None = Field(default=None, description="A machine")
    api_server: Name | None = Field(default=None, description="The API server of one cluster")
    api_servers: LabelSelector | None = Field(default=None, description="The API servers of clusters with these labels")


AccessEnd = Annotated[
    Annotated[Selector, WrittenAs(Kind.TEXT)] | Annotated[Reference, WrittenAs(Kind.MAPPING)], _BY_KIND
]


class ImpersonateDeclaration(Declaration):
    """What the API-server proxy impersonates for these users."""

    groups: list[KubernetesGroup] = Field(min_length=1, description="Kubernetes groups", examples=[["system:masters"]])


class BindDeclaration(Declaration):
    """The role that the impersonated groups get in each cluster. A namespaced binding where namespaces are named."""

    cluster_role: RoleName | None = Field(default=None, description="A ClusterRole", examples=["view"])
    role: RoleName | None = Field(default=None, description="A Role, in each of the namespaces", examples=["deployer"])
    namespaces: list[KubernetesName] | None = Field(default=None, min_length=1, description="Only in these namespaces")


class KubernetesAccessDeclaration(Declaration):
    """What the users may do behind an API-server proxy in auth mode."""

    impersonate: ImpersonateDeclaration = Field(description="Who they are to the API server")
    bind: BindDeclaration | None = Field(default=None, description="The role that their groups get")


class AccessDeclaration(Declaration):
    """Who may reach what."""

    name: str = Field(
        # One line without control characters, because it becomes a comment of the policy file.
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$",
        max_length=120,
        description="A name for people, on one line: it stands beside every derived entry",
        examples=["platform uses nginx"],
    )
    from_: list[AccessEnd] = Field(alias="from", min_length=1, description="Selectors or machines")
    to: list[AccessEnd] = Field(min_length=1, description="Selectors, or what is declared here")
    ports: list[Port] | None = Field(
        default=None, min_length=1, description="Ports; by default those of what is referred to"
    )
    src_posture: list[PostureName] = Field(default_factory=list, description="Any of these postures must hold")
    kubernetes: KubernetesAccessDeclaration | None = Field(
        default=None, description="Rights behind an API-server proxy"
    )
    suppress: list[SuppressionDeclaration] = _SUPPRESS


class Defaults(Declaration):
    """What holds for every cluster unless it says otherwise."""

    operator: OperatorDefaults = Field(default_factory=OperatorDefaults, description="The operator")


class Scope(Declaration):
    """What one file may declare: nothing outside of these clusters, and access to nothing outside of them."""

    clusters: list[Name] = Field(min_length=1, description="Names of clusters")


class EnvironmentDeclaration(Declaration):
    """All files of one environment, merged by section."""

    tailnet: TailnetDeclaration = Field(description="The tailnet as a whole. Needed in one of the files")
    defaults: Defaults = Field(default_factory=Defaults, description="What holds for every cluster")
    groups: dict[GroupName, GroupEntry] = Field(default_factory=dict, description="Groups of users")
    postures: dict[PostureName, PostureEntry] = Field(
        default_factory=dict, description="Conditions on a device; all of one posture must hold"
    )
    machines: dict[Name, MachineDeclaration] = Field(default_factory=dict, description="Nodes outside the clusters")
    clusters: dict[Name, ClusterDeclaration] = Field(default_factory=dict, description="Kubernetes clusters")
    access: list[AccessDeclaration] = Field(default_factory=list[AccessDeclaration], description="Who may reach what")
