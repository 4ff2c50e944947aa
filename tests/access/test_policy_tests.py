"""Policy tests run as the service runs them; most cases are recordings of it, with names of our own."""

from __future__ import annotations

import pytest

from tailstack.access.inventory import NOTHING_KNOWN, Inventory, Node, User
from tailstack.access.policy import Policy
from tailstack.access.policy_tests import failure_findings, run_tests
from tailstack.access.principals import spans
from tests.access.policies import GROUPS, TAGS, grant, policy

KNOWN = Inventory(
    nodes=(
        Node(name="a", addresses=spans(["100.64.0.1"]), tags=("tag:a",)),
        Node(name="web", addresses=spans(["100.64.0.16", "fd7a:115c:a1e0::10"]), tags=("tag:web",)),
        Node(name="ana", addresses=spans(["100.64.0.3"]), user="ana@example.com"),
    ),
    users=(User(login="ana@example.com"), User(login="li@example.com")),
)
HOSTS = {"web": "100.64.0.16", "net": "10.0.0.0/8", "bad": "x"}


def with_tests(entries: list[dict[str, object]], *tests: dict[str, object], **more: object) -> Policy:
    return policy(**{"tagOwners": TAGS, "groups": GROUPS, "hosts": HOSTS, "grants": entries, "tests": [*tests], **more})


def errors(
    entry: dict[str, object], test: dict[str, object], inventory: Inventory = KNOWN, **more: object
) -> list[str]:
    return [
        error.text for failure in run_tests(with_tests([entry], test, **more), inventory) for error in failure.errors
    ]


@pytest.mark.parametrize("inventory", [NOTHING_KNOWN, KNOWN])
@pytest.mark.parametrize(
    ("entry", "test"),
    [
        (grant("ana@example.com", "tag:web", "tcp:22"), {"src": "ana@example.com", "accept": ["tag:web:22"]}),
        (grant("group:dev", "web", "tcp:22"), {"src": "group:dev", "accept": ["web:22"]}),
        (
            grant("tag:a", "100.64.0.16", "tcp:22"),
            {"src": "tag:a", "accept": ["100.64.0.16:22"], "deny": ["tag:web:23"]},
        ),
        (grant("tag:a", "fd7a:115c:a1e0::10", "tcp:22"), {"src": "tag:a", "accept": ["[fd7a:115c:a1e0::10]:22"]}),
        (grant("tag:a", "web", "udp:53"), {"src": "tag:a", "accept": ["web:53"]}),
        (grant("tag:a", "web", "udp:53"), {"src": "tag:a", "accept": ["web:53"], "proto": "udp"}),
        (grant("tag:a", "web", "tcp:443"), {"src": "tag:a", "accept": ["web:443"], "proto": "6"}),
        (grant("tag:a", "web", "tcp:443"), {"src": "tag:a", "deny": ["web:443"], "proto": "udp"}),
        (grant("tag:a", "web", "icmp:*"), {"src": "tag:a", "accept": ["web:0"], "proto": "icmp"}),
        (grant("tag:a", "svc:pay", "tcp:443"), {"src": "tag:a", "accept": ["svc:pay:443"], "deny": ["svc:else:443"]}),
        (grant("tag:a", "group:dev", "*"), {"user": "tag:a", "allow": ["group:dev:22"]}),
        (grant("autogroup:member", "tag:web", "*"), {"src": "autogroup:member", "accept": ["tag:web:22"]}),
        (grant("group:s@x.com", "tag:web", "*"), {"src": "group:s@x.com", "accept": ["tag:web:1"]}),
        (grant("tag:a", "tag:web", "*"), {"src": "tag:web", "deny": ["tag:a:1", "10.9.9.9:1"]}),
        # An address is not the other address of its node.
        (grant("tag:a", "fd7a:115c:a1e0::10", "*"), {"src": "tag:a", "deny": ["100.64.0.16:22", "web:22"]}),
        (grant("web", "tag:a", "*"), {"src": "fd7a:115c:a1e0::10", "deny": ["tag:a:22"]}),
    ],
)
def test_tests_that_hold(entry: dict[str, object], test: dict[str, object], inventory: Inventory) -> None:
    assert errors(entry, test, inventory) == []


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"src": "tag:a", "accept": ["tag:web:443"]}, ['address "tag:web:443": want: Accept, got: Drop']),
        ({"src": "tag:a", "deny": ["tag:web:22"]}, ['address "tag:web:22": want: Drop, got: Accept']),
        (
            {"src": "tag:a", "proto": "tcp", "deny": ["tag:web:22"]},
            ['address "tag:web:22" (protocol "tcp"): want: Drop, got: Accept'],
        ),
        ({"src": "tag:a", "accept": ["tag:web:22-23"]}, ['address "tag:web:22-23": needs exactly one port']),
        ({"src": "tag:a", "accept": ["tag:web:*"]}, ['address "tag:web:*": needs exactly one port']),
        ({"src": "tag:a", "accept": ["tag:web:0"]}, ['address "tag:web:0": needs exactly one port']),
        ({"src": "tag:a", "accept": ["web"]}, ['address "web": needs exactly one port']),
        ({"src": "tag:a", "accept": ["*:22"]}, ['address "*:22": not valid as the destination of a test']),
        (
            {"src": "tag:a", "accept": ["autogroup:internet:22"]},
            ['address "autogroup:internet:22": not valid as the destination of a test'],
        ),
        (
            {"src": "tag:a", "accept": ["10.0.0.0/8:22"]},
            ['address "10.0.0.0/8:22": must be a single host, not a prefix'],
        ),
        ({"src": "tag:a", "accept": ["net:22"]}, ['address "net:22": must be a single host, not a prefix']),
        ({"src": "tag:a", "accept": ["bad:22"]}, ['address "bad:22": must be a single host, not a prefix']),
        ({"src": "tag:a", "accept": ["tag:no:22"]}, ['address "tag:no:22": tag not found: "tag:no"']),
        ({"src": "tag:a", "deny": ["group:no:22"]}, ['address "group:no:22": group not found: "group:no"']),
        ({"src": "tag:a", "deny": ["phantom:22"]}, ['address "phantom:22": host name not found: "phantom"']),
        ({"src": "tag:no", "accept": ["web:22"]}, ['tag not found: "tag:no"']),
        ({"src": "autogroup:bogus", "accept": ["web:22"]}, ['autogroup not found: "autogroup:bogus"']),
        ({"src": "ghost@example.com", "accept": ["web:22"]}, ['user not found: "ghost@example.com"']),
        ({"src": "*", "accept": ["web:22"]}, ['src "*" must be a single user, group, tag, host or address']),
        ({"accept": ["web:22"]}, ["src must be specified"]),
        ({"src": "tag:a"}, ["a test needs accept or deny"]),
        ({"src": "tag:a", "proto": "nope", "accept": ["web:22"]}, ['unknown protocol "nope"']),
    ],
)
def test_tests_that_fail(test: dict[str, object], expected: list[str]) -> None:
    assert errors(grant("tag:a", "tag:web", "tcp:22"), test) == expected


def test_one_device_of_a_user_is_not_the_user() -> None:
    two = Inventory(nodes=(*KNOWN.nodes, Node(name="ana2", addresses=spans(["100.64.0.4"]), user="ana@example.com")))
    entry = grant("100.64.0.3", "tag:web", "tcp:22")
    assert errors(entry, {"src": "ana@example.com", "accept": ["tag:web:22"]}, KNOWN) == []
    assert len(errors(entry, {"src": "ana@example.com", "accept": ["tag:web:22"]}, two)) == 1
    assert len(errors(entry, {"src": "ana@example.com", "deny": ["tag:web:22"]}, two)) == 1


def test_a_group_is_each_of_its_members() -> None:
    entry = grant("ana@example.com", "tag:web", "tcp:22")
    for inventory in (NOTHING_KNOWN, KNOWN):
        test: dict[str, object] = {"src": "group:dev", "deny": ["tag:web:22"]}
        assert len(errors(entry, test, inventory)) == 1
    assert errors(entry, {"src": "group:dev", "accept": ["tag:web:22"]}, NOTHING_KNOWN) != []


def test_entries_with_a_posture_count_where_the_test_gives_attributes_that_meet_it() -> None:
    entry = grant("tag:a", "tag:web", "tcp:22", srcPosture=["posture:mac"])
    postures = {"posture:mac": ["node:os == 'macos'"]}
    test: dict[str, object] = {"src": "tag:a", "accept": ["tag:web:22"]}
    assert errors(entry, test, postures=postures) != []
    assert errors(entry, test | {"srcPostureAttrs": {"node:os": "linux", "x:y": [1]}}, postures=postures) != []
    assert errors(entry, test | {"srcPostureAttrs": {"node:os": "macos"}}, postures=postures) == []


def test_tags_that_no_node_wears_fail_only_where_nodes_are_needed() -> None:
    read = with_tests([grant("tag:b", "tag:web", "tcp:22")], {"src": "tag:b", "accept": ["tag:web:22"]})
    assert run_tests(read, KNOWN) == ()
    (failure,) = run_tests(read, KNOWN, nodes_needed=True)
    assert [error.text for error in failure.errors] == ['address "tag:web:22": resolves to no node']
    worn = with_tests([grant("tag:a", "tag:web", "tcp:22")], {"src": "tag:a", "accept": ["tag:web:22", "web:22"]})
    assert run_tests(worn, KNOWN, nodes_needed=True) == ()


def test_failures_are_told_as_the_service_tells_them_and_with_their_places() -> None:
    failures = run_tests(with_tests([], {"src": "tag:a", "accept": ["web:1", "web:2"]}, {"deny": ["web:1"]}))
    assert [(failure.src, [error.text for error in failure.errors]) for failure in failures] == [
        ("tag:a", ['address "web:1": want: Accept, got: Drop', 'address "web:2": want: Accept, got: Drop']),
        ("", ["src must be specified"]),
    ]
    findings = failure_findings(failures)
    assert [finding.message for finding in findings] == [
        'from tag:a: address "web:1": want: Accept, got: Drop',
        'from tag:a: address "web:2": want: Accept, got: Drop',
        "from nobody: src must be specified",
    ]
    assert findings[0].places[0] < findings[1].places[0]


class TestSsh:
    def errors(self, rules: list[dict[str, object]], inventory: Inventory = KNOWN, **test: object) -> list[str]:
        whole = {"src": "ana@example.com", "dst": ["tag:web"], **test}
        read = with_tests([], ssh=rules, sshTests=[whole])
        return [error.text for failure in run_tests(read, inventory) for error in failure.errors]

    def rule(self, *users: str, **more: object) -> dict[str, object]:
        return {"action": "accept", "src": ["ana@example.com"], "dst": ["tag:web"], "users": [*users], **more}

    def test_logins_that_are_allowed(self) -> None:
        assert self.errors([self.rule("root")], accept=["root"], deny=["ubuntu"]) == []
        assert self.errors([self.rule("root")], NOTHING_KNOWN, accept=["root"]) == []
        assert self.errors([self.rule("autogroup:nonroot")], accept=["alice"], deny=["root"]) == []
        assert self.errors([self.rule("localpart:*@example.com")], accept=["ana"], deny=["li"]) == []
        assert self.errors([self.rule("root")], accept=["root"], dst=["web", "100.64.0.16"]) == []
        assert self.errors([self.rule("root")], accept=["root"], src="100.64.0.3") == []
        assert self.errors([self.rule("root", action="check")], check=["root"], accept=["root"]) == []

    def test_own_devices(self) -> None:
        own = self.rule("root", src=["autogroup:member"], dst=["autogroup:self"])
        assert self.errors([own], accept=["root"], dst=["ana@example.com"]) == []
        assert self.errors([own], deny=["root"], dst=["li@example.com"]) == []

    def test_logins_that_are_not_as_wanted(self) -> None:
        rule = self.rule("root")
        assert self.errors([rule], accept=["ubuntu"]) == [
            'address "tag:web" (user "ubuntu"): want: accept, got: denied'
        ]
        assert self.errors([rule], deny=["root"]) == ['address "tag:web" (user "root"): want: deny, got: accept']
        assert self.errors([rule], check=["root"]) == ['address "tag:web" (user "root"): want: check, got: accept']
        assert self.errors([rule, self.rule("root", action="check")], deny=["root"]) == [
            'address "tag:web" (user "root"): want: deny, got: check'
        ]
        assert self.errors([rule]) == ["an SSH test needs accept, check or deny"]
        assert self.errors([rule], accept=[""]) == ['address "tag:web" (user ""): want: accept, got: no user']
        assert self.errors([rule], accept=["root"], src="tag:no") == ['tag not found: "tag:no"']
        assert self.errors([rule], accept=["root"], dst=["tag:no"]) == [
            'address "tag:no" (user "root"): want: accept, got: tag not found: "tag:no"'
        ]
        assert self.errors([rule], accept=["root"], dst=["fd7a:115c:a1e0::10"]) == [
            'address "fd7a:115c:a1e0::10" (user "root"): want: accept, got: an IPv6 address'
        ]

    def test_rules_with_a_posture_count_only_where_it_is_met(self) -> None:
        rule = self.rule("root", srcPosture=["posture:mac"])
        read = with_tests(
            [],
            postures={"posture:mac": ["node:os == 'macos'"]},
            ssh=[rule],
            sshTests=[
                {"src": "ana@example.com", "dst": ["tag:web"], "deny": ["root"]},
                {
                    "src": "ana@example.com",
                    "dst": ["tag:web"],
                    "accept": ["root"],
                    "srcPostureAttrs": {"node:os": "macos"},
                },
            ],
        )
        assert run_tests(read, KNOWN) == ()
