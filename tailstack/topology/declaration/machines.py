"""Nodes outside the clusters."""

from __future__ import annotations

from pydantic import Field

from tailstack.topology.declaration.base import SUPPRESS, Declaration, SuppressionDeclaration
from tailstack.topology.declaration.connectors import AppConnectorDeclaration
from tailstack.topology.declaration.syntax import Cidr, DnsLabel, Tag


class DeviceDeclaration(Declaration):
    """What the stack sets on the machine's device, once it has joined: nothing unless it is said here."""

    tags: bool = Field(default=False, description="Give it the tags of the machine")
    routes: bool = Field(default=False, description="Approve the machine's routes")
    authorized: bool = Field(default=False, description="Approve it, where devices need approval")
    key_expiry_disabled: bool | None = Field(default=None, description="Whether its key expires never")


class MachineDeclaration(Declaration):
    """A node outside the clusters, such as a CI runner or a database host."""

    tags: list[Tag] = Field(min_length=1, description="The tags that the node wears")
    hostname: DnsLabel | None = Field(default=None, description="The node's name; by default the key")
    routes: list[Cidr] = Field(
        default_factory=list, description="Ranges of addresses that it leads to, as a subnet router"
    )
    exit_node: bool = Field(default=False, description="It leads to the internet, as an exit node")
    app_connector: AppConnectorDeclaration | None = Field(
        default=None, description="It leads to the addresses of domains, as an app connector"
    )
    device: DeviceDeclaration | None = Field(default=None, description="What the stack sets on its device")
    suppress: list[SuppressionDeclaration] = SUPPRESS
