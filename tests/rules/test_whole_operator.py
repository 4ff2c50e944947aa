"""What rules and proofs say of Tailscale Services, groups, routes and recordings that are declared in YAML."""

from __future__ import annotations

import pytest

from tailstack.rules import (
    api_server,
    certificates,
    egress_paths,
    exposed,
    ingress,
    links,
    recording,
    routes,
    service_names,
)
from tailstack.rules.check import Checked
from tailstack.rules.proof import LinkProof
from tests.rules.environments import check, found

CLUSTERS = """clusters:
  blue:
    kubernetes: {context: blue}
    proxyGroups: {in: {type: ingress}}
    connectors: {office: {routes: [10.0.0.0/16]}}
  green:
    kubernetes: {context: green}
    proxyGroups: {in: {type: ingress, tags: [tag:green-in]}}
"""
RED = """  red:
    kubernetes: {context: red}
    proxyGroups: {out: {type: egressCLOSED}}
    egress:
      db: {namespace: shop, to: TARGET, proxyGroup: out}
"""
SERVICES = "services: {svc:db: {ports: [tcp:5432], proxyGroup: in, backends: {blue: apps/db, green: apps/db}}}\n"
OWNED_ELSEWHERE = '{"tagOwners": {"tag:green-in": ["tag:other"], "tag:other": []}}'


def to(target: str, closed: str = "", *, services: str = SERVICES) -> str:
    return services + CLUSTERS + RED.replace("TARGET", target).replace("CLOSED", closed)


def proof_in(checked: Checked) -> LinkProof:
    (proof,) = checked.links
    return proof


def told(text: str, *, base: str | None = None) -> list[str]:
    checked, _ = check(text, base=base)
    return [f"{finding.rule.slug}: {finding.message}" for finding in checked.findings]


class TestLinksToServices:
    def test_each_backend_is_proven_and_those_that_break_are_told(self) -> None:
        checked, _ = check(to("{service: 'svc:db'}"), base=OWNED_ELSEWHERE)
        proof = proof_in(checked)
        assert proof.is_complete
        assert [step.text for step in proof.steps if step.name in ("client", "name", "approval")] == [
            "Every pod of red that can dial ProxyGroup out can call db.shop on tcp:5432.",
            "db.tail1a2b.ts.net is svc:db (backend blue of svc:db, backend green of svc:db).",
            "svc:db is hosted by the ProxyGroup in of blue, approved by autoApprovers.services of svc:db, tag:svc-db.",
        ]
        assert [(one.service, one.who, one.step.name) for one in proof.lacking] == [
            ("svc:db", "backend green of svc:db", "target")
        ]
        (finding,) = found(checked, links.BACKEND_LACKING)
        assert finding.message == (
            "Backend green of svc:db cannot serve svc:db: The ProxyGroup in wears tag:green-in, and the operator of green may "
            "not give tag:green-in."
        )

    def test_it_is_told_once_however_many_links_there_are(self) -> None:
        more = "      again: {namespace: shop, to: {service: 'svc:db'}, proxyGroup: out}\n"
        checked, _ = check(to("{service: 'svc:db'}") + more, base=OWNED_ELSEWHERE)
        assert len(found(checked, links.BACKEND_LACKING)) == 1

    def test_where_no_backend_can_serve_the_link_breaks(self) -> None:
        text = to("{service: 'svc:db'}").replace("{in: {type: ingress}}", "{in: {type: ingress, tags: [tag:green-in]}}")
        checked, _ = check(text, base=OWNED_ELSEWHERE)
        proof = proof_in(checked)
        assert (proof.is_complete, proof.lacking) == (False, ())
        assert proof.broken is not None
        assert proof.broken.name == "target"

    def test_machines_serve_it_too(self) -> None:
        services = "services: {svc:db: {ports: [tcp:5432], machines: [one]}}\nmachines: {one: {tags: [tag:one]}}\n"
        proof = proof_in(check(to("{service: 'svc:db'}", services=services))[0])
        assert proof.is_complete
        assert [step.text for step in proof.steps if step.name in ("approval", "service")] == [
            "svc:db is hosted by the machine one, approved by autoApprovers.services of svc:db, tag:svc-db.",
            "Behind it is what one serve.",
        ]

    @pytest.mark.parametrize(
        ("closed", "text", "holds"),
        [
            (
                ", networkPolicy: {fromNamespaces: [shop, crm]}",
                "Pods of shop, crm of red can call db.shop on tcp:5432: a NetworkPolicy lets no others through.",
                True,
            ),
            (
                ", networkPolicy: {fromNamespaces: [crm]}",
                "The NetworkPolicy of ProxyGroup out lets pods of crm through, and not those of shop.",
                False,
            ),
        ],
    )
    def test_a_network_policy_lets_its_namespaces_through(self, closed: str, text: str, *, holds: bool) -> None:
        proof = proof_in(check(to("{service: 'svc:db'}", closed))[0])
        assert (proof.steps[0].text, proof.steps[0].holds, proof.is_complete) == (text, holds, holds)

    def test_a_service_of_the_same_cluster_alone_is_a_loop(self) -> None:
        own = "    egress: {db: {namespace: shop, to: {service: 'svc:db'}}}\n"
        clusters = CLUSTERS.partition("  green:")[0]
        services = SERVICES.replace(", green: apps/db", "")
        assert "egress-loop: Egress blue.db leads to svc:db of the same cluster." in told(services + clusters + own)
        both = CLUSTERS.replace("  green:", own + "  green:")
        assert [one for one in told(SERVICES + both) if one.startswith("egress-loop")] == []
        machines = "services: {svc:db: {ports: [tcp:5432], machines: [one]}}\nmachines: {one: {tags: [tag:one]}}\n"
        assert [one for one in told(machines + clusters + own) if one.startswith("egress-loop")] == []

    def test_an_https_service_has_one_name_for_its_certificate(self) -> None:
        https = SERVICES.replace("ports: [tcp:5432]", "https: {}").replace(
            "apps/db", "{namespace: apps, service: db, port: 80}"
        )
        text = to("{service: 'svc:db'}", services=https)
        checked, _ = check(text)
        assert len(found(checked, links.EGRESS_TLS_NAME)) == 1
        staging = text.replace("{in: {type: ingress}}", "{in: {type: ingress, proxyClass: s}}").replace(
            "    connectors:", "    proxyClasses: {s: {useLetsEncryptStagingEnvironment: true}}\n    connectors:"
        )
        (finding,) = found(check(staging)[0], certificates.STAGING_CERTIFICATE)
        assert finding.message.endswith("by ProxyClass s, and an egress leads to it.")

    def test_a_circle_goes_through_the_backends_too(self) -> None:
        text = """services: {svc:db: {ports: [tcp:80], proxyGroup: in, backends: {blue: apps/out}}}
clusters:
  blue:
    kubernetes: {context: blue}
    proxyGroups: {in: {type: ingress}}
    egress: {out: {namespace: apps, to: {service: 'svc:db'}}}
  green: {kubernetes: {context: green}}
"""
        assert "egress-cycle: Egress blue.out leads to egress blue.out." in told(text)


class TestSharing:
    SHOP = "    expose: {shop: {namespace: apps, managedBy: gitops, ports: [tcp:80], proxyGroup: in, hostname: HOST}}\n"

    def shops(self, blue: str, green: str) -> str:
        first, second = self.SHOP.replace("HOST", blue), self.SHOP.replace("HOST", green)
        return CLUSTERS.replace("  green:", first + "  green:") + second

    def test_what_several_clusters_serve_is_declared_once(self) -> None:
        says = [one for one in told(self.shops("shop", "shop")) if one.startswith("svc-")]
        (only,) = says
        assert only.startswith(
            "svc-shared-undeclared: exposure blue.shop and exposure green.shop ask for svc:shop, which"
        )
        assert [one for one in told(self.shops("shop", "other")) if one.startswith("svc-")] == []

    def test_a_declared_one_is_for_its_backends_alone(self) -> None:
        services = SERVICES.replace(", green: apps/db", "")
        checked, _ = check(services + self.shops("shop", "db"))
        (finding,) = found(checked, service_names.SHARED_UNDECLARED)
        assert finding.message == "exposure green.shop asks for svc:db, which is declared under `services`."
        assert checked.tailnet is not None
        assert finding.places[1] == checked.tailnet.services[0].place

    def test_nobody_reaching_it_is_said_once(self) -> None:
        checked, _ = check(SERVICES + CLUSTERS)
        (finding,) = found(checked, ingress.EXPOSED_TO_NOBODY)
        assert finding.message == "Nobody may reach service svc:db on tcp:5432."
        wide = "access: [{name: all, from: ['*'], to: ['*'], ports: ['*']}]\n"
        (all_of_it,) = found(check(SERVICES + CLUSTERS + wide)[0], exposed.EXPOSED_TO_ALL)
        assert "service svc:db" in all_of_it.message


class TestRoutes:
    TO = "{ip: 10.0.7.7, through: blue.office}, ports: [tcp:5432]"

    def test_a_link_to_a_route_is_proven_by_its_router(self) -> None:
        proof = proof_in(check(to(self.TO, services=""))[0])
        assert proof.is_complete
        assert [(step.name, step.text) for step in proof.steps if step.name in ("route", "router", "approval")] == [
            ("route", "10.0.7.7 lies in 10.0.0.0/16, which Connector blue.office leads to."),
            (
                "router",
                "Connector blue.office wears tag:k8s-blue--office, which the operator of blue may give.",
            ),
            ("approval", "10.0.0.0/16 is approved by autoApprovers.routes of 10.0.0.0/16."),
        ]

    def test_of_several_routers_one_is_enough(self) -> None:
        machines = "machines: {spare: {tags: [tag:spare], routes: [10.0.0.0/16]}}\n"
        base = '{"tagOwners": {"tag:k8s-blue--office": []}}'
        proof = proof_in(check(machines + to(self.TO, services=""), base=base)[0])
        assert proof.is_complete
        assert proof.steps[2].text == "10.0.7.7 lies in 10.0.0.0/16, which machine spare leads to."

    def test_what_nobody_may_reach_and_machines_lead_to(self) -> None:
        text = "machines: {out: {tags: [tag:out], routes: [10.0.0.0/16], exitNode: true}}\n"
        checked, _ = check(text)
        assert [finding.message for finding in found(checked, routes.ROUTE_NO_GRANT)] == [
            "Nobody may reach 10.0.0.0/16, which machine out routes.",
            "Nobody may reach the internet by machine out, an exit node.",
        ]
        app = "machines: {out: {tags: [tag:out], appConnector: {domains: [example.com], routes: [192.0.2.0/24]}}}\n"
        assert found(check(app)[0], routes.ROUTE_NO_GRANT) == ()

    def test_equal_networks_of_two_sites_do_not_overlap(self) -> None:
        text = """clusters:
  blue: {kubernetes: {context: blue}, connectors: {pods: {routes: [ROUTE7]}}}
  green: {kubernetes: {context: green}, connectors: {pods: {routes: [ROUTE8]}}}
"""
        sites = text.replace("ROUTE7", "{cidr: 10.42.0.0/16, site: 7}").replace(
            "ROUTE8", "{cidr: 10.42.0.0/16, site: 8}"
        )
        assert found(check(sites)[0], routes.ROUTE_OVERLAP) == ()
        plain = text.replace("ROUTE7", "10.42.0.0/16").replace("ROUTE8", "10.42.0.0/16")
        assert len(found(check(plain)[0], routes.ROUTE_OVERLAP)) == 1


def test_a_group_that_several_namespaces_use_is_open_to_every_pod() -> None:
    more = "      crm: {namespace: crm, to: {service: 'svc:db'}, proxyGroup: out}\n"
    checked, _ = check(to("{service: 'svc:db'}") + more)
    (finding,) = found(checked, egress_paths.OPEN_GROUP)
    assert finding.message == (
        "ProxyGroup red.out is open to every pod of red that can dial it, and leads to what shop, crm reach."
    )
    assert finding.mend.startswith("Write `networkPolicy: {fromNamespaces: [shop, crm]}` in red.out")
    assert found(check(to("{service: 'svc:db'}"))[0], egress_paths.OPEN_GROUP) == ()


class TestRecordings:
    BOX = "machines: {box: {tags: [tag:box]}}\n"
    AUDIT = "clusters: {blue: {kubernetes: {context: blue}, recorders: {audit: {enableUI: true, tags: [tag:audit]}}}}\n"

    def by_hand(self, *, recorder: str = '"tag:audit"', enforce: str = "true", dst: str = "tag:box") -> str:
        return (
            '{"ssh": [{"action": "accept", "src": ["autogroup:member"], "dst": ["'
            + dst
            + '"], "users": ["deploy"], "recorder": ['
            + recorder
            + '], "enforceRecorder": '
            + enforce
            + "}]}"
        )

    @pytest.mark.parametrize(
        ("changed", "says"),
        [
            ({}, "recorder-path: What wears tag:box, where sessions of SSH are recorded, may not connect to tag:audit on tcp:80."),
            # A machine may run a recorder too.
            ({"recorder": '"tag:box"'}, "recorder-path: What wears tag:box, where sessions of SSH are recorded, may not connect to tag:box on tcp:80."),
            ({"dst": "autogroup:self", "enforce": "false"}, "recorder-fail-open: An SSH rule asks for recordings by tag:audit, and does not enforce them."),
        ],
    )  # fmt: skip
    def test_those_of_a_hand_written_rule(self, changed: dict[str, str], says: str) -> None:
        findings = told(self.BOX + self.AUDIT, base=self.by_hand(**changed))
        assert [one for one in findings if one.startswith("recorder-")] == [says]

    def test_what_is_declared_has_its_way(self) -> None:
        ssh = (
            "ssh:\n  - {name: in, from: [autogroup:member], to: [{machine: box}], users: [deploy], "
            "record: {recorder: blue.audit}}\n"
        )
        assert [one for one in told(self.BOX + self.AUDIT + ssh) if one.startswith("recorder-")] == []

    def test_several_recorders_of_an_ssh_rule_are_each_looked_at(self) -> None:
        base = self.by_hand(recorder='"tag:audit", "tag:nobody"')
        base = base.replace('{"ssh"', '{"tagOwners": {"tag:nobody": []}, "ssh"', 1)
        says = [one for one in told(self.BOX + self.AUDIT, base=base) if one.startswith("recorder-missing")]
        assert says == ["recorder-missing: An SSH rule sends recordings to tag:nobody, which no Recorder wears."]

    def test_a_proxy_in_noauth_mode_records_and_needs_its_way(self) -> None:
        text = self.AUDIT.replace("{context: blue},", "{context: blue}, operator: {apiServerProxy: {mode: noauth}},")
        base = (
            '{"grants": [{"src": ["autogroup:member"], "dst": ["tag:k8s-op-blue"], "ip": ["tcp:443"], "app": '
            '{"tailscale.com/cap/kubernetes": [{"recorder": ["tag:audit"], "enforceRecorder": true}]}}]}'
        )
        checked, _ = check(text, base=base)
        assert len(found(checked, recording.RECORDER_PATH)) == 1
        assert found(checked, api_server.NOAUTH_IMPERSONATE) == ()


def test_groups_of_api_servers_that_share_a_tag_share_their_rights() -> None:
    text = """clusters:
  blue: {kubernetes: {context: blue}, proxyGroups: {api: {type: kube-apiserver, tags: [tag:api]}}}
  green: {kubernetes: {context: green}, proxyGroups: {api: {type: kube-apiserver, tags: [tag:api]}}}
access:
  - name: look
    from: [autogroup:admin]
    to: [{apiServer: blue}]
    kubernetes: {impersonate: {groups: [readers]}, bind: {clusterRole: view}}
"""
    (finding,) = found(check(text)[0], api_server.GRANT_SPAN)
    assert finding.message == (
        'Access "look" to the API server of blue is granted on tag:api, which proxy group green.api wears too.'
    )
    assert (
        found(
            check(text.replace("green}, proxyGroups: {api: {type: kube-apiserver, tags: [tag:api]}}", "green}"))[0],
            api_server.GRANT_SPAN,
        )
        == ()
    )
