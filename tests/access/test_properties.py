"""What must hold of any policy: held against a judge of single packets, and against the policy itself, rewritten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.access import hujson
from tailstack.access.changes import Direction
from tailstack.access.diff import difference
from tailstack.access.evaluate import Access
from tailstack.access.inventory import Inventory, Node, User
from tailstack.access.policy import Policy
from tailstack.access.ports import PROTOCOL_NUMBERS
from tailstack.access.principals import spans
from tailstack.access.reading import read_policy
from tailstack.access.validate import refusal, validate
from tests.access.packets import Data, Device, World, is_delivered

WORLD = World(
    groups={"group:dev": ["ana@example.com", "li@example.com"], "group:ops": ["li@example.com"], "group:none": []},
    hosts={"web": "100.64.0.1", "low": "100.64.0.0/30"},
)
DEVICES = {
    "web": Device(address="100.64.0.1", tags=("tag:web",)),
    "both": Device(address="100.64.0.2", tags=("tag:web", "tag:db")),
    "db": Device(address="100.64.0.3", tags=("tag:db",)),
    "ana": Device(address="100.64.0.4", owner="ana@example.com"),
    "ana-2": Device(address="100.64.0.5", owner="ana@example.com"),
    "li": Device(address="100.64.0.6", owner="li@example.com"),
    "zoe": Device(address="100.64.0.7", owner="zoe@example.com"),
}
INVENTORY = Inventory(
    nodes=tuple(
        Node(name=name, addresses=spans([device.address]), user=device.owner or None, tags=device.tags)
        for name, device in DEVICES.items()
    ),
    users=tuple(User(login=f"{name}@example.com") for name in ("ana", "li", "zoe")),
)
PACKETS = (("tcp", 80), ("tcp", 443), ("udp", 53), ("icmp", 0))

PEOPLE = ["ana@example.com", "li@example.com", "group:dev", "group:ops", "group:none", "autogroup:member"]
ANYWHERE = ["tag:web", "tag:db", "autogroup:tagged", "*", "web", "low", "100.64.0.4", "100.64.0.0/29", *PEOPLE]
PORTS = ["tcp:80", "tcp:443", "tcp:80-443", "udp:53", "80", "53", "*", "icmp:*"]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


GRANTS = st.fixed_dictionaries(
    {"src": some(ANYWHERE), "dst": some(ANYWHERE), "ip": some(PORTS)}
) | st.fixed_dictionaries({"src": some(PEOPLE), "dst": some(["autogroup:self", "tag:web"]), "ip": some(PORTS)})
POLICIES = st.lists(GRANTS, max_size=4).map(lambda grants: {"grants": grants})


def text(policy: Data) -> str:
    owners: dict[str, list[str]] = {"tag:web": [], "tag:db": []}
    return json.dumps({"tagOwners": owners, "groups": WORLD.groups, "hosts": WORLD.hosts, **policy})


def read(policy: Data) -> Policy:
    found = read_policy(text(policy))
    assert refusal(validate(found)) == ""
    return found


def delivered(policy: Data) -> Iterator[tuple[str, str, str, int]]:
    for (src, source), (dst, target), (protocol, port) in product(DEVICES.items(), DEVICES.items(), PACKETS):
        if is_delivered(policy, WORLD, source, target, (protocol, port)):
            yield src, dst, protocol, port


def allowed(policy: Policy) -> Iterator[tuple[str, str, str, int]]:
    access = Access(policy, INVENTORY)
    for src, dst in product(DEVICES, DEVICES):
        matches = access.matches(src, dst)
        for protocol, port in PACKETS:
            if any(match.entry.ports.allows(PROTOCOL_NUMBERS[protocol], port) for match in matches):
                yield src, dst, protocol, port


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_the_engine_agrees_with_the_judge_of_single_packets(policy: Data) -> None:
    assert set(allowed(read(policy))) == set(delivered(policy))


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_the_order_of_entries_and_saying_them_twice_change_nothing(policy: Data) -> None:
    turned: Data = {"grants": [*reversed(policy["grants"]), *policy["grants"]]}
    assert set(allowed(read(turned))) == set(allowed(read(policy)))
    assert difference(read(policy), read(turned)).is_empty


@settings(max_examples=60, deadline=None)
@given(POLICIES, GRANTS)
def test_one_grant_more_takes_nothing_away(policy: Data, grant: dict[str, list[str]]) -> None:
    more: Data = {"grants": [*policy["grants"], grant]}
    assert set(allowed(read(policy))) <= set(allowed(read(more)))
    found = difference(read(policy), read(more)).changes
    assert all(change.direction is Direction.GAINED for change in found)


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_groups_and_hosts_may_be_spelt_out(policy: Data) -> None:
    meant = {**WORLD.groups, **{name: [prefix] for name, prefix in WORLD.hosts.items()}}
    spelt: Data = {
        "grants": [
            {
                **grant,
                **{side: [part for name in grant[side] for part in meant.get(name, [name])] for side in ("src", "dst")},
            }
            for grant in policy["grants"]
        ]
    }
    assert set(allowed(read(spelt))) == set(allowed(read(policy)))


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_a_policy_and_its_canonical_form_give_the_same_access(policy: Data) -> None:
    before, after = read(policy), read_policy(hujson.format(text(policy)))
    found = difference(before, after)
    assert found.is_empty
    assert found.notes == ()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(some(ANYWHERE), some(ANYWHERE), st.sampled_from(["80", "443", "*", "80,443"])), max_size=4))
def test_an_acl_is_a_grant_for_each_of_its_ports(rules: list[tuple[list[str], list[str], str]]) -> None:
    acls = [{"action": "accept", "src": src, "dst": [f"{dst}:{ports}" for dst in dsts]} for src, dsts, ports in rules]
    grants: Data = {"grants": [{"src": src, "dst": dsts, "ip": ports.split(",")} for src, dsts, ports in rules]}
    owners: dict[str, list[str]] = {"tag:web": [], "tag:db": []}
    old = read_policy(json.dumps({"tagOwners": owners, "groups": WORLD.groups, "hosts": WORLD.hosts, "acls": acls}))
    assert set(allowed(old)) == set(delivered(grants))
    assert difference(old, read(grants)).is_empty


@settings(max_examples=60, deadline=None)
@given(POLICIES, POLICIES)
def test_a_difference_says_what_changes_for_the_devices_and_nothing_else(old: Data, new: Data) -> None:
    before, after = read(old), read(new)
    found = difference(before, after)
    was, now = set(delivered(old)), set(delivered(new))
    said: dict[Direction, set[tuple[str, str, str, int]]] = {Direction.GAINED: set(), Direction.LOST: set()}
    for change in found.changes:
        for src, dst, (protocol, port) in product(DEVICES, DEVICES, PACKETS):
            if change.right.ports.allows(PROTOCOL_NUMBERS[protocol], port) and concerns(
                change.who, change.what, DEVICES[src], DEVICES[dst]
            ):
                said[change.direction].add((src, dst, protocol, port))
    # What changes is said. What is said of a whole selector may have been so before for some of it.
    assert now - was <= said[Direction.GAINED] <= now
    assert was - now <= said[Direction.LOST] <= was


def concerns(who: tuple[str, ...], what: tuple[str, ...], src: Device, dst: Device) -> bool:
    both: Data = {"grants": [{"src": [*who], "dst": [*what], "ip": ["*"]}]}
    return is_delivered(both, WORLD, src, dst, ("icmp", 0))
