"""How the tailnet and the clusters are reached: by the stacks' config, else by the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tailstack.commands import live
from tailstack.commands.live import connect, looking_at
from tailstack.commands.stacks import Stack
from tailstack.engine.live_clusters import Target
from tailstack.engine.tailscale_api import Failure, TailscaleApiError
from tailstack.live.declared import Scope
from tailstack.live.model import LiveCluster, Unknown
from tailstack.topology.shards import WHOLE
from tests.rules.environments import tailnet_of

TWO = """
clusters:
  blue: {kubernetes: {context: blue-admin}}
  green: {kubernetes: {kubeconfig: {secret: greenKubeconfig}}}
"""
SCOPE = Scope.of(tailnet_of(TWO))
STACKS = (Stack(name="dev", shard=WHOLE),)
BLUE = Target(name="blue", namespace="tailscale", context="blue-admin")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    return tmp_path


def write(project: Path, config: str) -> None:
    (project / "stacks" / "Pulumi.dev.yaml").write_text(f"config: {config}\n", encoding="utf-8")


def test_a_context_and_a_kubeconfig_of_the_config(project: Path) -> None:
    write(project, "{tailstack:greenKubeconfig: text, tailscale:tailnet: example.com}")
    looking = looking_at(project, STACKS, SCOPE, None, {"TAILSCALE_API_KEY": "key"})
    assert looking.targets == (BLUE, Target(name="green", namespace="tailscale", kubeconfig="text"))
    assert looking.variables == {"TAILSCALE_API_KEY": "key", "TAILSCALE_TAILNET": "example.com"}
    assert looking.refused == {}


def test_a_kubeconfig_that_the_config_lacks_is_one_cluster_unknown(project: Path) -> None:
    looking = looking_at(project, STACKS, SCOPE, None, {})
    assert looking.targets == (BLUE,)
    assert looking.refused == {
        "green": Unknown(what="cluster green", reason="no stack's config has the secret tailstack:greenKubeconfig")
    }


def test_a_config_that_cannot_be_decrypted_is_said_for_all_that_needs_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "{tailstack:greenKubeconfig: {secure: xyz}}")
    looking = looking_at(project, STACKS, SCOPE, None, {})
    reason = "the config of dev is encrypted, and pulumi is not on PATH"
    assert looking.refused["green"].reason == reason

    def nothing(*_targets: object, **_options: object) -> dict[str, LiveCluster | Unknown]:
        return {"blue": LiveCluster.of("blue", [])}

    monkeypatch.setattr(live, "read_clusters", nothing)
    found = looking.look()
    assert {one.reason for one in found.unknown} == {reason}
    assert set(found.clusters) == {"blue", "green"}


def test_the_credential_of_a_stack_is_that_of_its_config_else_of_the_environment(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Mapping[str, str]] = []
    monkeypatch.setattr(live, "from_environment", asked.append)
    write(project, "{tailscale:apiKey: of-the-config, tailscale:baseUrl: http://127.0.0.1:1}")
    given = {"TAILSCALE_OAUTH_CLIENT_ID": "another", "TAILSCALE_TAILNET": "example.com"}
    connect(project, "dev", None, given)
    connect(project, "other", None, given)
    configured = {"TAILSCALE_API_KEY": "of-the-config", "TAILSCALE_BASE_URL": "http://127.0.0.1:1"}
    assert asked == [configured | {"TAILSCALE_TAILNET": "example.com"}, given]
    write(project, "{tailscale:apiKey: {secure: xyz}}")
    with pytest.raises(TailscaleApiError, match="the config of dev is encrypted") as raised:
        connect(project, "dev", None, {"TAILSCALE_API_KEY": "another"})
    assert raised.value.failure is Failure.MISCONFIGURED


def test_without_a_credential_the_tailnet_is_unknown(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_targets: object, **_options: object) -> dict[str, LiveCluster | Unknown]:
        return {}

    monkeypatch.setattr(live, "read_clusters", nothing)
    found = looking_at(project, STACKS, SCOPE, None, {}).look()
    assert isinstance(found.tailnet.devices, Unknown)
    assert found.tailnet.devices.reason.startswith("no credential for Tailscale's API")
