"""What each custom resource is told; that the operator's CRDs take it is tested against an API server as well."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from components.custom_resource_specs import (
    KINDS,
    Custom,
    annotations_of,
    former_names,
    group_object,
    object_name,
    spec_of,
)
from tailstack.charts.custom_resources import check_custom_resource
from tailstack.charts.versions import SUPPORTED, Version
from tests.components.custom_resources import (
    ALL,
    API,
    AUDIT,
    EXIT,
    IN,
    METRICS,
    NAMESERVER,
    NOTHING,
    OFFICE,
    OTHER,
    OUT,
    PLAIN_TAILNET,
    PUBLIC_RELAY,
    REACHABLE_RELAY,
    RELAY,
    ROUTED,
    SAAS,
    SAAS_WITHOUT_ROUTES,
    SHOP,
    STANDARD,
    STORED,
    WITH_ALL,
)

SPECS: list[tuple[Custom, dict[str, Any]]] = [
    (IN, {"type": "ingress", "replicas": 2, "tags": ["tag:k8s-blue--in"], "hostnamePrefix": "blue-in"}),
    (
        OUT,
        {
            "type": "egress",
            "replicas": 3,
            "tags": ["tag:k8s-blue--out", "tag:out"],
            "hostnamePrefix": "blue-out",
            "proxyClass": "routed",
            "tailnet": "other",
        },
    ),
    (
        API,
        {
            "type": "kube-apiserver",
            "replicas": 2,
            "tags": ["tag:k8s-blue--in"],
            "hostnamePrefix": "blue-api-node",
            "kubeAPIServer": {"mode": "noauth", "hostname": "blue-api"},
        },
    ),
    (EXIT, {"replicas": 1, "tags": ["tag:k8s-blue--exit"], "hostname": "blue-exit", "exitNode": True}),
    (
        OFFICE,
        {
            "replicas": 2,
            "tags": ["tag:k8s-blue--exit"],
            "hostnamePrefix": "blue-office",
            "exitNode": True,
            "proxyClass": "routed",
            "tailnet": "other",
            "subnetRouter": {"advertiseRoutes": ["10.20.0.0/16", "fd7a:115c:a1e0:b1a:0:1:a2a:0/112"]},
        },
    ),
    (
        SAAS,
        {
            "replicas": 1,
            "tags": ["tag:k8s-blue--exit"],
            "hostname": "blue-saas",
            "appConnector": {"routes": ["203.0.113.0/24"]},
        },
    ),
    (
        SAAS_WITHOUT_ROUTES,
        {"replicas": 1, "tags": ["tag:k8s-blue--exit"], "hostname": "blue-saas-dns", "appConnector": {}},
    ),
    (AUDIT, {"replicas": 1, "tags": ["tag:k8s-blue--audit"], "enableUI": True}),
    (
        STORED,
        {
            "replicas": 2,
            "tags": ["tag:k8s-blue--audit"],
            "tailnet": "other",
            "storage": {
                "s3": {
                    "endpoint": "s3.eu-west-1.amazonaws.com",
                    "bucket": "recordings",
                    "credentials": {"secret": {"name": "s3"}},
                }
            },
            "statefulSet": {
                "pod": {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r"}}}
            },
        },
    ),
    (RELAY, {"replicas": 1, "tags": ["tag:k8s-blue--relay"], "hostnamePrefix": "blue-relay"}),
    (
        PUBLIC_RELAY,
        {
            "replicas": 1,
            "tags": ["tag:k8s-blue--relay"],
            "hostnamePrefix": "blue-public-relay",
            "proxyClass": "routed",
            "tailnet": "other",
            "service": {"annotations": {"example.com/scheme": "internet-facing"}},
            "aws": {"elasticIPs": [{"allocationID": "eipalloc-0a1b", "subnetID": "subnet-0a1b"}]},
        },
    ),
    (
        REACHABLE_RELAY,
        {
            "replicas": 1,
            "tags": ["tag:k8s-blue--relay"],
            "hostnamePrefix": "blue-reachable-relay",
            "service": {"port": 41700},
            "staticEndpoints": ["203.0.113.1:41700", "[2001:db8::1]:41700"],
        },
    ),
    (ROUTED, {"tailscale": {"acceptRoutes": True}}),
    (
        STANDARD,
        {
            "useLetsEncryptStagingEnvironment": True,
            "metrics": {"enable": True, "serviceMonitor": {"enable": True, "labels": {"team": "platform"}}},
            "staticEndpoints": {
                "nodePort": {
                    "ports": [{"port": 30000}, {"port": 30100, "endPort": 30200}],
                    "selector": {"edge": "true"},
                }
            },
            "statefulSet": {
                "labels": {"team": "platform"},
                "pod": {"tailscaleContainer": {"image": "mirror.example.com/ts:v1"}},
            },
        },
    ),
    (
        METRICS,
        {
            "metrics": {"enable": True},
            "staticEndpoints": {"nodePort": {"ports": [{"port": 30300, "endPort": 30310}]}},
        },
    ),
    (SHOP, {"ingress": ["in"], "egress": ["out", "elsewhere"]}),
    (NOTHING, {"ingress": [], "egress": []}),
    (NAMESERVER, {"nameserver": {"image": {"repo": "mirror.example.com/ns", "tag": "v1"}}}),
    (OTHER, {"credentials": {"secretName": "other-tailnet"}, "loginUrl": "https://headscale.example.com"}),
    (PLAIN_TAILNET, {"credentials": {"secretName": "plain-tailnet"}}),
]


@pytest.mark.parametrize(("described", "spec"), SPECS, ids=[f"{KINDS[type(c)]}-{c.name}" for c, _ in SPECS])
def test_a_spec_says_what_is_declared_and_no_more(described: Custom, spec: dict[str, Any]) -> None:
    assert spec_of(described, WITH_ALL) == spec


def test_every_one_of_the_cluster_is_tried() -> None:
    tried = {id(described) for described, _ in SPECS}
    every = (
        *ALL.proxy_groups,
        *ALL.connectors,
        *ALL.recorders,
        *ALL.peer_relays,
        *ALL.proxy_classes,
        *ALL.proxy_group_policies,
        *ALL.dns_configs,
        *ALL.tailnets,
    )
    assert {id(each) for each in every} == tried
    assert {type(each) for each in every} == set(KINDS)


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize(("described", "spec"), SPECS, ids=[f"{KINDS[type(c)]}-{c.name}" for c, _ in SPECS])
def test_every_supported_chart_knows_each_field(described: Custom, spec: dict[str, Any], version: Version) -> None:
    mistakes = check_custom_resource(KINDS[type(described)], spec, version)
    later: set[tuple[str | int, ...]] = set()
    if described in ALL.peer_relays and version < (1, 102, 0):
        later = {()}
    elif described is REACHABLE_RELAY and version < (1, 104, 0):
        later = {("service", "port"), ("staticEndpoints",)}
    assert {mistake.path for mistake in mistakes} == later


def test_a_recorder_without_tags_of_its_own_has_those_of_the_crd() -> None:
    assert "tags" not in spec_of(dataclasses.replace(AUDIT, has_default_tags=True), WITH_ALL)


@pytest.mark.parametrize(("shares", "told"), [(None, {}), (True, "true"), (False, "false")])
def test_a_group_says_whether_it_has_the_tailnets_acme_account(shares: bool | None, told: str | dict[str, str]) -> None:
    expected = {"tailscale.com/share-acme-account": told} if isinstance(told, str) else told
    assert annotations_of(dataclasses.replace(IN, shares_account=shares)) == expected
    assert annotations_of(EXIT) == {}


def test_an_object_keeps_its_first_name() -> None:
    renamed = dataclasses.replace(IN, name="web", former_names=("first", "second"))
    assert (object_name(renamed), former_names(renamed)) == ("first", ("first", "second"))
    assert (object_name(IN), former_names(IN)) == ("in", ())
    assert (object_name(STANDARD), former_names(STANDARD)) == ("standard", ())
    cluster = dataclasses.replace(WITH_ALL, custom=dataclasses.replace(ALL, proxy_groups=(renamed, OUT)))
    assert [group_object(cluster, name) for name in ("web", "out", "unknown")] == ["first", "out", "unknown"]
