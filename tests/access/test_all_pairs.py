"""The sparse answer for all nodes says what is said pair by pair, and what a judge of single packets says."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.access.all_pairs import AllPairs, all_pairs
from tailstack.access.evaluate import Access, Verdict
from tailstack.access.inventory import Inventory, Node, User
from tailstack.access.ports import PROTOCOL_NUMBERS, PortError
from tailstack.access.principals import spans
from tailstack.access.reading import read_policy
from tests.access.packets import Data, Device, World, is_delivered
from tests.access.policies import grant, policy

WORLD = World(
    groups={"group:dev": ["ana@example.com", "li@example.com"], "group:none": []}, hosts={"web": "100.64.0.1"}
)
DEVICES = {
    "web": Device(address="100.64.0.1", tags=("tag:web",)),
    "web-2": Device(address="100.64.0.2", tags=("tag:web",)),
    "web-3": Device(address="100.64.0.3", tags=("tag:web",)),
    "both": Device(address="100.64.0.8", tags=("tag:web", "tag:db")),
    "ana": Device(address="100.64.0.4", owner="ana@example.com"),
    "ana-2": Device(address="100.64.0.5", owner="ana@example.com"),
    "li": Device(address="100.64.0.6", owner="li@example.com"),
    "zoe": Device(address="100.64.0.7", owner="zoe@example.com"),
}
ATTRIBUTES = {"ana": {"node:os": "macos"}, "ana-2": {"node:os": "linux"}, "web": {"node:os": "linux"}}
INVENTORY = Inventory(
    nodes=tuple(
        Node(
            name=name,
            addresses=spans([device.address]),
            user=device.owner or None,
            tags=device.tags,
            attributes=ATTRIBUTES.get(name),
        )
        for name, device in DEVICES.items()
    ),
    users=tuple(User(login=f"{name}@example.com", is_shared=name == "zoe") for name in ("ana", "li", "zoe")),
)
PACKETS = (("tcp", 80), ("udp", 53), ("icmp", 0))

PEOPLE = ["ana@example.com", "group:dev", "group:none"]
ANYWHERE = [
    "tag:web",
    "tag:db",
    "autogroup:tagged",
    "*",
    "web",
    "100.64.0.4",
    "100.64.0.0/30",
    "100.64.0.1/32",
    *PEOPLE,
]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


def grants(sources: list[str], targets: list[str]) -> st.SearchStrategy[dict[str, list[str]]]:
    ports = some(["tcp:80", "80-90", "*", "udp:53"])
    return st.fixed_dictionaries({"src": some(sources), "dst": some(targets), "ip": ports})


POLICIES = st.lists(
    grants(ANYWHERE, ANYWHERE) | grants(PEOPLE, ["autogroup:self", "tag:web", "group:dev"]), max_size=4
).map(lambda found: {"grants": found})
NO_POSTURES: list[list[str]] = [[], [], [], []]
POSTURES = st.lists(st.sampled_from([[], [], ["posture:mac"], ["posture:mac", "posture:any"]]), min_size=4, max_size=4)


def access(found: Data, postures: list[list[str]] | None = None) -> Access:
    under = [
        {**one, **({"srcPosture": posture} if posture else {})}
        for one, posture in zip(found["grants"], postures or NO_POSTURES, strict=False)
    ]
    text = json.dumps(
        {
            "tagOwners": {"tag:web": [], "tag:db": []},
            "groups": WORLD.groups,
            "hosts": WORLD.hosts,
            "postures": {"posture:mac": ["node:os == 'macos'"], "posture:any": ["node:os IS SET"]},
            "grants": under,
        }
    )
    return Access(read_policy(text), INVENTORY)


def linked(pairs: AllPairs) -> set[tuple[str, str, int, tuple[str, ...]]]:
    """Every pair of nodes with the entry that leads from one to the other, out of the links."""
    return {
        (src.name, dst.name, pairs.access.entries.index(link.entry), link.postures)
        for link in pairs.links()
        for source, target in product(link.sources, link.targets)
        for src, dst in product(pairs.classes[source].nodes, pairs.classes[target].nodes)
    }


@settings(max_examples=100, deadline=None)
@given(POLICIES, POSTURES)
def test_all_pairs_say_what_is_said_of_each_pair(found: Data, postures: list[list[str]]) -> None:
    whole = access(found, postures)
    pairs = all_pairs(whole)
    every = list(product(DEVICES, DEVICES))
    for (src, dst), (protocol, port) in product(every, PACKETS):
        assert pairs.reach(src, dst, protocol, port) == whole.reach(src, dst, protocol, port)
    assert linked(pairs) == {
        (src, dst, whole.entries.index(match.entry), match.postures)
        for src, dst in every
        for match in whole.matches(src, dst)
    }
    open_to = [whole.matches(src, dst) for src, dst in every if src != dst]
    assert pairs.count() == sum(bool(matches) for matches in open_to)
    free = sum(any(not match.postures for match in matches) for matches in open_to)
    assert pairs.count(with_conditional=False) == free


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_all_pairs_agree_with_the_judge_of_single_packets(found: Data) -> None:
    pairs = all_pairs(access(found))
    for (src, source), (dst, target), (protocol, port) in product(DEVICES.items(), DEVICES.items(), PACKETS):
        allowed = pairs.reach(src, dst, PROTOCOL_NUMBERS[protocol], port).verdict is Verdict.ALLOWED
        assert allowed is is_delivered(found, WORLD, source, target, (protocol, port))


def test_nodes_that_no_entry_tells_apart_are_one_class() -> None:
    tags: dict[str, list[str]] = {"tag:a": [], "tag:b": []}
    nodes = [Node(name=f"{tag}{n}", tags=(f"tag:{tag}",)) for tag in "ab" for n in range(50)]
    inventory = Inventory(nodes=(*nodes, Node(name="ana", user="ana@x.y"), Node(name="li", user="li@x.y")))
    pairs = all_pairs(
        Access(policy(tagOwners=tags, grants=[grant("*", "*", "80"), grant("tag:a", "tag:b")]), inventory)
    )
    assert [len(one.nodes) for one in pairs.classes] == [50, 50, 2]
    everywhere, capability = pairs.links()
    assert (everywhere.sources, everywhere.targets) == ((0, 1, 2), (0, 1, 2))
    assert (capability.sources, capability.targets) == ((0,), (1,))
    assert pairs.count() == 102 * 101
    assert pairs.class_of("li") is pairs.class_of(inventory.nodes[-2]) is pairs.classes[2]


def test_devices_of_one_user_reach_each_other_and_no_tagged_node_takes_part() -> None:
    acl = {"action": "accept", "src": ["*"], "dst": ["autogroup:self:22"]}
    pairs = all_pairs(Access(policy(acls=[acl]), INVENTORY))
    assert linked(pairs) == {(src, dst, 0, ()) for src, dst in product(["ana", "ana-2"], repeat=2)} | {
        (own, own, 0, ()) for own in ("li", "zoe")
    }
    assert pairs.count() == 2


def test_entries_without_ports_open_nothing() -> None:
    inventory = Inventory(nodes=(Node(name="a", tags=("tag:a",)), Node(name="b", tags=("tag:b",))))
    pairs = all_pairs(Access(policy(grants=[grant("tag:a", "tag:b", app={"x.y/z": [1]})]), inventory))
    assert len(list(pairs.links())) == 1
    assert pairs.count() == 0
    assert pairs.reach("a", "b", "tcp", 80).verdict is Verdict.DENIED


def test_no_nodes_and_unknown_names() -> None:
    pairs = all_pairs(Access(policy(grants=[grant("*", "*", "*")])))
    assert (pairs.classes, list(pairs.links()), pairs.count()) == ((), [], 0)
    with pytest.raises(KeyError):
        pairs.class_of("nowhere")
    with pytest.raises(PortError):
        all_pairs(Access(policy(), INVENTORY)).reach("web", "both", "no-protocol")


def test_many_entries_to_everything_share_their_side() -> None:
    nodes = tuple(Node(name=f"n{n}", tags=(f"tag:n{n}",)) for n in range(300))
    grants = [grant(f"tag:n{n}", "*", "80") for n in range(200)] + [grant("*", f"tag:n{n}", "80") for n in range(50)]
    pairs = all_pairs(Access(policy(grants=grants), Inventory(nodes=nodes)))
    links = list(pairs.links())
    assert len(links) == 250
    assert len({id(link.targets) for link in links[:200]}) == len({id(link.sources) for link in links[200:]}) == 1
    assert pairs.count() == 200 * 299 + 100 * 50
