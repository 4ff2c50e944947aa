"""One cluster of its own, built and recorded: what the tests of each kind of thing in it begin with."""

from __future__ import annotations

from typing import Any, cast

from components.cluster import Cluster, ClusterArgs
from components.operator_chart import ChartSource
from tailstack.topology import tailnet as topology
from tests.components.recording import Recording, Registered, record

CHART = ChartSource(chart="tailscale-operator", repository="https://charts.example.com")
RELEASE = "kubernetes:helm.sh/v3:Release"
SERVICE = "kubernetes:core/v1:Service"
SERVICE_PATCH = "kubernetes:core/v1:ServicePatch"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


def made(
    cluster: topology.Cluster, *, chart: ChartSource = CHART, skip_await: bool = False, protect: bool = True
) -> Recording:
    """Everything that a cluster registers."""

    def program() -> None:
        Cluster(
            cluster.name,
            ClusterArgs(
                environment="test",
                cluster=cluster,
                chart=chart,
                skip_await=skip_await,
                protect=protect,
            ),
        )

    return record(program)


def custom(kind: str) -> str:
    """The type token of a custom resource."""
    return f"kubernetes:tailscale.com/v1alpha1:{kind}"


def annotations_on(resource: Registered) -> dict[str, str]:
    return cast("dict[str, str]", resource.inputs["metadata"].get("annotations", {}))


def labels_on(resource: Registered) -> dict[str, str]:
    """Without the one that is on all of ours."""
    labels = cast("dict[str, str]", resource.inputs["metadata"].get("labels", {}))
    return {key: value for key, value in labels.items() if key != "app.kubernetes.io/managed-by"}


def spec_of(resource: Registered) -> dict[str, Any]:
    return cast("dict[str, Any]", resource.inputs["spec"])


def needed(recording: Recording, resource: Registered) -> set[str]:
    """What a resource comes after, as kind and name."""
    names = {each.urn: f"{each.type.rpartition(':')[2]} {each.name}" for each in recording.resources}
    return {names[urn] for urn in resource.dependencies}
