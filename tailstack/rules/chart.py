"""7xx: the operator's chart."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.finding import Finding, Rule, Severity
from tailstack.rules.subject import Subject

OLDEST_CHART = (1, 96, 0)
"""The values that are written were checked against the charts from this version on."""

CHART_TOO_OLD = Rule(
    code="TS701",
    slug="chart-too-old",
    severity=Severity.WARNING,
    what="The operator's chart is older than the oldest one that tailstack knows.",
    why="The chart has no schema: a value that it does not know yet is ignored without a word.",
    mend="Use a newer chart version.",
    source="https://github.com/tailscale/tailscale/tree/main/cmd/k8s-operator/deploy/chart",
)
RULES = (CHART_TOO_OLD,)


def chart_too_old(subject: Subject) -> Iterator[Finding]:
    """Versions are three numbers; their form is checked where they are read. Manifests may not tell one."""
    for cluster in subject.tailnet.clusters:
        version = cluster.operator.chart.version
        if version and tuple(map(int, version.split("."))) < OLDEST_CHART:
            yield CHART_TOO_OLD.at(
                cluster.operator.place,
                message=f"Cluster {cluster.name} has the chart {version}.",
                expected=f"{'.'.join(map(str, OLDEST_CHART))} or newer",
            )


CHECKS = (chart_too_old,)
