"""The operator of one cluster: its OAuth client, its namespace, its credentials, its Helm release."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, NamespacePatch, Secret
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaPatchArgs
from pulumi_tailscale import OauthClient

from components.chart_values import OAUTH_SECRET, chart_values
from components.kubernetes_objects import metadata
from components.operator_chart import CHART_NAME, ChartSource
from components.options import child
from tailstack.topology.tailnet import Cluster

POD_SECURITY = {"pod-security.kubernetes.io/enforce": "privileged"}
"""Proxies run an init container that sets up their network, which Pod Security admission refuses in other namespaces."""

SCOPES = ("auth_keys", "devices:core")
"""What an operator without proxy groups asks of the API (`cmd/k8s-operator/e2e/setup.go` of tailscale.com v1.102.3, less
`services`, which only proxy groups use)."""

_LONGEST_DESCRIPTION = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledOperator:
    """The release that runs the operator, and the id of its OAuth client where the stack made one."""

    release: Release
    client_id: pulumi.Output[str] | None


def description(environment: str, cluster: str) -> str:
    """What the admin console shows beside the OAuth client: letters, digits, spaces and hyphens, at most 50 of them."""
    return re.sub(r"[^A-Za-z0-9 -]", "-", f"tailstack {environment} {cluster}")[:_LONGEST_DESCRIPTION].rstrip()


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
    client_id: pulumi.Output[str] | None = None
    if operator.existing_secret is None:
        client = OauthClient(
            name,
            description=description(environment, cluster.name),
            scopes=list(SCOPES),
            tags=list(operator.tags),
            opts=child(parent, depends_on=depends_on),
        )
        client_id = client.id
        namespace = Namespace(
            name,
            metadata=metadata(operator.namespace, labels=POD_SECURITY),
            opts=child(parent, depends_on=[*depends_on, client]),
        )
        secret = Secret(
            name,
            metadata=metadata(OAUTH_SECRET, operator.namespace),
            string_data=pulumi.Output.secret({"client_id": client.id, "client_secret": client.key}),
            opts=child(parent, depends_on=[namespace]),
        )
        needed: list[pulumi.Resource] = [namespace, secret]
    else:
        # Somebody put a Secret into the namespace, so that it exists and is theirs: it is labelled, never deleted.
        patched = NamespacePatch(
            name,
            metadata=ObjectMetaPatchArgs(name=operator.namespace, labels=POD_SECURITY),
            opts=child(parent, depends_on=depends_on),
        )
        needed = [patched]
    release = Release(
        name,
        name=CHART_NAME,
        namespace=operator.namespace,
        chart=chart.chart,
        version=operator.chart.version,
        repository_opts=RepositoryOptsArgs(repo=chart.repository) if chart.repository else None,
        values=chart_values(operator, credentials=client_id or operator.existing_secret or ""),
        skip_await=skip_await,
        opts=child(parent, depends_on=[*depends_on, *needed], protect=protect),
    )
    return InstalledOperator(release=release, client_id=client_id)
