"""Kubernetes rights: what grants and access entries let API-server proxies impersonate, and in which clusters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.access.kubernetes import KUBERNETES_CAPABILITY, MASTERS, impersonated_groups
from tailstack.access.policy import Grant
from tailstack.finding import Place
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Access, DestinationKind

BOUND_BY_KUBERNETES = frozenset({MASTERS, "system:authenticated", "system:unauthenticated"})
"""Groups that have rights in every cluster: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings."""


def with_capability(subject: Subject) -> Iterator[Grant]:
    """The grants that carry the Kubernetes capability."""
    for grant in subject.policy.policy.grants or ():
        if any(capability.key == KUBERNETES_CAPABILITY for capability in grant.app):
            yield grant


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """Kubernetes groups that are impersonated in some clusters. `sources` are the selectors of those who get them."""

    who: str
    sources: tuple[str, ...]
    groups: tuple[str, ...]
    clusters: tuple[str, ...]
    postures: tuple[str, ...]
    place: Place


def rights(subject: Subject) -> Iterator[Rights]:
    """Those of access entries as they are declared, then those of the hand-written policy file by the tags it names."""
    for access in subject.tailnet.access:
        if access.kubernetes is not None:
            yield Rights(
                who=f'access "{access.name}"',
                sources=tuple(dict.fromkeys(selector for source in access.sources for selector in source.selectors)),
                groups=access.kubernetes.groups,
                clusters=clusters_of(access),
                postures=access.src_posture,
                place=access.kubernetes.place,
            )
    for grant in with_capability(subject):
        if subject.policy.is_derived(grant.place):
            continue
        names = {target.name for target in grant.dst}
        covered = (proxy.cluster for proxy in subject.api_proxies if proxy.impersonates and names & proxy.names)
        yield Rights(
            who="a grant of the hand-written policy file",
            sources=tuple(source.name for source in grant.src),
            groups=tuple(sorted(impersonated_groups(grant.app))),
            clusters=tuple(dict.fromkeys(covered)),
            postures=tuple(posture.text for posture in grant.src_posture),
            place=subject.policy.sources(grant.place)[0],
        )


def clusters_of(access: Access) -> tuple[str, ...]:
    """The clusters whose API servers an access entry leads to."""
    return tuple(
        dict.fromkeys(
            destination.reference
            for destination in access.destinations
            if destination.kind is DestinationKind.API_SERVER
        )
    )
