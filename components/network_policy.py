"""A NetworkPolicy around an egress group: its proxies forward what any pod sends them, and so wear their tags for it.

Ports and labels were read in tailscale.com v1.100.0 to v1.104.5, `cmd/k8s-operator`: `unusedPort` in egress-services.go,
`defaultLocalAddrPort` in sts.go, `pgLabels` in proxygroup_specs.go. Only a network plugin that knows NetworkPolicy acts on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking import v1 as networking

from components.custom_resource_specs import SECTIONS, object_name
from components.kubernetes_objects import metadata
from components.options import node, resource_name
from tailstack.topology.custom import ProxyGroup
from tailstack.topology.tailnet import Cluster

FORWARDED = (10000, 10999)
"""On these ports the proxies take what they forward, one for each port of an egress."""
HEALTH = 9002
"""Where they tell the operator and one another whether they are ready, and Prometheus their metrics."""
NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that Kubernetes itself puts on each namespace: its name."""


def labels_of(group: ProxyGroup) -> dict[str, str]:
    """What the operator puts on the pods of a group."""
    return {
        "tailscale.com/managed": "true",
        "tailscale.com/parent-resource-type": "proxygroup",
        "tailscale.com/parent-resource": object_name(group),
    }


def close(
    parent: pulumi.Resource, group: ProxyGroup, cluster: Cluster, *, depends_on: Sequence[pulumi.Resource]
) -> tuple[pulumi.Resource, ...]:
    """The NetworkPolicy of a group that is closed to other namespaces; none for one that is not. Egress is left alone."""
    if group.allowed_namespaces is None:
        return ()
    section = SECTIONS[ProxyGroup]
    policy = networking.NetworkPolicy(
        resource_name(cluster.name, section, _of(group.name)),
        metadata=metadata(f"tailstack-{object_name(group)}", cluster.operator.namespace),
        spec=networking.NetworkPolicySpecArgs(
            pod_selector=LabelSelectorArgs(match_labels=labels_of(group)),
            policy_types=["Ingress"],
            ingress=_rules(group, cluster),
        ),
        opts=node(
            parent,
            cluster=cluster.name,
            section=section,
            former_names=[_of(name) for name in group.former_names],
            depends_on=depends_on,
            replaced_by=(),
        ),
    )
    return (policy,)


def _of(group: str) -> str:
    return f"{group}.networkPolicy"


def _rules(group: ProxyGroup, cluster: Cluster) -> list[networking.NetworkPolicyIngressRuleArgs]:
    namespaces = [
        networking.NetworkPolicyPeerArgs(namespace_selector=LabelSelectorArgs(match_labels={NAMESPACE_NAME: name}))
        for name in group.allowed_namespaces or ()
    ]
    # Every pod of the operator's own namespace; with metrics every pod of the cluster, because Prometheus may be anywhere.
    asking = (
        None if _has_metrics(group, cluster) else [networking.NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs())]
    )
    first, last = FORWARDED
    return [
        networking.NetworkPolicyIngressRuleArgs(
            from_=namespaces, ports=[_ports(protocol, first, last) for protocol in ("TCP", "UDP")]
        ),
        networking.NetworkPolicyIngressRuleArgs(from_=asking, ports=[_ports("TCP", HEALTH, HEALTH)]),
        # Other nodes of the tailnet, directly: what is no WireGuard of theirs is thrown away. The port is a random one.
        networking.NetworkPolicyIngressRuleArgs(ports=[_ports("UDP", 1, first - 1), _ports("UDP", last + 1, 65535)]),
    ]


def _ports(protocol: str, first: int, last: int) -> networking.NetworkPolicyPortArgs:
    return networking.NetworkPolicyPortArgs(protocol=protocol, port=first, end_port=last)


def _has_metrics(group: ProxyGroup, cluster: Cluster) -> bool:
    name = group.proxy_class or cluster.operator.default_proxy_class
    return any(each.has_metrics for each in cluster.custom.proxy_classes if each.name == name)
