"""The whole program under the real engine, against a sandbox of each test module's own."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tailstack.engine.pulumi import Outcome, Pulumi
from tailstack.sandbox.api.client import SandboxClient
from tailstack.sandbox.lifecycle import Sandbox, running_sandbox
from tailstack.sandbox.plugins.kubernetes.api import Client
from tailstack.sandbox.workload import cluster_client, deploy

PROJECT = Path(__file__).parent.parent.parent
STACK = "sandbox"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A sandbox, a copy of the project whose files a test may change, and the engine over both."""

    sandbox: Sandbox
    project: Path

    @property
    def api(self) -> SandboxClient:
        return SandboxClient.of_folder(self.sandbox.api_url, self.sandbox.folder / "api")

    def cluster(self, name: str) -> Client:
        return cluster_client(self.sandbox.kubeconfig, name)

    def live(self, cluster: str, api_version: str, kind: str, path: str) -> Mapping[str, Any]:
        """An object by its path: `namespace/name`, or `name` where it has no namespace."""
        namespace, _, name = path.rpartition("/")
        found = self.cluster(cluster).one(api_version, kind, namespace, name)
        assert found is not None, f"{kind} {path} is not in {cluster}"
        return found

    def pulumi(self, **variables: str) -> Pulumi:
        return Pulumi.found(self.project, self.sandbox.environment() | variables)

    def up(self, *options: str, **variables: str) -> Outcome:
        return self.pulumi(**variables).up(STACK, *options)

    def edit(self, file: str, before: str, after: str) -> None:
        """Change a file of the copy; the text must be there, so that a test cannot pass by changing nothing."""
        path = self.project / file
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")


def copy_project(folder: Path) -> Path:
    """The program's own files, with the checkout's virtual environment."""
    folder.mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(PROJECT / name, folder / name)
    for name in ("stacks", "policies"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv").symlink_to(PROJECT / ".venv")
    return folder


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Generator[Bench]:
    """A stack that exists and is empty."""
    folder = tmp_path_factory.mktemp("bench")
    with running_sandbox(folder / "sandbox") as sandbox:
        deploy(sandbox.kubeconfig, tuple(sandbox.clusters))
        made = Bench(sandbox=sandbox, project=copy_project(folder / "project"))
        result = made.pulumi().plain("stack", "init", STACK)
        assert result.returncode == 0, result.stderr
        yield made


@pytest.fixture(scope="module")
def applied(bench: Bench) -> Bench:
    """The same after a `pulumi up`."""
    outcome = bench.up()
    assert outcome.succeeded, outcome.explain()
    return bench
