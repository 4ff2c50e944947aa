"""What a machine has for a project, with an engine that answers as it is told."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tailstack.engine import machine_needs
from tailstack.engine.machine_needs import (
    allows,
    context_points,
    engine_points,
    git_point,
    python_point,
    stack_points,
    version_of,
    virtual_environment_point,
)
from tailstack.engine.pulumi import Pulumi
from tailstack.report.diagnosed import Mark, Point
from tailstack.topology.tailnet import Cluster
from tests.components.tailnets import BLUE, GREEN

OK, MISSING, UNKNOWN = Mark.OK, Mark.MISSING, Mark.UNKNOWN
PLUGINS = [
    {"name": name, "kind": "resource", "version": importlib.metadata.version(package)}
    for name, package in machine_needs.PLUGINS
]
PROJECT_FILE = 'name: shop\nrequiredPulumiVersion: ">=3.250.0"\nruntime: {name: python, options: {virtualenv: .venv}}\n'


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A project, and a stand-in of the engine that prints what stands in its files."""

    project: Path

    def engine(self, **answers: object) -> Pulumi:
        """`stack_ls={…}` is what `pulumi stack ls` prints; a number is the exit code of a command that fails."""
        cases: list[str] = []
        for name, answer in answers.items():
            command = name.replace("_", " ")
            if isinstance(answer, int):
                cases.append(f'"{command} "*) echo "error: hunter2" >&2; exit {answer};;')
            else:
                text = answer if isinstance(answer, str) else json.dumps(answer)
                cases.append(f'"{command} "*) printf %s {shlex.quote(text)};;')
        binary = self.project / "pulumi"
        binary.write_text('#!/bin/sh\ncase "$* " in\n' + "\n".join(cases) + "\n*) exit 1;;\nesac\n")
        binary.chmod(0o755)
        return Pulumi(project=self.project, binary=binary, environment={"PATH": "/usr/bin:/bin"})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT_FILE)
    return Bench(project=tmp_path)


def marks(points: Iterable[Point]) -> dict[str, Mark]:
    every = list(points)
    assert all(point.mend for point in every if point.mark is MISSING), "what is missing says how to mend it"
    assert "hunter2" not in repr(every)
    return {point.what: point.mark for point in every}


def test_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (python_point().mark, python_point().told) == (OK, platform.python_version())
    monkeypatch.setattr(machine_needs, "OLDEST_PYTHON", (9, 0))
    assert python_point().mend == "Install Python 9.0 or newer."


def test_git(tmp_path: Path) -> None:
    assert git_point({"PATH": str(tmp_path)}).mark is MISSING
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\necho git version 2.39.5\n")
    git.chmod(0o755)
    assert (git_point({"PATH": str(tmp_path)}).mark, git_point({"PATH": str(tmp_path)}).told) == (OK, "2.39.5")
    git.write_text("#!/bin/sh\nexit 1\n")
    assert git_point({"PATH": str(tmp_path)}).mark is MISSING


def test_the_virtual_environment_that_the_project_names(bench: Bench) -> None:
    missing = virtual_environment_point(bench.project)
    assert missing is not None
    assert (missing.what, missing.mark) == ("virtual environment .venv", MISSING)
    python = bench.project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    there = virtual_environment_point(bench.project)
    assert there is not None
    assert there.mark is OK
    (bench.project / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    assert virtual_environment_point(bench.project) is None


@pytest.mark.parametrize(
    ("required", "version", "expected"),
    [
        (">=3.250.0", (3, 250, 0), True),
        (">=3.250.0", (3, 249, 9), False),
        (">=3.0.0 <4.0.0", (4, 0, 0), False),
        (">= 3.0.0 <4.0.0", (3, 9, 0), True),
        ("<3.0.0 || >3.250.0", (3, 251, 0), True),
        ("<=3.0.0", (3, 0, 0), True),
        ("!=3.1.0", (3, 1, 0), False),
        ("3.1.0", (3, 1, 0), True),
        ("=3.1.0", (3, 1, 1), False),
        ("~3.1", (3, 1, 1), None),
        ("", (3, 1, 1), True),
    ],
)
def test_a_range_of_versions(required: str, version: tuple[int, int, int], *, expected: bool | None) -> None:
    assert allows(required, version) is expected


def test_a_version() -> None:
    assert version_of("v3.250.0-dev.0\n") == (3, 250, 0)
    assert version_of("dev") is None


def test_the_engine_and_its_plugins(bench: Bench) -> None:
    assert marks(engine_points(None, bench.project)) == {"pulumi": MISSING}
    well = bench.engine(version="v3.250.0", plugin_ls=PLUGINS)
    assert marks(engine_points(well, bench.project)) == {
        "pulumi": OK,
        "plugin kubernetes": OK,
        "plugin tailscale": OK,
    }
    old = bench.engine(version="v3.249.0", plugin_ls=[PLUGINS[0], {**PLUGINS[1], "version": "0.0.1"}])
    points = {point.what: point for point in engine_points(old, bench.project)}
    assert {what: point.mark for what, point in points.items()} == {
        "pulumi": MISSING,
        "plugin kubernetes": OK,
        "plugin tailscale": MISSING,
    }
    version = importlib.metadata.version("pulumi-tailscale")
    assert points["plugin tailscale"].mend.startswith(f"pulumi plugin install resource tailscale {version}")
    assert points["pulumi"].mend == "Install a version of pulumi that is >=3.250.0."
    odd = bench.engine(version="dev", plugin_ls="no plugins")
    assert marks(engine_points(odd, bench.project)) == {"pulumi": UNKNOWN, "plugins": UNKNOWN}


def test_a_package_that_is_not_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_needs, "PLUGINS", (("nothing", "no-such-package-as-this"),))
    found = marks(engine_points(bench.engine(version="v3.250.0", plugin_ls=[]), bench.project))
    assert found["plugin nothing"] is MISSING


def test_contexts_are_looked_for_in_every_file(tmp_path: Path) -> None:
    one, two, broken = (tmp_path / name for name in ("one", "two", "broken"))
    one.write_text("contexts: [{name: blue, context: {}}]\n")
    two.write_text("apiVersion: v1\n")
    broken.write_text("contexts: [\n")
    files = {"KUBECONFIG": f"{one}:{two}:{tmp_path / 'gone'}"}
    blue, green = "context blue for cluster blue", "context green for cluster green"
    clusters = [cluster(BLUE, "blue"), cluster(GREEN, "green")]
    assert marks(context_points(clusters, files)) == {blue: OK, green: MISSING}
    found = marks(context_points(clusters, {"KUBECONFIG": f"{one}:{broken}"}))
    assert found == {f"kubeconfig {broken}": MISSING, blue: OK, green: MISSING}
    two.write_text("contexts: [{name: green}]\n")
    assert marks(context_points(clusters, files)) == {blue: OK, green: OK}
    secret = dataclasses.replace(BLUE, context=None, kubeconfig_secret="kubeconfig")
    assert marks(context_points([secret], files)) == {}


def test_stacks_their_secrets_and_their_locks(bench: Bench) -> None:
    state = bench.project / "state of ours"
    answers = {"whoami": {"user": "ana", "url": f"file://{state}"}, "stack_ls": [{"name": "eu"}, {"name": "us"}]}
    files = [bench.project / f"Pulumi.{name}.yaml" for name in ("eu", "us", "asia")]
    files[0].write_text("encryptionsalt: v1:abc\n")
    files[1].write_text("secretsprovider: awskms://alias/x\n")
    found = marks(stack_points(bench.engine(**answers), "shop", ["eu", "us", "asia"], files))
    assert found == {
        "backend": OK,
        "stack eu": OK,
        "secrets of eu": MISSING,
        "lock of eu": OK,
        "stack us": OK,
        "secrets of us": MISSING,
        "lock of us": OK,
        "stack asia": MISSING,
    }
    lock = state / ".pulumi" / "locks" / "organization" / "shop" / "eu" / "1.json"
    lock.parent.mkdir(parents=True)
    holder = {"pid": 1, "username": "ana", "hostname": "laptop", "timestamp": "2026-02-01T12:00:00.123456789Z"}
    lock.write_text(json.dumps(holder))
    (lock.parent / "2.json").write_text("{")
    points = list(stack_points(bench.engine(**answers, config="{}"), "shop", ["eu"], files[:1]))
    assert marks(points) == {"backend": OK, "stack eu": OK, "secrets of eu": OK, "lock of eu": MISSING}
    assert points[-1].told == "held by ana on laptop since 2026-02-01 12:00, somebody"
    assert points[-1].mend.endswith("pulumi cancel --stack eu")


def test_a_backend_that_tells_locks_itself_or_not_at_all(bench: Bench) -> None:
    file = bench.project / "Pulumi.eu.yaml"
    cloud = {"whoami": {"url": "https://user:hunter2@app.pulumi.com/ana"}}
    for held, mark in ((True, MISSING), (False, OK)):
        listed = [{"name": "acme/eu", "updateInProgress": held}]
        assert marks(stack_points(bench.engine(**cloud, stack_ls=listed), "shop", ["acme/eu"], [file])) == {
            "backend": OK,
            "stack acme/eu": OK,
            "lock of acme/eu": mark,
        }
    bucket = bench.engine(whoami={"url": "s3://states"}, stack_ls=[{"name": "eu"}])
    assert marks(stack_points(bucket, "shop", ["eu"], [file]))["lock of eu"] is UNKNOWN


@pytest.mark.parametrize("answers", [{"whoami": 1}, {"whoami": "nobody"}, {"whoami": {"url": ""}, "stack_ls": 255}])
def test_a_backend_that_does_not_answer(bench: Bench, answers: dict[str, object]) -> None:
    assert marks(stack_points(bench.engine(**answers), "shop", ["eu"], [bench.project / "x"])) == {"backend": MISSING}


def test_a_config_that_is_no_yaml(bench: Bench) -> None:
    file = bench.project / "Pulumi.eu.yaml"
    file.write_text("config: [\n")
    engine = bench.engine(whoami={"url": "s3://states"}, stack_ls=[{"name": "eu"}])
    assert marks(stack_points(engine, "shop", ["eu"], [file]))["config of eu"] is MISSING


def cluster(one: Cluster, context: str) -> Cluster:
    return dataclasses.replace(one, context=context, kubeconfig_secret=None)
