"""`tailstack doctor` as a user types it: without an engine and a cluster, and with the stand-in of Tailscale's API."""

from __future__ import annotations

import io
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.main import run
from tailstack.sandbox.api.application import Application
from tailstack.sandbox.api.server import serving
from tailstack.sandbox.api.store import Store
from tests.commands.declared import TEXT, write
from tests.commands.streams import records_of, result_of


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, on a machine that has git and nothing else, and no cluster that answers."""
    (tmp_path / "Pulumi.yaml").write_text("name: x\nruntime: python\n", encoding="utf-8")
    write(tmp_path, "one", TEXT)
    programs = tmp_path / "programs"
    programs.mkdir()
    git = programs / "git"
    git.write_text("#!/bin/sh\necho git version 2.39.5\n")
    git.chmod(0o755)
    for name in [name for name in os.environ if name.startswith(("TAILSCALE_", "PULUMI_", "ACTIONS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    (tmp_path / "kubeconfig").write_text(
        "apiVersion: v1\nkind: Config\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\n"
        "users: [{name: u, user: {token: hunter2}}]\n"
        "contexts: [{name: blue, context: {cluster: c, user: u}}]\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def api(project: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    store = Store(project / "api", name="example.com", dns_name="tail1a2b.ts.net")
    with serving(Application(store), log=io.StringIO(), poll_seconds=0.005) as server:
        monkeypatch.setenv("TAILSCALE_BASE_URL", server.url)
        monkeypatch.setenv("TAILSCALE_API_KEY", (project / "api" / "api-key").read_text().strip())
        yield
    store.close()


def points(out: str) -> dict[str, str]:
    return {f"{point['area']}: {point['what']}": point["mark"] for point in result_of(out)["points"]}


def test_what_is_missing_is_said_with_its_mend_and_the_exit_code_is_3(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project
    assert run(["doctor", "one"]) == ExitCode.FINDINGS
    said = capsys.readouterr()
    assert "  missing  pulumi: not on PATH\n           Install it" in said.out
    assert "  ok       git: 2.39.5\n" in said.out
    assert "  missing  credential: no credential for Tailscale's API" in said.out
    assert said.out.startswith("This machine\n")
    assert "Cluster blue\n  missing  API server: " in said.out
    assert said.err.startswith("Looking at one …\n")
    assert "hunter2" not in said.out + said.err


def test_json_names_every_point(api: None, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--format", "json"]) == ExitCode.FINDINGS
    out = capsys.readouterr().out
    found = points(out)
    begun, *others = records_of(out)[1:]
    assert (begun["title"], begun["clusters"]) == ("Looking at one", ["blue"])
    assert {"machine", "tailnet", "blue"} == {record["cluster"] for record in others if record["kind"] == "step"}
    assert found["this machine: environment one"] == "ok"
    assert found["this machine: context blue for cluster blue"] == "ok"
    assert found["tailnet: scopes"] == "ok"
    assert found["cluster blue: API server"] == "missing"
    assert result_of(out)["missing"] == sum(mark == "missing" for mark in found.values())
    write(project, "one", TEXT + "access:\n  - {name: a, from: [group:admin], to: [{exposure: blue.nginx}]}\n")
    assert run(["doctor", "--format", "json"]) == ExitCode.FINDINGS
    assert points(capsys.readouterr().out)["this machine: environment one"] == "missing"


def test_an_environment_that_cannot_be_read_says_so_and_looks_at_the_machine(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "one", "clusters: [\n")
    assert run(["doctor", "--format", "json"]) == ExitCode.FINDINGS
    found = points(capsys.readouterr().out)
    assert found["this machine: environment one"] == "missing"
    assert {what.partition(":")[0] for what in found} == {"this machine"}


def test_a_stack_of_another_environment_is_wrong_usage(project: Path) -> None:
    write(project, "two", TEXT)
    assert run(["doctor", "one", "--stack", "two"]) == ExitCode.USAGE
