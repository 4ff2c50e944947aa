"""What must hold of any policy: held against a judge of single packets, and against the policy itself, rewritten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import product

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailstack.access import hujson
from tailstack.access.changes import Change, Direction, Side
from tailstack.access.diff import difference
from tailstack.access.entries import Entry
from tailstack.access.evaluate import Access
from tailstack.access.inventory import Inventory, Node, User
from tailstack.access.policy import Policy
from tailstack.access.ports import PROTOCOL_NUMBERS, Ports
from tailstack.access.principals import spans
from tailstack.access.reading import read_policy
from tailstack.access.validate import refusal, validate
from tests.access.packets import Data, Device, World, is_delivered

WORLD = World(
    groups={"group:dev": ["ana@example.com", "li@example.com"], "group:ops": ["li@example.com"], "group:none": []},
    hosts={"web": "100.64.0.1", "low": "100.64.0.0/30"},
)
DEVICES = {
    "node-web": Device(address="100.64.0.1", tags=("tag:web",)),
    "node-both": Device(address="100.64.0.2", tags=("tag:web", "tag:db")),
    "node-db": Device(address="100.64.0.3", tags=("tag:db",)),
    "node-ana": Device(address="100.64.0.4", owner="ana@example.com"),
    "node-ana-2": Device(address="100.64.0.5", owner="ana@example.com"),
    "node-li": Device(address="100.64.0.6", owner="li@example.com"),
    "node-zoe": Device(address="100.64.0.7", owner="zoe@example.com"),
}
USERS = tuple(User(login=f"{name}@example.com") for name in ("ana", "li", "zoe"))


def inventory(devices: dict[str, Device]) -> Inventory:
    nodes = tuple(
        Node(name=name, addresses=spans([device.address]), user=device.owner or None, tags=device.tags)
        for name, device in devices.items()
    )
    return Inventory(nodes=nodes, users=USERS)


INVENTORY = inventory(DEVICES)
POSTURES = {"posture:mac": ["node:os == 'macos'"], "posture:new": ["node:tsVersion >= '1.60'"]}
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


def text(policy: Data, world: World = WORLD) -> str:
    owners: dict[str, list[str]] = {"tag:web": [], "tag:db": []}
    named = {"groups": world.groups, "hosts": world.hosts, "postures": POSTURES}
    return json.dumps({"tagOwners": owners, **named, **policy})


def read(policy: Data, world: World = WORLD) -> Policy:
    found = read_policy(text(policy, world))
    assert refusal(validate(found)) == ""
    return found


Packet = tuple[str, str, str, int]
"""From a device to a device, on a port of a protocol."""


def delivered(policy: Data, devices: dict[str, Device] = DEVICES, world: World = WORLD) -> Iterator[Packet]:
    for (src, source), (dst, target), (protocol, port) in product(devices.items(), devices.items(), PACKETS):
        if is_delivered(policy, world, source, target, (protocol, port)):
            yield src, dst, protocol, port


def allowed(policy: Policy) -> Iterator[Packet]:
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


CHANGED = [
    {},
    {"node-db": None},
    {"node-ana": None, "node-new": Device(address="100.64.0.9", owner="ana@example.com")},
    {"node-web": Device(address="100.64.0.1", tags=("tag:db",))},
    {"node-both": Device(address="100.64.0.2", owner="li@example.com"), "node-new": Device(address="100.64.0.9")},
    {"node-li": Device(address="100.64.0.2", owner="zoe@example.com"), "node-both": None},
    {"node-zoe": Device(address="100.64.0.1", tags=("tag:web", "tag:db")), "node-web": None},
]
"""What becomes of some of the devices: another one, or none."""
WORLDS = [
    WORLD,
    World(
        groups={**WORLD.groups, "group:ops": ["zoe@example.com"], "group:none": ["ana@example.com"]}, hosts=WORLD.hosts
    ),
]


@settings(max_examples=400, deadline=None)
@example(
    {
        "grants": [
            {"src": ["*"], "dst": ["li@example.com"], "ip": ["tcp:80"]},
            {"src": ["li@example.com"], "dst": ["tag:web"], "ip": ["tcp:80"]},
        ]
    },
    {"grants": [{"src": ["group:ops"], "dst": ["li@example.com"], "ip": ["tcp:80"]}]},
    CHANGED[4],
    WORLDS[1],
)
@given(POLICIES, POLICIES, st.sampled_from(CHANGED), st.sampled_from(WORLDS))
def test_a_difference_says_exactly_what_changes_for_the_devices(
    old: Data, new: Data, changed: dict[str, Device | None], world: World
) -> None:
    devices = {name: device for name, device in {**DEVICES, **changed}.items() if device is not None}
    found = difference(read(old), read(new, world), old_inventory=inventory(DEVICES), new_inventory=inventory(devices))
    was, now = set(delivered(old)), set(delivered(new, devices, world))
    assert said(found.changes, Direction.GAINED, (devices, world), (DEVICES, WORLD)) == now - was
    assert said(found.changes, Direction.LOST, (DEVICES, WORLD), (devices, world)) == was - now


Known = tuple[dict[str, Device], World]


def said(changes: Iterable[Change], direction: Direction, here: Known, there: Known) -> set[Packet]:
    """What changes in a direction mean for single packets, without what entries of the other side give elsewhere."""
    found: set[Packet] = set()
    for change in changes:
        if change.direction is direction:
            elsewhere = {packet for one in change.elsewhere for packet in meant_by(one.entry, there)}
            found |= set(meant(change.who, change.what, change.right.ports, here)) - elsewhere
    return found


def meant(who: Iterable[str], what: Iterable[str], ports: Ports, known: Known) -> Iterator[Packet]:
    """Each packet from `who` to `what`: selectors, or names of devices."""
    devices, world = known
    sources, targets = (
        [devices[name].address if name in devices else name for name in names if name in devices or "node-" not in name]
        for names in (who, what)
    )
    both: Data = {"grants": [{"src": sources, "dst": targets, "ip": ["*"]}]}
    open_packets = [packet for packet in PACKETS if ports.allows(PROTOCOL_NUMBERS[packet[0]], packet[1])]
    for (src, source), (dst, target) in product(devices.items(), devices.items()):
        if is_delivered(both, world, source, target, ("icmp", 0)):
            yield from ((src, dst, *packet) for packet in open_packets)


def meant_by(entry: Entry, known: Known) -> Iterator[Packet]:
    return meant(
        [selector.name for selector in entry.src], [selector.name for selector in entry.dst], entry.ports, known
    )


MET = [set[str](), {"posture:mac"}, {"posture:new"}, {"posture:mac", "posture:new"}]
"""The postures that every device may be in."""


def posed(grant: dict[str, list[str]], postures: list[str]) -> dict[str, list[str]]:
    return {**grant, "srcPosture": postures} if postures else grant


def granting(grants: list[dict[str, list[str]]]) -> Data:
    return {"grants": grants}


SOME_POSTURES = st.lists(st.sampled_from([*POSTURES]), max_size=2, unique=True)
WITH_POSTURES = st.lists(st.builds(posed, GRANTS, SOME_POSTURES), max_size=3).map(granting)


@settings(max_examples=150, deadline=None)
@given(WITH_POSTURES, WITH_POSTURES)
def test_a_difference_says_exactly_who_needs_another_posture(old: Data, new: Data) -> None:
    before, after = read(old), read(new)
    found = difference(before, after, old_inventory=INVENTORY, new_inventory=INVENTORY)
    for met in MET:
        was, now = (set(delivered(in_postures(policy, met))) for policy in (old, new))
        assert changed_in(found.changes, met, gained=True) == now - was
        assert changed_in(found.changes, met, gained=False) == was - now


def in_postures(policy: Data, met: set[str]) -> Data:
    """The policy for devices in these postures."""
    return {"grants": [g for g in policy["grants"] if "srcPosture" not in g or met & set(g["srcPosture"])]}


def changed_in(changes: Iterable[Change], met: set[str], *, gained: bool) -> set[Packet]:
    """What devices in these postures gain, or lose."""
    found: set[Packet] = set()
    for change in changes:
        now = change.direction is not Direction.LOST and is_met(change.postures, met)
        was = change.direction is not Direction.GAINED and is_met(
            change.postures if change.direction is Direction.LOST else change.before, met
        )
        if (now, was) == (gained, not gained):
            found |= set(meant(change.who, change.what, change.right.ports, (DEVICES, WORLD))) - {
                packet
                for one in change.elsewhere
                if one.side is (Side.OLD if gained else Side.NEW) and is_met(one.entry.postures, met)
                for packet in meant_by(one.entry, (DEVICES, WORLD))
            }
    return found


def is_met(postures: Iterable[str], met: set[str]) -> bool:
    return not postures or bool(met.intersection(postures))
