"""The operator's custom resources of one cluster, in an order in which nothing is open before it is closed.

Proxy classes and other tailnets come before what runs with them. The policies of namespaces come before the groups that they
are about, and on destroy go after these and all that uses them: without them every namespace may use every group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.custom_resource_specs import KINDS, SECTIONS, Custom, annotations_of, former_names, object_name, spec_of
from components.kubernetes_objects import OPERATOR_FIRST, Ready, metadata, waiting
from components.network_policy import close
from components.options import node, resource_name
from tailstack.charts.custom_resources import API_VERSION
from tailstack.topology.custom import (
    Connector,
    DnsConfig,
    OtherTailnet,
    PeerRelay,
    ProxyClass,
    ProxyGroup,
    ProxyGroupKind,
    ProxyGroupPolicy,
    Recorder,
)
from tailstack.topology.tailnet import Cluster, Egress, Exposure, Ingress

_READY: Mapping[type[Custom], Ready] = {
    ProxyGroup: Ready.PROXY_GROUP,
    Connector: Ready.CONNECTOR,
    Recorder: Ready.RECORDER,
    PeerRelay: Ready.PEER_RELAY,
    ProxyClass: Ready.PROXY_CLASS,
    DnsConfig: Ready.NAMESERVER,
    OtherTailnet: Ready.TAILNET,
}
"""A ProxyGroupPolicy has no status."""

_REPLACING = ("spec.type", "spec.tags", "spec.tailnet")
"""What cannot be changed: type and tailnet by the CRDs, tags because a node gets them when it joins and never again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeCustomResources:
    """The custom resources of a cluster by the names of their resources; `operator` is the release that brought them."""

    cluster: Cluster
    operator: pulumi.Resource
    made: dict[str, pulumi.Resource] = field(default_factory=dict[str, pulumi.Resource])

    def needed_by(self, user: Exposure | Ingress | Egress) -> list[pulumi.Resource]:
        """What an exposure, an ingress or an egress comes after, and on destroy goes before."""
        if user.proxy_group is None:
            return [self.operator, *self.class_named(user.proxy_class, has_default=True)]
        policies = (p for p in self.cluster.custom.proxy_group_policies if p.namespace == user.namespace)
        return [
            self.operator,
            *self._found(ProxyGroup, user.proxy_group),
            *(found for policy in policies for found in self._found(ProxyGroupPolicy, policy.name)),
        ]

    def class_named(self, name: str | None, *, has_default: bool) -> Iterator[pulumi.Resource]:
        """A proxy class, where it is one of the cluster's; else the operator's default for those that it is for."""
        if name is None and has_default:
            name = self.cluster.operator.default_proxy_class
        return self._found(ProxyClass, name)

    def tailnet_named(self, name: str | None) -> Iterator[pulumi.Resource]:
        """Another tailnet, where one is named."""
        return self._found(OtherTailnet, name)

    def _found(self, kind: type[Custom], name: str | None) -> Iterator[pulumi.Resource]:
        found = self.made.get(resource_name(self.cluster.name, SECTIONS[kind], name or ""))
        return iter(()) if found is None else iter((found,))


def make_custom_resources(
    parent: pulumi.Resource, cluster: Cluster, *, operator: pulumi.Resource, skip_await: bool
) -> MadeCustomResources:
    """All custom resources of a cluster, and what closes its egress groups."""
    all_of = MadeCustomResources(cluster=cluster, operator=operator)
    custom = cluster.custom

    def make(each: Custom, *needed: pulumi.Resource) -> pulumi.Resource:
        name = resource_name(cluster.name, SECTIONS[type(each)], each.name)
        all_of.made[name] = _resource(
            parent, name, each, cluster, depends_on=(operator, *needed), skip_await=skip_await
        )
        return all_of.made[name]

    for each in (*custom.tailnets, *custom.proxy_classes, *custom.dns_configs):
        make(each)
    policies = [make(policy) for policy in custom.proxy_group_policies]
    for group in custom.proxy_groups:
        make(
            group,
            *policies,
            *all_of.tailnet_named(group.tailnet),
            *all_of.class_named(group.proxy_class, has_default=True),
            *close(parent, group, cluster, depends_on=[operator]),
        )
    # The operator's default class is not for these (`values.yaml` of the chart: proxyConfig.defaultProxyClass).
    for each in (*custom.connectors, *custom.peer_relays):
        make(each, *all_of.tailnet_named(each.tailnet), *all_of.class_named(each.proxy_class, has_default=False))
    for recorder in custom.recorders:
        make(recorder, *all_of.tailnet_named(recorder.tailnet))
    return all_of


def _resource(
    parent: pulumi.Resource,
    name: str,
    custom: Custom,
    cluster: Cluster,
    *,
    depends_on: tuple[pulumi.Resource, ...],
    skip_await: bool,
) -> CustomResource:
    ready = _READY.get(type(custom))
    if isinstance(custom, ProxyGroup) and custom.kind is ProxyGroupKind.KUBE_API_SERVER:
        ready = Ready.API_SERVER_GROUP
    return CustomResource(
        name,
        api_version=API_VERSION,
        kind=KINDS[type(custom)],
        metadata=metadata(
            object_name(custom),
            custom.namespace if isinstance(custom, ProxyGroupPolicy) else None,
            annotations=OPERATOR_FIRST | annotations_of(custom) | (waiting(ready, skip=skip_await) if ready else {}),
        ),
        spec=spec_of(custom, cluster),
        opts=node(
            parent,
            cluster=cluster.name,
            section=SECTIONS[type(custom)],
            former_names=former_names(custom),
            depends_on=depends_on,
            replaced_by=_REPLACING,
        ),
    )
