"""What a policy grants, in one form: each grant, and each ACL rewritten into as many as it has different ports.

An ACL `dst: ["a:22", "b:5432"]` is two entries and not one with both ports, because an entry is the cross product of its
destinations and ports; merging them would widen access.
"""

from __future__ import annotations

from dataclasses import dataclass

from tailstack.access.policy import Acl, Grant, Keyed, Policy
from tailstack.access.ports import EVERYTHING, Ports
from tailstack.access.selectors import Selector, parse_selector
from tailstack.finding import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Every source may reach every destination on every port, under any of the postures (or under none if there is none).

    `app` are application capabilities, which open no port by themselves. `via` are tags of the routers to go through.
    `is_acl` tells an entry of the older language, in which some rules differ.
    """

    place: Place
    src: tuple[Selector, ...]
    dst: tuple[Selector, ...]
    ports: Ports
    app: tuple[Keyed, ...] = ()
    postures: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    is_acl: bool = False


def entries(policy: Policy) -> tuple[Entry, ...]:
    """All that a policy grants. One with neither `grants` nor `acls` grants everything to everyone.

    What validation refuses (a port that is none) grants nothing here.
    """
    default = tuple(posture.text for posture in policy.default_src_posture)
    if policy.grants is None and policy.acls is None:
        place = Place(policy.file, 1, 1)
        everyone = parse_selector("*", place)
        return (Entry(place=place, src=(everyone,), dst=(everyone,), ports=EVERYTHING, postures=default),)
    found = [_of_grant(grant, default) for grant in policy.grants or ()]
    for acl in policy.acls or ():
        found += _of_acl(acl, default)
    return tuple(found)


def _of_grant(grant: Grant, default: tuple[str, ...]) -> Entry:
    ports = Ports()
    for entry in grant.ip:
        ports = ports.union(entry.ports) if entry.ports else ports
    return Entry(
        place=grant.place,
        src=grant.src,
        dst=grant.dst,
        ports=ports,
        app=grant.app,
        postures=tuple(posture.text for posture in grant.src_posture) or default,
        via=tuple(tag.name for tag in grant.via),
    )


def _of_acl(acl: Acl, default: tuple[str, ...]) -> list[Entry]:
    by_ports: dict[Ports, list[Selector]] = {}
    for target in acl.dst:
        if target.ports:
            by_ports.setdefault(target.ports, []).append(target.target)
    return [
        Entry(
            place=acl.place,
            src=acl.src,
            dst=tuple(targets),
            ports=ports,
            postures=tuple(posture.text for posture in acl.src_posture) or default,
            is_acl=True,
        )
        for ports, targets in by_ports.items()
    ]
