"""6xx: API-server proxies, what they impersonate, and the rights behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from tailstack.access.entries import Entry
from tailstack.access.evaluate import Verdict
from tailstack.access.kubernetes import MASTERS, impersonated_groups
from tailstack.access.nodes import narrowest, tag_wearers
from tailstack.access.selectors import Selector, SelectorKind
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.rules.api_proxies import ApiServerProxy
from tailstack.rules.kubernetes_grants import clusters_of, rights, with_capability
from tailstack.rules.subject import Subject
from tailstack.rules.tailscale_services import service_principal
from tailstack.topology.tailnet import DestinationKind
from tailstack.topology.wording import listed

_CAP = '"app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["GROUP"]}}]}'
_BLUE = "clusters: {blue: {kubernetes: {context: x}, operator: {apiServerProxy: {mode: auth}}}}\n"


def _example(grants: str, group: str = "readers") -> str:
    """The YAML of one cluster with a hand-written policy file of these grants."""
    policy = f'{{"postures": {{"posture:mac": ["node:os == \'macos\'"]}}, "grants": [{grants}]}}'
    return f"# base.hujson\n{policy.replace('APP', _CAP.replace('GROUP', group))}\n# main.yaml\n{_BLUE}"


_GRANT = '{"src": ["autogroup:admin"], "dst": ["tag:k8s-op-blue"], "ip": ["tcp:443"], APP}'
_UNDER_POSTURE = _GRANT.replace('"ip"', '"srcPosture": ["posture:mac"], "ip"')
_NETWORK = _GRANT.replace(", APP", "")
_TWO_CLUSTERS = """clusters:
  blue: {kubernetes: {context: x}, operator: {TAGSapiServerProxy: {mode: auth}}}
  green: {kubernetes: {context: z}, operator: {TAGSapiServerProxy: {mode: auth}}}
access:
  - {name: developers, from: [autogroup:admin], to: [{apiServer: blue}]}
"""

NO_NETWORK_PATH = Rule(
    code="TS601",
    slug="no-network-path",
    what="A grant gives Kubernetes rights behind an API-server proxy that its sources cannot connect to.",
    why="An application grant opens no port: kubectl runs into a timeout.",
    mend='Add "ip": ["tcp:443"] to the grant.',
    source="https://tailscale.com/kb/1537/grants-app-capabilities",
    bad=_example(_GRANT.replace('"ip": ["tcp:443"], ', "")),
    good=_example(_GRANT),
)
GRANT_DST_NOT_PROXY = Rule(
    code="TS602",
    slug="grant-dst-not-proxy",
    what="A grant gives Kubernetes rights on a tag that no operator with an API-server proxy in auth mode wears.",
    why="Nothing there reads the capability; users are refused as users without groups.",
    mend="Grant it on the tag of the operator that is meant, or switch its proxy to auth mode.",
    source="https://tailscale.com/kb/1437/kubernetes-operator-api-server-proxy",
    bad=_example(_GRANT.replace("op-blue", "blue")),
    good=_example(_GRANT),
)
SYSTEM_MASTERS = Rule(
    code="TS604",
    slug="system-masters",
    severity=Severity.WARNING,
    what="Users become system:masters from any device.",
    why="The group passes by all of RBAC and cannot be limited by it, so a stolen login is the whole cluster.",
    mend="Add a srcPosture, or impersonate a group of your own and bind it to a role.",
    source="https://kubernetes.io/docs/concepts/security/rbac-good-practices/",
    bad=_example(_GRANT, "system:masters"),
    good=_example(_UNDER_POSTURE, "system:masters"),
)
GRANT_SPAN = Rule(
    code="TS605",
    slug="grant-span",
    severity=Severity.WARNING,
    what="Access to the API server of one cluster reaches that of another, because their operators share a tag.",
    why="A grant names a tag and not a cluster: who administers one administers every cluster that wears it.",
    mend="Leave out the operators' `tags`, so that each gets its own, or grant both clusters on purpose.",
    source="https://github.com/tailscale/tailscale/issues/10659",
    bad=_TWO_CLUSTERS.replace("TAGS", "tags: [tag:k8s-operator], "),
    good=_TWO_CLUSTERS.replace("TAGS", ""),
)
POSTURE_BYPASS = Rule(
    code="TS606",
    slug="posture-bypass",
    severity=Severity.WARNING,
    what="What a grant allows under a posture is allowed by others without one.",
    why="Grants only add to one another, so the posture has no effect.",
    mend="Add the posture to the other grants, or take it out.",
    source="https://tailscale.com/kb/1288/device-posture",
    bad=_example(f"{_UNDER_POSTURE}, {_GRANT}"),
    good=_example(f"{_UNDER_POSTURE}, {_NETWORK}"),
)
PROXY_OFF = Rule(
    code="TS607",
    slug="proxy-off",
    what="A grant gives Kubernetes rights on the tag of operators whose API-server proxy is off.",
    why="Nothing listens there: kubectl is refused a connection.",
    mend="Switch the API-server proxy on (apiServerProxyConfig.mode of the chart), or take the grant out.",
    source="https://tailscale.com/kb/1437/kubernetes-operator-api-server-proxy",
    bad=_example(_GRANT).replace("mode: auth", 'mode: "off"'),
    good=_example(_GRANT),
)
NOAUTH_IMPERSONATE = Rule(
    code="TS612",
    slug="noauth-impersonate",
    severity=Severity.WARNING,
    what="A grant gives Kubernetes rights at an API-server proxy in noauth mode.",
    why="Such a proxy only carries the connection: it reads no rights, and clients must bring credentials of their own.",
    mend="Switch the proxy to auth mode, or take the capability out of the grant and keep its port.",
    source="https://tailscale.com/kb/1437/kubernetes-operator-api-server-proxy",
    bad=_example(_GRANT).replace("mode: auth", "mode: noauth"),
    good=_example(_NETWORK).replace("mode: auth", "mode: noauth"),
)
RULES = (
    NO_NETWORK_PATH,
    GRANT_DST_NOT_PROXY,
    SYSTEM_MASTERS,
    GRANT_SPAN,
    POSTURE_BYPASS,
    PROXY_OFF,
    NOAUTH_IMPERSONATE,
)


def no_network_path(subject: Subject) -> Iterator[Finding]:
    """Derived grants carry their port, so only a hand-written policy file can lack one."""
    for grant in with_capability(subject):
        for source in grant.src:
            cut_off = [target.name for target in grant.dst if not _reaches(subject, source.name, target.name)]
            if cut_off:
                yield NO_NETWORK_PATH.at(
                    *subject.policy.sources(source.place),
                    message=f"{source.name} has Kubernetes rights at {listed(cut_off)}, and does not reach it on tcp:443.",
                    expected="network access on tcp:443 beside the capability",
                )


def _reaches(subject: Subject, source: str, target: str) -> bool:
    """A kube-apiserver ProxyGroup is reached by its Tailscale Service, whatever its tag is granted for."""
    if subject.access.reach(source, target, "tcp", 443).verdict is not Verdict.DENIED:
        return True
    services = (
        service_principal(proxy.group.service or "", proxy.tags)
        for proxy in subject.api_proxies
        if proxy.group is not None and target in proxy.names
    )
    return any(subject.access.reach(source, service, "tcp", 443).verdict is not Verdict.DENIED for service in services)


def grant_dst_not_proxy(subject: Subject) -> Iterator[Finding]:
    """Of tags only: other selectors may match an operator that is not declared here. Three mistakes that exclude another.

    Recordings are asked for by the same capability, and made in every mode.
    """
    clusters = subject.tailnet.clusters
    if not clusters or any(cluster.operator.is_assumed for cluster in clusters):
        return
    reading = sorted({tag for proxy in subject.api_proxies if proxy.impersonates for tag in proxy.tags})
    recording = {tag for proxy in subject.api_proxies for tag in proxy.tags}
    for grant in with_capability(subject):
        known = reading if impersonated_groups(grant.app) else recording
        for target in grant.dst:
            if target.kind is SelectorKind.TAG and target.name not in known:
                yield _unread(subject, target, reading)


def _unread(subject: Subject, target: Selector, reading: list[str]) -> Finding:
    places = subject.policy.sources(target.place)
    plain = [proxy for proxy in subject.api_proxies if target.name in proxy.names]
    if plain:
        return NOAUTH_IMPERSONATE.at(
            *places,
            *(proxy.place for proxy in plain),
            message=f"Only API-server proxies in noauth mode wear {target.name}: {listed(p.who for p in plain)}.",
            expected="a proxy in auth mode",
        )
    off = [cluster for cluster in subject.tailnet.clusters if target.name in cluster.operator.tags]
    if off:
        return PROXY_OFF.at(
            *places,
            *(cluster.operator.place for cluster in off),
            message=f"{target.name} is worn by {listed(f'operator {c.name}' for c in off)}, whose API-server proxy is off.",
            expected="apiServerProxyConfig.mode of true, or a kube-apiserver ProxyGroup",
        )
    return GRANT_DST_NOT_PROXY.at(
        *places,
        message=f"No operator with an API-server proxy in auth mode wears {target.name}.",
        expected=f"one of {listed(reading)}" if reading else "an operator with apiServerProxy: {mode: auth}",
    )


def system_masters(subject: Subject) -> Iterator[Finding]:
    """With a posture it is accepted: that is how the vendor's own guide gives it to administrators."""
    for given in rights(subject):
        if MASTERS in given.groups and not given.postures:
            where = f" in {listed(given.clusters)}" if given.clusters else ""
            yield SYSTEM_MASTERS.at(
                given.place,
                message=f"{given.who[:1].upper()}{given.who[1:]} makes users {MASTERS}{where} from any device.",
                expected="a srcPosture, or a group that RBAC can limit",
            )


def grant_span(subject: Subject) -> Iterator[Finding]:
    """Judged by the tag that is granted: of several that an operator wears, the one that the fewest nodes wear."""
    worn = tag_wearers(subject.nodes)
    wearers = _wearing_api_servers(subject)
    for access in subject.tailnet.access:
        meant = set(clusters_of(access))
        tags = dict.fromkeys(
            narrowest(destination.selectors, worn)
            for destination in access.destinations
            if destination.kind is DestinationKind.API_SERVER
        )
        for tag in tags:
            wearing = wearers.get(tag, {})
            also = {cluster: who for cluster, who in wearing.items() if cluster not in meant}
            if also:
                yield GRANT_SPAN.at(
                    access.place,
                    *dict.fromkeys(place for _, place in also.values()),
                    message=f'Access "{access.name}" to the API server of {listed(sorted(meant & wearing.keys()))} is '
                    f"granted on {tag}, which {listed(who for who, _ in also.values())} wears too.",
                    expected="a tag of its own for each API server",
                )
    yield from _spanning_by_hand(subject)


def _wearing_api_servers(subject: Subject) -> Mapping[str, Mapping[str, tuple[str, Place]]]:
    """What wears each tag by its cluster, with its place: an operator, whatever its proxy is, or a kube-apiserver group."""
    found: dict[str, dict[str, tuple[str, Place]]] = {}
    for cluster in subject.tailnet.clusters:
        for tag in cluster.operator.tags:
            who = f"the operator of {cluster.name}", cluster.operator.place
            found.setdefault(tag, {}).setdefault(cluster.name, who)
    for proxy in subject.api_proxies:
        for tag in proxy.tags:
            found.setdefault(tag, {}).setdefault(proxy.cluster, (proxy.who, proxy.place))
    return found


def _spanning_by_hand(subject: Subject) -> Iterator[Finding]:
    """A hand-written grant names a tag and no cluster: that it means several is only sure where it names several tags."""
    by_tag: dict[str, list[ApiServerProxy]] = {}
    for proxy in subject.api_proxies:
        for tag in proxy.tags if proxy.impersonates else ():
            by_tag.setdefault(tag, []).append(proxy)
    for grant in with_capability(subject):
        for target in grant.dst if not subject.policy.is_derived(grant.place) else ():
            proxies = by_tag.get(target.name, [])
            clusters = dict.fromkeys(proxy.cluster for proxy in proxies)
            if len(clusters) > 1:
                yield GRANT_SPAN.at(
                    *subject.policy.sources(target.place),
                    *dict.fromkeys(proxy.place for proxy in proxies),
                    message=f"{listed(source.name for source in grant.src)} gets the same Kubernetes rights in "
                    f"{listed(clusters)}: the API-server proxies of all of them wear {target.name}.",
                    expected="a tag of its own for each cluster's operator",
                    mend="Give each operator a tag of its own (operatorConfig.defaultTags), and grant those that are meant.",
                )


def posture_bypass(subject: Subject) -> Iterator[Finding]:
    """For every source and destination of an entry under a posture: is the same allowed without?"""
    bypassed: dict[Place, tuple[tuple[str, ...], dict[Place, None]]] = {}
    for entry in subject.access.entries:
        for source, target in product(entry.src, entry.dst) if entry.postures else ():
            for place in _bypassing(subject, entry, source.name, target.name):
                bypassed.setdefault(entry.place, (entry.postures, {}))[1][place] = None
    for place, (postures, by) in bypassed.items():
        yield POSTURE_BYPASS.at(
            *subject.policy.sources(place),
            *dict.fromkeys(source for other in by for source in subject.policy.sources(other)),
            message=f"{subject.policy.declaration(place)} asks for {listed(postures)}, and the same is allowed without "
            f"it by {listed(dict.fromkeys(subject.policy.declaration(other) for other in by))}.",
            expected="the posture on every grant that allows the same",
        )


def _bypassing(subject: Subject, entry: Entry, source: str, target: str) -> Iterator[Place]:
    """The places of the entries that together allow without a posture what one allows under one."""
    free = [match.entry for match in subject.access.matches(source, target) if not match.postures]
    groups = frozenset(impersonated_groups(entry.app))
    if groups:
        useful = [other for other in free if not groups.isdisjoint(impersonated_groups(other.app))]
        is_bypassed = groups <= frozenset(group for other in useful for group in impersonated_groups(other.app))
    else:
        useful = [other for other in free if entry.ports != entry.ports.minus(other.ports)]
        left = entry.ports
        for other in useful:
            left = left.minus(other.ports)
        is_bypassed = bool(entry.ports) and not left
    if is_bypassed:
        yield from (other.place for other in useful)


CHECKS = (no_network_path, grant_dst_not_proxy, system_masters, grant_span, posture_bypass)
