"""Addresses and names in the tailnet: what a device or a Service gets, and which routes are well formed."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import count

from tailstack.sandbox.api.answers import RefusedError
from tailstack.sandbox.api.tailnet import Tailnet

_IPV4 = ipaddress.ip_network("100.64.0.0/10")
_IPV6 = ipaddress.ip_network("fd7a:115c:a1e0::/48")
# ChromeOS' own range and the addresses of Tailscale's resolver and its neighbours are never given to a device.
_RESERVED = tuple(map(ipaddress.ip_network, ("100.100.0.0/24", "100.100.100.0/24", "100.115.92.0/23")))
_LONGEST_NAME = 63
_NOT_IN_NAMES = re.compile(r"[^a-z0-9-]+")


def new_addresses(tailnet: Tailnet, seed: str) -> tuple[str, str]:
    """An IPv4 and an IPv6 address that nothing in the tailnet has; the same for the same seed in an empty tailnet."""
    taken = taken_addresses(tailnet)
    for attempt in count():
        number = int.from_bytes(hashlib.sha256(f"{seed}/{attempt}".encode()).digest()[:4], "big")
        ipv4 = str(_IPV4[number % _IPV4.num_addresses])
        ipv6 = str(_IPV6[number])
        if is_free_ipv4(ipv4, taken) and ipv6 not in taken:
            return ipv4, ipv6
    raise AssertionError  # pragma: no cover -- count() has no end


def taken_addresses(tailnet: Tailnet) -> frozenset[str]:
    """All addresses of devices and Services."""
    return frozenset(_all_addresses(tailnet))


def is_free_ipv4(text: str, taken: Iterable[str]) -> bool:
    """Whether the address may be given to a device or Service."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return address in _IPV4 and not any(address in network for network in _RESERVED) and text not in taken


def free_name(tailnet: Tailnet, hostname: str, *, but: str = "") -> str:
    """The machine name for a hostname: made fit for DNS and, where it is taken, with `-1`, `-2` … behind it.

    `but` is the node id of a device whose own name does not count as taken.
    """
    base = dns_label(hostname) or "node"
    taken = names(tailnet, but=but)
    candidates = (base if number == 0 else f"{base}-{number}" for number in count())
    return next(name for name in candidates if name not in taken)


def dns_label(text: str) -> str:
    """The text as a DNS label: lower case, what does not belong turned into hyphens."""
    return _NOT_IN_NAMES.sub("-", text.lower())[:_LONGEST_NAME].strip("-")


def names(tailnet: Tailnet, *, but: str = "") -> frozenset[str]:
    """Machine names of all devices and names of all Services, which share the tailnet's DNS."""
    devices = {device.name for device in tailnet.devices.values() if device.node_id != but}
    return frozenset(devices | {name.removeprefix("svc:") for name in tailnet.services})


def checked_routes(routes: Iterable[str]) -> tuple[str, ...]:
    """The routes in canonical form. Raises RefusedError (400) for what is no prefix or has bits set behind it."""
    return tuple(dict.fromkeys(_route(route) for route in routes))


def _route(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'invalid route "{text}"') from None


def _all_addresses(tailnet: Tailnet) -> Iterator[str]:
    for device in tailnet.devices.values():
        yield device.ipv4
        yield device.ipv6
    for service in tailnet.services.values():
        yield from service.addrs
