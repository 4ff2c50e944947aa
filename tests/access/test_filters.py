"""The packet filter and the capabilities of single nodes, whom they are told of, and the routes they may use."""

from __future__ import annotations

import pytest

from tailstack.access.addresses import AddressSet
from tailstack.access.evaluate import Access
from tailstack.access.filters import Filters, node_attributes
from tailstack.access.inventory import Inventory, Node, User
from tailstack.access.principals import spans
from tests.access.policies import GROUPS, TAGS, grant, policy

WEB = Node(name="web", addresses=spans(["100.64.0.1", "fd7a:115c:a1e0::1"]), tags=("tag:web",))
ROUTER = Node(
    name="router", addresses=spans(["100.64.0.2"]), tags=("tag:router",), routes=spans(["10.0.0.0/16", "0.0.0.0/0"])
)
BACKUP = Node(name="backup", addresses=spans(["100.64.0.3"]), tags=("tag:b",), routes=spans(["10.0.0.0/16"]))
ANA = Node(name="ana", addresses=spans(["100.64.0.4"]), user="ana@example.com", attributes={"node:os": "macos"})
PHONE = Node(name="phone", addresses=spans(["100.64.0.5"]), user="ana@example.com", attributes={"node:os": "ios"})
LI = Node(name="li", addresses=spans(["100.64.0.6"]), user="li@example.com")
NODES = Inventory(
    nodes=(WEB, ROUTER, BACKUP, ANA, PHONE, LI),
    users=(User(login="ana@example.com", roles=frozenset({"owner"})), User(login="li@example.com")),
)
TAILNET = "10.0.0.0/16 100.64.0.0-100.115.91.255 100.115.94.0-100.127.255.255 fd7a:115c:a1e0::/48"
EVERYWHERE = "0.0.0.0/0 ::/0"


def filters(*grants: dict[str, object], **sections: object) -> Filters:
    whole: dict[str, object] = {"tagOwners": TAGS, "groups": GROUPS, "grants": [*grants], **sections}
    return Filters(Access(policy(**whole), NODES))


def shown(addresses: AddressSet) -> str:
    return " ".join(map(str, addresses))


def network(found: Filters, node: Node) -> list[tuple[str, str, str]]:
    return [(shown(rule.sources), shown(rule.targets), str(rule.ports)) for rule in found.network(node)]


@pytest.mark.parametrize(
    ("src", "dst", "node", "expected"),
    [
        ("tag:web", "tag:router", ROUTER, [("100.64.0.1 fd7a:115c:a1e0::1", "100.64.0.2")]),
        ("tag:web", "tag:router", WEB, []),
        ("group:nobody", "tag:web", WEB, []),
        ("*", "*", WEB, [(TAILNET, EVERYWHERE)]),
        ("autogroup:danger-all", "tag:router", ROUTER, [(EVERYWHERE, "100.64.0.2")]),
        ("autogroup:admin", "tag:router", ROUTER, [("100.64.0.4/31", "100.64.0.2")]),
        ("group:dev", "tag:router", ROUTER, [("100.64.0.4-100.64.0.6", "100.64.0.2")]),
        ("10.0.0.0/8", "100.64.0.1", WEB, [("10.0.0.0/8", "100.64.0.1")]),
        ("tag:web", "10.0.0.0/8", ROUTER, [("100.64.0.1 fd7a:115c:a1e0::1", "10.0.0.0/8")]),
        ("tag:web", "10.9.0.0/16", ROUTER, []),
        ("tag:web", "autogroup:internet", WEB, []),
        ("autogroup:member", "autogroup:self", ANA, [("100.64.0.4/31", "100.64.0.4")]),
        ("li@example.com", "autogroup:self", ANA, []),
        ("autogroup:member", "autogroup:self", WEB, []),
    ],
)
def test_network(src: str, dst: str, node: Node, expected: list[tuple[str, str]]) -> None:
    assert network(filters(grant(src, dst, "tcp:443")), node) == [(*sides, "tcp:443") for sides in expected]


def test_an_exit_node_is_sent_what_is_for_the_internet() -> None:
    ((sources, targets, _),) = network(filters(grant("li@example.com", "autogroup:internet", "*")), ROUTER)
    assert sources == "100.64.0.6"
    assert targets.startswith("0.0.0.0-9.255.255.255 ")


def test_via_lets_a_rule_land_on_the_routers_with_the_tag_only() -> None:
    found = filters(grant("*", "10.0.0.0/16", "*", via=["tag:router"]))
    assert network(found, ROUTER) == [(TAILNET, "10.0.0.0/16", "*")]
    assert network(found, BACKUP) == []


def test_sources_without_the_posture_are_left_out() -> None:
    postures = {"posture:mac": ["node:os == 'macos'"]}
    found = filters(
        grant("*", "tag:web", "tcp:1", srcPosture=["posture:mac"]),
        grant("autogroup:member", "autogroup:self", "tcp:2", srcPosture=["posture:mac"]),
        postures=postures,
    )
    assert network(found, WEB) == [("100.64.0.4", "100.64.0.1 fd7a:115c:a1e0::1", "tcp:1")]
    assert network(found, PHONE) == [("100.64.0.4", "100.64.0.5", "tcp:2")]


class TestCapabilities:
    def capabilities(self, found: Filters, node: Node) -> list[tuple[str, str, dict[str, object]]]:
        return [
            (shown(rule.sources), shown(rule.targets), dict(rule.capabilities)) for rule in found.capabilities(node)
        ]

    def test_they_stand_at_the_addresses_of_the_node_and_not_at_its_routes(self) -> None:
        found = filters(
            grant("tag:b", ["tag:web", "10.0.0.0/16"], app={"a.b/c": [1]}), grant([], "tag:web", app={"x.y/z": []})
        )
        assert self.capabilities(found, WEB) == [("100.64.0.3", "100.64.0.1 fd7a:115c:a1e0::1", {"a.b/c": (1,)})]
        assert self.capabilities(found, ROUTER) == []

    def test_nobody_has_them_where_a_group_is_empty(self) -> None:
        found = filters(grant("group:nobody", "tag:router", app={"a.b/c": []}))
        assert self.capabilities(found, ROUTER) == [("", "100.64.0.2", {"a.b/c": ()})]

    @pytest.mark.parametrize(
        ("src", "dst", "node", "expected"),
        [
            ("tag:b", "tag:router", BACKUP, "100.64.0.2"),
            ("100.64.0.3", "tag:router", BACKUP, "100.64.0.2"),
            ("tag:b", "*", BACKUP, TAILNET),
            ("tag:b", "10.0.0.0/8", BACKUP, "10.0.0.0/8"),
            ("autogroup:member", "autogroup:self", PHONE, "100.64.0.4/31"),
        ],
    )
    def test_some_come_with_one_the_other_way_round(self, src: str, dst: str, node: Node, expected: str) -> None:
        found = filters(grant(src, dst, app={"tailscale.com/cap/drive": [1]}))
        back = {"tailscale.com/cap/drive-sharer": ()}
        assert (expected, shown(AddressSet.of(node.addresses)), back) in self.capabilities(found, node)

    def test_none_comes_back_where_there_is_nobody_to_send_it_or_no_posture(self) -> None:
        drive = {"tailscale.com/cap/drive": [1]}
        postures = {"posture:mac": ["node:os == 'macos'"]}
        found = filters(
            grant("tag:b", "tag:a", app=drive),
            grant("ana@example.com", "tag:router", app=drive, srcPosture=["posture:mac"]),
            postures=postures,
        )
        assert self.capabilities(found, BACKUP) == []
        assert self.capabilities(found, PHONE) == []
        assert len(self.capabilities(found, ANA)) == 1


class TestPeersAndRoutes:
    def peers(self, found: Filters, node: Node) -> set[str]:
        return {peer.name for peer in found.peers(node)}

    def routes(self, found: Filters, node: Node, router: Node) -> list[str]:
        return [str(route) for route in found.routes(node, router)]

    def test_both_sides_of_an_entry_are_told_of_each_other(self) -> None:
        found = filters(grant("tag:web", "li@example.com", "tcp:1"))
        assert self.peers(found, WEB) == {"li"}
        assert self.peers(found, LI) == {"web"}
        assert self.peers(found, ANA) == set()

    def test_a_router_is_told_of_whom_its_subnet_reaches(self) -> None:
        found = filters(grant("10.0.0.0/24", "tag:web", "tcp:1"))
        assert self.peers(found, WEB) == {"router", "backup"}
        assert self.routes(found, WEB, ROUTER) == ["10.0.0.0/16"]
        assert self.routes(found, ANA, ROUTER) == []

    def test_routes_are_for_those_who_may_use_them(self) -> None:
        found = filters(grant("tag:web", "10.0.0.0/16", "*"), grant("ana@example.com", "autogroup:internet", "*"))
        assert self.routes(found, WEB, ROUTER) == ["10.0.0.0/16"]
        assert self.routes(found, ANA, ROUTER) == ["0.0.0.0/0"]
        assert self.routes(found, LI, ROUTER) == []
        assert self.routes(found, BACKUP, ROUTER) == ["10.0.0.0/16"]


def test_attributes_of_a_node() -> None:
    attributes = [
        {"target": ["tag:web"], "attr": ["funnel"]},
        {"target": ["100.64.0.6/32"], "attr": ["mullvad"]},
        {"target": ["autogroup:admin"], "attr": ["x"]},
    ]
    access = Access(policy(nodeAttrs=attributes, randomizeClientPort=False), NODES)
    assert node_attributes(access, WEB) == {"funnel"}
    assert node_attributes(access, LI) == {"mullvad"}
    assert node_attributes(access, ANA) == {"x"}
    assert node_attributes(Access(policy(randomizeClientPort=True), NODES), WEB) == {"randomize-client-port"}
