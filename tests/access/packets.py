"""A slow and obvious judge of single packets, to hold the access engine against. It shares no code with it.

It takes the policy as plain data and looks at every entry for every packet.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

Data: TypeAlias = "dict[str, list[dict[str, list[str]]]]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A device: one address, and either an owner or tags."""

    address: str
    owner: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """The names that a policy uses, spelt out."""

    groups: dict[str, list[str]]
    hosts: dict[str, str]


def is_matched(selector: str, device: Device, world: World) -> bool:
    """Whether a selector names a device."""
    if selector == "*":
        return True
    if selector == "autogroup:member":
        return device.owner != ""
    if selector == "autogroup:tagged":
        return bool(device.tags)
    if selector.startswith("tag:"):
        return selector in device.tags
    if selector.startswith("group:"):
        return device.owner in world.groups[selector]
    if "@" in selector:
        return selector == device.owner
    return is_inside(device.address, world.hosts.get(selector, selector))


@cache
def is_inside(address: str, prefix: str) -> bool:
    """Whether an address lies in a prefix."""
    return ipaddress.ip_address(address) in ipaddress.ip_network(prefix)


def is_port_open(entry: str, protocol: str, port: int) -> bool:
    """Whether an `ip` entry of a grant names a protocol and port."""
    name, colon, ports = entry.partition(":")
    if not colon:
        name, ports = "", entry
    if name and name != protocol:
        return False
    if protocol == "icmp" or ports == "*":
        return True
    first, _, last = ports.partition("-")
    return int(first) <= port <= int(last or first)


def is_delivered(policy: Data, world: World, src: Device, dst: Device, packet: tuple[str, int]) -> bool:
    """Whether a packet (protocol and port) from one device to the other passes."""
    for grant in policy["grants"]:
        if any(is_matched(selector, src, world) for selector in grant["src"]):
            own = "autogroup:self" in grant["dst"] and src.owner != "" and src.owner == dst.owner
            named = any(is_matched(selector, dst, world) for selector in grant["dst"] if selector != "autogroup:self")
            if (own or named) and any(is_port_open(entry, *packet) for entry in grant["ip"]):
                return True
    return False
