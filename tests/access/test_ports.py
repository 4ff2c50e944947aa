"""Protocols and ports: reading, refusing, and set algebra."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailstack.access.ports import (
    EVERYTHING,
    ICMP,
    SCTP,
    TCP,
    UDP,
    PortError,
    PortRange,
    Ports,
    parse_acl_ports,
    parse_ip_entry,
    parse_port,
    parse_protocol,
)


def small_range(protocol: int, low: int, size: int) -> PortRange:
    return PortRange(protocol, low, min(low + size, 20))


RANGES = st.builds(small_range, st.sampled_from([TCP, UDP]), st.integers(0, 20), st.integers(0, 20))
PORTS = st.lists(RANGES, max_size=4).map(Ports.of)


def members(ports: Ports) -> set[tuple[int, int]]:
    return {(found.protocol, port) for found in ports for port in range(found.first, found.last + 1)}


@given(PORTS, PORTS)
def test_set_algebra_agrees_with_sets_of_single_ports(one: Ports, other: Ports) -> None:
    assert members(one.union(other)) == members(one) | members(other)
    assert members(one.minus(other)) == members(one) - members(other)
    assert (one == other) == (members(one) == members(other))
    assert all(one.allows(protocol, port) for protocol, port in members(one))
    assert not any(one.minus(other).allows(protocol, port) for protocol, port in members(other))
    assert bool(one) == bool(members(one))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*", "*"),
        ("443", "443"),
        ("80-443", "80-443"),
        ("tcp:443", "tcp:443"),
        ("TCP:80-443", "tcp:80-443"),
        ("udp:*", "udp:*"),
        ("icmp:*", "icmp"),
        ("47:*", "gre"),
        ("99:*", "99"),
        ("sctp:5000", "sctp:5000"),
        ("6:22", "tcp:22"),
    ],
)
def test_entries_of_a_grant_read_and_show(text: str, shown: str) -> None:
    assert str(parse_ip_entry(text)) == shown


def test_what_names_no_protocol_is_tcp_udp_and_icmp() -> None:
    ports = parse_ip_entry("443")
    assert ports.allows(TCP, 443)
    assert ports.allows(UDP, 443)
    assert ports.allows(ICMP, 0)
    assert not ports.allows(SCTP, 443)
    assert parse_ip_entry("*") == EVERYTHING
    assert not EVERYTHING.allows(47, 0)


def test_a_mixture_shows_what_is_common_to_tcp_and_udp_without_a_protocol() -> None:
    ports = (
        parse_ip_entry("53")
        .union(parse_ip_entry("tcp:80"))
        .union(parse_ip_entry("udp:99"))
        .union(parse_ip_entry("sctp:1"))
    )
    assert str(ports) == "53, tcp:80, udp:99, sctp:1"
    assert str(parse_ip_entry("tcp:80").union(parse_ip_entry("icmp:*"))) == "tcp:80, icmp"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("icmp", 'port range "icmp": invalid first integer'),
        ("tcp:0", "port range \"0\": first port must be >0, or use '*' for wildcard"),
        ("tcp:80-", 'port range "80-": invalid last integer'),
        ("80-79", 'port range "80-79": first port must be <= last port'),
        ("99999", 'port range "99999": invalid first integer'),
        ("nope:80", 'unknown protocol "nope"'),
        ("256:*", 'unknown protocol "256"'),
        ("017:*", 'unknown protocol "017"'),
        ("icmp:8", 'protocol "icmp" does not support specific ports, use "icmp:*"'),
    ],
)
def test_what_is_no_entry_of_a_grant_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PortError) as refused:
        parse_ip_entry(text)
    assert str(refused.value) == reason


def test_ports_of_an_acl() -> None:
    assert str(parse_acl_ports("22, 80-90", "")) == "22, 80-90"
    assert str(parse_acl_ports("22", "tcp")) == "tcp:22"
    assert str(parse_acl_ports("*", "icmp")) == "icmp"
    with pytest.raises(PortError, match='protocol "icmp" does not support specific ports'):
        parse_acl_ports("22", "icmp")


def test_single_ports_and_protocols() -> None:
    assert [parse_port(text) for text in ("0", "22", "65535", "65536", "-1", "x", "")] == [
        0,
        22,
        65535,
        None,
        None,
        None,
        None,
    ]
    assert [parse_protocol(text) for text in ("tcp", "UDP", "58", "ip-in-ip", "255")] == [6, 17, 58, 4, 255]
