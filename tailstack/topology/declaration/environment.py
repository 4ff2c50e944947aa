"""All files of one environment."""

from __future__ import annotations

from pydantic import Field

from tailstack.topology.declaration.access import AccessDeclaration, SshDeclaration
from tailstack.topology.declaration.base import Declaration
from tailstack.topology.declaration.cluster import ClusterDeclaration
from tailstack.topology.declaration.exposing import ServiceDeclaration
from tailstack.topology.declaration.groups import GroupEntry, PostureEntry
from tailstack.topology.declaration.machines import MachineDeclaration
from tailstack.topology.declaration.operator import OperatorDefaults
from tailstack.topology.declaration.syntax import GroupName, Name, PostureName, ServiceName
from tailstack.topology.declaration.tailnet import TailnetDeclaration


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
    services: dict[ServiceName, ServiceDeclaration] = Field(
        default_factory=dict, description="Tailscale Services: one name for what several clusters or machines serve"
    )
    access: list[AccessDeclaration] = Field(default_factory=list[AccessDeclaration], description="Who may reach what")
    ssh: list[SshDeclaration] = Field(default_factory=list[SshDeclaration], description="Who may log in where")
