from __future__ import annotations

import dataclasses
from typing import Any

from tailstack.topology.custom import ProxyClass, ProxyGroup
from tailstack.topology.tailnet import Cluster
from tests.components.building import NETWORK_POLICY, made, needed, spec_of
from tests.components.custom_resources import ALL, IN, METRICS, OUT, ROUTED, WITH_ALL

FORWARDED = [{"port": 10000, "endPort": 10999, "protocol": protocol} for protocol in ("TCP", "UDP")]
HEALTH = [{"port": 9002, "endPort": 9002, "protocol": "TCP"}]


def with_group(group: ProxyGroup, *classes: ProxyClass, default: str | None = None) -> Cluster:
    operator = dataclasses.replace(WITH_ALL.operator, default_proxy_class=default, namespace="tailscale-system")
    custom = dataclasses.replace(ALL, proxy_groups=(group,), proxy_classes=classes)
    return dataclasses.replace(WITH_ALL, operator=operator, custom=custom)


def rules(cluster: Cluster) -> list[dict[str, Any]]:
    return spec_of(made(cluster).one(NETWORK_POLICY))["ingress"]


def test_only_pods_of_the_allowed_namespaces_reach_what_the_group_forwards() -> None:
    found = made(with_group(OUT, ROUTED)).one(NETWORK_POLICY, "blue.proxyGroups.out.networkPolicy")
    assert found.inputs["metadata"] == {
        "name": "tailstack-out",
        "namespace": "tailscale-system",
        "labels": {"app.kubernetes.io/managed-by": "tailstack"},
    }
    assert spec_of(found) == {
        "podSelector": {
            "matchLabels": {
                "tailscale.com/managed": "true",
                "tailscale.com/parent-resource-type": "proxygroup",
                "tailscale.com/parent-resource": "out",
            }
        },
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}},
                    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "pay"}}},
                ],
                "ports": FORWARDED,
            },
            # The operator, and the group's own pods, ask whether a pod is ready.
            {"from": [{"podSelector": {}}], "ports": HEALTH},
            # WireGuard of other nodes.
            {
                "ports": [
                    {"port": 1, "endPort": 9999, "protocol": "UDP"},
                    {"port": 11000, "endPort": 65535, "protocol": "UDP"},
                ]
            },
        ],
    }


def test_metrics_can_be_read_from_every_namespace() -> None:
    for cluster in (
        with_group(dataclasses.replace(OUT, proxy_class="metrics"), METRICS, ROUTED),
        with_group(dataclasses.replace(OUT, proxy_class=None), METRICS, default="metrics"),
    ):
        assert rules(cluster)[1] == {"ports": HEALTH}
    assert "from" in rules(with_group(dataclasses.replace(OUT, proxy_class=None), METRICS))[1]


def test_it_stands_before_the_group_does() -> None:
    found = made(with_group(OUT, ROUTED))
    assert needed(found, found.one(NETWORK_POLICY)) == {"Release blue.operator"}
    group = found.one("kubernetes:tailscale.com/v1alpha1:ProxyGroup")
    assert "NetworkPolicy blue.proxyGroups.out.networkPolicy" in needed(found, group)


def test_it_selects_the_pods_of_the_object_after_a_rename() -> None:
    found = made(with_group(dataclasses.replace(OUT, name="way-out", former_names=("out",)), ROUTED))
    policy = found.one(NETWORK_POLICY, "blue.proxyGroups.way-out.networkPolicy")
    assert policy.inputs["metadata"]["name"] == "tailstack-out"
    assert spec_of(policy)["podSelector"]["matchLabels"]["tailscale.com/parent-resource"] == "out"
    assert policy.aliases == ("blue.proxyGroups.out.networkPolicy",)


def test_a_group_that_is_open_has_none() -> None:
    assert made(with_group(IN)).of_type(NETWORK_POLICY) == []
