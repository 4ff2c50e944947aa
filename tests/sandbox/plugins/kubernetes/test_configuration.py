"""The provider's own options, and what it does without a cluster."""

from __future__ import annotations

import json
import os

import pytest

from tailstack.sandbox.plugins.frame import PluginError
from tailstack.sandbox.plugins.values import UNKNOWN, Properties
from tests.sandbox.plugins.kubernetes.playing import Plugin

SERVICE = "kubernetes:core/v1:Service"
AWAY = "configured Kubernetes cluster is unreachable: unable to load schema information from the API server: "


def kubeconfig(server: str = "https://127.0.0.1:9", **more: object) -> str:
    return json.dumps(
        {
            "current-context": "blue",
            "clusters": [
                {"name": "blue", "cluster": {"server": server}},
                {"name": "other", "cluster": {"server": "https://x"}},
            ],
            "contexts": [{"name": name, "context": {"cluster": name}} for name in ("blue", "other")],
            **more,
        }
    )


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Plugin:
    monkeypatch.delenv("PULUMI_K8S_DELETE_UNREACHABLE", raising=False)
    return Plugin({"kubeconfig": kubeconfig()})


@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig(x=1)}, set[str]()),
        (
            {"kubeconfig": kubeconfig()},
            {"kubeconfig": kubeconfig("https://moved")},
            {"kubeconfig", "context", "cluster"},
        ),
        (
            {"kubeconfig": kubeconfig()},
            {"kubeconfig": kubeconfig(), "context": "other"},
            {"kubeconfig", "context", "cluster"},
        ),
        (
            {"kubeconfig": kubeconfig()},
            {"kubeconfig": kubeconfig(), "cluster": "other"},
            {"kubeconfig", "context", "cluster"},
        ),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig(), "namespace": "x"}, set[str]()),
        (
            {"kubeconfig": kubeconfig(), "clusterIdentifier": "a"},
            {"kubeconfig": kubeconfig("https://moved"), "clusterIdentifier": "a"},
            set[str](),
        ),
        ({"clusterIdentifier": "a"}, {"clusterIdentifier": "b"}, {"clusterIdentifier"}),
        ({}, {"clusterIdentifier": "b"}, set[str]()),
    ],
)
def test_another_cluster_replaces_what_was_in_the_old_one(
    plugin: Plugin, old: Properties, new: Properties, replaced: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    assert plugin.provider.replaces_on(old, new) == replaced


def test_a_kubeconfig_that_became_wrong_is_told_when_it_is_compared(plugin: Plugin) -> None:
    with pytest.raises(PluginError, match="line 2, column 1: "):
        plugin.provider.replaces_on({"kubeconfig": kubeconfig()}, {"kubeconfig": "a: ["})


@pytest.mark.parametrize("option", ["renderYamlToDirectory", "alwaysRender"])
def test_what_the_stand_in_leaves_out_is_an_error(plugin: Plugin, option: str) -> None:
    (failure,) = plugin.provider.check_config({option: "x"})
    assert failure.property == option
    assert "not covered" in failure.reason


@pytest.mark.parametrize(("value", "wrong"), [("false", True), (False, True), ("true", False), (UNKNOWN, False)])
def test_server_side_apply_cannot_be_switched_off(plugin: Plugin, value: object, *, wrong: bool) -> None:
    assert bool(plugin.provider.check_config({"enableServerSideApply": value})) is wrong


@pytest.mark.parametrize(
    ("option", "value"), [("kubeClientSettings", "[]"), ("kubeClientSettings", "{"), ("helmReleaseSettings", "1")]
)
def test_an_option_that_is_no_object_is_told(option: str, value: str) -> None:
    with pytest.raises(PluginError, match=f"failed to unmarshal {option} option"):
        Plugin({"kubeconfig": kubeconfig(), option: value})


def test_without_a_cluster_a_preview_warns_and_everything_else_fails(plugin: Plugin) -> None:
    web = plugin.resource(SERVICE)
    program: Properties = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    assert web.preview(program)["metadata"] == {"name": "web", "namespace": "default"}
    assert plugin.engine.warnings == [f'{web.urn}: {AWAY}Get "https://127.0.0.1:9/api/v1": connect: connection refused']
    with pytest.raises(PluginError, match=AWAY):
        web.create(program)
    web.id, web.inputs = "default/web", web.check(program)
    with pytest.raises(PluginError, match=AWAY):
        web.update(program)
    with pytest.raises(PluginError, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        web.refresh()
    with pytest.raises(PluginError, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        web.delete()


def test_what_was_in_a_cluster_that_is_gone_can_be_forgotten() -> None:
    plugin = Plugin({"kubeconfig": kubeconfig(), "deleteUnreachable": "true"})
    web = plugin.resource(SERVICE)
    web.id, web.inputs = "default/web", {"kind": "Service"}
    assert web.refresh() is None
    web.delete()


def test_what_is_in_a_cluster_that_is_away_can_be_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_SKIP_UPDATE_UNREACHABLE", "true")
    plugin = Plugin({"kubeconfig": kubeconfig()})
    web = plugin.resource(SERVICE)
    web.id, web.inputs = "default/web", {"kind": "Service", "metadata": {"name": "web"}}
    assert web.check({"kind": "Service", "metadata": {"name": "changed"}}) == web.inputs
    refreshed = web.refresh()
    assert refreshed is not None
    assert refreshed.changes == {}


def test_a_release_says_that_its_cluster_is_away(plugin: Plugin) -> None:
    release = plugin.resource("kubernetes:helm.sh/v3:Release")
    inputs: Properties = {"name": "small", "namespace": "default", "chart": "x"}
    with pytest.raises(PluginError, match="can't create Helm Release with unreachable cluster: unable to load schema"):
        plugin.provider.create(release.request(inputs=inputs))
    with pytest.raises(PluginError, match="can't update Helm Release with unreachable cluster: unable to load schema"):
        plugin.provider.update(release.request(inputs=inputs))
    with pytest.raises(PluginError, match="can't delete Helm Release with unreachable cluster"):
        plugin.provider.delete(release.request(inputs=inputs))
