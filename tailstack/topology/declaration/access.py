"""Who may reach what, and who may log in where."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic import Tag as WrittenAs

from tailstack.topology.declaration.base import BY_KIND, ONE_KEY, SUPPRESS, Declaration, Kind, SuppressionDeclaration
from tailstack.topology.declaration.syntax import (
    Cidr,
    ClusterMember,
    KubernetesGroup,
    KubernetesName,
    LabelKey,
    LabelValue,
    LoginUser,
    Name,
    NodeReference,
    Port,
    PostureName,
    RoleName,
    Selector,
    ServiceName,
)


class LabelSelector(Declaration):
    """Clusters by their labels; all must match."""

    match_labels: dict[LabelKey, LabelValue] = Field(min_length=1, description="Labels that a cluster must have")


class Reference(Declaration):
    """Something declared here: exactly one of these."""

    model_config = ConfigDict(json_schema_extra=ONE_KEY)

    exposure: ClusterMember | None = Field(default=None, description="An exposure")
    ingress: ClusterMember | None = Field(default=None, description="An ingress")
    service: ServiceName | None = Field(default=None, description="A Tailscale Service that is declared in `services`")
    machine: Name | None = Field(default=None, description="A machine")
    route: Cidr | None = Field(default=None, description="A range of addresses within a declared route")
    connector: ClusterMember | None = Field(default=None, description="All routes of a connector")
    exit_node: NodeReference | None = Field(
        default=None, description="The internet through an exit node: a connector, or a machine"
    )
    app_connector: NodeReference | None = Field(
        default=None, description="The domains of an app connector: a connector, or a machine"
    )
    recorder: ClusterMember | None = Field(default=None, description="The interface of a recorder")
    peer_relay: ClusterMember | None = Field(default=None, description="A peer relay, as a way to other nodes")
    api_server: Name | None = Field(default=None, description="The API server of one cluster")
    api_servers: LabelSelector | None = Field(default=None, description="The API servers of clusters with these labels")


AccessEnd = Annotated[
    Annotated[Selector, WrittenAs(Kind.TEXT)] | Annotated[Reference, WrittenAs(Kind.MAPPING)], BY_KIND
]


class ImpersonateDeclaration(Declaration):
    """What the API-server proxy impersonates for these users."""

    groups: list[KubernetesGroup] = Field(min_length=1, description="Kubernetes groups", examples=[["system:masters"]])


class BindDeclaration(Declaration):
    """The role that the impersonated groups get in each cluster. A namespaced binding where namespaces are named."""

    cluster_role: RoleName | None = Field(default=None, description="A ClusterRole", examples=["view"])
    role: RoleName | None = Field(default=None, description="A Role, in each of the namespaces", examples=["deployer"])
    namespaces: list[KubernetesName] | None = Field(default=None, min_length=1, description="Only in these namespaces")


class RecordDeclaration(Declaration):
    """Sessions that are recorded."""

    recorder: ClusterMember = Field(description="The recorder", examples=["blue.audit"])
    enforce: bool = Field(default=True, description="No session where the recorder does not answer")
    events: bool = Field(default=False, description="Record requests to the API server too (beta)")


class KubernetesAccessDeclaration(Declaration):
    """What the users may do behind an API-server proxy in auth mode."""

    impersonate: ImpersonateDeclaration = Field(description="Who they are to the API server")
    bind: BindDeclaration | None = Field(default=None, description="The role that their groups get")
    record: RecordDeclaration | None = Field(default=None, description="Where their sessions are recorded")


# One line without control characters, because it becomes a comment of the policy file.
_EntryName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$", max_length=120)]
_WHAT_IT_NAMES = "A name for people, on one line: it stands beside every derived entry"


class AccessDeclaration(Declaration):
    """Who may reach what."""

    name: _EntryName = Field(description=_WHAT_IT_NAMES, examples=["platform uses nginx"])
    from_: list[AccessEnd] = Field(alias="from", min_length=1, description="Selectors or machines")
    to: list[AccessEnd] = Field(min_length=1, description="Selectors, or what is declared here")
    ports: list[Port] | None = Field(
        default=None, min_length=1, description="Ports; by default those of what is referred to"
    )
    src_posture: list[PostureName] = Field(default_factory=list, description="Any of these postures must hold")
    kubernetes: KubernetesAccessDeclaration | None = Field(
        default=None, description="Rights behind an API-server proxy"
    )
    suppress: list[SuppressionDeclaration] = SUPPRESS


class SshAction(StrEnum):
    """`check` asks users to log in again from time to time."""

    ACCEPT = "accept"
    CHECK = "check"


class SshRecordDeclaration(Declaration):
    """SSH sessions that are recorded."""

    recorder: ClusterMember = Field(description="The recorder", examples=["blue.audit"])
    enforce: bool = Field(default=True, description="No session where the recorder does not answer")


class SshDeclaration(Declaration):
    """Who may log in where with Tailscale SSH, with the network access that it needs."""

    name: _EntryName = Field(description=_WHAT_IT_NAMES, examples=["platform logs in to CI"])
    from_: list[AccessEnd] = Field(alias="from", min_length=1, description="Selectors or machines")
    to: list[AccessEnd] = Field(min_length=1, description="Selectors or machines")
    users: list[LoginUser] = Field(min_length=1, description="Users that may be logged in as")
    action: SshAction = Field(
        default=SshAction.ACCEPT, strict=False, description="accept, or check: log in again from time to time"
    )
    check_period: str | None = Field(
        default=None,
        pattern=r"^(always|[1-9][0-9]{0,3}[smh])$",
        description="With check: after how long users must log in again, at most 168h; by default 12h",
        examples=["20h"],
    )
    accept_env: list[str] = Field(
        default_factory=list, description="Environment variables that are taken over", examples=[["GIT_*"]]
    )
    src_posture: list[PostureName] = Field(default_factory=list, description="Any of these postures must hold")
    record: SshRecordDeclaration | None = Field(default=None, description="Where sessions are recorded")
    suppress: list[SuppressionDeclaration] = SUPPRESS
