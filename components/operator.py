"""The operator of one cluster: its credentials, its namespace, its CRDs, its Helm release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, NamespacePatch, Secret
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaPatchArgs

from components.chart_values import CREDENTIALS_SECRET, chart_values
from components.kubernetes_objects import metadata
from components.operator_chart import CHART_NAME, ChartSource
from components.operator_crds import apply_crds
from components.operator_credentials import Credentials, prove
from components.options import child
from tailstack.topology.tailnet import Cluster

POD_SECURITY = {"pod-security.kubernetes.io/enforce": "privileged"}
"""Proxies run an init container that sets up their network, which Pod Security admission refuses in other namespaces."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledOperator:
    """The release that runs the operator, and what it proves with who it is."""

    release: Release
    credentials: Credentials


def install(
    parent: pulumi.Resource,
    cluster: Cluster,
    *,
    environment: str,
    chart: ChartSource,
    depends_on: Sequence[pulumi.Resource],
    skip_await: bool,
    protect: bool,
) -> InstalledOperator:
    """Everything the operator of one cluster needs, in the order in which it needs it.

    `depends_on` is the policy, which must know the tags before a client may have them, and the tailnet's settings.
    """
    operator = cluster.operator
    name = f"{cluster.name}.operator"
    credentials = prove(parent, name, cluster, environment=environment, depends_on=depends_on)
    before = [*depends_on, *credentials.made]
    needed: list[pulumi.Resource] = [
        _namespace(parent, name, operator.namespace, credentials, depends_on=before, protect=protect)
    ]
    if credentials.client is not None:
        needed.append(
            Secret(
                name,
                metadata=metadata(CREDENTIALS_SECRET, operator.namespace),
                string_data=pulumi.Output.secret(
                    {"client_id": credentials.client.id, "client_secret": credentials.client.key}
                ),
                opts=child(parent, depends_on=needed),
            )
        )
    needed += apply_crds(parent, cluster.name, chart.crds, depends_on=depends_on)
    release = Release(
        name,
        name=CHART_NAME,
        namespace=operator.namespace,
        chart=chart.chart,
        version=operator.chart.version,
        repository_opts=RepositoryOptsArgs(repo=chart.repository) if chart.repository else None,
        values=chart_values(operator, credentials.login),
        skip_await=skip_await,
        opts=child(parent, depends_on=[*before, *needed], protect=protect),
    )
    return InstalledOperator(release=release, credentials=credentials)


def _namespace(
    parent: pulumi.Resource,
    name: str,
    namespace: str,
    credentials: Credentials,
    *,
    depends_on: Sequence[pulumi.Resource],
    protect: bool,
) -> pulumi.Resource:
    """The operator's namespace. One that somebody has put a Secret into is theirs: it is labelled, never deleted.

    Ours is protected, because a change to such credentials takes it out of the program, and it would go with all that is
    in it.
    """
    if credentials.namespace_exists:
        return NamespacePatch(
            name,
            metadata=ObjectMetaPatchArgs(name=namespace, labels=POD_SECURITY),
            opts=child(parent, depends_on=depends_on),
        )
    return Namespace(
        name,
        metadata=metadata(namespace, labels=POD_SECURITY),
        opts=child(parent, depends_on=depends_on, protect=protect),
    )
