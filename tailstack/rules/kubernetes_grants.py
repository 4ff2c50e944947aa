"""Kubernetes rights: what grants and access entries let API-server proxies impersonate, and in which clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tailstack.access.derive import KUBERNETES_CAPABILITY
from tailstack.access.evaluate import capability_values
from tailstack.access.hujson import Json
from tailstack.access.policy import Grant, Keyed
from tailstack.finding import Place
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Access, DestinationKind

MASTERS = "system:masters"
BOUND_BY_KUBERNETES = frozenset({MASTERS, "system:authenticated", "system:unauthenticated"})
"""Groups that have rights in every cluster: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings."""


def kubernetes_values(app: tuple[Keyed, ...]) -> tuple[Mapping[str, Any], ...]:
    """The values of the Kubernetes capability that are objects, in their order."""
    values = (
        value
        for capability in app
        if capability.key == KUBERNETES_CAPABILITY
        for value in capability_values(capability)
    )
    return tuple(value for value in values if isinstance(value, dict))


def impersonated(app: tuple[Keyed, ...]) -> frozenset[str]:
    """The Kubernetes groups that a grant's capabilities let a proxy impersonate."""
    return frozenset(group for value in kubernetes_values(app) for group in _groups(value))


def _groups(value: Mapping[str, Json]) -> Iterator[str]:
    impersonate: object = value.get("impersonate")
    groups: object = cast("Mapping[str, Any]", impersonate).get("groups") if isinstance(impersonate, dict) else None
    if isinstance(groups, list):
        yield from (group for group in cast("list[object]", groups) if isinstance(group, str))


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
            groups=tuple(sorted(impersonated(grant.app))),
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
