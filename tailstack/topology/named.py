"""What is named in a cluster and has to be declared there: proxy groups, proxy classes and other tailnets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from tailstack.topology.declaration import (
    ClusterDeclaration,
    ProxyGroupDeclaration,
    ProxyGroupType,
)
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path

_Groups: TypeAlias = "Mapping[str, ProxyGroupDeclaration]"
_DEFAULT_CLASS: Path = ("defaults", "operator", "defaultProxyClass")


def check_group(notes: Notes, *path: str | int, name: str, cluster: str, groups: _Groups, kind: ProxyGroupType) -> None:
    """Note a group of this kind, named at this path, that is none of those of its cluster."""
    known = [other for other, group in groups.items() if group.type is kind]
    if name not in known and notes.is_known("clusters", cluster, "proxyGroups", name, "type"):
        mend = f"{name} is of type {groups[name].type}." if name in groups else ""
        where = "" if path[:2] == ("clusters", cluster) else f" of {cluster}"
        notes.unknown(*path, kind=f"{kind} group{where}", name=name, known=known, mend=mend)


def check_named(notes: Notes, cluster: str, declared: ClusterDeclaration, default_class: str | None) -> None:
    """Note each group, class and tailnet that is named in a cluster and not declared there.

    `default_class` is that of the defaults for all clusters.
    """
    path: Path = ("clusters", cluster)
    for part, things in (("expose", declared.expose), ("ingress", declared.ingress)):
        for name, thing in things.items():
            if thing.proxy_group is not None:
                check_group(
                    notes,
                    *(*path, part, name, "proxyGroup"),
                    name=thing.proxy_group,
                    cluster=cluster,
                    groups=declared.proxy_groups,
                    kind=ProxyGroupType.INGRESS,
                )
    if not notes.is_broken(*path, "proxyClasses"):
        for here, name in _classes(path, declared):
            if name not in declared.proxy_classes:
                notes.unknown(*here, kind="proxy class", name=name, known=declared.proxy_classes)
        if default_class not in {None, *declared.proxy_classes} and declared.operator.default_proxy_class is None:
            kind = f"proxy class of {cluster}"
            notes.unknown(*_DEFAULT_CLASS, kind=kind, name=default_class or "", known=declared.proxy_classes)
    if not notes.is_broken(*path, "tailnets"):
        for here, name in _tailnets(path, declared):
            if name not in declared.tailnets:
                notes.unknown(*here, kind="other tailnet", name=name, known=declared.tailnets)


def _classes(path: Path, declared: ClusterDeclaration) -> Iterator[tuple[Path, str]]:
    if declared.operator.default_proxy_class is not None:
        yield (*path, "operator", "defaultProxyClass"), declared.operator.default_proxy_class
    for part, things in (
        ("expose", declared.expose),
        ("ingress", declared.ingress),
        ("egress", declared.egress),
        ("proxyGroups", declared.proxy_groups),
        ("connectors", declared.connectors),
        ("peerRelays", declared.peer_relays),
    ):
        for name, thing in things.items():
            if thing.proxy_class is not None:
                yield (*path, part, name, "proxyClass"), thing.proxy_class


def _tailnets(path: Path, declared: ClusterDeclaration) -> Iterator[tuple[Path, str]]:
    for part, things in (
        ("proxyGroups", declared.proxy_groups),
        ("connectors", declared.connectors),
        ("recorders", declared.recorders),
        ("peerRelays", declared.peer_relays),
    ):
        for name, thing in things.items():
            if thing.tailnet is not None:
                yield (*path, part, name, "tailnet"), thing.tailnet
