"""A Kubernetes cluster with all that the operator makes of it."""

from __future__ import annotations

from pydantic import Field

from tailstack.topology.declaration.base import SUPPRESS, Declaration, SuppressionDeclaration
from tailstack.topology.declaration.custom_resources import (
    ConnectorDeclaration,
    DnsConfigDeclaration,
    OtherTailnetDeclaration,
    PeerRelayDeclaration,
    ProxyClassDeclaration,
    ProxyGroupDeclaration,
    ProxyGroupPolicyDeclaration,
    RecorderDeclaration,
)
from tailstack.topology.declaration.exposing import EgressDeclaration, ExposeDeclaration, IngressDeclaration
from tailstack.topology.declaration.operator import KubernetesDeclaration, OperatorDeclaration
from tailstack.topology.declaration.syntax import LabelKey, LabelValue, Name


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
    proxy_groups: dict[Name, ProxyGroupDeclaration] = Field(
        default_factory=dict, description="Proxies that share their work"
    )
    connectors: dict[Name, ConnectorDeclaration] = Field(
        default_factory=dict, description="Subnet routers, exit nodes and app connectors"
    )
    recorders: dict[Name, RecorderDeclaration] = Field(default_factory=dict, description="Recorders of sessions")
    peer_relays: dict[Name, PeerRelayDeclaration] = Field(default_factory=dict, description="Peer relays")
    proxy_classes: dict[Name, ProxyClassDeclaration] = Field(default_factory=dict, description="How proxies are run")
    proxy_group_policies: dict[Name, ProxyGroupPolicyDeclaration] = Field(
        default_factory=dict, description="Which proxy groups a namespace may use"
    )
    dns_config: DnsConfigDeclaration | None = Field(
        default=None, description="A nameserver in the cluster for the tailnet's names"
    )
    tailnets: dict[Name, OtherTailnetDeclaration] = Field(
        default_factory=dict, description="Other tailnets that custom resources can belong to"
    )
    suppress: list[SuppressionDeclaration] = SUPPRESS
