"""7xx: ProxyClasses: those that are named and not there, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.nodes import NodeKind
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.rules.subject import Subject
from tailstack.topology.custom import ProxyClass
from tailstack.topology.tailnet import Cluster
from tailstack.topology.wording import did_you_mean, listed

_CLASS = """# blue/class.yaml
apiVersion: tailscale.com/v1alpha1
kind: ProxyClass
metadata: {name: small}
spec: SPEC
"""
_GROUP = """# blue/group.yaml
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: out}
spec: {type: egress, proxyClass: CLASS}
"""
_TYPES = "https://github.com/tailscale/tailscale/blob/v1.102.3/k8s-operator/apis/v1alpha1/types_proxyclass.go"

PROXYCLASS_MISSING = Rule(
    code="TS705",
    slug="proxyclass-missing",
    what="A ProxyClass is named that the cluster does not have.",
    why="The operator waits for it, in most cases with a line in its log only: the proxies are never made.",
    mend="Declare the ProxyClass in this cluster, or correct the name.",
    source="https://tailscale.com/kb/1445/kubernetes-operator-customization",
    bad=_GROUP.replace("CLASS", "smal") + _CLASS.replace("SPEC", "{metrics: {enable: true}}"),
    good=_GROUP.replace("CLASS", "small") + _CLASS.replace("SPEC", "{metrics: {enable: true}}"),
)
PROXYCLASS_CONTENT = Rule(
    code="TS706",
    slug="proxyclass-content",
    what="A ProxyClass has settings that exclude one another, or ports that another one of the cluster has.",
    why="It never becomes ready, and no proxy that names it is made.",
    mend="Switch metrics on beside a ServiceMonitor; give each ProxyClass ports of its own.",
    source=_TYPES,
    bad=_CLASS.replace("SPEC", "{metrics: {enable: false, serviceMonitor: {enable: true}}}"),
    good=_CLASS.replace("SPEC", "{metrics: {enable: true, serviceMonitor: {enable: true}}}"),
)
PROXYCLASS_RISKY = Rule(
    code="TS707",
    slug="proxyclass-risky",
    severity=Severity.WARNING,
    what="A ProxyClass sets a variable that the operator sets itself, or ports that a cluster does not have by default.",
    why="The operator's own variable may be overridden, and ports outside of the cluster's range make the class invalid.",
    mend="Leave the variable out; take ports from 30000 to 32767, or those that the API server is started with.",
    source="https://github.com/tailscale/tailscale/blob/v1.102.3/cmd/k8s-operator/proxyclass.go",
    bad=_CLASS.replace(
        "SPEC", "{statefulSet: {pod: {tailscaleContainer: {env: [{name: TS_USERSPACE, value: 'true'}]}}}}"
    ),
    good=_CLASS.replace("SPEC", "{statefulSet: {pod: {tailscaleContainer: {env: [{name: GOMAXPROCS, value: '1'}]}}}}"),
)
RULES = (PROXYCLASS_MISSING, PROXYCLASS_CONTENT, PROXYCLASS_RISKY)

_NODE_PORTS = (30000, 32767)
"""https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport."""

_LAST_PORT = 65535
_EXPERIMENTS = frozenset({"EXPERIMENTAL_TS_CONFIGFILE_PATH", "EXPERIMENTAL_ALLOW_PROXYING_CLUSTER_TRAFFIC_VIA_INGRESS"})


def proxyclass_missing(subject: Subject) -> Iterator[Finding]:
    """Each missing one once for a cluster, with what names it first."""
    for cluster in subject.tailnet.clusters:
        there = {each.name for each in cluster.custom.proxy_classes}
        said: set[str] = set()
        for who, name, place in _named(cluster):
            if name not in there and name not in said:
                said.add(name)
                yield PROXYCLASS_MISSING.at(
                    place,
                    message=f"{who} names the ProxyClass {name}, which cluster {cluster.name} does not have.",
                    expected=f"one of {listed(sorted(there))}" if there else "a ProxyClass of this name",
                    mend=did_you_mean(name, there),
                )


def _named(cluster: Cluster) -> Iterator[tuple[str, str, Place]]:
    operator = cluster.operator
    if operator.default_proxy_class:
        yield f"The chart's default for cluster {cluster.name}", operator.default_proxy_class, operator.place
    custom = cluster.custom
    for kind, every in (
        (NodeKind.EXPOSURE, cluster.exposures),
        (NodeKind.INGRESS, cluster.ingresses),
        (NodeKind.EGRESS, cluster.egresses),
        (NodeKind.PROXY_GROUP, custom.proxy_groups),
        (NodeKind.CONNECTOR, custom.connectors),
        (NodeKind.PEER_RELAY, custom.peer_relays),
    ):
        for each in every:
            if each.proxy_class:
                yield f"{kind} {each.reference}", each.proxy_class, each.place


def proxyclass_content(subject: Subject) -> Iterator[Finding]:
    """What the operator checks of each, and of all of a cluster together."""
    for cluster in subject.tailnet.clusters:
        for each in _declared(cluster):
            if each.has_service_monitor and not each.has_metrics:
                yield PROXYCLASS_CONTENT.at(
                    each.place,
                    message=f"ProxyClass {each.name} of {cluster.name} has a ServiceMonitor, and no metrics.",
                    expected="metrics.enable: true",
                    mend="Set metrics.enable to true, or serviceMonitor.enable to false.",
                )
        yield from _ports(cluster)


def _declared(cluster: Cluster) -> Iterator[ProxyClass]:
    """Those that somebody wrote: one that is derived is like the default one, of which all is said already."""
    return (each for each in cluster.custom.proxy_classes if not each.is_derived)


def _ports(cluster: Cluster) -> Iterator[Finding]:
    """Ranges in order, so that each needs to be compared with the furthest before it only."""
    ranges = sorted(((each.node_ports, each) for each in cluster.custom.proxy_classes), key=lambda pair: pair[1].name)
    every = sorted(
        ((first, last, each) for ports, each in ranges for first, last in ports), key=lambda entry: entry[:2]
    )
    furthest: tuple[int, ProxyClass] | None = None
    for first, last, each in every:
        title = f"ProxyClass {each.name} of {cluster.name}"
        if not 0 < first <= last <= _LAST_PORT:
            yield PROXYCLASS_CONTENT.at(
                each.place,
                message=f"{title} has the node ports {first}-{last}, which is no range.",
                expected=f"two ports from 1 to {_LAST_PORT}, the lower one first",
                mend="Correct port and endPort.",
            )
            continue
        if furthest is not None and first <= furthest[0]:
            other = furthest[1]
            yield PROXYCLASS_CONTENT.at(
                each.place,
                *((other.place,) if other is not each else ()),
                message=f"{title} has node ports that {'it' if other is each else f'ProxyClass {other.name}'} has already: "
                f"{first}-{min(last, furthest[0])}.",
                expected="ranges that do not overlap",
                mend=f"Begin the range after {furthest[0]}.",
            )
        if furthest is None or last > furthest[0]:
            furthest = (last, each)


def proxyclass_risky(subject: Subject) -> Iterator[Finding]:
    """The range of a cluster's node ports is a setting of its API server, which no manifest shows."""
    for cluster in subject.tailnet.clusters:
        for each in _declared(cluster):
            title = f"ProxyClass {each.name} of {cluster.name}"
            own = [name for name in each.env if name.startswith("TS_") or name.upper() in _EXPERIMENTS]
            if own:
                yield PROXYCLASS_RISKY.at(
                    each.place,
                    message=f"{title} sets {listed(own)}, which the operator may set too.",
                    expected="variables that do not begin with TS_",
                    mend="Leave it out; use the field of the ProxyClass or of the resource for it.",
                )
            beyond = [f"{a}-{b}" for a, b in each.node_ports if not _NODE_PORTS[0] <= a <= b <= _NODE_PORTS[1]]
            if beyond:
                yield PROXYCLASS_RISKY.at(
                    each.place,
                    message=f"{title} takes the node ports {listed(beyond)}, which a cluster does not have by default.",
                    expected=f"ports from {_NODE_PORTS[0]} to {_NODE_PORTS[1]}",
                    mend="Take other ports, or suppress this where the API server has another range.",
                )


CHECKS = (proxyclass_missing, proxyclass_content, proxyclass_risky)
