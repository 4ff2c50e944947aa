"""What a tailnet's declarations ask of the policy file: a list of entries, each with the declaration it comes from.

Pure data, without the hand-written base: `compile` puts the two together. The shapes are those of the policy file,
https://tailscale.com/kb/1337/policy-syntax; what each feature of the operator needs of it stands in
https://tailscale.com/kb/1236/kubernetes-operator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from tailstack.access.hujson import Buildable
from tailstack.access.kubernetes import KUBERNETES_CAPABILITY
from tailstack.access.nodes import DeclaredNode, NodeKind, narrowest, tag_wearers
from tailstack.access.ports import NO_PORTS, Ports, parse_ip_entry
from tailstack.finding import Place
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import (
    ALL_PORTS,
    Access,
    Address,
    Egress,
    Machine,
    Port,
    Tailnet,
)

_NAMED_IN_COMMENT = 3


class Section(StrEnum):
    """The sections of the policy file that entries are derived for, in the order in which they are appended."""

    GROUPS = "groups"
    POSTURES = "postures"
    TAG_OWNERS = "tagOwners"
    GRANTS = "grants"
    NODE_ATTRS = "nodeAttrs"
    TESTS = "tests"


LIST_SECTIONS = frozenset({Section.GRANTS, Section.NODE_ATTRS, Section.TESTS})
"""Sections whose entries have no names; the others are objects."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """One entry of one section. `key` is its name in a section that is an object, None in a section that is a list.

    `declaration` is the comment that stands above it: what kind of thing asked for it, and its name. `places` are where
    that is declared, and `parts` where single parts of the value are: `("src", 0)`. `app` are application capabilities, to
    stand behind the value's other members. `is_spread` asks for a line for each member of the value.
    """

    section: Section
    key: str | None
    value: Mapping[str, str | Sequence[str]] | Sequence[str]
    declaration: str
    places: tuple[Place, ...]
    parts: Mapping[tuple[str | int, ...], Place] = field(default_factory=dict[tuple[str | int, ...], Place])
    app: Mapping[str, Buildable] = field(default_factory=dict[str, Buildable])
    is_spread: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """Every source may reach every destination on every port, under any of the postures if there are any.

    Sources and destinations are selectors, each with where it is declared. `groups` are the Kubernetes groups that an
    API-server proxy at the destination impersonates for the source.
    """

    sources: Mapping[str, Place]
    destinations: Mapping[str, Place]
    ports: tuple[Port, ...]
    postures: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    declaration: str
    place: Place


def derive(tailnet: Tailnet, nodes: Sequence[DeclaredNode], permitted: Iterable[Permission]) -> tuple[Derived, ...]:
    """Every entry that the declarations ask for, tests excepted; in the order of the files within each section.

    `nodes` are its `declared_nodes`, `permitted` its `permissions`.
    """
    return (
        *_groups(tailnet),
        *_postures(tailnet),
        *_tag_owners(tailnet, nodes),
        *(_grant(permission) for permission in permitted),
        *_node_attributes(tailnet, tag_wearers(nodes)),
    )


def permissions(tailnet: Tailnet, nodes: Sequence[DeclaredNode]) -> tuple[Permission, ...]:
    """Who may reach what, by the access entries and then by the links, in the order of the files.

    `nodes` are the `declared_nodes` of the tailnet.
    """
    worn = tag_wearers(nodes)
    impersonating = {c.name for c in tailnet.clusters if c.operator.api_server_proxy is ApiServerProxyMode.AUTH}
    return (
        *(found for access in tailnet.access for found in _of_access(access, impersonating, worn)),
        *_of_links(tailnet, nodes, worn),
    )


def _groups(tailnet: Tailnet) -> Iterator[Derived]:
    for group in tailnet.groups:
        if group.members is None:
            continue  # an identity provider brought it into the tailnet already; writing it would be a second definition
        yield Derived(
            section=Section.GROUPS,
            key=group.name,
            value=list(group.members),
            declaration=f"{group.name}{', whose turn it is' if group.on_rotation else ''}",
            places=(group.place,),
        )


def _postures(tailnet: Tailnet) -> Iterator[Derived]:
    for posture in tailnet.postures:
        yield Derived(
            section=Section.POSTURES,
            key=posture.name,
            value=list(posture.assertions),
            declaration=posture.name,
            places=(posture.place,),
        )


def _tag_owners(tailnet: Tailnet, nodes: Sequence[DeclaredNode]) -> Iterator[Derived]:
    """A proxy's tag is owned by the tags of its cluster's operator, which may then mint keys with it and no others.

    Tags of operators and machines are owned by nobody, which leaves them to the tailnet's admins.
    """
    operator_tags = {cluster.name: cluster.operator.tags for cluster in tailnet.clusters}
    wearers: dict[str, list[tuple[str, Place]]] = {}
    owners: dict[str, dict[str, None]] = {}

    def wear(tags: Iterable[str], wearer: str, place: Place, cluster: str | None) -> None:
        for tag in tags:
            wearers.setdefault(tag, []).append((wearer, place))
            owners.setdefault(tag, {}).update(dict.fromkeys(operator_tags[cluster] if cluster else ()))

    for node in nodes:
        if node.kind is NodeKind.OPERATOR:
            wear(node.tags, str(node), node.place, None)
    for cluster in tailnet.clusters:
        wear(cluster.operator.proxy_tags, f"proxies of {cluster.name}", cluster.operator.place, cluster.name)
    for node in nodes:
        if node.kind is not NodeKind.OPERATOR:
            wear(node.tags, str(node), node.place, node.cluster)
    for tag, worn_by in wearers.items():
        yield Derived(
            section=Section.TAG_OWNERS,
            key=tag,
            value=list(owners[tag]),
            declaration=f"worn by {some_of([name for name, _ in worn_by])}",
            places=tuple(dict.fromkeys(place for _, place in worn_by)),
        )


def some_of(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are: short enough for a comment."""
    more = len(names) - _NAMED_IN_COMMENT
    return ", ".join(names[:_NAMED_IN_COMMENT]) + (f" and {more} more" if more > 0 else "")


def _of_access(access: Access, impersonating: AbstractSet[str], worn: Counter[str]) -> Iterator[Permission]:
    """One for each set of destinations with the same ports and rights: a grant is a cross product of the two."""
    together: dict[tuple[tuple[Port, ...], bool], dict[str, Place]] = {}
    for destination in access.destinations:
        impersonates = access.kubernetes is not None and destination.cluster in impersonating
        same = together.setdefault((destination.ports, impersonates), {})
        same.setdefault(narrowest(destination.selectors, worn), destination.place)
    sources: dict[str, Place] = {}
    for source in access.sources:
        sources.setdefault(narrowest(source.selectors, worn), source.place)
    for (ports, impersonates), selectors in together.items():
        yield Permission(
            sources=sources,
            destinations=selectors,
            ports=ports,
            postures=access.src_posture,
            groups=access.kubernetes.groups if access.kubernetes is not None and impersonates else (),
            declaration=f"access: {access.name}",
            place=access.place,
        )


def _grant(permission: Permission) -> Derived:
    sides = {"src": permission.sources, "dst": permission.destinations}
    grant: dict[str, Sequence[str]] = {side: list(selectors) for side, selectors in sides.items()}
    if permission.postures:
        grant["srcPosture"] = permission.postures
    grant["ip"] = ip_entries(permission.ports)
    app: dict[str, Buildable] = {}
    if permission.groups:
        # In one grant with the ports: an application grant alone gives no network access and would be dead.
        app[KUBERNETES_CAPABILITY] = [{"impersonate": {"groups": permission.groups}}]
    return Derived(
        section=Section.GRANTS,
        key=None,
        value=grant,
        app=app,
        is_spread=bool(app),
        declaration=permission.declaration,
        places=(permission.place,),
        parts={
            (side, index): place for side, selectors in sides.items() for index, place in enumerate(selectors.values())
        },
    )


@lru_cache(maxsize=4096)
def ports_of(ports: tuple[Port, ...]) -> Ports:
    """The ports of a declaration as the policy file counts them."""
    found = NO_PORTS
    for entry in ip_entries(ports):
        found = found.union(parse_ip_entry(entry))
    return found


def ip_entries(ports: Iterable[Port]) -> list[str]:
    """The `ip` field of a grant."""
    return list(_ip_entries(tuple(ports)))


@lru_cache(maxsize=4096)
def _ip_entries(ports: tuple[Port, ...]) -> tuple[str, ...]:
    return ("*",) if ALL_PORTS in ports else tuple(str(port) for port in dict.fromkeys(ports))


def _of_links(tailnet: Tailnet, nodes: Sequence[DeclaredNode], worn: Counter[str]) -> Iterator[Permission]:
    """One for each egress, even where a broader one covers it: the link then outlives a narrowing of that one."""
    tags_by_fqdn = {node.fqdn: node.tags for node in reversed(nodes)}
    for egress in tailnet.egresses:
        selectors = _target_selectors(egress, tags_by_fqdn)
        if not selectors:
            continue  # a name that no declared node has; a rule says so, and a grant could only guess
        yield Permission(
            sources={narrowest(egress.tags, worn): egress.place},
            destinations={narrowest(selectors, worn): egress.place},
            ports=egress.ports,
            declaration=f"link: {egress.reference} -> {target_name(egress)}",
            place=egress.place,
        )


def _target_selectors(egress: Egress, tags_by_fqdn: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    target = egress.target
    if not isinstance(target, Address):
        return target.tags
    if target.ip is not None:
        return (target.ip,)
    return tags_by_fqdn.get(normal_fqdn(target.fqdn or ""), ())


def normal_fqdn(name: str) -> str:
    """A DNS name for comparing: lower case, without the root's dot."""
    return name.rstrip(".").lower()


def target_name(egress: Egress) -> str:
    """What people call the target of an egress: `blue.nginx`, a machine's name, an FQDN or an IP address."""
    target = egress.target
    if isinstance(target, Address):
        return target.fqdn or target.ip or ""
    return target.name if isinstance(target, Machine) else target.reference


def _node_attributes(tailnet: Tailnet, worn: Counter[str]) -> Iterator[Derived]:
    for ingress in tailnet.ingresses:
        if ingress.funnel:
            yield Derived(
                section=Section.NODE_ATTRS,
                key=None,
                value={"target": [narrowest(ingress.tags, worn)], "attr": ["funnel"]},
                declaration=f"ingress {ingress.reference}, open to the internet",
                places=(ingress.place,),
            )
