"""Who reaches what: every kind of selector, postures, capabilities, and the entries that say so."""

from __future__ import annotations

import pytest

from tailstack.access.entries import entries
from tailstack.access.evaluate import Access, Verdict, who_reaches
from tailstack.access.inventory import Inventory, Node, Service, User
from tailstack.access.ports import EVERYTHING, PortError
from tailstack.access.principals import spans
from tailstack.access.reading import read_policy
from tests.access.policies import GROUPS, TAGS, grant, policy

WEB = Node(name="web-1", addresses=spans(["100.64.0.1", "fd7a:115c:a1e0::1"]), tags=("tag:web",))
ROUTER = Node(
    name="router",
    addresses=spans(["100.64.0.2"]),
    tags=("tag:router",),
    routes=spans(["10.0.0.0/16", "0.0.0.0/0", "::/0"]),
)
LAPTOP = Node(name="ana-mac", addresses=spans(["100.64.0.3"]), user="ana@example.com", attributes={"node:os": "macos"})
PHONE = Node(name="ana-phone", addresses=spans(["100.64.0.4"]), user="ana@example.com")
OTHER = Node(name="li-linux", addresses=spans(["100.64.0.5"]), user="li@example.com", attributes={"node:os": "linux"})
GUEST = Node(name="guest", addresses=spans(["100.64.0.6"]), user="guest@other.org")
NOBODY = Node(name="new", addresses=spans(["100.64.0.7"]))
TAILNET = Inventory(
    nodes=(WEB, ROUTER, LAPTOP, PHONE, OTHER, GUEST, NOBODY),
    users=(
        User(login="ana@example.com", roles=frozenset({"admin"})),
        User(login="li@example.com"),
        User(login="guest@other.org", is_shared=True),
    ),
    services=(Service(name="svc:pay", addresses=spans(["100.99.0.1"])),),
    groups={"group:synced@example.com": ("li@example.com",)},
)


def access(*grants: dict[str, object], **sections: object) -> Access:
    whole: dict[str, object] = {"tagOwners": TAGS, "groups": GROUPS, "grants": [*grants], **sections}
    return Access(policy(**whole), TAILNET)


@pytest.mark.parametrize(
    ("src", "dst", "who", "what", "expected"),
    [
        ("tag:a", "tag:web", "tag:a", "web-1", True),
        ("tag:a", "tag:web", "tag:b", "web-1", False),
        ("tag:web", "tag:a", "tag:a", "web-1", False),
        ("*", "*", "tag:a", "web-1", True),
        ("*", "*", "guest", "10.0.0.1", True),
        ("ana@example.com", "tag:web", "ana-mac", "web-1", True),
        ("ana@example.com", "tag:web", "li-linux", "web-1", False),
        ("group:dev", "tag:web", "ana-mac", "web-1", True),
        ("group:dev", "tag:web", "group:dev", "tag:web", True),
        (["ana@example.com", "li@example.com"], "tag:web", "group:dev", "web-1", True),
        ("ana@example.com", "tag:web", "group:dev", "web-1", False),
        ("group:nobody", "tag:web", "group:nobody", "web-1", True),
        ("group:nobody", "tag:web", "ana-mac", "web-1", False),
        ("group:synced@example.com", "tag:web", "li-linux", "web-1", True),
        ("group:elsewhere@example.com", "tag:web", "li-linux", "web-1", False),
        ("autogroup:member", "tag:web", "group:elsewhere@example.com", "web-1", True),
        ("autogroup:member", "tag:web", "ana-mac", "web-1", True),
        ("autogroup:members", "tag:web", "ana-mac", "web-1", True),
        ("autogroup:member", "tag:web", "guest", "web-1", False),
        ("autogroup:member", "tag:web", "tag:a", "web-1", False),
        ("autogroup:member", "tag:web", "autogroup:admin", "web-1", True),
        ("autogroup:admin", "tag:web", "autogroup:member", "web-1", False),
        ("autogroup:admin", "tag:web", "ana-mac", "web-1", True),
        ("autogroup:admin", "tag:web", "li-linux", "web-1", False),
        ("autogroup:shared", "tag:web", "guest", "web-1", True),
        ("autogroup:tagged", "tag:web", "web-1", "web-1", True),
        ("autogroup:tagged", "tag:web", "new", "web-1", False),
        ("*", "tag:web", "new", "web-1", True),
        ("user:*@example.com", "tag:web", "ana-mac", "web-1", True),
        ("user:*@example.com", "tag:web", "user:*@example.com", "web-1", True),
        ("autogroup:member", "tag:web", "user:*@example.com", "web-1", True),
        ("autogroup:danger-all", "tag:web", "203.0.113.9", "web-1", True),
        ("*", "tag:web", "203.0.113.9", "web-1", False),
        ("*", "tag:web", "10.0.0.9", "web-1", True),
        ("100.64.0.3", "tag:web", "ana-mac", "web-1", True),
        ("100.64.0.3", "tag:web", "ana-phone", "web-1", False),
        ("100.64.0.0/24", "tag:web", "ana-mac", "web-1", True),
        ("10.0.0.0/8", "tag:web", "10.0.1.0/24", "web-1", True),
        ("10.0.1.0/24", "tag:web", "10.0.0.0/8", "web-1", False),
        ("tag:a", "100.64.0.1", "tag:a", "web-1", True),
        ("tag:a", "[fd7a:115c:a1e0::1]", "tag:a", "web-1", True),
        ("tag:a", "tag:web", "tag:a", "100.64.0.1", True),
        ("tag:a", "10.0.0.0/16", "tag:a", "10.0.0.7", True),
        ("tag:a", "10.0.0.0/16", "tag:a", "router", False),
        ("tag:a", "autogroup:internet", "tag:a", "8.8.8.8", True),
        ("tag:a", "autogroup:internet", "tag:a", "10.0.0.7", False),
        ("tag:a", "svc:pay", "tag:a", "svc:pay", True),
        ("tag:a", "100.99.0.1", "tag:a", "svc:pay", True),
        ("tag:a", "svc:pay", "tag:a", "svc:other", False),
        ("autogroup:member", "autogroup:self", "ana-mac", "ana-phone", True),
        ("autogroup:member", "autogroup:self", "ana-mac", "li-linux", False),
        ("*", "autogroup:self", "web-1", "web-1", False),
        ("autogroup:member", "autogroup:self", "ana@example.com", "autogroup:self", True),
        ("autogroup:member", "autogroup:member", "ana-mac", "autogroup:self", True),
        ("tag:a", "autogroup:member", "tag:a", "ana-mac", True),
        ("tag:a", "group:dev", "tag:a", "li-linux", True),
        ("tag:a", "group:dev", "tag:a", "guest", False),
        ("tag:a", "tag:web", "nothing-known", "web-1", False),
    ],
)
def test_selectors(src: str | list[str], dst: str, who: str, what: str, *, expected: bool) -> None:
    found = access(grant(src, dst, "tcp:443")).reach(who, what, "tcp", 443)
    assert found.verdict is (Verdict.ALLOWED if expected else Verdict.DENIED)
    assert bool(found.matches) is expected


DEFINED = {
    "hosts": {"db": "10.0.0.5", "net": "10.0.0.0/8"},
    "ipsets": {
        "ipset:twice": ["ipset:more", "ipset:more"],
        "ipset:db": ["add host:net", "remove 10.0.0.0/24", "ipset:more"],
        "ipset:more": ["10.0.0.5", "nonsense", "host:none"],
        "ipset:odd": ["10.0.0.1-10.0.0.6"],
        "ipset:net": ["autogroup:internet", "remove 8.8.8.8"],
        "ipset:loop": ["ipset:loop", "10.9.9.9"],
    },
}


@pytest.mark.parametrize(
    ("dst", "what", "expected"),
    [
        ("db", "10.0.0.5", True),
        ("db", "db", True),
        ("net", "db", True),
        ("db", "net", False),
        ("ipset:db", "10.0.0.5", True),
        ("ipset:db", "10.0.0.6", False),
        ("ipset:db", "10.2.0.0/16", True),
        ("ipset:db", "10.0.0.0/16", False),
        ("ipset:db", "ipset:more", True),
        ("ipset:odd", "10.0.0.6", True),
        ("ipset:odd", "10.0.0.7", False),
        ("ipset:net", "9.9.9.9", True),
        ("ipset:net", "8.8.8.8", False),
        ("ipset:loop", "10.9.9.9", True),
        ("ipset:none", "10.9.9.9", False),
        ("ipset:twice", "ipset:twice", True),
        ("none", "10.9.9.9", False),
        ("none", "none", True),
    ],
)
def test_hosts_and_ip_sets(dst: str, what: str, *, expected: bool) -> None:
    answer = access(grant("tag:a", dst, "*"), **DEFINED).reach("tag:a", what, "udp", 53)
    assert (answer.verdict is Verdict.ALLOWED) is expected


def test_protocols_and_ports() -> None:
    found = access(grant("tag:a", "tag:web", "tcp:80-90", "icmp:*"))
    assert found.reach("tag:a", "tag:web", "tcp", 85).verdict is Verdict.ALLOWED
    assert found.reach("tag:a", "tag:web", 6, 91).verdict is Verdict.DENIED
    assert found.reach("tag:a", "tag:web", "udp", 85).verdict is Verdict.DENIED
    assert found.reach("tag:a", "tag:web", "icmp").verdict is Verdict.ALLOWED
    with pytest.raises(PortError):
        found.reach("tag:a", "tag:web", "nope")


POSTURES = {"posture:mac": ["node:os == 'macos'"], "posture:linux": ["node:os == 'linux'"], "posture:wrong": ["?"]}


class TestPostures:
    def verdict(self, who: str, postures: list[str], **sections: object) -> Verdict:
        entry = grant("*", "tag:web", "*", **({"srcPosture": postures} if postures else {}))
        return access(entry, postures=POSTURES, **sections).reach(who, "web-1", "tcp", 1).verdict

    def test_known_attributes_decide(self) -> None:
        assert self.verdict("ana-mac", ["posture:mac"]) is Verdict.ALLOWED
        assert self.verdict("li-linux", ["posture:mac"]) is Verdict.DENIED
        assert self.verdict("li-linux", ["posture:mac", "posture:linux"]) is Verdict.ALLOWED

    def test_unknown_attributes_leave_a_condition(self) -> None:
        assert self.verdict("ana-phone", ["posture:mac"]) is Verdict.CONDITIONAL
        assert self.verdict("group:dev", ["posture:mac"]) is Verdict.CONDITIONAL
        entry = grant("*", "tag:web", "*", srcPosture=["posture:mac", "posture:linux"])
        answer = access(entry, postures=POSTURES).reach("group:dev", "web-1", "tcp", 1)
        assert answer.postures == ("posture:mac", "posture:linux")
        assert access(grant("*", "tag:web", "*")).reach("group:dev", "web-1", "tcp", 1).postures == ()

    def test_an_entry_without_a_condition_answers_alone(self) -> None:
        both = access(
            grant("*", "tag:web", "*", srcPosture=["posture:mac"]),
            grant("*", "tag:web", "tcp:1"),
            postures=POSTURES,
        )
        answer = both.reach("group:dev", "web-1", "tcp", 1)
        assert answer.verdict is Verdict.ALLOWED
        assert [match.entry.place.column for match in answer.matches] == [both.entries[1].place.column]

    def test_no_device_is_in_a_posture_that_cannot_be_read_or_found(self) -> None:
        assert self.verdict("ana-mac", ["posture:wrong"]) is Verdict.DENIED
        assert self.verdict("ana-mac", ["posture:none"]) is Verdict.DENIED

    def test_the_default_holds_where_an_entry_names_none(self) -> None:
        assert self.verdict("li-linux", [], defaultSrcPosture=["posture:mac"]) is Verdict.DENIED
        assert self.verdict("li-linux", ["posture:linux"], defaultSrcPosture=["posture:mac"]) is Verdict.ALLOWED

    def test_guests_and_machines_behind_a_router_are_not_asked(self) -> None:
        assert self.verdict("guest", ["posture:mac"]) is Verdict.ALLOWED
        assert self.verdict("10.0.0.9", ["posture:mac"]) is Verdict.ALLOWED
        assert self.verdict("100.64.9.9", ["posture:mac"]) is Verdict.CONDITIONAL


class TestCapabilities:
    CAP = "tailscale.com/cap/kubernetes"

    def test_values_of_several_entries_come_together_and_open_no_port(self) -> None:
        found = access(
            grant("tag:a", "tag:web", app={self.CAP: [{"x": 1}], "a.b/c": None}),
            grant("*", "tag:web", app={self.CAP: [{"x": 2}]}),
        )
        assert found.capabilities("tag:a", "web-1") == {self.CAP: ({"x": 1}, {"x": 2}), "a.b/c": ()}
        assert found.reach("tag:a", "web-1", "tcp", 443).verdict is Verdict.DENIED

    def test_those_under_a_posture_count_where_it_is_met(self) -> None:
        postures = {"posture:mac": ["node:os == 'macos'"]}
        found = access(grant("*", "tag:web", app={self.CAP: [1]}, srcPosture=["posture:mac"]), postures=postures)
        assert found.capabilities("tag:a", "web-1") == {}
        assert found.capabilities("tag:a", "web-1", met=frozenset({"posture:mac"})) == {self.CAP: (1,)}


class TestLists:
    def test_who_reaches_a_node_and_why(self) -> None:
        found = access(
            grant(["group:dev", "tag:a"], ["tag:web", "tag:b"], "tcp:443"),
            grant("*", "tag:b", "*"),
            grant("autogroup:member", "autogroup:self", "tcp:22"),
        )
        (line,) = found.who_reaches("web-1")
        assert (line.src, line.dst, str(line.ports)) == (("group:dev", "tag:a"), ("tag:web", "tag:b"), "tcp:443")
        assert line.entry.place == found.entries[0].place
        assert [line.src for line in found.who_reaches("ana-mac")] == [("autogroup:member",)]
        assert who_reaches(found.policy, TAILNET, "web-1") == found.who_reaches("web-1")

    def test_what_a_source_reaches(self) -> None:
        postures = {"posture:mac": ["node:os == 'macos'"]}
        found = access(
            grant("group:dev", "tag:web", "tcp:443", srcPosture=["posture:mac"]),
            grant("tag:a", "tag:b", "*"),
            postures=postures,
        )
        assert [(line.dst, line.postures) for line in found.what_reaches("ana-mac")] == [(("tag:web",), ())]
        assert [(line.dst, line.postures) for line in found.what_reaches("ana-phone")] == [
            (("tag:web",), ("posture:mac",))
        ]
        assert found.what_reaches("li-linux") == ()

    def test_a_principal_is_taken_as_it_is(self) -> None:
        found = access(grant("tag:a", "tag:web", "*"))
        principal = found.principal(WEB)
        assert found.principal(principal) is principal
        assert principal.name == "web-1"


class TestEntries:
    def test_an_acl_with_several_ports_is_several_entries(self) -> None:
        read = policy(
            acls=[{"action": "accept", "src": ["*"], "dst": ["tag:a:22", "tag:b:22", "tag:web:443", "tag:web:x"]}]
        )
        found = [(tuple(target.name for target in entry.dst), str(entry.ports)) for entry in entries(read)]
        assert found == [(("tag:a", "tag:b"), "22"), (("tag:web",), "443")]
        assert Access(read).reach("tag:a", "tag:b", "tcp", 443).verdict is Verdict.DENIED

    def test_acls_and_grants_add_up(self) -> None:
        read = policy(
            acls=[{"action": "accept", "src": ["tag:a"], "dst": ["tag:web:22"], "srcPosture": ["posture:x"]}],
            grants=[grant("tag:a", "tag:web", "tcp:1", "bogus")],
        )
        assert [(entry.is_acl, entry.postures) for entry in entries(read)] == [(False, ()), (True, ("posture:x",))]

    def test_neither_section_allows_everything_and_an_empty_one_nothing(self) -> None:
        (entry,) = entries(read_policy("{}"))
        assert entry.ports == EVERYTHING
        assert Access(policy(groups={})).reach("tag:a", "tag:b", "tcp", 1).verdict is Verdict.ALLOWED
        assert Access(policy(grants=[])).reach("tag:a", "tag:b", "tcp", 1).verdict is Verdict.DENIED


def test_a_node_knows_what_it_routes() -> None:
    assert ROUTER.is_exit_node
    assert [str(route) for route in ROUTER.subnet_routes] == ["10.0.0.0/16"]
    assert not WEB.is_exit_node


def test_selectors_and_texts_show_as_they_are_read() -> None:
    found = access(grant(" autogroup:members ", "tag:web", "*", srcPosture=["posture:x"]))
    assert str(found.entries[0].src[0]) == "autogroup:member"
    assert found.policy.grants is not None
    assert str(found.policy.grants[0].src_posture[0]) == "posture:x"


def test_as_a_destination_everything_is_every_address_and_as_a_source_only_the_tailnet() -> None:
    access = Access(policy(grants=[grant("tag:a", "*", "tcp:443"), grant("*", "tag:a", "tcp:80")]))
    assert access.reach("tag:a", "203.0.113.7", "tcp", 443).verdict is Verdict.ALLOWED
    assert access.reach("203.0.113.7", "tag:a", "tcp", 80).verdict is Verdict.DENIED
    assert len(access.who_reaches("203.0.113.7")) == 1
