"""Sets of IP addresses: ranges of integers, one family each, with the few special sets that the policy language names."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

IPV4, IPV6 = 4, 6
BITS = {IPV4: 32, IPV6: 128}
LONGEST_ADDRESS = 64
"""Longer texts are no address; they are not worth parsing."""


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """All addresses of one family (4 or 6) from `low` to `high`, both included."""

    family: int
    low: int
    high: int

    def __contains__(self, other: Span) -> bool:
        return self.family == other.family and self.low <= other.low and other.high <= self.high

    def overlaps(self, other: Span) -> bool:
        """Whether any address lies in both."""
        return self.family == other.family and self.low <= other.high and other.low <= self.high

    @property
    def is_single(self) -> bool:
        """Whether it is one address."""
        return self.low == self.high

    def __str__(self) -> str:
        """`10.0.0.1`, `10.0.0.0/8`, or `10.0.0.1-10.0.0.9` where no prefix covers exactly that."""
        low = _address_text(self.family, self.low)
        if self.is_single:
            return low
        size = self.high - self.low + 1
        if size & (size - 1) == 0 and self.low % size == 0:
            return f"{low}/{BITS[self.family] - size.bit_length() + 1}"
        return f"{low}-{_address_text(self.family, self.high)}"


def _address_text(family: int, number: int) -> str:
    return str((ipaddress.IPv6Address if family == IPV6 else ipaddress.IPv4Address)(number))


@lru_cache(maxsize=65536)
def parse_span(text: str) -> Span | None:
    """The span of an address, a prefix (bits beyond its length are dropped) or a range `a-b`; None if it is none of them."""
    if len(text) > LONGEST_ADDRESS or "%" in text:
        return None
    first, dash, last = text.partition("-")
    try:
        if dash:
            low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
            if low.version != high.version or int(low) > int(high):
                return None
            return Span(low.version, int(low), int(high))
        if "/" not in text:
            address = ipaddress.ip_address(text)
            return Span(address.version, int(address), int(address))
        if not text.rpartition("/")[2].isdigit():
            return None  # a netmask instead of a length is no prefix here
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return Span(network.version, int(network.network_address), int(network.broadcast_address))


def is_prefix(text: str) -> bool:
    """Whether the text is a prefix such as 10.0.0.0/8 and not a single address or a range."""
    return "/" in text and parse_span(text) is not None


@dataclass(frozen=True, slots=True)
class AddressSet:
    """Addresses as disjoint spans in order, neighbours joined; so two equal sets are equal values."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Span]) -> AddressSet:
        """The union of spans."""
        joined: list[Span] = []
        for span in sorted(spans):
            if joined and joined[-1].family == span.family and span.low <= joined[-1].high + 1:
                joined[-1] = Span(span.family, joined[-1].low, max(joined[-1].high, span.high))
            else:
                joined.append(span)
        return cls(tuple(joined))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __iter__(self) -> Iterator[Span]:
        return iter(self.spans)

    def __contains__(self, span: Span) -> bool:
        """Whether the whole of the span lies in the set."""
        return any(span in own for own in self.spans)

    def overlaps(self, span: Span) -> bool:
        """Whether any address of the span lies in the set."""
        return any(own.overlaps(span) for own in self.spans)

    def isdisjoint(self, spans: Iterable[Span]) -> bool:
        """Whether no address of any of the spans lies in the set."""
        return not any(self.overlaps(span) for span in spans)

    def union(self, other: AddressSet) -> AddressSet:
        """The addresses that are in either."""
        return AddressSet.of((*self.spans, *other.spans))

    def split_at(self, borders: Iterable[Span]) -> tuple[Span, ...]:
        """Its spans in pieces, in order, so that each piece lies wholly inside or wholly outside of each border."""
        pieces: list[Span] = []
        known = tuple(borders)
        for span in self.spans:
            cuts = {span.low, span.high + 1}
            for border in known:
                if border.overlaps(span):
                    cuts |= {max(border.low, span.low), min(border.high, span.high) + 1}
            at = sorted(cuts)
            pieces += [Span(span.family, low, high - 1) for low, high in pairwise(at)]
        return tuple(pieces)

    def minus(self, other: AddressSet) -> AddressSet:
        """The addresses that are in this one and not in the other."""
        left: list[Span] = []
        for span in self.spans:
            low = span.low
            for hole in other.spans:
                if hole.family != span.family or hole.high < low or hole.low > span.high:
                    continue
                if hole.low > low:
                    left.append(Span(span.family, low, hole.low - 1))
                low = hole.high + 1
            if low <= span.high:
                left.append(Span(span.family, low, span.high))
        return AddressSet(tuple(left))


def spans_of(*texts: str) -> AddressSet:
    """The set of the given addresses, prefixes and ranges. Raises ValueError where one is none."""
    found = [(text, parse_span(text)) for text in texts]
    wrong = [text for text, span in found if span is None]
    if wrong:
        raise ValueError(f"no address, prefix or range: {', '.join(wrong)}")
    return AddressSet.of(span for _, span in found if span is not None)


NO_ADDRESSES = AddressSet()
EVERYWHERE = spans_of("0.0.0.0/0", "::/0")
TAILNET = spans_of("100.64.0.0/10", "fd7a:115c:a1e0::/48").minus(spans_of("100.115.92.0/23"))
"""What nodes of a tailnet can have: CGNAT but for the two networks that ChromeOS uses (recorded answers of the service)."""

INTERNET = spans_of("0.0.0.0/0", "2000::/3").minus(
    spans_of("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
)
"""`autogroup:internet`, https://tailscale.com/kb/1337/policy-syntax#autogroups."""

DEFAULT_ROUTES = spans_of("0.0.0.0/0").spans + spans_of("::/0").spans
"""The routes that an exit node advertises."""
