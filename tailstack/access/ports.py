"""Protocols and ports: reading them as the policy language writes them, and set algebra over them.

Facts from https://tailscale.com/kb/1337/policy-syntax and the recorded answers of the service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

LAST_PORT = 65535
_LAST_PROTOCOL = 255  # one byte of the IP header
TCP, UDP, SCTP, ICMP, ICMP6 = 6, 17, 132, 1, 58
WITH_PORTS = frozenset({TCP, UDP, SCTP})
DEFAULT_PROTOCOLS = (ICMP, TCP, UDP, ICMP6)
"""What an entry without a protocol allows."""

PROTOCOL_NUMBERS = {
    "icmp": ICMP,
    "igmp": 2,
    "ipv4": 4,
    "ip-in-ip": 4,
    "tcp": TCP,
    "egp": 8,
    "igp": 9,
    "udp": UDP,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": ICMP6,
    "sctp": SCTP,
}
_NAMES = {number: name for name, number in PROTOCOL_NUMBERS.items() if name != "ip-in-ip"}
_NUMBER = re.compile(r"[1-9][0-9]{0,2}\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")


class PortError(ValueError):
    """The text is no port, range or protocol; `str()` is the reason in the words of the service."""


@dataclass(frozen=True, order=True, slots=True)
class PortRange:
    """Ports of one protocol, both ends included. Protocols without ports always have all of them."""

    protocol: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Ports:
    """Protocols and ports as disjoint ranges in order, neighbours joined; so two equal sets are equal values."""

    ranges: tuple[PortRange, ...] = ()

    @classmethod
    def of(cls, ranges: Iterable[PortRange]) -> Ports:
        """The union of ranges."""
        joined: list[PortRange] = []
        for found in sorted(ranges):
            if joined and joined[-1].protocol == found.protocol and found.first <= joined[-1].last + 1:
                joined[-1] = PortRange(found.protocol, joined[-1].first, max(joined[-1].last, found.last))
            else:
                joined.append(found)
        return cls(tuple(joined))

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __iter__(self) -> Iterator[PortRange]:
        return iter(self.ranges)

    def allows(self, protocol: int, port: int) -> bool:
        """Whether this port of this protocol is in the set; the port does not matter for protocols without ports."""
        return any(r.protocol == protocol and r.first <= port <= r.last for r in self.ranges)

    def union(self, other: Ports) -> Ports:
        """What is in either."""
        return self if not other or other is self else Ports.of((*self.ranges, *other.ranges))

    def intersection(self, other: Ports) -> Ports:
        """What is in both."""
        return self.minus(self.minus(other))

    def minus(self, other: Ports) -> Ports:
        """What is in this one and not in the other."""
        left: list[PortRange] = []
        for own in self.ranges:
            first = own.first
            for hole in other.ranges:
                if hole.protocol != own.protocol or hole.last < first or hole.first > own.last:
                    continue
                if hole.first > first:
                    left.append(PortRange(own.protocol, first, hole.first - 1))
                first = hole.last + 1
            if first <= own.last:
                left.append(PortRange(own.protocol, first, own.last))
        return Ports(tuple(left))

    def __str__(self) -> str:
        """As people write it: `*`, `443`, `tcp:443, udp:53`. Ports without a protocol stand for TCP and UDP.

        ICMP goes unsaid beside TCP and UDP, because it comes with every entry that names no protocol.
        """
        by_protocol: dict[int, list[PortRange]] = {}
        for found in self.ranges:
            by_protocol.setdefault(found.protocol, []).append(found)
        parts: list[str] = []
        tcp, udp = (_texts(by_protocol.get(protocol, [])) for protocol in (TCP, UDP))
        both = [text for text in tcp if text in udp]
        if both:
            parts += both
            by_protocol.pop(ICMP, None)
            by_protocol.pop(ICMP6, None)
        parts += [f"tcp:{text}" for text in tcp if text not in both]
        parts += [f"udp:{text}" for text in udp if text not in both]
        for protocol, ranges in by_protocol.items():
            if protocol not in (TCP, UDP):
                name = _NAMES.get(protocol, str(protocol))
                parts += [f"{name}:{text}" for text in _texts(ranges)] if protocol in WITH_PORTS else [name]
        return ", ".join(parts)


NO_PORTS = Ports()


def _texts(ranges: Iterable[PortRange]) -> list[str]:
    return [
        "*" if (r.first, r.last) == (0, LAST_PORT) else str(r.first) if r.first == r.last else f"{r.first}-{r.last}"
        for r in ranges
    ]


def _of_protocols(protocols: Iterable[int], spans: Iterable[tuple[int, int]]) -> Ports:
    listed = tuple(spans)
    return Ports.of(
        PortRange(protocol, *(span if protocol in WITH_PORTS else (0, LAST_PORT)))
        for protocol in protocols
        for span in listed
    )


EVERYTHING = _of_protocols(DEFAULT_PROTOCOLS, [(0, LAST_PORT)])
"""What `*` means: it names no protocol, so it is the four usual ones and not GRE or the like."""


@lru_cache(maxsize=4096)
def parse_ip_entry(text: str) -> Ports:
    """One entry of a grant's `ip`: `*`, `443`, `80-443`, `tcp:443`, `47:*`. Raises PortError."""
    protocol, colon, ports = text.partition(":")
    if not colon:
        return _of_protocols(DEFAULT_PROTOCOLS, [_span(text)])
    number = parse_protocol(protocol)
    span = _span(ports)
    if number not in WITH_PORTS and ports != "*":
        raise PortError(f'protocol "{protocol}" does not support specific ports, use "{protocol}:*"')
    return _of_protocols([number], [span])


@lru_cache(maxsize=4096)
def parse_acl_ports(ports: str, protocol: str) -> Ports:
    """The part behind the colon of an ACL's destination, with the ACL's `proto` ("" if it names none). Raises PortError."""
    number = parse_protocol(protocol) if protocol else None
    spans = [_span(part.strip()) for part in ports.split(",")]
    if number is not None and number not in WITH_PORTS and spans != [(0, LAST_PORT)]:
        raise PortError(f'protocol "{protocol}" does not support specific ports, use "*"')
    return _of_protocols(DEFAULT_PROTOCOLS if number is None else [number], spans)


def parse_protocol(text: str) -> int:
    """The number of a protocol given by name or number. Raises PortError."""
    name = text.lower()
    if name in PROTOCOL_NUMBERS:
        return PROTOCOL_NUMBERS[name]
    if _NUMBER.match(text) and int(text) <= _LAST_PROTOCOL:
        return int(text)
    raise PortError(f'unknown protocol "{text}"')


def parse_port(text: str) -> int | None:
    """A single port number from 0; None if the text is none."""
    return int(text) if _PORT.match(text) and int(text) <= LAST_PORT else None


def _span(text: str) -> tuple[int, int]:
    if text == "*":
        return 0, LAST_PORT
    first, dash, last = text.partition("-")
    low = parse_port(first)
    if low is None:
        raise PortError(f'port range "{text}": invalid first integer')
    if low == 0:
        raise PortError(f"port range \"{text}\": first port must be >0, or use '*' for wildcard")
    high = parse_port(last) if dash else low
    if high is None:
        raise PortError(f'port range "{text}": invalid last integer')
    if high < low:
        raise PortError(f'port range "{text}": first port must be <= last port')
    return low, high
