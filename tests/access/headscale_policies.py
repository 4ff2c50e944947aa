"""Policies with tests, made by chance from a number, in the language that headscale and we both speak."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tailstack.access.inventory import Inventory, Node, User
from tailstack.access.principals import spans
from tests.access.headscale import Assertion

Data = dict[str, Any]

PEOPLE = ("ana@example.com", "li@example.com", "zoe@example.com", "kim@example.com")
TAGS = ("tag:web", "tag:db", "tag:router", "tag:exit", "tag:unused")
GROUPS: Mapping[str, list[str]] = {
    "group:dev": ["ana@example.com", "li@example.com"],
    "group:ops": ["li@example.com", "zoe@example.com"],
    "group:idle": ["kim@example.com"],
    "group:nobody": [],
    "group:gone": ["left@example.com"],
}
SUBNETS = ("10.1.0.0/16", "10.2.0.0/24")
OUTSIDE = ("203.0.113.7", "10.1.2.3", "10.9.9.9")
_CAPABILITY: Data = {"example.com/cap/drawing": [{"can": ["look"]}]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Tailnet:
    """Nodes, and the selectors that a policy and its tests may name. Hosts are addresses of nodes and networks."""

    inventory: Inventory
    hosts: Mapping[str, str]

    def entry_names(self) -> tuple[str, ...]:
        return (*PEOPLE, *GROUPS, *TAGS, "autogroup:member", "autogroup:tagged", "*", *self.hosts, *self._addresses())

    def test_names(self) -> tuple[str, ...]:
        """Of prefixes no test may be written."""
        single = [name for name, address in self.hosts.items() if "/" not in address]
        return (*PEOPLE, *GROUPS, *TAGS, *single, *OUTSIDE, *(name for name in self._addresses() if "/" not in name))

    def _addresses(self) -> tuple[str, ...]:
        own = [str(address) for node in self.inventory.nodes[::2] for address in node.addresses]
        return (*own, *SUBNETS, "10.1.2.0/24", "100.64.0.0/26", OUTSIDE[0])


def tailnet(number: int) -> Tailnet:
    """One of the tailnets. No two addresses are neighbours: headscale would join them, and take a part for the whole."""
    chance = Random(number)  # noqa: S311 -- nothing secret, and the same every time
    owners: list[Data] = [{"user": person} for person in (*PEOPLE[:3], chance.choice(PEOPLE[:3]))]
    owners += [{"tags": (tag,)} for tag in (*TAGS[:4], chance.choice(TAGS[:2]))]
    owners += [{"tags": ("tag:web", "tag:db")}, {"tags": ("tag:router",), "routes": spans(SUBNETS[1:])}]
    nodes = tuple(
        Node(
            name=f"node-{place}",
            addresses=spans([f"100.64.0.{4 * place + number % 3}", f"fd7a:115c:a1e0::{4 * place + 1:x}"]),
            **_served(owner),
        )
        for place, owner in enumerate(owners, 1)
    )
    hosts = {
        "web": str(nodes[4].addresses[0]),
        "six": str(nodes[5].addresses[1]),
        "laptop": str(nodes[0].addresses[0]),
        "lan": SUBNETS[0],
        "far": OUTSIDE[0],
        "low": "100.64.0.0/27",
    }
    return Tailnet(inventory=Inventory(nodes=nodes, users=tuple(User(login=person) for person in PEOPLE)), hosts=hosts)


def _served(owner: Data) -> Data:
    match owner.get("tags"):
        case ("tag:router",) if "routes" not in owner:
            return {**owner, "routes": spans(SUBNETS[:1])}
        case ("tag:exit",):
            return {**owner, "routes": spans(["0.0.0.0/0", "::/0"])}
        case _:
            return owner


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A policy without its tests, and what its tests will ask: a source, a protocol and a destination with a port."""

    number: int
    policy: Data
    questions: tuple[tuple[str, str, str], ...]
    mistake: str = ""
    chance: Random = field(repr=False, compare=False)


def case(number: int, tailnet: Tailnet) -> Case:
    """The case of this number: two in five ask in `acls`, and one in eight has a mistake that both must refuse."""
    chance = Random(number)  # noqa: S311 -- nothing secret, and the same every time
    policy: Data = {"groups": dict(GROUPS), "tagOwners": {tag: [] for tag in TAGS}, "hosts": dict(tailnet.hosts)}
    policy["grants"] = [_grant(chance, tailnet) for _ in range(chance.randint(1, 5))]
    if chance.random() < 0.4:
        policy["acls"] = [_acl(chance, tailnet) for _ in range(chance.randint(1, 3))]
    if chance.random() < 0.03:
        del policy["grants"]  # with no `acls` either everything is allowed
    mistake = ""
    if number % 8 == 6:
        mistake = sorted(MISTAKES)[number // 8 % len(MISTAKES)]
        MISTAKES[mistake](policy)
    return Case(
        number=number,
        policy=policy,
        questions=tuple(dict.fromkeys(_questions(chance, tailnet))),
        mistake=mistake,
        chance=chance,
    )


def with_tests(case: Case, assertions: list[Assertion]) -> str:
    """The policy file whose tests say these assertions: one test for each source and protocol."""
    tests: dict[tuple[str, str], Data] = {}
    for one in assertions:
        test = tests.setdefault((one.src, one.proto), {"src": one.src} | ({"proto": one.proto} if one.proto else {}))
        test.setdefault("accept" if one.wanted else "deny", []).append(one.dst)
    return json.dumps({**case.policy, "tests": list(tests.values())})


def _some(chance: Random, names: tuple[str, ...], most: int) -> list[str]:
    return chance.sample(names, chance.randint(1, most))


_IPS = (
    "*",
    "22",
    "tcp:22",
    "tcp:443",
    "tcp:20-100",
    "udp:53",
    "443",
    "1-1023",
    "icmp:*",
    "sctp:9",
    "udp:*",
    "47",
    "gre:*",
)
_ACL_PORTS = ("*", "22", "443", "20-100", "22,53", "53")


def _grant(chance: Random, tailnet: Tailnet) -> Data:
    names = tailnet.entry_names()
    grant: Data = {"src": _some(chance, names, 3), "dst": _some(chance, names, 3), "ip": _some(chance, _IPS, 2)}
    match chance.randrange(12):
        case 0:
            grant |= {"src": _some(chance, (*PEOPLE, "group:dev", "group:ops", "autogroup:member"), 2)}
            grant |= {"dst": ["autogroup:self", *grant["dst"][:1]]}
        case 1:
            grant |= {"dst": [chance.choice((*SUBNETS, "lan"))], "via": ["tag:router"]}
        case 2:
            grant |= {"app": _CAPABILITY}
            del grant["ip"]  # an application capability opens nothing
        case 3:
            grant |= {"src": ["autogroup:danger-all"]}
        case 4:
            grant |= {"dst": ["autogroup:internet"]}
        case _:
            pass
    return grant


def _acl(chance: Random, tailnet: Tailnet) -> Data:
    names = tailnet.entry_names()
    proto = chance.choice(("", "", "tcp", "udp", "icmp"))
    ports = ("*",) if proto == "icmp" else _ACL_PORTS
    dst = [f"{_bracketed(name)}:{chance.choice(ports)}" for name in _some(chance, names, 3)]
    acl: Data = {"action": "accept", "src": _some(chance, names, 3), "dst": dst}
    return acl | ({"proto": proto} if proto else {})


def _bracketed(name: str) -> str:
    return f"[{name}]" if name.count(":") > 1 else name


def _questions(chance: Random, tailnet: Tailnet) -> Iterator[tuple[str, str, str]]:
    names = tailnet.test_names()
    for _ in range(12):
        src, proto = (
            chance.choice((*names, "autogroup:member", "autogroup:tagged")),
            chance.choice(("", "", "tcp", "udp", "sctp")),
        )
        for name in _some(chance, names, 3):
            yield src, proto, f"{_bracketed(name)}:{chance.choice((22, 443, 53, 9, 47, 2000))}"


def _first(policy: Data) -> Data:
    policy.setdefault("grants", []).append({"src": ["tag:web"], "dst": ["tag:db"], "ip": ["22"]})
    found: Data = policy["grants"][-1]
    return found


MISTAKES: Mapping[str, Callable[[Data], None]] = {
    "unknown tag as a source": lambda policy: _first(policy).update(src=["tag:none"]),
    "unknown tag as a destination": lambda policy: _first(policy).update(dst=["tag:none"]),
    "unknown tag to go through": lambda policy: _first(policy).update(via=["tag:none"]),
    "unknown group": lambda policy: _first(policy).update(src=["group:none"]),
    "unknown host": lambda policy: _first(policy).update(dst=["none"]),
    "self as a source": lambda policy: _first(policy).update(src=["autogroup:self"]),
    "self of tags": lambda policy: _first(policy).update(dst=["autogroup:self"]),
    "the internet as a source": lambda policy: _first(policy).update(src=["autogroup:internet"]),
    "danger-all as a destination": lambda policy: _first(policy).update(dst=["autogroup:danger-all"]),
    "every address as a destination": lambda policy: _first(policy).update(dst=["0.0.0.0/0"]),
    "neither ip nor app": lambda policy: _first(policy).pop("ip"),
    "port 0": lambda policy: _first(policy).update(ip=["tcp:0"]),
    "a protocol without ports": lambda policy: _first(policy).update(ip=["icmp"]),
    "a group through which to go": lambda policy: _first(policy).update(via=["group:dev"]),
    "a capability with a scheme": lambda policy: _first(policy).update(app={"https://example.com/cap": []}),
    "a capability that is not to be granted": lambda policy: _first(policy).update(
        app={"tailscale.com/cap/ingress": []}
    ),
    "a group in a group": lambda policy: policy["groups"].update({"group:dev": ["group:ops"]}),
    "a tag that starts with a digit": lambda policy: policy["tagOwners"].update({"tag:1": []}),
    "an action that is none": lambda policy: policy.update(acls=[{"action": "deny", "src": ["*"], "dst": ["*:*"]}]),
    "a destination without a port": lambda policy: policy.update(
        acls=[{"action": "accept", "src": ["*"], "dst": ["*"]}]
    ),
}
"""What is done to a policy that was right, by what is then wrong with it."""
