"""What the values that we send do: the chart of each supported version, rendered with them by Helm."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from components.chart_values import Login, chart_values
from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.charts.values import OAUTH_CLIENT_ANNOTATION
from tailstack.charts.versions import SUPPORTED, Version, version_text
from tailstack.sandbox.toolchain import ensure
from tailstack.topology.declaration import ApiServerProxyMode, FirewallMode, Logging
from tailstack.topology.tailnet import Chart, Image, Operator
from tests.charts.real_charts import chart_folder
from tests.components.tailnets import operator

EVERY = pytest.mark.parametrize("version", SUPPORTED, ids=version_text)
SECRET = Login(name="k123")
DIGEST = f"sha256:{'0' * 64}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rendered:
    """The manifests that Helm made."""

    objects: list[dict[str, Any]]

    def of_kind(self, kind: str) -> dict[str, dict[str, Any]]:
        return {each["metadata"]["name"]: each for each in self.objects if each["kind"] == kind}

    @property
    def pod(self) -> dict[str, Any]:
        (deployment,) = self.of_kind("Deployment").values()
        return cast("dict[str, Any]", deployment["spec"]["template"])

    @property
    def container(self) -> dict[str, Any]:
        (container,) = self.pod["spec"]["containers"]
        return cast("dict[str, Any]", container)

    @property
    def env(self) -> Mapping[str, str]:
        """Variables with a value of their own, each written once."""
        written = [(each["name"], each.get("value") or "") for each in self.container["env"] if "valueFrom" not in each]
        assert len(written) == len(dict(written))
        return dict(written)


def rendered(version: Version, described: Operator, login: Login, folder: Path) -> Rendered:
    helm = ensure(["helm"])["helm"]
    file = folder / "values.json"
    file.write_text(json.dumps(chart_values(described, login)), encoding="utf-8")
    done = subprocess.run(
        [helm, "template", "tailscale-operator", chart_folder(version), "--namespace", "tailscale", "--values", file],
        capture_output=True,
        text=True,
        check=True,
    )
    documents = yaml.load_all(done.stdout, Loader=yaml.CSafeLoader)
    return Rendered(objects=[document for document in documents if document])


@EVERY
def test_what_every_operator_has(version: Version, tmp_path: Path) -> None:
    made = rendered(version, operator("blue"), SECRET, tmp_path)
    assert made.env["OPERATOR_HOSTNAME"] == "blue-operator"
    assert made.env["OPERATOR_INITIAL_TAGS"] == "tag:k8s-op-blue"
    assert made.env["PROXY_TAGS"] == "tag:k8s-blue,tag:more"
    assert made.env["APISERVER_PROXY"] == "false"
    assert made.env["OPERATOR_LOGIN_SERVER"] == ""
    assert made.env["PROXY_FIREWALL_MODE"] == "auto"
    assert "PROXY_DEFAULT_CLASS" not in made.env
    assert made.pod["metadata"]["annotations"] == {OAUTH_CLIENT_ANNOTATION: "k123"}
    assert made.pod["spec"]["volumes"] == [{"name": "oauth", "secret": {"secretName": "operator-oauth"}}]
    assert "operator-oauth" not in made.of_kind("Secret")
    assert set(made.of_kind("IngressClass")) == {"tailscale"}
    kinds = {kind for kind, about in CUSTOM_KINDS.items() if about.since <= version}
    assert {each["spec"]["names"]["kind"] for each in made.of_kind("CustomResourceDefinition").values()} == kinds


@EVERY
def test_several_tags_of_the_operator(version: Version, tmp_path: Path) -> None:
    described = dataclasses.replace(operator("blue"), tags=("tag:a", "tag:b"))
    assert rendered(version, described, SECRET, tmp_path).env["OPERATOR_INITIAL_TAGS"] == "tag:a,tag:b"


@EVERY
def test_another_control_server_and_what_proxies_are_told(version: Version, tmp_path: Path) -> None:
    described = dataclasses.replace(
        operator("blue"),
        login_server="https://headscale.example.com",
        firewall_mode=FirewallMode.NFTABLES,
        default_proxy_class="standard",
        logging=Logging.DEBUG,
        ingress_class="tailnet",
    )
    made = rendered(version, described, SECRET, tmp_path)
    assert made.env["OPERATOR_LOGIN_SERVER"] == "https://headscale.example.com"
    assert made.env["PROXY_FIREWALL_MODE"] == "nftables"
    assert made.env["PROXY_DEFAULT_CLASS"] == "standard"
    assert made.env["OPERATOR_LOGGING"] == "debug"
    assert made.env["OPERATOR_INGRESS_CLASS_NAME"] == "tailnet"
    assert set(made.of_kind("IngressClass")) == {"tailnet"}


@EVERY
def test_images_of_a_mirror(version: Version, tmp_path: Path) -> None:
    described = dataclasses.replace(
        operator("blue"),
        image=Image(repository="mirror.example.com/operator", tag="v9", digest=DIGEST, pull_policy="IfNotPresent"),
        proxy_image=Image(repository="mirror.example.com/proxy"),
        k8s_proxy_image="mirror.example.com/k8s-proxy:v9",
        image_pull_secrets=("mirror", "other"),
    )
    made = rendered(version, described, SECRET, tmp_path)
    assert made.container["image"] == f"mirror.example.com/operator@{DIGEST}"
    assert made.container["imagePullPolicy"] == "IfNotPresent"
    assert made.env["PROXY_IMAGE"] == f"mirror.example.com/proxy:v{version_text(version)}"
    assert made.env["K8S_PROXY_IMAGE"] == "mirror.example.com/k8s-proxy:v9"
    secrets = [{"name": "mirror"}, {"name": "other"}]
    assert made.pod["spec"]["imagePullSecrets"] == secrets
    accounts = made.of_kind("ServiceAccount")
    # Before 1.104 the chart gives them to the operator's own pod and to nothing else.
    assert {name for name, account in accounts.items() if account.get("imagePullSecrets") == secrets} == (
        {"operator", "proxies"} if version >= (1, 104, 0) else set()
    )


@EVERY
def test_a_federated_identity(version: Version, tmp_path: Path) -> None:
    login = Login(client_id="k123", audience="api.tailscale.com/k123")
    made = rendered(version, operator("blue"), login, tmp_path)
    (volume,) = made.pod["spec"]["volumes"]
    (source,) = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "api.tailscale.com/k123"
    assert made.env["CLIENT_ID"] == "k123"
    assert "CLIENT_SECRET_FILE" not in made.env
    assert made.pod["spec"]["serviceAccountName"] == "operator"
    assert made.of_kind("Secret") == {}


@EVERY
@pytest.mark.parametrize(
    "volume", [{"csi": {"driver": "secrets-store.csi.k8s.io"}}, {"secret": {"secretName": "vault"}}]
)
def test_credentials_of_another_volume(version: Version, volume: dict[str, Any], tmp_path: Path) -> None:
    made = rendered(version, dataclasses.replace(operator("blue"), credentials_volume=volume), Login(), tmp_path)
    assert made.pod["spec"]["volumes"] == [{"name": "oauth", **volume}]
    assert made.env["CLIENT_ID_FILE"] == "/oauth/client_id"


@EVERY
@pytest.mark.parametrize(
    ("described", "env", "bound"),
    [
        (operator("blue"), "false", set[str]()),
        (operator("blue", ApiServerProxyMode.NOAUTH), "noauth", set[str]()),
        (operator("blue", ApiServerProxyMode.AUTH), "true", {"operator", "kube-apiserver-auth-proxy"}),
        (dataclasses.replace(operator("blue"), allows_impersonation=True), "false", {"kube-apiserver-auth-proxy"}),
    ],
    ids=["off", "noauth", "auth", "a group in auth mode"],
)
def test_who_may_impersonate(version: Version, described: Operator, env: str, bound: set[str], tmp_path: Path) -> None:
    made = rendered(version, described, SECRET, tmp_path)
    assert made.env["APISERVER_PROXY"] == env
    binding = made.of_kind("ClusterRoleBinding").get("tailscale-auth-proxy", {"subjects": []})
    assert {subject["name"] for subject in binding["subjects"]} == bound


@EVERY
def test_crds_that_the_stack_applies_itself(version: Version, tmp_path: Path) -> None:
    chart = Chart(version=version_text(version), repository="https://charts.example.com", path=None, crds="crds")
    made = rendered(version, dataclasses.replace(operator("blue"), chart=chart), SECRET, tmp_path)
    assert made.of_kind("CustomResourceDefinition") == {}


@EVERY
def test_further_values(version: Version, tmp_path: Path) -> None:
    written = {"operatorConfig": {"podLabels": {"team": "web"}, "extraEnv": [{"name": "A", "value": "b"}]}}
    described = dataclasses.replace(operator("blue"), values=written, k8s_proxy_image="mirror.example.com/k:v1")
    made = rendered(version, described, SECRET, tmp_path)
    assert made.pod["metadata"]["labels"] == {"app": "operator", "team": "web"}
    assert (made.env["A"], made.env["K8S_PROXY_IMAGE"]) == ("b", "mirror.example.com/k:v1")
    assert made.env["OPERATOR_HOSTNAME"] == "blue-operator"
