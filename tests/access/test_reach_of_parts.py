"""A prefix or a group is reached where each of its parts is, though no single entry names the whole of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.access.addresses import AddressSet, spans_of
from tailstack.access.evaluate import Access, Verdict
from tailstack.access.inventory import Inventory, Node, User
from tailstack.access.principals import spans
from tailstack.access.reading import read_policy
from tests.access.policies import GROUPS, grant, policy

PREFIXES = ["10.0.0.0/30", "10.0.0.0/31", "10.0.0.2/31", "10.0.0.4/30", "10.0.0.3", "low", "ipset:some", "10.0.0.0/29"]
WHOLE = "10.0.0.0/29"
EVERY = [f"10.0.0.{number}" for number in range(8)]
HOSTS = {"low": "10.0.0.0/31"}
IPSETS = {"ipset:some": ["10.0.0.1-10.0.0.6", "remove 10.0.0.3"]}
SIDES = st.lists(st.sampled_from(PREFIXES), min_size=1, max_size=2)
GRANTS = st.lists(
    st.fixed_dictionaries({"src": SIDES, "dst": SIDES, "ip": st.sampled_from([["80"], ["80-90"], ["443"]])}), max_size=6
)


@settings(max_examples=80, deadline=None)
@given(GRANTS)
def test_a_prefix_reaches_a_prefix_where_each_address_reaches_each(grants: list[dict[str, list[str]]]) -> None:
    access = Access(read_policy(json.dumps({"hosts": HOSTS, "ipsets": IPSETS, "grants": grants})))
    answer = access.reach(WHOLE, WHOLE, "tcp", 80)
    each = [access.reach(src, dst, "tcp", 80).verdict is Verdict.ALLOWED for src in EVERY for dst in EVERY]
    assert (answer.verdict is Verdict.ALLOWED) is all(each)


def test_both_entries_are_named_in_their_order() -> None:
    found = policy(grants=[grant("tag:a", "10.0.1.0/24", "80"), grant("tag:a", "10.0.0.0/24", "80-90")])
    answer = Access(found).reach("tag:a", "10.0.0.0/23", "tcp", 80)
    assert answer.verdict is Verdict.ALLOWED
    assert [match.entry.place for match in answer.matches] == [one.place for one in found.grants or ()]
    assert Access(found).reach("tag:a", "10.0.0.0/23", "tcp", 85).verdict is Verdict.DENIED
    assert Access(found).reach("tag:a", "10.0.0.0/22", "tcp", 80).verdict is Verdict.DENIED


def test_a_group_is_reached_where_each_member_is() -> None:
    users = Inventory(users=(User(login="ana@example.com"), User(login="li@example.com")))
    both = policy(
        groups=GROUPS, grants=[grant("ana@example.com", "tag:a", "80"), grant("li@example.com", "tag:a", "80")]
    )
    assert Access(both, users).reach("group:dev", "tag:a", "tcp", 80).verdict is Verdict.ALLOWED
    one = policy(groups=GROUPS, grants=[grant("ana@example.com", "tag:a", "80")])
    assert Access(one, users).reach("group:dev", "tag:a", "tcp", 80).verdict is Verdict.DENIED


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (["posture:x"], [], Verdict.CONDITIONAL),
        (["posture:x"], ["posture:x"], Verdict.CONDITIONAL),
        # No single posture opens all of it, and an answer has no way to say `the one for this half, the other for that`.
        (["posture:x"], ["posture:y"], Verdict.DENIED),
    ],
)
def test_parts_under_postures(first: list[str], second: list[str], verdict: Verdict) -> None:
    postures = {"posture:x": ["node:os == 'macos'"], "posture:y": ["node:os == 'linux'"]}
    grants = [
        grant("tag:a", "10.0.0.0/24", "80", **({"srcPosture": first} if first else {})),
        grant("tag:a", "10.0.1.0/24", "80", **({"srcPosture": second} if second else {})),
    ]
    answer = Access(policy(postures=postures, grants=grants)).reach("tag:a", "10.0.0.0/23", "tcp", 80)
    assert answer.verdict is verdict
    assert answer.postures == (("posture:x",) if verdict is Verdict.CONDITIONAL else ())


def test_the_borders_of_the_tailnet_part_a_prefix() -> None:
    routes = spans(["10.0.0.0/24"])
    router = Node(name="router", addresses=spans(["100.64.0.1"]), tags=("tag:a",), routes=routes)
    grants = [grant("*", "tag:a", "80"), grant("10.0.1.0/24", "tag:a", "80")]
    assert Access(policy(grants=grants)).reach("10.0.0.0/23", "tag:a", "tcp", 80).verdict is Verdict.DENIED
    known = Access(policy(grants=grants), Inventory(nodes=(router,)))
    assert known.reach("10.0.0.0/23", "tag:a", "tcp", 80).verdict is Verdict.ALLOWED


def test_splitting_addresses() -> None:
    pieces = spans_of("10.0.0.0/30", "fd7a::1").split_at(
        spans(["10.0.0.1", "10.0.0.0/8", "fd7a::/64", "192.168.0.0/16"])
    )
    assert list(map(str, pieces)) == ["10.0.0.0", "10.0.0.1", "10.0.0.2/31", "fd7a::1"]
    assert AddressSet().split_at(spans(["10.0.0.1"])) == ()
