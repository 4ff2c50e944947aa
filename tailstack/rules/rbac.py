"""6xx: the cluster's side of Kubernetes rights: what binds the groups that API-server proxies impersonate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tailstack.access.evaluate import Verdict
from tailstack.access.inventory import Node
from tailstack.access.kubernetes import impersonated_groups
from tailstack.access.selectors import SelectorKind, parse_selector
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.rules.frames import operator_deployment
from tailstack.rules.kubernetes_grants import (
    BOUND_BY_KUBERNETES,
    Rights,
    clusters_of,
    rights,
    with_capability,
)
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Cluster
from tailstack.topology.wording import did_you_mean, listed

_POLICY = """# policy.hujson
{"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]},
 "groups": {"group:dev": ["ana@example.com"]},
 "grants": [{"src": ["group:dev"], "dst": ["tag:k8s-operator"], "ip": ["tcp:443"],
   "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["dev"]}}]}}]}
"""
_OPERATOR = "# blue/operator.yaml\n" + operator_deployment(env='{name: APISERVER_PROXY, value: "true"}')
_BINDING = """# blue/rbac.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: developers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "GROUP"}]
"""


def _example(group: str) -> str:
    return _POLICY + _OPERATOR + _BINDING.replace("GROUP", group)


GROUP_NOT_BOUND = Rule(
    code="TS603",
    slug="group-not-bound",
    severity=Severity.WARNING,
    what="A Kubernetes group is impersonated in a cluster in which nothing declared binds a role to it.",
    why="Unless somebody else binds one there, every request is answered with Forbidden.",
    mend="Add `bind: {clusterRole: ...}` to the access entry, or to another one that covers the cluster.",
    source="https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
    bad=_example("devs"),
    good=_example("dev"),
)
DEAD_BINDING = Rule(
    code="TS610",
    slug="dead-rbac",
    severity=Severity.WARNING,
    what="A role is bound to a group that only the tailnet could hand out, and no grant hands it out in this cluster.",
    why="Nobody has the role by it: the names of groups in the policy file are not those of Kubernetes.",
    mend="Bind the group that the grant impersonates, or add the group to a grant that covers the cluster.",
    source="https://tailscale.com/kb/1437/kubernetes-operator-api-server-proxy",
    bad=_example("dev")
    + _BINDING.replace("developers", "operators").replace("GROUP", "group:dev").replace("rbac.y", "b.y"),
    good=_example("dev")
    + _BINDING.replace("developers", "operators").replace("GROUP", "oidc:ops").replace("rbac.y", "b.y"),
)
UNION_GROUPS = Rule(
    code="TS611",
    slug="union-groups",
    severity=Severity.WARNING,
    what="Two groups of people share some members, and each gives them other Kubernetes groups in the same cluster.",
    why="Whoever is in both has the rights of both in every request: one cannot choose between them.",
    mend="Take the people out of one of the two, or give both the same Kubernetes groups.",
    source="https://github.com/tailscale/tailscale/issues/19507",
    bad="""groups: {group:dev: [ana@example.com, li@example.com], group:ops: [ana@example.com, bo@example.com]}
clusters:
  blue: {kubernetes: {context: x}, operator: {apiServerProxy: {mode: auth}}}
access:
  - name: developers
    from: [group:dev]
    to: [{apiServer: blue}]
    kubernetes: {impersonate: {groups: [dev]}, bind: {clusterRole: edit}}
  - name: operators
    from: [group:ops]
    to: [{apiServer: blue}]
    kubernetes: {impersonate: {groups: [ops]}, bind: {clusterRole: admin}}
""",
    good="""groups: {group:dev: [ana@example.com, li@example.com, bo@example.com], group:ops: [ana@example.com, bo@example.com]}
clusters:
  blue: {kubernetes: {context: x}, operator: {apiServerProxy: {mode: auth}}}
access:
  - name: developers
    from: [group:dev]
    to: [{apiServer: blue}]
    kubernetes: {impersonate: {groups: [dev]}, bind: {clusterRole: edit}}
  - name: operators
    from: [group:ops]
    to: [{apiServer: blue}]
    kubernetes: {impersonate: {groups: [ops]}, bind: {clusterRole: admin}}
""",
)
TAGGED_SOURCE = Rule(
    code="TS616",
    slug="tagged-source",
    severity=Severity.WARNING,
    what="A tagged node is given an API server without any Kubernetes group, and no role is bound to its tag.",
    why="Without groups of its own a tagged node becomes a member of groups that are called like its tags.",
    mend="Impersonate a group in the grant, or bind a role to the group that is called like the tag.",
    source="https://github.com/tailscale/tailscale/blob/main/k8s-operator/api-proxy/proxy.go",
    bad="""machines: {ci: {tags: [tag:ci]}}
clusters:
  blue: {kubernetes: {context: x}, operator: {apiServerProxy: {mode: auth}}}
access:
  - {name: CI deploys, from: [{machine: ci}], to: [{apiServer: blue}]}
""",
    good="""machines: {ci: {tags: [tag:ci]}}
clusters:
  blue: {kubernetes: {context: x}, operator: {apiServerProxy: {mode: auth}}}
access:
  - name: CI deploys
    from: [{machine: ci}]
    to: [{apiServer: blue}]
    kubernetes: {impersonate: {groups: [ci]}, bind: {clusterRole: edit}}
""",
)
RULES = (GROUP_NOT_BOUND, DEAD_BINDING, UNION_GROUPS, TAGGED_SOURCE)

_OF_POLICY = ("group:", "autogroup:")


def _bound(subject: Subject) -> Mapping[str, frozenset[str]]:
    """The groups that are bound to a role in each cluster, as far as it is declared."""
    found: dict[str, set[str]] = {cluster.name: set() for cluster in subject.tailnet.clusters}
    for access in subject.tailnet.access:
        if access.kubernetes is not None and access.kubernetes.bind is not None:
            for cluster in clusters_of(access):
                found[cluster].update(access.kubernetes.groups)
    for cluster in subject.tailnet.clusters:
        for binding in cluster.deployed.role_bindings if cluster.deployed is not None else ():
            found[cluster.name].update(binding.groups)
    return {cluster: frozenset(groups) for cluster, groups in found.items()}


def group_not_bound(subject: Subject) -> Iterator[Finding]:
    """Any access entry or binding may bind the group, as long as it covers the cluster."""
    bound = _bound(subject)
    for given in rights(subject):
        for group in given.groups:
            missing = [cluster for cluster in given.clusters if group not in bound[cluster]]
            if missing and group not in BOUND_BY_KUBERNETES:
                others = {other for cluster in missing for other in bound[cluster]}
                is_by_manifest = subject.clusters[missing[0]].deployed is not None
                yield GROUP_NOT_BOUND.at(
                    given.place,
                    message=f"The Kubernetes group {group} ({given.who}) is bound to no role in {listed(missing)}.",
                    expected=f"a role for {group} in each cluster that the entry covers",
                    mend=(did_you_mean(group, others) or "Add a ClusterRoleBinding or RoleBinding of the group there.")
                    if is_by_manifest
                    else "",
                )


def dead_rbac(subject: Subject) -> Iterator[Finding]:
    """Of groups that nothing but the tailnet hands out: those of grants, and those with the names of the policy file."""
    every = tuple(rights(subject))
    handed = {group for given in every for group in given.groups}
    anywhere = {group for given in every if not given.clusters for group in given.groups}
    by_cluster: dict[str, set[str]] = {}
    for given in every:
        for cluster in given.clusters:
            by_cluster.setdefault(cluster, set()).update(given.groups)
    impersonating = {proxy.cluster for proxy in subject.api_proxies if proxy.impersonates}
    for cluster in subject.tailnet.clusters:
        if cluster.deployed is None or cluster.name not in impersonating:
            continue
        alive = anywhere | by_cluster.get(cluster.name, set()) | BOUND_BY_KUBERNETES
        for binding in cluster.deployed.role_bindings:
            for group in binding.groups:
                if group not in alive and (group in handed or _is_dead_name(subject, cluster, group)):
                    yield DEAD_BINDING.at(
                        binding.place,
                        message=f"{binding.name} of {cluster.name} binds a role to {group}, which no grant hands out there.",
                        expected=f"one of {listed(sorted(alive - BOUND_BY_KUBERNETES), none='the groups of a grant')}",
                        mend=did_you_mean(group.rpartition(":")[2], alive),
                    )


def _is_dead_name(subject: Subject, cluster: Cluster, group: str) -> bool:
    """Whether it is a name of the policy file that becomes no group of Kubernetes; tags do, of nodes that get there."""
    if group.startswith("tag:"):
        proxies = [proxy for proxy in subject.api_proxies if proxy.cluster == cluster.name]
        names = {name for proxy in proxies for name in proxy.names}
        return all(subject.access.reach(group, name, "tcp", 443).verdict is Verdict.DENIED for name in names)
    return group.startswith(_OF_POLICY)


def union_groups(subject: Subject) -> Iterator[Finding]:
    """Only where neither side has all people of the other: giving a part of the people more is what grants are for."""
    by_person: dict[tuple[str, str], list[tuple[Rights, frozenset[str]]]] = {}
    for given in rights(subject):
        people = _people(subject, given)
        for person in people:
            for cluster in given.clusters:
                by_person.setdefault((person, cluster), []).append((given, people))
    together: dict[tuple[int, int], tuple[Rights, Rights, dict[str, None], dict[str, None]]] = {}
    for (person, cluster), several in by_person.items():
        for index, (one, people) in enumerate(several):
            for other, others in several[index + 1 :]:
                if _are_apart(people, others) and _are_apart(frozenset(one.groups), frozenset(other.groups)):
                    found = together.setdefault((id(one), id(other)), (one, other, {}, {}))
                    found[2][person] = None
                    found[3][cluster] = None
    for one, other, people, clusters in together.values():
        groups = dict.fromkeys((*one.groups, *other.groups))
        yield UNION_GROUPS.at(
            *dict.fromkeys((one.place, other.place)),
            message=f"{listed(people)} has the Kubernetes groups {listed(groups)} in {listed(clusters)}, by two entries.",
            expected="people in one of the two only",
        )


def _people(subject: Subject, given: Rights) -> frozenset[str]:
    """The logins that get rights, if all of them are known; else none."""
    found: set[str] = set()
    for name in given.sources:
        is_person = parse_selector(name, given.place).kind is SelectorKind.USER
        people = (name,) if is_person else subject.access.names.members(name)
        if people is None:
            return frozenset()
        found.update(people)
    return frozenset(found)


def _are_apart(one: frozenset[str], other: frozenset[str]) -> bool:
    return not one <= other and not other <= one


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tagged:
    """Somebody with tags who is given the API server of a cluster, by an entry without Kubernetes groups."""

    who: str
    tags: tuple[str, ...]
    cluster: str
    places: tuple[Place, ...]


def tagged_source(subject: Subject) -> Iterator[Finding]:
    """Of declared access and of grants with the capability: mere network access may be meant for something else."""
    bound = _bound(subject)
    proxies: dict[str, list[Node]] = {}
    for proxy in subject.api_proxies:
        if proxy.impersonates:
            proxies.setdefault(proxy.cluster, []).append(Node(name=proxy.fqdn, tags=proxy.tags))
    for tagged in _without_groups(subject):
        source = Node(name=tagged.who, tags=tagged.tags)
        given = (
            match.entry.app
            for proxy in proxies.get(tagged.cluster, ())
            for match in subject.access.matches(source, proxy)
        )
        is_bound = not bound[tagged.cluster].isdisjoint(tagged.tags) or _is_user_bound(subject, tagged)
        if tagged.cluster in proxies and not is_bound and not any(map(impersonated_groups, given)):
            yield TAGGED_SOURCE.at(
                *tagged.places,
                message=f"{tagged.who} gets no Kubernetes group in {tagged.cluster}, and is there in the groups "
                f"{listed(tagged.tags)}, to which nothing declared binds a role.",
                expected="a group to impersonate, or a role for the tag",
            )


def _without_groups(subject: Subject) -> Iterator[_Tagged]:
    for access in subject.tailnet.access:
        tagged = [source for source in access.sources if all(name.startswith("tag:") for name in source.selectors)]
        for source in tagged if access.kubernetes is None else ():
            for cluster in clusters_of(access):
                yield _Tagged(who=source.reference, tags=source.selectors, cluster=cluster, places=(source.place,))
    for grant in with_capability(subject):
        if subject.policy.is_derived(grant.place) or impersonated_groups(grant.app):
            continue
        names = {target.name for target in grant.dst}
        for source in grant.src:
            covered = dict.fromkeys(proxy.cluster for proxy in subject.api_proxies if names & proxy.names)
            for cluster in covered if source.kind is SelectorKind.TAG else ():
                places = subject.policy.sources(source.place)
                yield _Tagged(who=source.name, tags=(source.name,), cluster=cluster, places=places)


def _is_user_bound(subject: Subject, tagged: _Tagged) -> bool:
    """Whether a role is bound to a wearer of the tags itself: a tagged node is a user called like its full name."""
    deployed = subject.clusters[tagged.cluster].deployed
    users = (
        {user for binding in deployed.role_bindings for user in binding.users} if deployed is not None else set[str]()
    )
    return any(user.endswith(f".{subject.tailnet.dns_name}") for user in users)


CHECKS = (group_not_bound, dead_rbac, union_groups, tagged_source)
