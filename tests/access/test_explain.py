"""Whether one party reaches another: the verdict, the way, the layers above, and what is missing."""

from __future__ import annotations

import pytest

from tailstack.access.compile import compile_policy
from tailstack.access.evaluate import Verdict
from tailstack.access.facts import read_facts
from tailstack.access.filters import Filters
from tailstack.access.inventory import Inventory
from tailstack.access.listing import who_reaches
from tailstack.access.missing import Lack
from tailstack.access.parties import Directory, Role, directory_of_policy, directory_of_tailnet
from tailstack.report.answers import explanation_answer
from tests.access.asking import INVENTORY, ask, with_nodes
from tests.access.policies import grant, policy
from tests.rules.environments import tailnet_of

OWNERS: dict[str, object] = {"tag:web": [], "tag:db": [], "tag:office": [], "tag:rack": []}
GROUPS: dict[str, object] = {"group:dev": ["ana@example.com", "li@example.com"], "group:empty": []}
INVENTORY_WITHOUT_EXIT = Inventory(nodes=tuple(node for node in INVENTORY.nodes if not node.is_exit_node))
POSTURES: dict[str, object] = {
    "posture:mac": ["node:os == 'macos'", "node:tsVersion IS SET"],
    "posture:pc": ["node:os == 'windows'"],
}
KUBERNETES: dict[str, object] = {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["system:masters"]}}]}

ANOTHER: dict[str, object] = {"example.com/x": [{}]}


def made(*grants: dict[str, object], **sections: object) -> Directory:
    """A policy of these grants over the known nodes."""
    return with_nodes(policy(grants=list(grants), tagOwners=OWNERS, groups=GROUPS, postures=POSTURES, **sections))


def bare(*grants: dict[str, object], **sections: object) -> Directory:
    """The same with no node known."""
    return directory_of_policy(
        policy(grants=list(grants), tagOwners=OWNERS, groups=GROUPS, postures=POSTURES, **sections)
    )


@pytest.mark.parametrize(
    ("grants", "source", "target", "asked", "expected"),
    [
        ([grant("group:dev", "tag:web", "tcp:80")], "li@example.com", "web1", "tcp:80", "li@example.com reaches web1.t.ts.net on tcp:80."),
        ([grant("*", "*", "*")], "ana-mac", "li@example.com", None, "ana-mac.t.ts.net reaches li@example.com on every port."),
        ([grant("*", "*", "*")], "*", "*", None, "everyone (*) reaches everything (*) on every port."),
        ([], "group:dev", "tag:web", None, "group:dev does not reach tag:web on any port."),
        ([], "group:dev", "tag:web", "tcp:80", "group:dev does not reach tag:web on tcp:80."),
        (
            [grant("ana@example.com", "tag:web", "tcp:80", "tcp:443")],
            "ana@example.com",
            "tag:web",
            "tcp:443-444",
            "ana@example.com does not reach tag:web on tcp:444, but on tcp:443.",
        ),
        (
            [grant("ana@example.com", "tag:web", "tcp:80"), grant("ana@example.com", "tag:web", "22", srcPosture=["posture:pc"])],
            "ana@example.com",
            "tag:web",
            None,
            "ana@example.com reaches tag:web on tcp:80, and on 22 only from a device in posture:pc.",
        ),
        (
            [grant("ana@example.com", "tag:web", "tcp:80"), grant("ana@example.com", "tag:web", "tcp:81", srcPosture=["posture:pc"])],
            "ana@example.com",
            "tag:web",
            "tcp:80-81",
            "ana@example.com reaches tag:web on tcp:80, and on tcp:81 only from a device in posture:pc.",
        ),
        (
            [grant("ana@example.com", "tag:web", "tcp:81", srcPosture=["posture:pc", "posture:mac"])],
            "ana@example.com",
            "tag:web",
            None,
            "ana@example.com reaches tag:web on tcp:81 only from a device in posture:pc or posture:mac.",
        ),
        # A device whose attributes are known is in a posture or is not.
        ([grant("ana@example.com", "tag:web", "tcp:81", srcPosture=["posture:pc"])], "ana-pc", "web2", None, "ana-pc.t.ts.net reaches web2.t.ts.net on tcp:81."),
        ([grant("ana@example.com", "tag:web", "tcp:81", srcPosture=["posture:pc"])], "ana-mac", "web2", None, "ana-mac.t.ts.net does not reach web2.t.ts.net on any port."),
        # Its own devices, and nobody else's.
        ([grant("autogroup:member", "autogroup:self", "*")], "ana-mac", "ana-pc", None, "ana-mac.t.ts.net reaches ana-pc.t.ts.net on every port."),
        ([grant("autogroup:member", "autogroup:self", "*")], "ana-mac", "li-pc", None, "ana-mac.t.ts.net does not reach li-pc.t.ts.net on any port."),
        # Addresses: of a node, of nobody, behind a router, on the internet.
        ([grant("ana@example.com", "100.64.0.3", "tcp:1")], "ana@example.com", "100.64.0.3", None, "ana@example.com reaches 100.64.0.3 (web1.t.ts.net) on tcp:1."),
        ([grant("*", "*", "*")], "10.0.0.9", "web1", None, "10.0.0.9 reaches web1.t.ts.net on every port."),
        ([grant("*", "*", "*")], "li-pc", "100.64.9.9", None, "li-pc.t.ts.net reaches 100.64.9.9 on every port."),
        ([grant("li@example.com", "10.0.0.0/16", "*")], "li-pc", "10.0.1.1", None, "li-pc.t.ts.net reaches 10.0.1.1 on every port."),
        ([grant("li@example.com", "10.1.0.0/16", "*")], "li-pc", "10.1.1.1", None, "li-pc.t.ts.net does not reach 10.1.1.1 on any port."),
        ([grant("li@example.com", "192.168.0.0/16", "*")], "li-pc", "192.168.1.1", None, "li-pc.t.ts.net does not reach 192.168.1.1 on any port."),
        ([grant("li@example.com", "autogroup:internet", "*")], "li-pc", "9.9.9.9", "udp:53", "li-pc.t.ts.net reaches 9.9.9.9 on udp:53."),
        ([grant("li@example.com", "*", "*")], "li-pc", "2620:fe::fe", "udp:53", "li-pc.t.ts.net reaches 2620:fe::fe on udp:53."),
        ([grant("li@example.com", "autogroup:internet", "*")], "li-pc", "autogroup:internet", None, "li-pc.t.ts.net reaches autogroup:internet on every port."),
        ([grant("li@example.com", "tag:web", "*")], "li-pc", "9.9.9.9", "udp:53", "li-pc.t.ts.net does not reach 9.9.9.9 on udp:53."),
        # A service passes on the ports of its definition, and a host does not come to its own.
        ([grant("li@example.com", "svc:pay", "*")], "li-pc", "svc:pay", None, "li-pc.t.ts.net reaches svc:pay on tcp:443."),
        ([grant("li@example.com", "svc:pay", "*")], "li-pc", "svc:pay", "tcp:80", "li-pc.t.ts.net does not reach svc:pay on tcp:80."),
        ([grant("*", "*", "*")], "db", "svc:pay", None, "db.t.ts.net does not reach svc:pay on tcp:443."),
        ([grant("bo@elsewhere.com", "tag:web", "*")], "bo@elsewhere.com", "web1", None, "bo@elsewhere.com reaches web1.t.ts.net on every port."),
        ([grant("autogroup:member", "tag:web", "*")], "bo@elsewhere.com", "web1", None, "bo@elsewhere.com does not reach web1.t.ts.net on any port."),
    ],
)  # fmt: skip
def test_the_verdict(
    grants: list[dict[str, object]], source: str, target: str, asked: str | None, expected: str
) -> None:
    found = ask(made(*grants), source, target, asked)
    assert explanation_answer(found) == expected
    is_denied = "does not reach" in expected
    assert (found.verdict is Verdict.DENIED, bool(found.missing)) == (is_denied, is_denied)
    assert is_denied or found.suggestion is None


def test_of_ports_asked_about_all_must_be_open() -> None:
    directory = made(
        grant("ana@example.com", "tag:web", "tcp:80"),
        grant("ana@example.com", "tag:web", "tcp:81", srcPosture=["posture:pc"]),
    )
    verdicts = [
        ask(directory, "ana@example.com", "tag:web", asked).verdict for asked in ("tcp:80", "tcp:80-81", "tcp:80-82")
    ]
    assert verdicts == [Verdict.ALLOWED, Verdict.CONDITIONAL, Verdict.DENIED]


class TestRouters:
    """Which router is on the way, held against the filters of the nodes."""

    @pytest.mark.parametrize(
        ("via", "address", "expected"),
        [
            ([], "10.0.1.1", ["office"]),
            ([], "10.0.7.1", ["rack"]),  # the longest prefix
            (["tag:office"], "10.0.7.1", ["office"]),
            (["tag:rack"], "10.0.1.1", []),
            ([], "10.0.0.0/16", ["rack"]),
            ([], "fd7a:115c:a1e0:b1a::1", ["office"]),
        ],
    )
    def test_subnets(self, via: list[str], address: str, expected: list[str]) -> None:
        more = {"via": via} if via else {}
        directory = made(grant("li@example.com", ["10.0.0.0/16", "fd7a:115c:a1e0:b1a::/64"], "*", **more))
        found = ask(directory, "li-pc", address)
        hops = [hop.router.name.partition(".")[0] for way in found.ways for hop in way.hops]
        assert hops == expected
        assert all(not hop.is_exit for way in found.ways for hop in way.hops)
        filters = Filters(directory.access)
        (li,) = (node for node in INVENTORY.nodes if node.name.startswith("li-pc"))
        usable = {node.name for node in INVENTORY.nodes if node is not li and filters.routes(li, node)}
        assert {f"{name}.t.ts.net" for name in hops} <= usable

    @pytest.mark.parametrize(("via", "expected"), [([], ["rack"]), (["tag:rack"], ["rack"]), (["tag:office"], [])])
    def test_exit_nodes(self, via: list[str], expected: list[str]) -> None:
        directory = made(grant("li@example.com", "autogroup:internet", "*", **({"via": via} if via else {})))
        for target in ("9.9.9.9", "autogroup:internet"):
            found = ask(directory, "li-pc", target)
            hops = [hop for way in found.ways for hop in way.hops]
            assert [hop.router.name.partition(".")[0] for hop in hops] == expected
            assert all(hop.is_exit for hop in hops)

    def test_a_router_is_no_way_for_itself(self) -> None:
        found = ask(made(grant("tag:office", "10.0.0.0/16", "*")), "office", "10.0.1.1")
        assert found.verdict is Verdict.DENIED

    def test_via_leads_to_no_node_but_the_routers(self) -> None:
        directory = made(grant("li@example.com", ["tag:web", "tag:office"], "*", via=["tag:office"]))
        denied = ask(directory, "li-pc", "web1", "tcp:1")
        assert [(miss.lack, miss.text) for miss in denied.missing] == [
            (Lack.VIA, "leads only through tag:office, and no such router it is")
        ]
        assert ask(directory, "li-pc", "office").verdict is Verdict.ALLOWED

    def test_via_is_not_asked_between_the_devices_of_one_user(self) -> None:
        directory = made(grant("autogroup:member", "autogroup:self", "*", via=["tag:office"]))
        assert ask(directory, "ana-mac", "ana-pc").verdict is Verdict.ALLOWED

    def test_without_nodes_the_policy_alone_is_asked_and_that_is_said(self) -> None:
        directory = bare(grant("li@example.com", ["10.0.0.0/16", "autogroup:internet"], "*", via=["tag:rack"]))
        routed, beyond = ask(directory, "li@example.com", "10.0.0.1"), ask(directory, "li@example.com", "9.9.9.9")
        assert (routed.verdict, beyond.verdict) == (Verdict.ALLOWED, Verdict.ALLOWED)
        assert routed.notes == ("which router serves 10.0.0.1 is not known here; --facts tells it",)
        assert beyond.notes == ("which exit nodes there are is not known here; --facts tells it",)


class TestMissing:
    """What a denied answer says."""

    def said(self, directory: Directory, source: str, target: str, asked: str | None = "tcp:80") -> list[str]:
        return [f"{miss.lack}: {miss.text}" for miss in ask(directory, source, target, asked).missing]

    def test_the_nearest_come_first(self) -> None:
        directory = made(
            grant("li@example.com", "tag:db", "tcp:80"),
            grant("ana@example.com", "tag:web", "tcp:80"),
            grant("li@example.com", "tag:web", "tcp:81"),
            grant("li@example.com", "tag:web", app=ANOTHER),
            grant("li@example.com", "tag:web", "tcp:80", srcPosture=["posture:gone"]),
        )
        # Nothing is known of li's device, so a posture of it is open; of ana's devices it is known.
        assert self.said(directory, "li-pc", "web1", "tcp:82") == [
            "port: opens tcp:81 only",
            "port: grants example.com/x, which opens no port",
            "port: opens tcp:80 only",
        ]
        assert self.said(directory, "db", "web1") == ["source: is for ana@example.com", "source: is for li@example.com"]
        assert self.said(directory, "li@example.com", "tag:office") == [
            "target: leads to tag:db",
            "target: leads to tag:web",
        ]

    def test_a_posture_that_fails_is_told_by_its_assertions(self) -> None:
        directory = made(
            grant("ana@example.com", "tag:web", "tcp:80", srcPosture=["posture:mac", "posture:none"]),
            grant("ana@example.com", "tag:web", "tcp:81", srcPosture=["posture:mac"]),
        )
        (said,) = self.said(directory, "ana-pc", "web1")
        assert said == (
            "posture: asks for posture:mac or posture:none: posture:mac fails on node:os == 'macos' (node:os is windows), "
            "node:tsVersion IS SET (node:tsVersion is not set); posture:none is not defined"
        )

    def test_an_assertion_that_is_none_fails(self) -> None:
        directory = with_nodes(
            policy(
                grants=[grant("ana@example.com", "tag:web", "*", srcPosture=["posture:odd"])],
                postures={"posture:odd": ["node:os like 'x'"]},
                tagOwners=OWNERS,
            )
        )
        said = self.said(directory, "ana-pc", "web1")
        assert said == ["posture: asks for posture:odd: posture:odd fails on node:os like 'x' (node:os is windows)"]

    @pytest.mark.parametrize(
        ("approvers", "route", "exits"),
        [
            ({}, " (and autoApprovers.routes does not name it)", " (and autoApprovers.exitNode does not name it)"),
            (
                {"routes": {"10.0.0.0/8": ["tag:office"], "x": ["tag:office"]}, "exitNode": ["tag:office"]},
                " (autoApprovers.routes names it: it is approved when it is advertised anew)",
                " (autoApprovers.exitNode names it: it is approved when it is advertised anew)",
            ),
            (
                {"routes": {"10.1.2.0/24": ["tag:office"], "10.0.0.0/8": ["tag:web"]}, "exitNode": ["tag:web"]},
                " (and autoApprovers.routes does not name it)",
                " (and autoApprovers.exitNode does not name it)",
            ),
        ],
    )
    def test_a_route_that_nobody_approved(self, approvers: dict[str, object], route: str, exits: str) -> None:
        nodes = """{"devices": [{"name": "office", "tags": ["tag:office"], "addresses": ["100.64.0.1"],
                    "advertisedRoutes": ["10.1.0.0/16", "0.0.0.0/0", "::/0", "fd7a:115c:a1e0:b1a::/64"]}]}"""
        directory = directory_of_policy(
            policy(grants=[grant("*", "*", "*")], tagOwners=OWNERS, autoApprovers=approvers),
            read_facts(nodes, file="n").inventory,
        )
        assert self.said(directory, "ana@example.com", "10.1.1.1") == [
            f"route: office advertises 10.1.0.0/16, and nobody approved it{route}"
        ]
        assert self.said(directory, "ana@example.com", "9.9.9.9") == [
            f"route: office advertises 0.0.0.0/0, and nobody approved it{exits}"
        ]
        assert self.said(directory, "ana@example.com", "autogroup:internet") == [
            f"route: office advertises 0.0.0.0/0, and nobody approved it{exits}"
        ]
        assert ask(directory, "ana@example.com", "fd7a:115c:a1e0:b1a::1").verdict is Verdict.DENIED
        # The policy allows it, so that nothing can be added to it.
        assert ask(directory, "ana@example.com", "10.1.1.1", "tcp:1").suggestion is None

    def test_no_router_at_all(self) -> None:
        directory = made(grant("li@example.com", "192.168.0.0/16", "*"))
        assert self.said(directory, "li-pc", "192.168.1.1") == [
            "route: there is no router with an approved route to 192.168.1.1"
        ]
        suggestion = ask(made(), "li-pc", "192.168.1.1", "tcp:1").suggestion
        assert suggestion is not None
        assert suggestion.notes == ("it takes effect once a route there is approved",)
        alone = directory_of_policy(policy(grants=[]), INVENTORY_WITHOUT_EXIT)
        assert self.said(alone, "li@example.com", "9.9.9.9") == ["route: there is no exit node"]

    def test_services(self) -> None:
        directory = made(grant("*", "*", "tcp:443"))
        assert self.said(directory, "db", "svc:pay", "tcp:443") == [
            "service: db.t.ts.net hosts svc:pay, and a host does not reach its own service"
        ]
        assert (
            self.said(directory, "li-pc", "svc:pay")[0]
            == "service: svc:pay is defined with tcp:443, and not with tcp:80"
        )
        assert "no host of svc:idle is known" in ask(directory, "li-pc", "svc:idle").notes
        # Where no service is known, nothing is said of them.
        assert ask(bare(grant("*", "svc:x", "*")), "ana@example.com", "svc:x", "tcp:80").notes == ()
        assert self.said(bare(), "ana@example.com", "svc:x") == ["nothing: no entry names ana@example.com or svc:x"]

    def test_a_tag_that_is_not_defined(self) -> None:
        directory = with_nodes(policy(grants=[grant("tag:other", "tag:new", "*")], tagOwners={}))
        assert self.said(directory, "office", "tag:new") == [
            "source: is for tag:other",
            "undefined: tag:office, which office.t.ts.net wears, is not defined in tagOwners",
            "undefined: tag:new is not defined in tagOwners",
        ]

    def test_of_many_entries_some_are_named_and_the_rest_is_counted(self) -> None:
        directory = made(*(grant("li@example.com", "tag:web", f"tcp:{number}") for number in range(1, 8)))
        assert self.said(directory, "li-pc", "web1") == [
            *(f"port: opens tcp:{number} only" for number in range(1, 5)),
            "port: and 3 more of which the port does not fit",
        ]

    def test_nothing_at_all(self) -> None:
        assert self.said(made(), "li-pc", "web1") == ["nothing: no entry names li-pc.t.ts.net or web1.t.ts.net"]


class TestNotes:
    """What is said beside an answer."""

    def test_members_of_a_group_who_reach_it_by_other_selectors(self) -> None:
        one = made(grant("ana@example.com", "tag:web", "tcp:80"))
        assert ask(one, "group:dev", "tag:web").notes == ("of its members ana@example.com does, by other selectors",)
        two = made(grant("ana@example.com", "tag:web", "tcp:80"), grant("li@example.com", "tag:web", "tcp:81"))
        assert ask(two, "group:dev", "tag:web").notes == (
            "of its members ana@example.com, li@example.com do, by other selectors",
        )

    def test_strangers_and_guests(self) -> None:
        directory = made(grant("*", "tag:web", "*"))
        assert ask(directory, "cy@example.com", "tag:web").notes == (
            "cy@example.com is not among the known users of the tailnet",
        )
        assert ask(directory, "bo@elsewhere.com", "tag:web").notes == (
            "bo@elsewhere.com is of another tailnet and reaches only devices that are shared with it",
        )

    def test_addresses_and_the_internet(self) -> None:
        directory = made(grant("*", ["*", "autogroup:internet"], "*"))
        assert ask(directory, "li-pc", "100.64.9.9").notes == ("no known node has the address 100.64.9.9",)
        assert ask(directory, "li-pc", "autogroup:internet").notes == (
            "the internet is reached through exit nodes; no node is",
        )

    def test_devices_that_are_in_a_posture_are_told(self) -> None:
        directory = made(grant("ana@example.com", "tag:web", "tcp:80", srcPosture=["posture:pc"]))
        (way,) = ask(directory, "ana@example.com", "tag:web").ways
        assert (way.met_by, way.missed_by) == (("ana-pc.t.ts.net",), ("ana-mac.t.ts.net",))
        other = made(grant("li@example.com", "tag:web", "tcp:80", srcPosture=["posture:pc"]))
        (way,) = ask(other, "li@example.com", "tag:web").ways
        assert (way.met_by, way.missed_by) == ((), ())


class TestLayers:
    """Application capabilities and SSH are nothing without the network below them."""

    @pytest.mark.parametrize(
        ("grants", "is_dead"),
        [
            ([grant("li@example.com", "tag:web", app=KUBERNETES)], True),
            ([grant("li@example.com", "tag:web", "tcp:80", app=KUBERNETES)], True),
            ([grant("li@example.com", "tag:web", "tcp:443", app=KUBERNETES)], False),
            ([grant("li@example.com", "tag:web", app=KUBERNETES), grant("*", "tag:web", "443")], False),
            ([grant("li@example.com", "tag:web", app=ANOTHER)], True),
            ([grant("li@example.com", "tag:web", "udp:53", app=ANOTHER)], False),
        ],
    )
    def test_a_capability_without_its_port_is_dead(self, grants: list[dict[str, object]], *, is_dead: bool) -> None:
        (way,) = ask(made(*grants), "li-pc", "web1").capabilities
        assert way.is_dead is is_dead
        assert way.groups == (("system:masters",) if "kubernetes" in way.name else ())

    @pytest.mark.parametrize("value", [[], ["x"], [{"impersonate": []}], [{"impersonate": {"groups": "x"}}], {}])
    def test_values_that_impersonate_nobody(self, value: object) -> None:
        directory = made(grant("li@example.com", "tag:web", "*", app={"tailscale.com/cap/kubernetes": value}))
        (way,) = ask(directory, "li-pc", "web1").capabilities
        assert way.groups == ()

    def rule(self, **more: object) -> dict[str, object]:
        return {"action": "accept", "src": ["group:dev"], "dst": ["tag:web"], "users": ["root"], **more}

    def test_ssh_needs_port_22(self) -> None:
        directory = made(grant("ana@example.com", "tag:web", "tcp:22"), ssh=[self.rule()])
        (alive,) = ask(directory, "ana-mac", "web1").logins
        (dead,) = ask(directory, "li-pc", "web1").logins
        assert (alive.is_dead, dead.is_dead) == (False, True)
        assert ask(directory, "li-pc", "web1", "tcp:80").logins == ()

    def test_rules_that_check_come_first_and_postures_are_asked(self) -> None:
        rules = [
            self.rule(),
            self.rule(action="check", checkPeriod="1h", srcPosture=["posture:pc"]),
        ]
        directory = made(ssh=rules)
        logins = ask(directory, "ana@example.com", "tag:web").logins
        assert [(way.is_check, way.check_period, way.postures) for way in logins] == [
            (True, "1h", ("posture:pc",)),
            (False, "", ()),
        ]
        assert [way.is_check for way in ask(directory, "ana-mac", "web1").logins] == [False]

    def test_an_open_port_22_without_a_rule(self) -> None:
        directory = made(grant("*", "*", "tcp:22"))
        assert ask(directory, "li-pc", "web1", "tcp:22").notes == (
            "no ssh rule lets it in: where Tailscale SSH is on, the login is refused",
        )
        assert ask(directory, "li-pc", "web1").notes == ()
        assert ask(directory, "li-pc", "svc:pay", "tcp:22").logins == ()


class TestDeclared:
    """What is known of declared things beside their nodes."""

    TEXT = """
groups:
  group:ops: [ana@example.com]
machines:
  ci: {tags: [tag:ci]}
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {apiServerProxy: {mode: auth}}
    expose:
      nginx: {namespace: default, ports: [tcp:80, tcp:81], selector: {a: b}}
    ingress:
      page: {namespace: default, backend: {service: nginx, port: 80}, funnel: true}
access:
  - {name: web, from: [group:ops], to: [{exposure: blue.nginx}], ports: [tcp:80]}
  - {name: api, from: [tag:ci, li@example.com], to: [{apiServer: blue}]}
  - {name: rights, from: [group:ops], to: [{apiServer: blue}], kubernetes: {impersonate: {groups: [readers]}}}
"""
    BASE = """{"grants": [{"src": ["autogroup:member"], "dst": ["tag:k8s-blue--nginx"],
      "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["x"]}}], "example.com/x": [{}]}}]}"""

    def directory(self) -> Directory:
        tailnet = tailnet_of(self.TEXT, base=self.BASE)
        return directory_of_tailnet(tailnet, compile_policy(tailnet))

    def test_the_ports_that_a_target_offers_are_those_of_the_answer(self) -> None:
        found = ask(self.directory(), "group:ops", "blue.nginx")
        assert explanation_answer(found) == "group:ops reaches exposure blue.nginx on tcp:80, and not on tcp:81."
        beyond = ask(self.directory(), "group:ops", "blue.nginx", "tcp:22")
        assert beyond.notes == ("exposure blue.nginx offers tcp:80-81, and not tcp:22",)

    def test_only_an_api_server_reads_what_it_may_impersonate(self) -> None:
        found = ask(self.directory(), "group:ops", "blue.nginx")
        assert [way.name for way in found.capabilities] == ["example.com/x"]

    def test_funnel_is_open_to_everybody(self) -> None:
        notes = ("ingress blue.page is open to everybody on the internet, through Funnel",)
        directory = self.directory()
        assert ask(directory, "group:ops", "blue.page").notes == notes
        assert who_reaches(directory, directory.find("blue.page", Role.TARGET)).notes == notes

    @pytest.mark.parametrize(
        ("source", "notes"),
        [
            ("group:ops", ()),
            ("ci", ("no entry says as which Kubernetes groups it acts: its tags, tag:ci, stand for them",)),
            (
                "li@example.com",
                ("no entry says as which Kubernetes groups it acts: it has the rights of its own name only",),
            ),
            ("sam@example.com", ()),  # who does not reach it
        ],
    )
    def test_who_comes_to_an_api_server_without_a_group(self, source: str, notes: tuple[str, ...]) -> None:
        assert ask(self.directory(), source, "blue").notes == notes


def test_as_a_source_everyone_is_the_tailnet_and_not_an_address_beyond_it() -> None:
    entries = [grant("*", "tag:a", "tcp:80"), grant("tag:a", "*", "tcp:443")]
    directory = directory_of_policy(policy(tagOwners={"tag:a": []}, grants=entries))
    assert ask(directory, "203.0.113.7", "tag:a").verdict is Verdict.DENIED
    assert ask(directory, "tag:a", "203.0.113.7").verdict is Verdict.ALLOWED
