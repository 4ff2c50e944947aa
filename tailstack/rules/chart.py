"""7xx: the version of the operator's chart, against what is used of it."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.charts.versions import OLDEST, Version, version_of, version_text
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.rules.frames import operator_deployment
from tailstack.rules.subject import Subject
from tailstack.rules.tailscale_services import DeclaredService
from tailstack.topology.tailnet import Cluster
from tailstack.topology.wording import listed

_MANIFESTS = f"# blue/operator.yaml\n{operator_deployment('VERSION')}"
_RELAY = """# blue/relay.yaml
apiVersion: tailscale.com/v1alpha1
kind: PeerRelay
metadata: {name: relay}
spec: {}
"""
_DEFINITION = """# blue/KIND.yaml
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: KIND.tailscale.com}
spec: {group: tailscale.com, names: {kind: KIND}}
"""
_SERVICE = """# CLUSTER/web.yaml
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {tailscale.com/expose: "true", tailscale.com/proxy-group: in}}
spec: {ports: [{port: 80}]}
# CLUSTER/group.yaml
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: in}
spec: {type: ingress}
"""


def _definitions(*kinds: str) -> str:
    return "".join(_DEFINITION.replace("KIND", kind) for kind in kinds)


def _shared(blue: str, green: str) -> str:
    return "".join(
        (_MANIFESTS.replace("VERSION", version).replace("# blue", f"# {name}") + _SERVICE.replace("CLUSTER", name))
        for name, version in (("blue", blue), ("green", green))
    )


CHART_TOO_OLD = Rule(
    code="TS701",
    slug="chart-too-old",
    severity=Severity.WARNING,
    what="The operator's chart is older than the oldest one that tailstack supports.",
    why="The chart has no schema: a value that it does not know yet is ignored without a word.",
    mend="Use a newer chart version.",
    source="https://github.com/tailscale/tailscale/tree/main/cmd/k8s-operator/deploy/chart",
    bad='clusters: {blue: {kubernetes: {context: blue}, operator: {chart: {version: "1.80.0"}}}}\n',
    good='clusters: {blue: {kubernetes: {context: blue}, operator: {chart: {version: "1.100.0"}}}}\n',
)
CRD_TOO_NEW = Rule(
    code="TS714",
    slug="crd-too-new",
    what="A custom resource is declared that the operator of this cluster does not know yet.",
    why="The API server has no such kind, or nobody looks at it.",
    mend="Use a newer chart in this cluster, or take the resource out.",
    source="https://github.com/tailscale/tailscale/tree/main/cmd/k8s-operator/deploy/crds",
    bad=_MANIFESTS.replace("VERSION", "1.98.0") + _RELAY,
    good=_MANIFESTS.replace("VERSION", "1.102.0") + _RELAY,
)
CRDS_ABSENT = Rule(
    code="TS715",
    slug="crds-absent",
    what="The definitions of the operator's custom resources are not those of its version.",
    why="The operator does not start without them: it watches every kind that it knows.",
    mend="Take the definitions from the chart of this version, or let the chart install them.",
    source="https://github.com/claytono/infra/issues/2940",
    bad=_MANIFESTS.replace("VERSION", "1.102.3")
    + _definitions(*(kind for kind in CUSTOM_KINDS if kind != "PeerRelay")),
    good=_MANIFESTS.replace("VERSION", "1.98.0")
    + _definitions(*(kind for kind in CUSTOM_KINDS if kind != "PeerRelay")),
)
VERSION_SKEW = Rule(
    code="TS716",
    slug="version-skew",
    severity=Severity.WARNING,
    what="Clusters that serve one Tailscale Service together have operators of different versions.",
    why="Each operator rewrites the Service as its own version sees it, and not all of them read what the others write.",
    mend="Bring the charts of these clusters to one version.",
    source="https://github.com/tailscale/tailscale/blob/v1.102.3/cmd/k8s-operator/ingress-for-pg.go",
    bad=_shared("1.98.0", "1.102.3"),
    good=_shared("1.102.0", "1.102.3"),
)
RULES = (CHART_TOO_OLD, CRD_TOO_NEW, CRDS_ABSENT, VERSION_SKEW)


def known_version(subject: Subject, cluster: Cluster) -> Version | None:
    """The version of a cluster's chart: that which is declared, else that of the facts; None where neither says."""
    facts = subject.facts.charts.get(cluster.name)
    return version_of(cluster.operator.chart.version) or (version_of(facts.version) if facts is not None else None)


def chart_too_old(subject: Subject) -> Iterator[Finding]:
    """Manifests may not tell a version."""
    for cluster in subject.tailnet.clusters:
        version = known_version(subject, cluster)
        if version is not None and version < OLDEST:
            yield CHART_TOO_OLD.at(
                cluster.operator.place,
                message=f"Cluster {cluster.name} has the chart {version_text(version)}.",
                expected=f"{version_text(OLDEST)} or newer",
            )


def crd_too_new(subject: Subject) -> Iterator[Finding]:
    """Each resource of a kind that came later."""
    for cluster in subject.tailnet.clusters:
        version = known_version(subject, cluster)
        for kind, name, place in _later(cluster) if version is not None else ():
            since = CUSTOM_KINDS[kind].since
            if version is not None and version < since:
                yield CRD_TOO_NEW.at(
                    place,
                    *({cluster.operator.place} - {place}),
                    message=f"{kind} {name} of {cluster.name} needs the chart {version_text(since)}; the cluster has "
                    f"{version_text(version)}.",
                    expected=f"the chart {version_text(since)} or newer",
                )


def _later(cluster: Cluster) -> Iterator[tuple[str, str, Place]]:
    custom = cluster.custom
    yield from (("PeerRelay", each.name, each.place) for each in custom.peer_relays)
    yield from (("Tailnet", each.name, each.place) for each in custom.tailnets)
    yield from (("ProxyGroupPolicy", each.name, each.place) for each in custom.proxy_group_policies)


def crds_absent(subject: Subject) -> Iterator[Finding]:
    """Where some definitions are shown, all have to be; none at all may well be installed by somebody else, unless the
    chart is known to have them switched off."""
    for cluster in subject.tailnet.clusters:
        version = known_version(subject, cluster)
        if cluster.deployed is None or cluster.operator.is_assumed or version is None:
            continue
        facts = subject.facts.charts.get(cluster.name)
        is_off = facts is not None and facts.values.get("installCRDs") is False
        shown = cluster.deployed.kinds & CUSTOM_KINDS.keys()
        missing = [kind for kind, about in CUSTOM_KINDS.items() if about.since <= version and kind not in shown]
        if missing and (shown or is_off):
            yield CRDS_ABSENT.at(
                cluster.operator.place,
                *((facts.place_of("installCRDs"),) if facts is not None and is_off else ()),
                message=f"Cluster {cluster.name} has the operator {version_text(version)}, and no definition of {listed(missing)}.",
                expected=f"the definitions of the chart {version_text(version)}",
            )


def version_skew(subject: Subject) -> Iterator[Finding]:
    """Corrections (1.102.0 and 1.102.3) may differ. Clusters that differ are named once, with the first of their Services."""
    versions = {cluster.name: known_version(subject, cluster) for cluster in subject.tailnet.clusters}
    by_name: dict[str, dict[str, DeclaredService]] = {}
    for service in subject.services:
        if service.cluster is not None:
            by_name.setdefault(service.name, {}).setdefault(service.cluster, service)
    said: set[tuple[str, ...]] = set()
    for name, serving in by_name.items():
        known = {cluster: version for cluster in serving if (version := versions[cluster]) is not None}
        if len({version[:2] for version in known.values()}) > 1 and tuple(known) not in said:
            said.add(tuple(known))
            have = listed(f"{cluster} has {version_text(version)}" for cluster, version in known.items())
            yield VERSION_SKEW.at(
                *(serving[cluster].place for cluster in known),
                message=f"{name} is served by operators of different versions: {have}.",
                expected="one version",
            )


CHECKS = (chart_too_old, crd_too_new, crds_absent, version_skew)
