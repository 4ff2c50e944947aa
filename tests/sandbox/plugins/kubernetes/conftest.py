"""A real API server for the tests of the Kubernetes plugin."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator
from pathlib import Path
from textwrap import dedent

import pytest

from tailstack.sandbox.lifecycle import Sandbox, running_sandbox
from tailstack.sandbox.plugins.kubernetes import kubeconfig
from tailstack.sandbox.plugins.kubernetes.api import Client, ClientSettings
from tests.sandbox.plugins.kubernetes.playing import FAST, Cluster, Plugin

_NUMBERS = itertools.count()


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sandbox]:
    """One cluster, with what deletes need to end."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "clusters", clusters=["blue"]) as running:
        yield running


@pytest.fixture(scope="package")
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
    monkeypatch.setenv("PATH", f"{sandbox.folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return Plugin({"kubeconfig": str(sandbox.kubeconfig), "context": "blue", "namespace": cluster.namespace, **FAST})


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with one object, whose template can be made to fail."""
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: small\nversion: 1.2.3\nappVersion: v9\n", "utf-8")
    (folder / "values.yaml").write_text("size: 0\nword: nothing\n", "utf-8")
    (folder / "templates" / "config.yaml").write_text(
        dedent(
            """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
            data: {size: {{ .Values.size | quote }}}
            {{- if .Values.broken }}{{ fail (printf "the word is %s" .Values.word) }}{{ end }}
            """
        ),
        "utf-8",
    )
    return folder
