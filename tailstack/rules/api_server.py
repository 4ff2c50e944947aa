"""6xx: API-server proxies, what they impersonate, and the rights behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tailstack.access.derive import KUBERNETES_CAPABILITY
from tailstack.access.evaluate import Verdict, capability_values
from tailstack.access.hujson import Json
from tailstack.access.nodes import narrowest, tag_wearers
from tailstack.access.policy import Grant, Keyed
from tailstack.access.ports import Ports
from tailstack.access.selectors import SelectorKind
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.rules.subject import Subject
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import Access, DestinationKind
from tailstack.topology.wording import listed

NO_NETWORK_PATH = Rule(
    code="TS601",
    slug="no-network-path",
    what="A grant gives Kubernetes rights behind an API-server proxy that its sources cannot connect to.",
    why="An application grant opens no port: kubectl runs into a timeout.",
    mend='Add "ip": ["tcp:443"] to the grant.',
    source="https://tailscale.com/kb/1537/grants-app-capabilities",
)
GRANT_DST_NOT_PROXY = Rule(
    code="TS602",
    slug="grant-dst-not-proxy",
    what="A grant gives Kubernetes rights on a tag that no operator with an API-server proxy in auth mode wears.",
    why="Nothing there reads the capability; users are refused as users without groups.",
    mend="Grant it on the tag of the operator that is meant, or switch its proxy to auth mode.",
    source="https://tailscale.com/kb/1437/kubernetes-operator-api-server-proxy",
)
GROUP_NOT_BOUND = Rule(
    code="TS603",
    slug="group-not-bound",
    severity=Severity.WARNING,
    what="A Kubernetes group is impersonated in a cluster in which nothing declared binds a role to it.",
    why="Unless somebody else binds one there, every request is answered with Forbidden.",
    mend="Add `bind: {clusterRole: ...}` to the access entry, or to another one that covers the cluster.",
    source="https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
)
SYSTEM_MASTERS = Rule(
    code="TS604",
    slug="system-masters",
    severity=Severity.WARNING,
    what="Users become system:masters from any device.",
    why="The group passes by all of RBAC and cannot be limited by it, so a stolen login is the whole cluster.",
    mend="Add a srcPosture, or impersonate a group of your own and bind it to a role.",
    source="https://kubernetes.io/docs/concepts/security/rbac-good-practices/",
)
GRANT_SPAN = Rule(
    code="TS605",
    slug="grant-span",
    severity=Severity.WARNING,
    what="Access to the API server of one cluster reaches that of another, because their operators share a tag.",
    why="A grant names a tag and not a cluster: who administers one administers every cluster that wears it.",
    mend="Leave out the operators' `tags`, so that each gets its own, or grant both clusters on purpose.",
    source="https://github.com/tailscale/tailscale/issues/10659",
)
POSTURE_BYPASS = Rule(
    code="TS606",
    slug="posture-bypass",
    severity=Severity.WARNING,
    what="What a grant allows under a posture is allowed by others without one.",
    why="Grants only add to one another, so the posture has no effect.",
    mend="Add the posture to the other grants, or take it out.",
    source="https://tailscale.com/kb/1288/device-posture",
)
RULES = (NO_NETWORK_PATH, GRANT_DST_NOT_PROXY, GROUP_NOT_BOUND, SYSTEM_MASTERS, GRANT_SPAN, POSTURE_BYPASS)

MASTERS = "system:masters"
BOUND_BY_KUBERNETES = frozenset({MASTERS, "system:authenticated", "system:unauthenticated"})
"""Groups that have rights in every cluster: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings."""


def impersonated(app: tuple[Keyed, ...]) -> frozenset[str]:
    """The Kubernetes groups that a grant's capabilities let a proxy impersonate."""
    values = [
        value
        for capability in app
        if capability.key == KUBERNETES_CAPABILITY
        for value in capability_values(capability)
    ]
    return frozenset(group for value in values for group in _groups(value))


def _groups(value: Json) -> Iterator[str]:
    impersonate: object = value.get("impersonate") if isinstance(value, dict) else None
    groups: object = cast("Mapping[str, Any]", impersonate).get("groups") if isinstance(impersonate, dict) else None
    if isinstance(groups, list):
        yield from (group for group in cast("list[object]", groups) if isinstance(group, str))


def _with_capability(subject: Subject) -> Iterator[Grant]:
    for grant in subject.policy.policy.grants or ():
        if any(capability.key == KUBERNETES_CAPABILITY for capability in grant.app):
            yield grant


def no_network_path(subject: Subject) -> Iterator[Finding]:
    """Derived grants carry their port, so only a hand-written policy file can lack one."""
    for grant in _with_capability(subject):
        for source in grant.src:
            cut_off = [
                target.name
                for target in grant.dst
                if subject.access.reach(source.name, target.name, "tcp", 443).verdict is Verdict.DENIED
            ]
            if cut_off:
                yield NO_NETWORK_PATH.at(
                    *subject.policy.sources(source.place),
                    message=f"{source.name} has Kubernetes rights at {listed(cut_off)}, and does not reach it on tcp:443.",
                    expected="network access on tcp:443 beside the capability",
                )


def grant_dst_not_proxy(subject: Subject) -> Iterator[Finding]:
    """Of tags only: other selectors may match an operator that is not declared here."""
    modes = ApiServerProxyMode
    operators = [cluster.operator for cluster in subject.tailnet.clusters]
    worn = {tag for operator in operators if operator.api_server_proxy is modes.AUTH for tag in operator.tags}
    for grant in _with_capability(subject):
        for target in grant.dst:
            if target.kind is SelectorKind.TAG and target.name not in worn:
                yield GRANT_DST_NOT_PROXY.at(
                    *subject.policy.sources(target.place),
                    message=f"No operator with an API-server proxy in auth mode wears {target.name}.",
                    expected=f"one of {listed(sorted(worn))}"
                    if worn
                    else "an operator with apiServerProxy: {mode: auth}",
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rights:
    """Kubernetes groups that are impersonated in some clusters."""

    who: str
    groups: tuple[str, ...]
    clusters: tuple[str, ...]
    postures: tuple[str, ...]
    place: Place


def _rights(subject: Subject) -> Iterator[_Rights]:
    """Those of access entries as they are declared, then those of the hand-written policy file by the tags it names."""
    for access in subject.tailnet.access:
        if access.kubernetes is not None:
            yield _Rights(
                who=f'access "{access.name}"',
                groups=access.kubernetes.groups,
                clusters=_clusters(access),
                postures=access.src_posture,
                place=access.kubernetes.place,
            )
    for grant in _with_capability(subject):
        if subject.policy.is_derived(grant.place):
            continue
        names = {target.name for target in grant.dst}
        yield _Rights(
            who="a grant of the hand-written policy file",
            groups=tuple(sorted(impersonated(grant.app))),
            clusters=tuple(c.name for c in subject.tailnet.clusters if not names.isdisjoint(c.operator.tags)),
            postures=tuple(posture.text for posture in grant.src_posture),
            place=subject.policy.sources(grant.place)[0],
        )


def _clusters(access: Access) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            destination.reference
            for destination in access.destinations
            if destination.kind is DestinationKind.API_SERVER
        )
    )


def group_not_bound(subject: Subject) -> Iterator[Finding]:
    """Any access entry may bind the group, as long as it covers the cluster."""
    bound = {
        (group, cluster)
        for access in subject.tailnet.access
        if access.kubernetes is not None and access.kubernetes.bind is not None
        for group in access.kubernetes.groups
        for cluster in _clusters(access)
    }
    for rights in _rights(subject):
        for group in rights.groups:
            missing = [cluster for cluster in rights.clusters if (group, cluster) not in bound]
            if missing and group not in BOUND_BY_KUBERNETES:
                yield GROUP_NOT_BOUND.at(
                    rights.place,
                    message=f"The Kubernetes group {group} ({rights.who}) is bound to no role in {listed(missing)}.",
                    expected=f"a role for {group} in each cluster that the entry covers",
                )


def system_masters(subject: Subject) -> Iterator[Finding]:
    """With a posture it is accepted: that is how the vendor's own guide gives it to administrators."""
    for rights in _rights(subject):
        if MASTERS in rights.groups and not rights.postures:
            where = f" in {listed(rights.clusters)}" if rights.clusters else ""
            yield SYSTEM_MASTERS.at(
                rights.place,
                message=f"{rights.who[:1].upper()}{rights.who[1:]} makes users {MASTERS}{where} from any device.",
                expected="a srcPosture, or a group that RBAC can limit",
            )


def grant_span(subject: Subject) -> Iterator[Finding]:
    """Judged by the tag that is granted: of several that an operator wears, the one that the fewest nodes wear."""
    worn = tag_wearers(subject.nodes)
    for access in subject.tailnet.access:
        meant = set(_clusters(access))
        tags = dict.fromkeys(
            narrowest(destination.selectors, worn)
            for destination in access.destinations
            if destination.kind is DestinationKind.API_SERVER
        )
        for tag in tags:
            wearing = [cluster for cluster in subject.tailnet.clusters if tag in cluster.operator.tags]
            also = [cluster for cluster in wearing if cluster.name not in meant]
            if also:
                yield GRANT_SPAN.at(
                    access.place,
                    *dict.fromkeys(cluster.operator.place for cluster in also),
                    message=f'Access "{access.name}" to the API server of {listed(meant & {c.name for c in wearing})} is '
                    f"granted on {tag}, which the operator of {listed(c.name for c in also)} wears too.",
                    expected="a tag of its own for each cluster's operator",
                )


def posture_bypass(subject: Subject) -> Iterator[Finding]:
    """For every source and destination of a grant under a posture: is the same allowed without?"""
    for grant in subject.policy.policy.grants or ():
        if not grant.src_posture:
            continue
        by: dict[Place, None] = {}
        pairs = [(source.name, target.name) for source in grant.src for target in grant.dst]
        for pair in pairs:
            by.update(dict.fromkeys(_bypassing(subject, grant, *pair)))
        if by:
            postures = listed(posture.text for posture in grant.src_posture)
            yield POSTURE_BYPASS.at(
                *subject.policy.sources(grant.place),
                *dict.fromkeys(source for place in by for source in subject.policy.sources(place)),
                message=f"{subject.policy.declaration(grant.place)} asks for {postures}, and the same is allowed without "
                f"it by {listed(dict.fromkeys(subject.policy.declaration(place) for place in by))}.",
                expected="the posture on every grant that allows the same",
            )


def _bypassing(subject: Subject, grant: Grant, source: str, target: str) -> Iterator[Place]:
    """The places of the entries that together allow without a posture what the grant allows under one."""
    free = [match.entry for match in subject.access.matches(source, target) if not match.postures]
    groups = impersonated(grant.app)
    if groups:
        useful = [entry for entry in free if not groups.isdisjoint(impersonated(entry.app))]
        is_bypassed = groups <= frozenset(group for entry in useful for group in impersonated(entry.app))
    else:
        wanted, left = Ports(), Ports()
        for entry in grant.ip:
            wanted = wanted.union(entry.ports) if entry.ports else wanted
        useful = [entry for entry in free if wanted != wanted.minus(entry.ports)]
        left = wanted
        for entry in useful:
            left = left.minus(entry.ports)
        is_bypassed = bool(wanted) and not left
    if is_bypassed:
        yield from (entry.place for entry in useful)


CHECKS = (no_network_path, grant_dst_not_proxy, group_not_bound, system_masters, grant_span, posture_bypass)
