"""What a reader should know of what a change touches, although it is no mistake. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.report.plan import Op, Plan
from tailstack.topology.custom import ProxyGroup, ProxyGroupKind
from tailstack.topology.tailnet import Cluster, Tailnet


def notices_of(tailnet: Tailnet, plan: Plan) -> tuple[str, ...]:
    """A sentence for each egress group that the plan touches, itself or by an egress, and that no NetworkPolicy closes.

    The proxies of a group forward what anybody sends them, and it counts as theirs (`tailstack.rules.egress_paths`).
    """
    touched = {change.declaration for change in plan.changes if change.op not in (Op.DELETE, Op.FORGET)}
    return tuple(
        _open(cluster, group)
        for cluster in tailnet.clusters
        for group in cluster.custom.proxy_groups
        if group.kind is ProxyGroupKind.EGRESS
        and group.allowed_namespaces is None
        and not touched.isdisjoint(_about(cluster, group))
    )


def _about(cluster: Cluster, group: ProxyGroup) -> Iterator[str]:
    yield f"proxy group {group.reference}"
    for egress in cluster.egresses:
        if egress.proxy_group == group.name:
            yield f"egress {egress.reference}"


def _open(cluster: Cluster, group: ProxyGroup) -> str:
    return (
        f"Proxy group {group.reference} has no NetworkPolicy: every pod of {cluster.name} that can dial its proxies goes out "
        f"as {', '.join(group.tags)}. `networkPolicy: {{fromNamespaces: [...]}}` closes it."
    )
