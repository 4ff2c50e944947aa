"""A real API server for the tests of the Kubernetes plugin."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator

import pytest

from tailstack.sandbox.lifecycle import Sandbox, running_sandbox
from tailstack.sandbox.plugins.kubernetes import kubeconfig
from tailstack.sandbox.plugins.kubernetes.api import Client, ClientSettings
from tests.sandbox.plugins.kubernetes.playing import FAST, Cluster, Plugin

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sandbox]:
    """One cluster, with what deletes need to end."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "clusters", clusters=["blue"]) as running:
        yield running


@pytest.fixture(scope="session")
def _client(sandbox: Sandbox) -> Client:
    connection = kubeconfig.connection(kubeconfig.load(str(sandbox.kubeconfig)), context="blue")
    return Client(connection, ClientSettings(qps=1000, burst=1000))


@pytest.fixture
def cluster(_client: Client) -> Cluster:
    """The cluster as everybody else sees it, and a namespace of the test's own."""
    name = f"test-{next(_NUMBERS)}"
    wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    _client.apply(f"/api/v1/namespaces/{name}", wanted, manager="test", force=True)
    return Cluster(_client, name)


@pytest.fixture
def plugin(sandbox: Sandbox, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Plugin:
    """The provider, configured for the cluster and the test's namespace."""
    monkeypatch.setenv("PATH", f"{sandbox.tools['helm'].parent}{os.pathsep}{os.environ['PATH']}")
    return Plugin({"kubeconfig": str(sandbox.kubeconfig), "context": "blue", "namespace": cluster.namespace, **FAST})
