from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tailstack.topology.custom import CustomResources
from tailstack.topology.tailnet import Cluster
from tests.components.building import annotations_on, custom, labels_on, made, needed, spec_of
from tests.components.custom_resources import ALL, API, AUDIT, EXIT, IN, OUT, RELAY, ROUTED, SHOP, STANDARD, WITH_ALL
from tests.components.recording import Recording

RELEASE = "Release blue.operator"
KINDS = ("Connector", "DNSConfig", "PeerRelay", "ProxyClass", "ProxyGroup", "ProxyGroupPolicy", "Recorder", "Tailnet")


@pytest.fixture(scope="module")
def everything() -> Recording:
    return made(WITH_ALL)


def only(**fields: Any) -> Cluster:  # noqa: ANN401  fields of CustomResources, checked by `replace`
    return dataclasses.replace(WITH_ALL, custom=dataclasses.replace(CustomResources(), **fields))


def test_each_is_one_resource_called_as_its_declaration(everything: Recording) -> None:
    assert {name for kind in KINDS for name in everything.names(custom(kind))} == {
        *(f"blue.proxyGroups.{name}" for name in ("in", "out", "api")),
        *(f"blue.connectors.{name}" for name in ("exit", "office", "saas", "saas-dns")),
        *(f"blue.recorders.{name}" for name in ("audit", "stored")),
        *(f"blue.peerRelays.{name}" for name in ("relay", "public-relay", "reachable-relay")),
        *(f"blue.proxyClasses.{name}" for name in ("routed", "standard", "metrics")),
        *(f"blue.proxyGroupPolicies.{name}" for name in ("shop", "nothing")),
        "blue.dnsConfig.nameserver",
        *(f"blue.tailnets.{name}" for name in ("other", "plain")),
    }


IN_THE_BACKGROUND = {"pulumi.com/deletionPropagationPolicy": "background"}
"""So that the operator reads the state of the nodes before the garbage collector takes it."""


def test_a_custom_resource_is_an_object_of_the_operators_kind(everything: Recording) -> None:
    group = everything.one(custom("ProxyGroup"), "blue.proxyGroups.in")
    assert group.inputs == {
        "apiVersion": "tailscale.com/v1alpha1",
        "kind": "ProxyGroup",
        "metadata": {
            "name": "in",
            "labels": {"app.kubernetes.io/managed-by": "tailstack"},
            "annotations": {"pulumi.com/waitFor": "condition=ProxyGroupReady", **IN_THE_BACKGROUND},
        },
        "spec": {"type": "ingress", "replicas": 2, "tags": ["tag:k8s-blue--in"], "hostnamePrefix": "blue-in"},
    }


def test_only_a_policy_is_in_a_namespace(everything: Recording) -> None:
    namespaces = {
        (kind, each.inputs["metadata"].get("namespace")) for kind in KINDS for each in everything.of_type(custom(kind))
    }
    assert namespaces == {(kind, None) for kind in KINDS if kind != "ProxyGroupPolicy"} | {
        ("ProxyGroupPolicy", "shop"),
        ("ProxyGroupPolicy", "pay"),
    }


@pytest.mark.parametrize(
    ("kind", "name", "condition"),
    [
        ("ProxyGroup", "proxyGroups.out", "ProxyGroupReady"),
        ("ProxyGroup", "proxyGroups.api", "KubeAPIServerProxyConfigured"),
        ("Connector", "connectors.exit", "ConnectorReady"),
        ("Recorder", "recorders.audit", "RecorderReady"),
        ("PeerRelay", "peerRelays.relay", "PeerRelayReady"),
        ("ProxyClass", "proxyClasses.routed", "ProxyClassReady"),
        ("DNSConfig", "dnsConfig.nameserver", "NameserverReady"),
        ("Tailnet", "tailnets.other", "TailnetReady"),
    ],
)
def test_pulumi_waits_for_the_condition_that_the_operator_sets(
    everything: Recording, kind: str, name: str, condition: str
) -> None:
    found = annotations_on(everything.one(custom(kind), f"blue.{name}"))
    assert found == {"pulumi.com/waitFor": f"condition={condition}", **IN_THE_BACKGROUND}


def test_a_policy_is_not_waited_for(everything: Recording) -> None:
    assert (
        annotations_on(everything.one(custom("ProxyGroupPolicy"), "blue.proxyGroupPolicies.shop")) == IN_THE_BACKGROUND
    )


def test_waiting_can_be_switched_off() -> None:
    found = made(only(proxy_groups=(IN, API), connectors=(EXIT,)), skip_await=True)
    for resource in (*found.of_type(custom("ProxyGroup")), *found.of_type(custom("Connector"))):
        assert annotations_on(resource) == {"pulumi.com/skipAwait": "true", **IN_THE_BACKGROUND}


@pytest.mark.parametrize(
    ("kind", "name", "after"),
    [
        ("Tailnet", "tailnets.other", set[str]()),
        ("ProxyClass", "proxyClasses.routed", set[str]()),
        ("DNSConfig", "dnsConfig.nameserver", set[str]()),
        ("ProxyGroupPolicy", "proxyGroupPolicies.shop", set[str]()),
        (
            "ProxyGroup",
            "proxyGroups.in",
            {"ProxyGroupPolicy blue.proxyGroupPolicies.shop", "ProxyGroupPolicy blue.proxyGroupPolicies.nothing"},
        ),
        (
            "ProxyGroup",
            "proxyGroups.out",
            {
                "ProxyGroupPolicy blue.proxyGroupPolicies.shop",
                "ProxyGroupPolicy blue.proxyGroupPolicies.nothing",
                "Tailnet blue.tailnets.other",
                "ProxyClass blue.proxyClasses.routed",
                "NetworkPolicy blue.proxyGroups.out.networkPolicy",
            },
        ),
        ("Connector", "connectors.exit", set[str]()),
        ("Connector", "connectors.office", {"Tailnet blue.tailnets.other", "ProxyClass blue.proxyClasses.routed"}),
        (
            "PeerRelay",
            "peerRelays.public-relay",
            {"Tailnet blue.tailnets.other", "ProxyClass blue.proxyClasses.routed"},
        ),
        ("Recorder", "recorders.stored", {"Tailnet blue.tailnets.other"}),
    ],
)
def test_each_comes_after_the_operator_and_what_it_runs_with(
    everything: Recording, kind: str, name: str, after: set[str]
) -> None:
    assert needed(everything, everything.one(custom(kind), f"blue.{name}")) == {RELEASE, *after}


def test_the_operators_default_class_is_for_groups_and_not_for_connectors() -> None:
    operator = dataclasses.replace(WITH_ALL.operator, default_proxy_class="standard")
    described = only(
        proxy_groups=(IN, OUT), connectors=(EXIT,), proxy_classes=(STANDARD, ROUTED), tailnets=ALL.tailnets
    )
    found = made(dataclasses.replace(described, operator=operator))

    def classes_of(kind: str, name: str) -> set[str]:
        return {each for each in needed(found, found.one(custom(kind), name)) if each.startswith("ProxyClass ")}

    assert classes_of("ProxyGroup", "blue.proxyGroups.in") == {"ProxyClass blue.proxyClasses.standard"}
    assert classes_of("ProxyGroup", "blue.proxyGroups.out") == {"ProxyClass blue.proxyClasses.routed"}
    assert classes_of("Connector", "blue.connectors.exit") == set()
    # In the chart's values it is only a name, so that the class can come after the release with its CRD.
    assert "default_proxy_class" not in repr(found.one("kubernetes:helm.sh/v3:Release").dependencies)


def test_what_cannot_be_changed_replaces_the_object_and_the_old_one_goes_first(everything: Recording) -> None:
    for kind in KINDS:
        for resource in everything.of_type(custom(kind)):
            assert resource.replace_on_changes == ("spec.type", "spec.tags", "spec.tailnet")
            assert resource.delete_before_replace


def test_a_renamed_declaration_is_the_same_resource_and_the_same_object() -> None:
    found = made(
        only(
            proxy_groups=(dataclasses.replace(IN, name="web", former_names=("in", "front")),),
            connectors=(dataclasses.replace(EXIT, former_names=("way-out",)),),
            recorders=(dataclasses.replace(AUDIT, former_names=("rec",)),),
            peer_relays=(dataclasses.replace(RELAY, former_names=("hop",)),),
            proxy_group_policies=(dataclasses.replace(SHOP, ingress=("web",), egress=()),),
        )
    )
    group = found.one(custom("ProxyGroup"), "blue.proxyGroups.web")
    assert group.aliases == ("blue.proxyGroups.in", "blue.proxyGroups.front")
    names = {
        each.inputs["kind"]: each.inputs["metadata"]["name"] for kind in KINDS for each in found.of_type(custom(kind))
    }
    assert names == {
        "ProxyGroup": "in",
        "Connector": "way-out",
        "Recorder": "rec",
        "PeerRelay": "hop",
        "ProxyGroupPolicy": "shop",
    }
    # Whoever names the group in a cluster names the object.
    assert spec_of(found.one(custom("ProxyGroupPolicy")))["ingress"] == ["in"]


def test_only_our_own_label_is_on_them(everything: Recording) -> None:
    assert all(labels_on(each) == {} for kind in KINDS for each in everything.of_type(custom(kind)))


def test_a_class_that_nobody_declared_in_the_cluster_is_not_waited_for() -> None:
    found = made(only(connectors=(dataclasses.replace(EXIT, proxy_class="of-somebody-else"),)))
    assert needed(found, found.one(custom("Connector"))) == {RELEASE}


def test_a_class_is_made_once_for_all_that_use_it() -> None:
    found = made(only(proxy_groups=(OUT,), proxy_classes=(ROUTED,), tailnets=ALL.tailnets))
    assert found.names(custom("ProxyClass")) == ["blue.proxyClasses.routed"]


def test_what_else_the_operator_reads_of_a_group_stands_beside_what_is_waited_for() -> None:
    found = made(only(proxy_groups=(dataclasses.replace(IN, shares_account=True),)))
    assert annotations_on(found.one(custom("ProxyGroup"))) == {
        "tailscale.com/share-acme-account": "true",
        "pulumi.com/waitFor": "condition=ProxyGroupReady",
        **IN_THE_BACKGROUND,
    }
