"""The values that we set must be values of the chart: a key that it does not know is ignored without a word."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, cast

import pytest
import yaml

from components.chart_values import Login, chart_values
from tailstack.charts.values import CHART_VALUES, RESERVED_VALUES, check_values
from tailstack.charts.versions import SUPPORTED, Version
from tailstack.sandbox.toolchain import ensure
from tailstack.topology.declaration import ApiServerProxyMode, FirewallMode, Logging
from tailstack.topology.tailnet import Chart, Image, Operator
from tests.components.tailnets import operator

OPEN = ("operatorConfig.podAnnotations", "operatorConfig.resources", "oauthSecretVolume")
"""Values of any shape: annotations, and what is a part of a pod."""

IMAGE = Image(
    repository="mirror.example.com/tailscale/x", tag="v1", digest=f"sha256:{'0' * 64}", pull_policy="IfNotPresent"
)
SECRET = Login(name="k123")
FEDERATED = Login(client_id="k123", audience="api.tailscale.com/k123")
VOLUME = {"csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"secretProviderClass": "tailscale"}}}

EVERYTHING = dataclasses.replace(
    operator("blue", ApiServerProxyMode.NOAUTH),
    chart=Chart(version="1.102.3", repository="https://c.example", path=None, crds="crds"),
    ingress_class="tailnet",
    default_proxy_class="standard",
    allows_impersonation=True,
    login_server="https://headscale.example.com",
    image=IMAGE,
    proxy_image=dataclasses.replace(IMAGE, pull_policy=""),
    k8s_proxy_image="mirror.example.com/tailscale/k8s-proxy:v1",
    image_pull_secrets=("mirror", "other"),
    firewall_mode=FirewallMode.NFTABLES,
    logging=Logging.DEBUG,
    values={
        "operatorConfig": {"resources": {"requests": {"memory": "128Mi"}}, "extraEnv": [{"name": "A", "value": "b"}]}
    },
)
FORMS = [
    *((operator("blue", mode), SECRET) for mode in ApiServerProxyMode),
    *((dataclasses.replace(operator("blue"), existing_secret=name), SECRET) for name in ("operator-oauth", "vault")),
    (dataclasses.replace(operator("blue"), credentials_volume=VOLUME), Login()),
    (operator("blue"), FEDERATED),
    (EVERYTHING, FEDERATED),
]


@pytest.fixture(scope="module")
def chart() -> dict[str, Any]:
    folder = ensure(["chart"])["chart"]
    return cast("dict[str, Any]", yaml.safe_load((folder / "values.yaml").read_text(encoding="utf-8")))


def leaves(values: dict[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        here = f"{path}.{key}".removeprefix(".")
        if isinstance(value, dict) and here not in OPEN:
            yield from leaves(cast("dict[str, Any]", value), here)
        else:
            yield here, value


@pytest.mark.parametrize(("described", "login"), FORMS)
def test_every_value_is_one_of_the_chart_with_the_type_it_has_there(
    chart: dict[str, Any], described: Operator, login: Login
) -> None:
    found = dict(leaves(chart_values(described, login)))
    defaults = dict(leaves(chart))
    assert set(found) <= set(defaults)
    assert {path: type(value) for path, value in found.items()} == {path: type(defaults[path]) for path in found}


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize(("described", "login"), FORMS)
def test_every_value_is_one_of_each_supported_chart(described: Operator, login: Login, version: Version) -> None:
    assert check_values(chart_values(described, login), version) == ()


def test_all_that_can_be_said_of_an_operator_reaches_the_chart() -> None:
    image = {
        "repository": "mirror.example.com/tailscale/x",
        "tag": "v1",
        "digest": f"sha256:{'0' * 64}",
    }
    assert chart_values(EVERYTHING, FEDERATED) == {
        "installCRDs": False,
        "oauth": {"clientId": "k123", "audience": "api.tailscale.com/k123"},
        "loginServer": "https://headscale.example.com",
        "ingressClass": {"name": "tailnet"},
        "imagePullSecrets": [{"name": "mirror"}, {"name": "other"}],
        "apiServerProxyConfig": {"mode": "noauth", "allowImpersonation": "true"},
        "operatorConfig": {
            "hostname": "blue-operator",
            "defaultTags": ["tag:k8s-op-blue"],
            "image": {**image, "pullPolicy": "IfNotPresent"},
            "logging": "debug",
            "resources": {"requests": {"memory": "128Mi"}},
            "extraEnv": [
                {"name": "A", "value": "b"},
                {"name": "K8S_PROXY_IMAGE", "value": "mirror.example.com/tailscale/k8s-proxy:v1"},
            ],
        },
        "proxyConfig": {
            "defaultTags": "tag:k8s-blue,tag:more",
            "image": image,
            "firewallMode": "nftables",
            "defaultProxyClass": "standard",
        },
    }


def test_an_operator_of_which_little_is_said_is_as_the_chart_makes_it() -> None:
    assert chart_values(operator("blue"), SECRET) == {
        "installCRDs": True,
        "operatorConfig": {
            "hostname": "blue-operator",
            "defaultTags": ["tag:k8s-op-blue"],
            "podAnnotations": {"tailstack/oauth-client": "k123"},
        },
        "proxyConfig": {"defaultTags": "tag:k8s-blue,tag:more"},
        "apiServerProxyConfig": {"mode": "false"},
    }


def test_what_somebody_wrote_stands_beside_ours() -> None:
    written = {
        "operatorConfig": {
            "podAnnotations": {"team": "platform"},
            "extraEnv": ({"name": "K8S_PROXY_IMAGE", "value": "another"}, {"name": "TS_PORT", "value": "41641"}),
            "tolerations": ({"key": "edge", "operator": "Exists"},),
        },
    }
    described = dataclasses.replace(operator("blue"), values=written, k8s_proxy_image="ours:v1")
    config = chart_values(described, SECRET)["operatorConfig"]
    assert config["podAnnotations"] == {"team": "platform", "tailstack/oauth-client": "k123"}
    assert config["tolerations"] == [{"key": "edge", "operator": "Exists"}]
    assert config["extraEnv"] == [
        {"name": "TS_PORT", "value": "41641"},
        {"name": "K8S_PROXY_IMAGE", "value": "ours:v1"},
    ]


def test_what_follows_from_the_declarations_wins() -> None:
    written = {"installCRDs": False, "operatorConfig": {"hostname": "mine"}, "proxyConfig": None}
    values = chart_values(dataclasses.replace(operator("blue"), values=written), SECRET)
    assert values["installCRDs"] is True
    assert values["operatorConfig"]["hostname"] == "blue-operator"
    assert values["proxyConfig"] == {"defaultTags": "tag:k8s-blue,tag:more"}


def test_nobody_can_write_what_follows_from_the_declarations() -> None:
    """Resolution refuses these, so that nobody wonders why a value has no effect."""
    own = {path for path, _ in leaves(cast("dict[str, Any]", _ours()))}
    free = {"operatorConfig.extraEnv", "operatorConfig.podAnnotations", "operatorConfig.resources"}
    reserved = {".".join(path) for path in RESERVED_VALUES}
    assert {path for path in own - free if not any(path == r or path.startswith(f"{r}.") for r in reserved)} == set()
    assert set(CHART_VALUES.keys) >= {path.partition(".")[0] for path in own}


def _ours() -> object:
    return chart_values(dataclasses.replace(EVERYTHING, credentials_volume=VOLUME), FEDERATED)


def test_the_modes_of_the_proxy_are_the_texts_that_the_operator_reads() -> None:
    modes = {
        mode: chart_values(operator("blue", mode), SECRET)["apiServerProxyConfig"]["mode"]
        for mode in ApiServerProxyMode
    }
    assert modes == {
        ApiServerProxyMode.OFF: "false",
        ApiServerProxyMode.AUTH: "true",
        ApiServerProxyMode.NOAUTH: "noauth",
    }
