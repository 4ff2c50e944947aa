"""What is derived of everything that the operator and the tailnet can have, and what the policy then lets through."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tailstack.access import hujson
from tailstack.access.compile import CompiledPolicy, compile_policy
from tailstack.access.evaluate import Access, Verdict
from tailstack.access.inventory import Node
from tailstack.access.nodes import declared_nodes, inventory_of
from tailstack.access.policy_tests import run_tests
from tailstack.access.reading import read_policy
from tailstack.access.validate import validate
from tailstack.topology.custom import ProxyGroupKind
from tailstack.topology.declaration import SshAction
from tailstack.topology.extras import Extras, Key
from tailstack.topology.tailnet import HTTPS, Address, Cluster, DestinationKind, Port, Tailnet
from tests.access import declared as d

API = ProxyGroupKind.KUBE_API_SERVER


def compiled(tailnet: Tailnet) -> CompiledPolicy:
    """The policy, which is canonical, which Tailscale takes, whose tests hold, and which reads as what it was typed as."""
    policy = compile_policy(tailnet)
    assert hujson.format(policy.text) == policy.text
    assert [finding for finding in validate(policy.policy) if finding.is_error] == []
    assert run_tests(policy.policy) == ()
    assert run_tests(policy.policy, inventory_of(declared_nodes(tailnet))) == ()
    read = read_policy(policy.text, file=policy.policy.file)
    for field in ("grants", "ssh", "ssh_tests", "tests", "tag_owners", "node_attributes", "auto_approvers"):
        assert getattr(read, field) == getattr(policy.policy, field)
    return policy


def section(policy: CompiledPolicy, name: str) -> Any:  # noqa: ANN401 -- any JSON
    return cast("dict[str, Any]", hujson.to_python(hujson.parse(policy.text).root)).get(name)


def grants(policy: CompiledPolicy) -> list[dict[str, Any]]:
    return section(policy, "grants") or []


def reaches(policy: CompiledPolicy, who: str, where: str | Node, port: int) -> bool:
    return Access(policy.policy).reach(who, where, "tcp", port).verdict is Verdict.ALLOWED


def payments(*names: str) -> tuple[Cluster, ...]:
    """Clusters that each serve svc:payments by a group of their own."""
    return tuple(
        d.cluster(
            name,
            proxy_groups=(d.group(f"{name}.in"),),
            exposures=(
                d.exposure(
                    f"{name}.payments",
                    hostname="payments",
                    tags=("tag:svc-payments",),
                    proxy_group="in",
                    is_shared=True,
                ),
            ),
        )
        for name in names
    )


class TestServices:
    def test_a_shared_service_is_owned_approved_and_granted_by_its_name(self) -> None:
        clusters = payments("blue", "green")
        service = d.service(*(cluster.exposures[0] for cluster in clusters))
        to = d.destination(DestinationKind.SERVICE, "svc:payments", "svc:payments", ports=service.ports)
        out = d.cluster("red", egresses=(d.egress("red.pay", service),))
        tailnet = d.tailnet(*clusters, out, services=(service,), access=(d.access("shop", "group:dev", to),))
        policy = compiled(tailnet)
        assert section(policy, "tagOwners")["tag:svc-payments"] == ["tag:k8s-op-blue", "tag:k8s-op-green"]
        assert "// worn by service svc:payments\n" in policy.text
        hosts = ["tag:k8s-blue--in", "tag:k8s-green--in"]
        assert section(policy, "autoApprovers") == {"services": {"svc:payments": hosts, "tag:svc-payments": hosts}}
        assert grants(policy) == [
            {"src": ["group:dev"], "dst": ["svc:payments"], "ip": ["tcp:5432"]},
            {"src": ["tag:k8s-red--pay"], "dst": ["svc:payments"], "ip": ["tcp:5432"]},
        ]
        assert "// link: red.pay -> svc:payments\n" in policy.text
        assert reaches(policy, "ana@example.com", "svc:payments", 5432)
        assert not reaches(policy, "li@example.com", "svc:payments", 5432)
        assert not reaches(policy, "ana@example.com", "svc:payments", 80)
        assert not reaches(policy, "ana@example.com", "tag:k8s-blue--in", 5432)
        assert [(test["src"], test.get("accept"), test.get("deny")) for test in section(policy, "tests")] == [
            ("group:dev", ["svc:payments:5432"], None),
            ("tag:k8s-red--pay", ["svc:payments:5432"], None),
            ("group:ops", None, ["svc:payments:5432"]),
        ]

    def test_machines_serve_one_whose_tags_nobody_but_admins_gives(self) -> None:
        machines = (d.machine("db1", "tag:db", "tag:db1"), d.machine("db2", "tag:db"))
        service = d.service(name="svc:db", machines=machines)
        policy = compiled(d.tailnet(machines=machines, services=(service,)))
        assert section(policy, "tagOwners")["tag:svc-db"] == []
        assert section(policy, "autoApprovers")["services"]["svc:db"] == ["tag:db1", "tag:db"]

    def test_what_a_group_serves_is_one_by_its_own_name(self) -> None:
        web = d.ingress("blue.web", proxy_group="in", tags=("tag:web", "tag:own"))
        db = d.exposure("blue.db", proxy_group="in")
        lost = d.exposure("blue.lost", proxy_group="gone")
        elsewhere = d.group("blue.elsewhere", tailnet="other")
        there = d.exposure("blue.there", proxy_group="elsewhere")
        groups = (d.group("blue.in", tags=("tag:in",)), elsewhere)
        blue = d.cluster("blue", proxy_groups=groups, ingresses=(web,), exposures=(db, lost, there))
        green = d.cluster(
            "green",
            egresses=(
                d.egress("green.web", web, HTTPS),
                d.egress("green.named", Address(fqdn=f"blue-db.{d.DOMAIN}")),
                d.egress("green.unknown", Address(fqdn=f"what.{d.DOMAIN}")),
            ),
        )
        policy = compiled(d.tailnet(blue, green))
        assert section(policy, "autoApprovers") == {
            "services": {"svc:blue-db": ["tag:in"], "svc:blue-web": ["tag:in"]},
        }
        owners = section(policy, "tagOwners")
        assert (owners["tag:own"], owners["tag:k8s-blue--db"]) == (["tag:k8s-op-blue"], ["tag:k8s-op-blue"])
        assert [grant["dst"] for grant in grants(policy)] == [["svc:blue-web"], ["svc:blue-db"]]

    def test_tags_of_keys_are_for_admins_to_give(self) -> None:
        key = Key(
            name="runners",
            tags=("tag:runner",),
            reusable=True,
            ephemeral=True,
            preauthorized=True,
            expiry=None,
            description="",
            place=d.place(),
        )
        policy = compiled(d.tailnet(extras=Extras(keys=(key,))))
        assert section(policy, "tagOwners") == {"tag:runner": []}
        assert "// worn by devices that join by key runners\n" in policy.text


class TestRoutes:
    def test_routes_are_approved_for_their_routers_and_granted_through_them(self) -> None:
        office = d.connector("blue.office", "10.0.0.0/16", "fd7a:115c:a1e0:b1a:0:7:a00:0/112", tags=("tag:k", "tag:o"))
        spare = d.machine("spare", "tag:spare", routes=("10.0.0.0/16",))
        other = d.connector("blue.there", "10.9.0.0/16", tailnet="other")
        more = d.machine("more", "tag:k")
        to = [
            d.destination(DestinationKind.CONNECTOR, "blue.office", route, via=office.tags, ports=(HTTPS,))
            for route in office.routes
        ]
        part = d.destination(
            DestinationKind.ROUTE, "10.0.1.0/24", "10.0.1.0/24", via=("tag:o", "tag:spare"), ports=(HTTPS,)
        )
        blue = d.cluster("blue", connectors=(office, other), egresses=(d.egress("blue.db", Address(ip="10.0.9.9")),))
        entries = (d.access("all", "group:dev", *to), d.access("part", "group:ops", part))
        policy = compiled(d.tailnet(blue, machines=(spare, more), access=entries))
        assert section(policy, "autoApprovers") == {
            "routes": {"10.0.0.0/16": ["tag:o", "tag:spare"], "fd7a:115c:a1e0:b1a:0:7:a00:0/112": ["tag:o"]}
        }
        assert "// connector blue.office, machine spare\n" in policy.text
        assert grants(policy) == [
            {"src": ["group:dev"], "dst": list(office.routes), "via": ["tag:o"], "ip": ["tcp:443"]},
            {"src": ["group:ops"], "dst": ["10.0.1.0/24"], "via": ["tag:o", "tag:spare"], "ip": ["tcp:443"]},
            {"src": ["tag:k8s-blue--db"], "dst": ["10.0.9.9"], "ip": ["tcp:5432"]},
        ]
        assert reaches(policy, "li@example.com", "10.0.1.7", 443)
        assert not reaches(policy, "li@example.com", "10.0.2.7", 443)
        # A test cannot say through whom.
        assert [test["accept"] for test in section(policy, "tests")] == [["10.0.9.9:5432"]]

    def test_exit_nodes_are_approved_as_such_and_answer_lookups_of_names(self) -> None:
        out = d.connector("blue.out", exit_node=True)
        all_of_it = d.machine("exit", routes=("0.0.0.0/0", "::/0"))
        second = d.machine("second", "tag:exit", exit_node=True)
        web = d.destination(DestinationKind.EXIT_NODE, "blue.out", "autogroup:internet", via=out.tags, ports=(HTTPS,))
        every = d.destination(DestinationKind.EXIT_NODE, "exit", "autogroup:internet", via=("tag:exit",))
        entries = (d.access("web", "group:dev", web), d.access("every", "group:ops", every))
        blue = d.cluster("blue", connectors=(out,))
        policy = compiled(d.tailnet(blue, machines=(all_of_it, second), access=entries))
        assert section(policy, "autoApprovers") == {"exitNode": ["tag:k8s-blue--out", "tag:exit"]}
        assert "// machine exit, machine second\n" in policy.text
        assert grants(policy) == [
            {
                "src": ["group:dev"],
                "dst": ["autogroup:internet"],
                "via": ["tag:k8s-blue--out"],
                "ip": ["tcp:443", "tcp:53"],
            },
            {"src": ["group:ops"], "dst": ["autogroup:internet"], "via": ["tag:exit"], "ip": ["*"]},
        ]
        assert reaches(policy, "group:dev", "autogroup:internet", 443)
        assert not reaches(policy, "group:dev", "autogroup:internet", 80)

    def test_domains_of_app_connectors_and_the_routes_that_they_turn_out_to_need(self) -> None:
        anywhere = d.connector("blue.hub", domains=d.app("github.com", "*.github.com"))
        known = d.machine("saas", app_connector=d.app("crm.example.com", routes=("192.0.2.0/24",)))
        to = d.destination(DestinationKind.APP_CONNECTOR, "blue.hub", "autogroup:internet", via=anywhere.tags)
        dns = (Port("tcp", 53, 53), Port("udp", 53, 53))
        names = d.destination(DestinationKind.APP_CONNECTOR, "blue.hub", *anywhere.tags, ports=dns)
        elsewhere = d.connector("blue.there", domains=d.app("example.com"), tailnet="other")
        blue = d.cluster("blue", connectors=(anywhere, elsewhere))
        policy = compiled(d.tailnet(blue, machines=(known,), access=(d.access("hub", "group:dev", to, names),)))
        assert section(policy, "nodeAttrs") == [
            {
                "target": ["*"],
                "app": {
                    "tailscale.com/app-connectors": [
                        {
                            "name": "blue.hub",
                            "connectors": ["tag:k8s-blue--hub"],
                            "domains": ["github.com", "*.github.com"],
                        }
                    ]
                },
            },
            {
                "target": ["*"],
                "app": {
                    "tailscale.com/app-connectors": [
                        {
                            "name": "saas",
                            "connectors": ["tag:saas"],
                            "domains": ["crm.example.com"],
                            "routes": ["192.0.2.0/24"],
                        }
                    ]
                },
            },
        ]
        assert section(policy, "autoApprovers") == {
            "routes": {
                "0.0.0.0/0": ["tag:k8s-blue--hub"],
                "::/0": ["tag:k8s-blue--hub"],
                "192.0.2.0/24": ["tag:saas"],
            }
        }
        assert "// connector blue.hub, whose domains may have any address\n" in policy.text
        assert grants(policy) == [
            {"src": ["group:dev"], "dst": ["autogroup:internet"], "via": ["tag:k8s-blue--hub"], "ip": ["*"]},
            {"src": ["group:dev"], "dst": ["tag:k8s-blue--hub"], "ip": ["tcp:53", "udp:53"]},
        ]


class TestApiServers:
    def test_a_highly_available_one_is_reached_by_its_service_and_gives_rights_by_its_nodes(self) -> None:
        group = d.group("blue.api", API)
        entry = d.access("look", "group:dev", d.to_api_server("blue", group), kubernetes=d.rights("readers"))
        policy = compiled(d.tailnet(d.cluster("blue", proxy_groups=(group,)), access=(entry,)))
        assert grants(policy) == [
            {"src": ["group:dev"], "dst": ["svc:blue-api"], "ip": ["tcp:443"]},
            {
                "src": ["group:dev"],
                "dst": ["tag:k8s-blue--api"],
                "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["readers"]}}]},
            },
        ]
        assert section(policy, "autoApprovers") == {"services": {"svc:blue-api": ["tag:k8s-blue--api"]}}
        access = Access(policy.policy)
        node = Node(name="blue-api-0", tags=group.tags)
        assert reaches(policy, "group:dev", "svc:blue-api", 443)
        assert not reaches(policy, "group:dev", node, 443), "the nodes behind the Service need no way of their own"
        assert list(access.capabilities("group:dev", node)) == ["tailscale.com/cap/kubernetes"]
        assert not access.capabilities("group:ops", node)

    def test_without_impersonation_it_is_the_network_alone(self) -> None:
        group = d.group("blue.api", API, api_server_mode=d.NOAUTH)
        own = d.access("own", "group:dev", d.to_api_server("blue", group), kubernetes=d.rights("readers"))
        no_rights = d.access("none", "group:ops", d.to_api_server("blue", group))
        policy = compiled(d.tailnet(d.cluster("blue", proxy_groups=(group,)), access=(own, no_rights)))
        assert [(grant["dst"], grant.get("app")) for grant in grants(policy)] == [(["svc:blue-api"], None)] * 2

    @pytest.mark.parametrize("mode", [d.AUTH, d.NOAUTH])
    def test_sessions_are_recorded_in_both_modes(self, mode: Any) -> None:  # noqa: ANN401 -- ApiServerProxyMode
        audit = d.recorder("blue.audit", tags=("tag:shared", "tag:audit"))
        kubernetes = d.rights("readers", recording=d.recording(audit, events=True))
        entry = d.access("look", "group:dev", d.to_api_server("blue"), kubernetes=kubernetes)
        other = d.recorder("blue.other", tags=("tag:shared",))
        blue = d.cluster("blue", mode, recorders=(audit, other))
        policy = compiled(d.tailnet(blue, access=(entry,)))
        look, record = grants(policy)
        (value,) = look["app"]["tailscale.com/cap/kubernetes"]
        assert value.pop("impersonate", None) == ({"groups": ["readers"]} if mode is d.AUTH else None)
        assert value == {"recorder": ["tag:audit"], "enforceRecorder": True, "enableEvents": True}
        assert record == {"src": ["tag:k8s-op-blue"], "dst": ["tag:audit"], "ip": ["tcp:80", "tcp:443"]}
        assert "// access: look, recorded by blue.audit\n" in policy.text
        assert reaches(policy, "tag:k8s-op-blue", "tag:audit", 80)
        assert not reaches(policy, "tag:k8s-op-blue", "tag:shared", 80)

    def test_the_nodes_of_a_group_send_its_recordings(self) -> None:
        audit, group = d.recorder("blue.audit"), d.group("blue.api", API)
        kubernetes = d.rights("readers", recording=d.recording(audit, enforce=False))
        to = d.destination(DestinationKind.RECORDER, "blue.audit", *audit.tags, ports=(HTTPS,))
        entry = d.access("look", "group:dev", d.to_api_server("blue", group), to, kubernetes=kubernetes)
        blue = d.cluster("blue", proxy_groups=(group,), recorders=(audit,))
        policy = compiled(d.tailnet(blue, access=(entry,)))
        assert grants(policy)[1]["app"]["tailscale.com/cap/kubernetes"] == [
            {"impersonate": {"groups": ["readers"]}, "recorder": ["tag:k8s-blue--audit"]}
        ]
        assert grants(policy)[-1]["src"] == ["tag:k8s-blue--api"]
        assert reaches(policy, "group:dev", "tag:k8s-blue--audit", 443)
        assert not reaches(policy, "group:dev", "tag:k8s-blue--audit", 80)

    def test_nothing_is_recorded_where_no_proxy_is(self) -> None:
        kubernetes = d.rights("readers", recording=d.recording(d.recorder("blue.audit")))
        entry = d.access("look", "group:dev", d.to_api_server("blue"), kubernetes=kubernetes)
        policy = compiled(d.tailnet(d.cluster("blue"), access=(entry,)))
        assert [list(grant) for grant in grants(policy)] == [["src", "dst", "ip"]]


def test_a_peer_relay_is_for_those_who_may_use_it_and_no_way_to_its_node() -> None:
    relay = d.relay("blue.relay")
    entry = d.access("relayed", "group:dev", d.destination(DestinationKind.PEER_RELAY, "blue.relay", *relay.tags))
    policy = compiled(d.tailnet(d.cluster("blue", peer_relays=(relay,)), access=(entry,)))
    assert grants(policy) == [
        {"src": ["group:dev"], "dst": ["tag:k8s-blue--relay"], "app": {"tailscale.com/cap/relay": []}}
    ]
    assert not reaches(policy, "group:dev", "tag:k8s-blue--relay", 443)
    assert section(policy, "tagOwners")["tag:k8s-blue--relay"] == ["tag:k8s-op-blue"]


BOXES = (d.machine("box"), d.machine("ci"))
BOX = d.destination(DestinationKind.MACHINE, "box", "tag:box", ports=())


class TestSsh:
    def test_a_rule_with_its_way_and_its_recordings(self) -> None:
        audit = d.recorder("blue.audit")
        entry = d.ssh(
            "deploys",
            ("group:dev", "tag:ci"),
            (BOX,),
            users=("deploy", "autogroup:nonroot"),
            accept_env=("GIT_*",),
            src_posture=("posture:mac",),
            recording=d.recording(audit),
        )
        policy = compiled(d.tailnet(d.cluster("blue", recorders=(audit,)), machines=BOXES, ssh=(entry,)))
        assert section(policy, "ssh") == [
            {
                "action": "accept",
                "src": ["group:dev", "tag:ci"],
                "dst": ["tag:box"],
                "users": ["deploy", "autogroup:nonroot"],
                "acceptEnv": ["GIT_*"],
                "srcPosture": ["posture:mac"],
                "recorder": ["tag:k8s-blue--audit"],
                "enforceRecorder": True,
            }
        ]
        assert grants(policy) == [
            {"src": ["group:dev", "tag:ci"], "dst": ["tag:box"], "srcPosture": ["posture:mac"], "ip": ["tcp:22"]},
            {"src": ["tag:box"], "dst": ["tag:k8s-blue--audit"], "ip": ["tcp:80", "tcp:443"]},
        ]
        (rule,) = policy.policy.ssh
        assert policy.declaration(rule.place) == "ssh: deploys"
        assert policy.sources(rule.src[1].place) == (entry.sources[1].place,)

    def test_own_devices_send_recordings_by_their_owners(self) -> None:
        audit = d.recorder("blue.audit")
        own = d.destination(DestinationKind.SELECTOR, "autogroup:self", "autogroup:self", ports=())
        entry = d.ssh(
            "own",
            ("autogroup:member",),
            (own,),
            action=SshAction.CHECK,
            check_period="20h",
            recording=d.recording(audit, enforce=False),
        )
        policy = compiled(d.tailnet(d.cluster("blue", recorders=(audit,)), ssh=(entry, entry)))
        assert section(policy, "ssh")[0]["checkPeriod"] == "20h"
        assert section(policy, "ssh")[0]["action"] == "check"
        assert grants(policy)[1]["src"] == ["autogroup:member"]
        assert len(section(policy, "ssh")) == 2
        assert section(policy, "sshTests") is None

    def test_it_is_tested_who_is_let_in_and_that_nobody_is_as_root(self) -> None:
        gone = d.destination(DestinationKind.SELECTOR, "tag:gone", "tag:gone", ports=())
        sources = ("group:dev", "tag:ci", "autogroup:member", "tag:gone", "group:empty")
        entry = d.ssh("in", sources, (BOX, gone), users=("deploy", "autogroup:nonroot"))
        checked = d.ssh("check", ("group:ops",), (BOX,), action=SshAction.CHECK, users=("deploy", "admin"))
        groups = (*d.tailnet().groups, d.people("group:empty"))
        base = '{"tagOwners": {"tag:gone": []}}'
        policy = compiled(d.tailnet(machines=BOXES, ssh=(entry,), groups=groups, base=base))
        expected = {"dst": ["tag:box"], "accept": ["deploy"], "deny": ["root"]}
        assert section(policy, "sshTests") == [{"src": "group:dev", **expected}, {"src": "tag:ci", **expected}]
        first = policy.policy.ssh_tests[1]
        assert policy.declaration(first.place) == "ssh: in"
        assert policy.sources(first.src.place) == (entry.sources[1].place,)
        assert policy.sources(first.dst[0].place) == (BOX.place,)
        # One that is accepted by one rule and checked by another is let in some way, and nobody knows by which.
        both = compiled(d.tailnet(machines=BOXES, ssh=(entry, checked), groups=groups, base=base))
        assert [(test["src"], test.get("accept"), test.get("check")) for test in section(both, "sshTests")] == [
            ("group:dev", None, None),
            ("tag:ci", None, None),
            ("group:ops", None, None),
        ]
        alone = compiled(d.tailnet(machines=BOXES, ssh=(checked,)))
        assert section(alone, "sshTests") == [
            {"src": "group:ops", "dst": ["tag:box"], "check": ["deploy", "admin"], "deny": ["root"]}
        ]

    @pytest.mark.parametrize(
        ("users", "base", "expected"),
        [
            (("deploy", "root"), None, {"accept": ["deploy", "root"]}),
            (("localpart:*@example.com",), None, None),
            (("autogroup:nonroot",), None, {"deny": ["root"]}),
            (("deploy",), '{"ssh": [{"action": "accept", "src": ["group:ops"], "dst": ["tag:box"], "users": ["root"]}]}', {"accept": ["deploy"]}),
            (("deploy",), '{"defaultSrcPosture": ["posture:mac"]}', None),
        ],
    )  # fmt: skip
    def test_what_is_not_certain_is_not_tested(
        self, users: tuple[str, ...], base: str | None, expected: dict[str, Any] | None
    ) -> None:
        entry = d.ssh("in", ("group:dev",), (BOX,), users=users)
        policy = compiled(d.tailnet(machines=BOXES, ssh=(entry,), base=base))
        assert section(policy, "sshTests") == (
            [{"src": "group:dev", "dst": ["tag:box"], **expected}] if expected is not None else None
        )


class TestBase:
    def test_a_hand_written_approval_keeps_its_approvers_and_gets_those_that_are_declared(self) -> None:
        base = """{
	"tagOwners": {"tag:hand": []},
	"autoApprovers": {
		"routes": {
			// ours
			"10.0.0.0/16": ["tag:hand"], // by hand
			"10.1.0.0/16": ["tag:k8s-blue--office"],
		},
		"exitNode": ["tag:k8s-blue--office"],
	},
}
"""
        office = d.connector("blue.office", "10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16", exit_node=True)
        exit_ = d.machine("exit", exit_node=True)
        policy = compiled(d.tailnet(d.cluster("blue", connectors=(office,)), machines=(exit_,), base=base))
        assert section(policy, "autoApprovers") == {
            "routes": {
                "10.0.0.0/16": ["tag:hand", "tag:k8s-blue--office"],
                "10.1.0.0/16": ["tag:k8s-blue--office"],
                "10.2.0.0/16": ["tag:k8s-blue--office"],
            },
            "exitNode": ["tag:k8s-blue--office", "tag:exit"],
        }
        approvers = policy.policy.auto_approvers
        joined, kept, new = approvers.routes
        by_hand, added = joined.entries
        assert policy.declaration(by_hand.place) == "stacks/test/base.hujson:6:20"
        assert policy.declaration(added.place) == "connector blue.office"
        assert policy.sources(added.place) == (office.place,)
        assert (policy.is_derived(joined.place), policy.is_derived(added.place)) == (False, True)
        assert not policy.is_derived(kept.entries[0].place)
        assert policy.sources(new.entries[0].place) == (office.place,)
        assert policy.declaration(new.place) == "connector blue.office"
        hand, derived = approvers.exit_node
        assert (policy.is_derived(hand.place), policy.sources(derived.place)) == (False, (exit_.place,))

    def test_what_is_no_list_is_written_anew(self) -> None:
        office = d.connector("blue.office", "10.0.0.0/16", exit_node=True)
        base = '{"autoApprovers": {"routes": {"10.0.0.0/16": null}, "exitNode": null}}'
        policy = compile_policy(d.tailnet(d.cluster("blue", connectors=(office,)), base=base))
        assert "tag:k8s-blue--office" in [str(one) for r in policy.policy.auto_approvers.routes for one in r.entries]

    def test_many_approvals_stand_one_below_the_other(self) -> None:
        connectors = tuple(d.connector(f"blue.c{number}", f"10.{number}.0.0/16") for number in range(4))
        exits = tuple(d.machine(f"exit{number}", exit_node=True) for number in range(3))
        policy = compiled(d.tailnet(d.cluster("blue", connectors=connectors), machines=exits))
        approvers = policy.policy.auto_approvers
        assert [policy.declaration(one.place) for one in approvers.routes] == [
            f"connector blue.c{number}" for number in range(4)
        ]
        assert [policy.declaration(one.place) for one in approvers.exit_node] == [
            f"machine exit{number}" for number in range(3)
        ]
        assert [policy.sources(one.entries[0].place) for one in approvers.routes] == [(c.place,) for c in connectors]

    def test_a_place_between_the_parts_of_a_section_is_in_no_entry(self) -> None:
        policy = compiled(d.tailnet(machines=(d.machine("exit", exit_node=True),)))
        text = policy.text.splitlines()
        line = next(number for number, one in enumerate(text, 1) if '"exitNode"' in one)
        at = d.Place(policy.policy.file, line, text[line - 1].index('"') + 1)
        assert not policy.is_derived(at)


def test_ports_of_several_protocols_are_kept() -> None:
    to = d.destination(DestinationKind.SELECTOR, "tag:box", "tag:box", ports=(Port("udp", 1, 2), HTTPS))
    policy = compiled(d.tailnet(machines=(d.machine("box"),), access=(d.access("a", "group:dev", to),)))
    assert grants(policy)[0]["ip"] == ["udp:1-2", "tcp:443"]
