"""What somebody else runs in the sandbox's clusters: a web server, and a Service that exists before the stack does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tailstack.sandbox.plugins.kubernetes.api import Client, ClientSettings
from tailstack.sandbox.plugins.kubernetes.kubeconfig import connection, load

_WEB_SERVER = {"app.kubernetes.io/name": "proxy"}

WORKLOAD: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "blue": (
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "nginx", "namespace": "default", "labels": _WEB_SERVER},
            "spec": {"containers": [{"name": "nginx", "image": "nginx:stable", "ports": [{"containerPort": 80}]}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "metrics", "namespace": "default"},
            "spec": {"selector": _WEB_SERVER, "ports": [{"name": "metrics", "port": 9090}]},
        },
    ),
}
"""Objects by the name of their cluster. Pods stay pending: the sandbox has no nodes."""


def cluster_client(kubeconfig: Path, context: str) -> Client:
    """A client of one of the sandbox's API servers, with the rights of the kubeconfig's user."""
    return Client(connection(load(str(kubeconfig)), context=context), ClientSettings())


def deploy(kubeconfig: Path, clusters: Sequence[str]) -> None:
    """Put the workload into those clusters that have one. Doing it again changes nothing."""
    for name in clusters:
        for manifest in WORKLOAD.get(name, ()):
            client, metadata = cluster_client(kubeconfig, name), manifest["metadata"]
            place = client.locate(
                manifest["apiVersion"], manifest["kind"], namespace=metadata["namespace"], name=metadata["name"]
            )
            client.apply(place.path, dict(manifest), manager="kubectl", force=False)
