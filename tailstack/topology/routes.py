"""Ranges of addresses that a node leads to, and the ranges that tell equal networks of several sites apart (4via6)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

from tailstack.finding import Rule
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.wording import path_text

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_CONNECTOR = "clusters:\n  blue:\n    kubernetes: {context: blue}\n    connectors:\n      office: {routes: [RANGE]}\n"

WRONG_ROUTE = Rule(
    code="TS059",
    slug="wrong-route",
    what="A route that is no range of addresses, that has bits set behind its length, or that is all addresses.",
    why="The operator refuses the connector, and the API the device: none of its routes is advertised.",
    mend="Write the first address of the range with its length, such as 10.1.0.0/16.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/connector.go",
    bad=_CONNECTOR.replace("RANGE", "10.1.2.3/16"),
    good=_CONNECTOR.replace("RANGE", "10.1.0.0/16"),
)

RULES = (WRONG_ROUTE,)

EVERYWHERE = ("0.0.0.0/0", "::/0")
"""Stands for ranges of which nothing is known after a finding: every address may be in them."""

_VIA = int(ipaddress.IPv6Address("fd7a:115c:a1e0:b1a::"))
_BITS_BEFORE_IPV4 = 96


def read_network(text: str) -> Network | None:
    """The range that a text stands for, or None; bits behind its length are dropped."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def read_route(notes: Notes, path: Path, text: str) -> Network | None:
    """The route that is written at this path; None, with a finding, where it is none."""
    network = read_network(text)
    place = notes.value(*path)
    if network is None:
        notes.say(
            WRONG_ROUTE,
            place,
            message=f"{path_text(path)} is {text}, which is no range of addresses.",
            expected="an address and a length, for example 10.1.0.0/16 or 2001:db8::/32",
        )
        return None
    if network.prefixlen == 0:
        notes.say(
            WRONG_ROUTE,
            place,
            message=f"{path_text(path)} is every address, which is no route but the way of an exit node.",
            expected="a range of addresses, for example 10.1.0.0/16",
            mend="Write `exitNode: true` in its place.",
        )
        return None
    if ipaddress.ip_interface(text).ip != network.network_address:
        notes.say(
            WRONG_ROUTE,
            place,
            message=f"{path_text(path)} is {text}, which has bits set behind its length.",
            expected="the first address of the range",
            mend=f"Write {network}.",
        )
    return network


def read_routes(notes: Notes, path: Path, texts: Sequence[str]) -> tuple[str, ...]:
    """The routes of a list at this path, in one form; everywhere too, after a finding."""
    notes.once(path, texts)
    routes = [read_route(notes, (*path, index), text) for index, text in enumerate(texts)]
    is_known = None not in routes and notes.is_known(*path)
    return (*(str(route) for route in routes if route is not None), *(() if is_known else EVERYWHERE))


def via_route(site: int, cidr: ipaddress.IPv4Network) -> str:
    """The IPv6 range that stands for an IPv4 range of a site: `tsaddr.MapVia`, https://tailscale.com/kb/1201/4via6-subnets."""
    return f"{via_address(site, cidr.network_address)}/{cidr.prefixlen + _BITS_BEFORE_IPV4}"


def via_address(site: int, address: ipaddress.IPv4Address) -> ipaddress.IPv6Address:
    """The IPv6 address that stands for an IPv4 address of a site."""
    return ipaddress.IPv6Address(_VIA | site << 32 | int(address))


def is_within(inner: Network, outer: Network) -> bool:
    """Whether all addresses of one range lie in the other; ranges of two families have none in common."""
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)
