"""What can only take access away (postures, routers to pass), what can only give it, and what a definition is needed for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.access.changes import Direction
from tailstack.access.compile import compile_policy
from tailstack.access.diff import difference
from tailstack.access.evaluate import Access
from tailstack.access.filters import Filters
from tailstack.access.inventory import Inventory, Node
from tailstack.access.nodes import declared_nodes, inventory_of
from tailstack.access.policy import Policy
from tailstack.access.ports import PROTOCOL_NUMBERS
from tailstack.access.principals import spans
from tailstack.access.reading import read_policy
from tailstack.access.validate import refusal, validate
from tailstack.topology.loading import resolve_files
from tailstack.topology.tailnet import Tailnet
from tests.access.packets import Data, is_delivered
from tests.access.test_properties import DEVICES, INVENTORY, PACKETS, WITH_POSTURES, WORLD, Packet, read, some
from tests.topology.marked import AT, BASE, ENVIRONMENT, path_of

LESS = {Direction.LOST, Direction.NARROWED}


# A tag that is defined no longer

TAGS = ["tag:a", "tag:b", "tag:c"]
OWNERS = st.lists(st.sampled_from([*TAGS, "ana@example.com"]), max_size=2, unique=True)
USES = {
    "grants": st.fixed_dictionaries({"src": some([*TAGS, "*"]), "dst": some([*TAGS, "*"]), "ip": st.just(["*"])})
    | st.fixed_dictionaries(
        {"src": st.just(["*"]), "dst": st.just(["10.0.0.0/8"]), "ip": st.just(["*"]), "via": some(TAGS)}
    ),
    "nodeAttrs": st.fixed_dictionaries({"target": some([*TAGS, "*"]), "attr": st.just(["funnel"])}),
    "ssh": st.fixed_dictionaries(
        {
            "action": st.just("accept"),
            "src": some([*TAGS, "ana@example.com"]),
            "dst": some(TAGS),
            "users": st.just(["root"]),
        }
    ),
}
SECTIONS = st.fixed_dictionaries(
    {
        "tagOwners": st.fixed_dictionaries(dict.fromkeys(TAGS, OWNERS)),
        "autoApprovers": st.fixed_dictionaries({"exitNode": st.lists(st.sampled_from(TAGS), max_size=2, unique=True)}),
        **{section: st.lists(use, max_size=2) for section, use in USES.items()},
    }
)


@settings(max_examples=150, deadline=None)
@given(SECTIONS, st.sampled_from(TAGS))
def test_a_policy_without_a_tags_definition_is_refused_where_the_tag_is_used(
    policy: dict[str, dict[str, list[str]]], tag: str
) -> None:
    assert refused(policy) == ""
    policy = {**policy, "tagOwners": {name: owners for name, owners in policy["tagOwners"].items() if name != tag}}
    used = tag in texts_in([policy, list(policy["tagOwners"].values())])
    assert (refused(policy) != "") is used


def refused(policy: object) -> str:
    return refusal(validate(read_policy(json.dumps(policy))))


def texts_in(value: Any) -> Iterator[str]:  # noqa: ANN401 -- JSON of any shape
    """Every text among the values, without the names of members."""
    if isinstance(value, str):
        yield value
    else:
        for part in cast("dict[str, Any]", value).values() if isinstance(value, dict) else value:
            yield from texts_in(part)


# Postures

DEVICE_POSTURES = {
    "node-web": "macos",
    "node-db": "linux",
    "node-ana": "macos",
    "node-ana-2": "linux",
    "node-li": "macos",
}
"""The systems of the devices of which it is known; of the others nothing is."""
KNOWN = replace(
    INVENTORY,
    nodes=tuple(
        replace(node, attributes={"node:os": DEVICE_POSTURES[node.name]}) if node.name in DEVICE_POSTURES else node
        for node in INVENTORY.nodes
    ),
)


@settings(max_examples=100, deadline=None)
@given(WITH_POSTURES)
def test_postures_only_take_away_and_only_from_those_who_miss_them(policy: Data) -> None:
    plain: Data = {"grants": [{key: part for key, part in g.items() if key != "srcPosture"} for g in policy["grants"]]}
    assert set(open_to(read(policy), KNOWN)) == {
        packet for packet in reached(plain) if any(packet in reached({"grants": [g]}) for g in met_by(policy, packet))
    }
    assert {change.direction for change in difference(read(plain), read(policy)).changes} <= LESS


def open_to(policy: Policy, inventory: Inventory) -> Iterator[Packet]:
    """Packets that pass, or may pass if a posture is met that nothing is known of."""
    access = Access(policy, inventory)
    for src in inventory.nodes:
        for dst in inventory.nodes:
            matches = access.matches(src, dst)
            for protocol, port in PACKETS:
                if any(match.entry.ports.allows(PROTOCOL_NUMBERS[protocol], port) for match in matches):
                    yield src.name, dst.name, protocol, port


def reached(policy: Data) -> set[Packet]:
    return {
        (src, dst, *packet)
        for src, source in DEVICES.items()
        for dst, target in DEVICES.items()
        for packet in PACKETS
        if is_delivered(policy, WORLD, source, target, packet)
    }


def met_by(policy: Data, packet: Packet) -> list[dict[str, list[str]]]:
    """The grants whose postures the sender of a packet is in, or may be in. posture:new asks for a version, never known."""
    system = DEVICE_POSTURES.get(packet[0])
    return [
        grant
        for grant in policy["grants"]
        if "srcPosture" not in grant or system is None or (system == "macos" and "posture:mac" in grant["srcPosture"])
    ]


# Routers to pass

ROUTES = Inventory(
    nodes=(
        Node(name="web", addresses=spans(["100.64.0.1"]), tags=("tag:web",)),
        Node(
            name="first", addresses=spans(["100.64.0.2"]), tags=("tag:r",), routes=spans(["10.0.0.0/16", "0.0.0.0/0"])
        ),
        Node(name="second", addresses=spans(["100.64.0.3"]), tags=("tag:s",), routes=spans(["10.0.0.0/16"])),
        Node(name="both", addresses=spans(["100.64.0.4"]), tags=("tag:r", "tag:s"), routes=spans(["10.0.1.0/24"])),
        Node(name="ana", addresses=spans(["100.64.0.5"]), user="ana@example.com"),
    )
)
BEHIND = ["10.0.0.7", "10.0.1.7", "10.9.0.7", "8.8.8.8", *(str(node.addresses[0]) for node in ROUTES.nodes)]
ROUTED = st.fixed_dictionaries(
    {
        "src": some(["*", "tag:web", "ana@example.com"]),
        "dst": some(["10.0.0.0/16", "10.0.1.0/24", "10.0.1.7", "lan", "autogroup:internet", "tag:web", "*"]),
        "ip": some(["tcp:80", "tcp:443", "*"]),
        "via": st.lists(st.sampled_from(["tag:r", "tag:s"]), max_size=2, unique=True),
    }
)


@settings(max_examples=100, deadline=None)
@given(st.lists(ROUTED, min_size=1, max_size=3))
def test_routers_to_pass_only_take_other_nodes_away(grants: list[dict[str, list[str]]]) -> None:
    plain = [{**grant, "via": []} for grant in grants]
    kept = {
        (name, *packet)
        for grant, without in zip(grants, plain, strict=True)
        for name, *packet in carried([without])
        if not grant["via"] or {*grant["via"]} & {*tags_of(name)}
    }
    assert set(carried(grants)) == kept
    found = difference(routed(plain), routed(grants), old_inventory=ROUTES, new_inventory=ROUTES)
    assert {change.direction for change in found.changes} <= LESS


def routed(grants: list[dict[str, list[str]]]) -> Policy:
    owners: dict[str, list[str]] = {"tag:web": [], "tag:r": [], "tag:s": []}
    found = read_policy(json.dumps({"tagOwners": owners, "hosts": {"lan": "10.0.0.0/15"}, "grants": grants}))
    assert refusal(validate(found)) == ""
    return found


def carried(grants: list[dict[str, list[str]]]) -> Iterator[tuple[str, str, str, int]]:
    """The node that lets a packet in or through, who sends it, where to, and to which port."""
    filters = Filters(Access(routed(grants), ROUTES))
    for node in ROUTES.nodes:
        for rule in filters.network(node):
            for source in ROUTES.nodes:
                if rule.sources.overlaps(source.addresses[0]):
                    for target in BEHIND:
                        if rule.targets.overlaps(spans([target])[0]):
                            for port in (80, 443, 22):
                                if rule.ports.allows(PROTOCOL_NUMBERS["tcp"], port):
                                    yield node.name, source.name, target, port


def tags_of(name: str) -> tuple[str, ...]:
    return next(node.tags for node in ROUTES.nodes if node.name == name)


# Declarations of two stacks

GROUPS_FILE = "groups: {group:dev: [ana@example.com], group:ops: [li@example.com]}\n"


@st.composite
def fragment(draw: st.DrawFn, cluster: str) -> str:
    """What one stack declares: a cluster, what it exposes, what it goes out to, and who may reach it."""
    exposed = draw(st.lists(st.sampled_from(["web", "api"]), min_size=1, max_size=2, unique=True))
    port = draw(st.sampled_from(["tcp:80", "udp:53"]))
    lines = [f"clusters:\n  {cluster}:\n    kubernetes: {{context: {cluster}}}"]
    if mode := draw(st.sampled_from(["", "auth"])):
        lines.append(f"    operator: {{apiServerProxy: {{mode: {mode}}}}}")
    lines.append("    expose:")
    lines += [f"      {name}: {{namespace: default, ports: [{port}], selector: {{a: b}}}}" for name in exposed]
    if draw(st.booleans()):
        lines.append(f"    egress: {{out: {{namespace: other, to: {{exposure: {cluster}.{exposed[0]}}}}}}}")
    if entries := draw(st.lists(st.tuples(some(["group:dev", "group:ops"]), st.sampled_from(exposed)), max_size=2)):
        lines.append("access:")
        lines += [
            f"  - {{name: {cluster}{number}, from: [{', '.join(who)}], to: [{{exposure: {cluster}.{what}}}]}}"
            for number, (who, what) in enumerate(entries)
        ]
    return "\n".join(lines) + "\n"


@settings(max_examples=60, deadline=None)
@given(fragment("blue"), fragment("green"))
def test_two_stacks_together_give_what_each_of_them_gives_alone(blue: str, green: str) -> None:
    both = Access(compile_policy(environment(blue, green)).policy)
    for alone in (blue, green):
        tailnet = environment(alone)
        nodes = inventory_of(declared_nodes(tailnet)).nodes
        own = Access(compile_policy(tailnet).policy)
        for src in ("group:dev", "group:ops", *nodes):
            for dst in nodes:
                for protocol, port in PACKETS:
                    was, now = (access.reach(src, dst, protocol, port).verdict for access in (own, both))
                    assert was == now


def environment(*fragments: str) -> Tailnet:
    files = {**BASE, "groups.yaml": GROUPS_FILE, **{f"part{n}.yaml": text for n, text in enumerate(fragments)}}
    return resolve_files({path_of(name): text for name, text in files.items()}, ENVIRONMENT, AT)
