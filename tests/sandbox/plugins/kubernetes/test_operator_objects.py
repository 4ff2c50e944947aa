"""Every kind of object that the program makes for the operator, through the plugin on a real API server."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from typing import Any

import pytest
import yaml

from tailstack.sandbox.lifecycle import Sandbox
from tailstack.sandbox.plugins.values import Properties
from tests.sandbox.plugins.kubernetes.playing import Cluster, Plugin

pytestmark = pytest.mark.sandbox

GROUP = "tailscale.com/v1alpha1"
IN_THE_BACKGROUND = {"pulumi.com/deletionPropagationPolicy": "background"}
SPECS: dict[str, tuple[Properties, Properties]] = {
    "Connector": ({"exitNode": True}, {"exitNode": True, "tags": ["tag:exit"]}),
    "DNSConfig": ({"nameserver": {}}, {"nameserver": {"image": {"tag": "v1"}}}),
    "PeerRelay": ({}, {"replicas": 2}),
    "ProxyClass": ({}, {"metrics": {"enable": True}}),
    "ProxyGroup": ({"type": "egress"}, {"type": "egress", "replicas": 3}),
    "ProxyGroupPolicy": ({"ingress": ["in"]}, {"ingress": ["in"], "egress": ["out"]}),
    "Recorder": ({"enableUI": True}, {"enableUI": True, "tags": ["tag:recorder"]}),
    "Tailnet": (
        {"credentials": {"secretName": "other"}},
        {"credentials": {"secretName": "other"}, "loginUrl": "https://login.example.com"},
    ),
}
"""A spec of each kind as it is made, and as it is after an update."""


@pytest.fixture(scope="module")
def definitions(sandbox: Sandbox) -> list[Properties]:
    """The operator's definitions, as its chart brings them."""
    helm = sandbox.folder / "bin" / "helm"
    rendered = subprocess.run(
        [helm, "template", "operator", sandbox.folder / "chart", "--set", "installCRDs=true"],
        capture_output=True,
        text=True,
        check=True,
    )
    objects: list[Any] = list(yaml.safe_load_all(rendered.stdout))
    return [each for each in objects if each and each["kind"] == "CustomResourceDefinition"]


def custom_resource(kind: str, spec: Properties, annotations: Properties) -> Properties:
    return {
        "apiVersion": GROUP,
        "kind": kind,
        "metadata": {"name": f"a-{kind.lower()}", "annotations": annotations},
        "spec": spec,
    }


def set_ready(cluster: Cluster, kind: str, *types: str) -> None:
    """What the operator does once the proxies are there: one condition after the other."""
    name = f"a-{kind.lower()}"
    path = cluster.client.locate(GROUP, kind, namespace=cluster.namespace, name=name).path
    moment = "2026-01-05T00:00:00Z"
    conditions: list[Properties] = []
    for type_ in types:
        conditions.append(
            {"type": type_, "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": moment}
        )
        change: Properties = {"op": "add", "path": "/status", "value": {"conditions": conditions}}
        cluster.client.patch(f"{path}/status", [change], manager="operator")
        time.sleep(0.2)


def test_every_custom_resource_of_the_operator_lives(
    plugin: Plugin, cluster: Cluster, definitions: list[Properties]
) -> None:
    kinds = [definition["spec"]["names"]["kind"] for definition in definitions]
    assert set(kinds) == set(SPECS)
    for definition in definitions:
        plugin.resource("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition").create(definition)
    for kind in kinds:
        before, after = SPECS[kind]
        resource = plugin.resource(f"kubernetes:{GROUP}:{kind}", kind)
        first = custom_resource(kind, before, IN_THE_BACKGROUND)
        resource.create(first)
        assert resource.diff(first).changes == {}
        second = custom_resource(kind, after, IN_THE_BACKGROUND)
        assert resource.diff(second).replaces == frozenset()
        resource.update(second)
        refreshed = resource.refresh()
        assert refreshed is not None
        assert refreshed.changes == {}
        # The garbage collector learns of new kinds each half minute only, and a delete in the foreground would wait for it.
        started = time.monotonic()
        resource.delete()
        assert time.monotonic() - started < 5
        assert resource.refresh() is None


def test_a_custom_resource_is_ready_when_every_condition_of_a_list_is_met(
    plugin: Plugin, cluster: Cluster, definitions: list[Properties]
) -> None:
    for definition in definitions:
        if definition["spec"]["names"]["kind"] == "ProxyGroup":
            cluster.apply(definition, manager="somebody")
    resource = plugin.resource(f"kubernetes:{GROUP}:ProxyGroup")
    conditions = ["condition=ProxyGroupReady", "condition=ProxyGroupAvailable"]
    wanted = custom_resource(
        "ProxyGroup", {"type": "ingress"}, {**IN_THE_BACKGROUND, "pulumi.com/waitFor": json.dumps(conditions)}
    )
    creating = threading.Thread(target=lambda: resource.create(wanted))
    creating.start()
    assert plugin.engine.told.wait(20)
    set_ready(cluster, "ProxyGroup", "ProxyGroupReady")
    assert creating.is_alive()
    set_ready(cluster, "ProxyGroup", "ProxyGroupReady", "ProxyGroupAvailable")
    creating.join(20)
    assert not creating.is_alive()
    assert len(resource.state["status"]["conditions"]) == 2
    assert resource.diff(wanted).changes == {}
    resource.delete()


def test_a_network_policy_lives(plugin: Plugin, cluster: Cluster) -> None:
    resource = plugin.resource("kubernetes:networking.k8s.io/v1:NetworkPolicy")

    def policy(*ports: int) -> Properties:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "close"},
            "spec": {
                "podSelector": {"matchLabels": {"tailscale.com/parent-resource": "out"}},
                "policyTypes": ["Ingress"],
                "ingress": [
                    {
                        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}],
                        "ports": [{"port": port} for port in ports],
                    }
                ],
            },
        }

    resource.create(policy(80))
    assert resource.diff(policy(80)).changes == {}
    assert resource.diff(policy(80, 81)).replaces == frozenset()
    resource.update(policy(80, 81))
    refreshed = resource.refresh()
    assert refreshed is not None
    assert refreshed.changes == {}
    resource.delete()
    path = cluster.client.locate(
        "networking.k8s.io/v1", "NetworkPolicy", namespace=cluster.namespace, name="close"
    ).path
    assert cluster.client.get(path) is None


def test_an_ingress_of_somebody_else_is_patched_and_left(plugin: Plugin, cluster: Cluster) -> None:
    theirs: Properties = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "annotations": {"owner": "argo"}},
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    }
    cluster.apply(theirs, manager="argocd")
    patch = plugin.resource("kubernetes:networking.k8s.io/v1:IngressPatch")
    ours: Properties = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": "web",
            "annotations": {"tailscale.com/tags": "tag:web", "pulumi.com/skipAwait": "true"},
        },
    }
    patch.create(ours)
    annotations = cluster.get("Ingress", "web")["metadata"]["annotations"]
    assert (annotations["owner"], annotations["tailscale.com/tags"]) == ("argo", "tag:web")
    patch.delete()
    left = cluster.get("Ingress", "web")
    assert left["metadata"]["annotations"] == {"owner": "argo"}
    assert left["spec"] == theirs["spec"]
