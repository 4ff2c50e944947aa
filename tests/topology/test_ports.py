from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.topology.declaration import EnvironmentDeclaration
from tailstack.topology.ports import is_offered, is_one_port, read_port
from tailstack.topology.tailnet import ALL_PORTS, Port

PATTERN: str = EnvironmentDeclaration.model_json_schema()["$defs"]["ServicePortDeclaration"]["properties"]["port"][
    "pattern"
]


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("*", ALL_PORTS),
        ("tcp:80", Port("tcp", 80, 80)),
        ("udp:1-65535", Port("udp", 1, 65535)),
        ("sctp:5-5", Port("sctp", 5, 5)),
        ("tcp:*", Port("tcp", 0, 65535)),
        ("icmp:*", Port("icmp", 0, 0)),
        ("tcp:65536", None),
        ("tcp:2-1", None),
        ("tcp:1-99999", None),
    ],
)
def test_a_port_is_read(text: str, port: Port | None) -> None:
    assert re.match(PATTERN, text)
    assert read_port(text) == port


@settings(deadline=None)
@given(st.from_regex(PATTERN, fullmatch=True))
def test_what_is_read_is_written_in_the_same_way(text: str) -> None:
    port = read_port(text)
    if port is not None:
        assert read_port(str(port)) == port


@pytest.mark.parametrize(
    ("text", "one"),
    [("tcp:80", True), ("udp:9-9", True), ("tcp:1-2", False), ("tcp:*", False), ("icmp:*", False), ("*", False)],
)
def test_one_port(text: str, one: bool) -> None:
    assert is_one_port(read_port(text) or ALL_PORTS) is one


@pytest.mark.parametrize(
    ("wanted", "offered", "covered"),
    [
        ("tcp:80", "tcp:80", True),
        ("tcp:80", "udp:80", False),
        ("tcp:80", "tcp:79 tcp:81", False),
        ("tcp:80-82", "tcp:80 tcp:82 tcp:81", True),
        ("tcp:80-82", "tcp:80 tcp:82", False),
        ("tcp:80-90", "tcp:70-85 tcp:83-95", True),
        ("tcp:80-90", "tcp:70-95 tcp:71-72", True),
        ("tcp:1-65535", "tcp:*", True),
        ("tcp:*", "tcp:1-65535", False),
        ("udp:5", "*", True),
        ("icmp:*", "*", True),
        ("icmp:*", "tcp:*", False),
        ("*", "tcp:* udp:* icmp:*", False),
        ("*", "*", True),
        ("tcp:80", "", False),
    ],
)
def test_what_is_offered(wanted: str, offered: str, covered: bool) -> None:
    ports = [read_port(text) or ALL_PORTS for text in offered.split()]
    assert is_offered(read_port(wanted) or ALL_PORTS, ports) is covered


RANGES = st.tuples(st.integers(1, 30), st.integers(0, 10)).map(lambda r: Port("tcp", r[0], r[0] + r[1]))


@settings(deadline=None)
@given(RANGES, st.lists(RANGES))
def test_offered_means_that_every_single_port_is(wanted: Port, offered: list[Port]) -> None:
    single = all(any(o.first <= port <= o.last for o in offered) for port in range(wanted.first, wanted.last + 1))
    assert is_offered(wanted, offered) is single


def test_ports_cover_one_another() -> None:
    assert ALL_PORTS.covers(Port("icmp", 0, 0))
    assert Port("tcp", 1, 9).covers(Port("tcp", 2, 9))
    assert not Port("tcp", 1, 9).covers(Port("tcp", 2, 10))
    assert not Port("tcp", 1, 9).covers(Port("udp", 2, 3))
