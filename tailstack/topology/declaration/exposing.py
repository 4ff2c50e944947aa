"""What becomes a node or a Tailscale Service, and what leads to one: exposures, ingresses, egresses, services."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic import Tag as WrittenAs

from tailstack.topology.declaration.base import BY_KIND, SUPPRESS, Declaration, Kind, SuppressionDeclaration, one_of
from tailstack.topology.declaration.syntax import (
    ClusterMember,
    DnsLabel,
    Domain,
    HttpPath,
    KubernetesName,
    LabelKey,
    LabelValue,
    Name,
    NamespacedService,
    NodeReference,
    Port,
    PortName,
    PortNumber,
    ServiceName,
    Tag,
)


class ServicePortDeclaration(Declaration):
    """A port of a Service that the stack creates, where it needs more than a number."""

    port: Port = Field(description="Protocol and port")
    target_port: (
        Annotated[Annotated[PortNumber, WrittenAs(Kind.NUMBER)] | Annotated[PortName, WrittenAs(Kind.TEXT)], BY_KIND]
        | None
    ) = Field(default=None, description="Port of the pods; by default the same")
    name: KubernetesName | None = Field(default=None, description="Name of the port")


ServicePortEntry = Annotated[
    Annotated[Port, WrittenAs(Kind.TEXT)] | Annotated[ServicePortDeclaration, WrittenAs(Kind.MAPPING)], BY_KIND
]


class ManagedBy(StrEnum):
    """Who owns the Kubernetes Service of an exposure."""

    PULUMI = "pulumi"
    PATCH = "patch"
    GITOPS = "gitops"


class ServiceType(StrEnum):
    """The type of the Kubernetes Service of an exposure, and with it how the operator is told."""

    CLUSTER_IP = "ClusterIP"
    LOAD_BALANCER = "LoadBalancer"
    EXTERNAL_NAME = "ExternalName"


class Exposed(Declaration):
    """What exposures and ingresses share: a node of the tailnet that stands for something in a cluster."""

    namespace: KubernetesName = Field(description="Namespace")
    hostname: DnsLabel | None = Field(default=None, description="Node name; by default <cluster>-<name>")
    tags: list[Tag] | None = Field(default=None, min_length=1, description="Tags; by default tag:k8s-<cluster>--<name>")
    proxy_group: Name | None = Field(
        default=None, description="The ingress group that serves it: it is then the Tailscale Service svc:<hostname>"
    )
    proxy_class: Name | None = Field(default=None, description="The proxy class of its proxy; not with a proxy group")
    consumers: list[Name] | None = Field(
        default=None, description="Clusters whose egress may link to it; by default every cluster of the environment"
    )
    formerly: list[Name] = Field(
        default_factory=list, description="Former names, oldest first: tag, node name and Service stay"
    )
    suppress: list[SuppressionDeclaration] = SUPPRESS


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
    type: ServiceType = Field(
        default=ServiceType.CLUSTER_IP,
        strict=False,
        description="ClusterIP with an annotation, LoadBalancer with the class tailscale, or ExternalName",
    )
    external_name: Domain | None = Field(
        default=None,
        description="The name that an ExternalName Service leads to; needed with that type, and only there",
    )
    selector: dict[LabelKey, LabelValue] | None = Field(
        default=None, min_length=1, description="Labels of the pods; needed with managedBy: pulumi, and only there"
    )


class BackendDeclaration(Declaration):
    """The Service behind an Ingress."""

    service: KubernetesName = Field(description="Name of a Service in the Ingress's namespace")
    port: int = Field(ge=1, le=65535, description="Port of the Service")


class IngressHttp(StrEnum):
    """What an ingress does on port 80."""

    REDIRECT = "redirect"
    SERVE = "serve"


class IngressDeclaration(Exposed):
    """An HTTPS node of the tailnet in front of a Service; public on the internet with funnel."""

    backend: BackendDeclaration | None = Field(
        default=None, description="Where requests go that no path matches; needed unless there are paths"
    )
    paths: dict[HttpPath, BackendDeclaration] = Field(
        default_factory=dict, description="Where requests for a path and those below it go"
    )
    http: IngressHttp | None = Field(
        default=None,
        strict=False,
        description="What port 80 does: redirect to HTTPS, or serve (with a proxy group only)",
    )
    funnel: bool = Field(
        default=False, description="Open it to the internet through Tailscale Funnel; not with a proxy group"
    )
    forward_cluster_traffic: bool = Field(
        default=False,
        description="Pods of the cluster reach it by its own name too (experimental); not with a proxy group",
    )


class EgressTarget(Declaration):
    """Where an egress leads: exactly one of these, and `through` only with ip."""

    model_config = ConfigDict(json_schema_extra=one_of("exposure", "ingress", "service", "machine", "fqdn", "ip"))

    exposure: ClusterMember | None = Field(default=None, description="An exposure of any cluster")
    ingress: ClusterMember | None = Field(default=None, description="An ingress of any cluster")
    service: ServiceName | None = Field(default=None, description="A Tailscale Service that is declared in `services`")
    machine: Name | None = Field(default=None, description="A machine")
    fqdn: str | None = Field(
        default=None, description="The full MagicDNS name of a node", examples=["db.tail1a2b.ts.net"]
    )
    ip: str | None = Field(
        default=None,
        description="The Tailscale IP address of a node, or with `through` an address behind a connector",
        examples=["100.101.102.103"],
    )
    through: NodeReference | None = Field(
        default=None,
        description="With ip: the connector or the machine whose routes lead to the address",
        examples=["blue.office"],
    )


class EgressDeclaration(Declaration):
    """A Service in this cluster that leads to a node of the tailnet."""

    namespace: KubernetesName = Field(description="Namespace of the clients")
    service: KubernetesName | None = Field(
        default=None, description="Name of the Service; by default the key, or its oldest former name"
    )
    to: EgressTarget = Field(description="Where it leads")
    ports: list[Port] | None = Field(default=None, min_length=1, description="Ports; by default those of the target")
    proxy_group: Name | None = Field(
        default=None, description="The egress group that it leaves by, with that group's nodes and tags"
    )
    proxy_class: Name | None = Field(default=None, description="The proxy class of its proxy; not with a proxy group")
    hostname: DnsLabel | None = Field(default=None, description="Node name of the proxy; by default <cluster>-<name>")
    tags: list[Tag] | None = Field(default=None, min_length=1, description="Tags; by default tag:k8s-<cluster>--<name>")
    formerly: list[Name] = Field(
        default_factory=list, description="Former names, oldest first: tag, node name and Service stay"
    )
    suppress: list[SuppressionDeclaration] = SUPPRESS


class HttpsDeclaration(Declaration):
    """A Tailscale Service as an ingress: HTTPS with the certificate of its name."""

    http: IngressHttp | None = Field(
        default=None, strict=False, description="What port 80 does: redirect to HTTPS, or serve"
    )


class ServiceBackendDeclaration(Declaration):
    """The Kubernetes Service behind a Tailscale Service in one cluster, where it needs more than a name."""

    namespace: KubernetesName = Field(description="Namespace")
    service: KubernetesName = Field(description="Name of the Service")
    managed_by: ManagedBy = Field(
        default=ManagedBy.PATCH,
        strict=False,
        description="patch: the stack annotates a Service that exists; gitops: somebody else does; pulumi: the stack creates it",
    )
    selector: dict[LabelKey, LabelValue] | None = Field(
        default=None, min_length=1, description="Labels of the pods; needed with managedBy: pulumi, and only there"
    )
    port: PortNumber | None = Field(default=None, description="Port of the Service; needed with https, and only there")
    proxy_group: Name | None = Field(default=None, description="The ingress group in this cluster, where it differs")


BackendEntry = Annotated[
    Annotated[NamespacedService, WrittenAs(Kind.TEXT)] | Annotated[ServiceBackendDeclaration, WrittenAs(Kind.MAPPING)],
    BY_KIND,
]


class ServiceDeclaration(Declaration):
    """A Tailscale Service: one name and one address for something that several clusters, or several machines, serve."""

    model_config = ConfigDict(json_schema_extra=one_of("backends", "machines"))

    ports: list[Port] = Field(default_factory=list, description="Ports; needed unless it is https")
    https: HttpsDeclaration | None = Field(default=None, description="HTTPS in front of the backends, instead of ports")
    backends: dict[Name, BackendEntry] = Field(
        default_factory=dict, description="By cluster, what its ingress group serves"
    )
    machines: list[Name] = Field(
        default_factory=list,
        description="Machines that serve it, instead of backends: the stack makes the Tailscale Service",
    )
    proxy_group: Name | None = Field(
        default=None, description="The ingress group of each cluster; needed with backends unless each names its own"
    )
    tags: list[Tag] | None = Field(
        default=None, min_length=1, description="Tags of the Service; by default tag:svc-<name>"
    )
    comment: str | None = Field(default=None, description="What the admin console shows; only with machines")
    consumers: list[Name] | None = Field(
        default=None, description="Clusters whose egress may link to it; by default every cluster of the environment"
    )
    suppress: list[SuppressionDeclaration] = SUPPRESS
