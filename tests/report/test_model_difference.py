"""What changes of what is declared, without an engine."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tailstack.access.compile import compile_policy
from tailstack.access.nodes import declared_nodes
from tailstack.report.cost import Cost, cost_of, touched_names
from tailstack.report.masking import Masking
from tailstack.report.model_difference import model_plan
from tailstack.report.notices import notices_of
from tailstack.report.plan import ChangeClass, Op, Plan, PlannedChange, PolicyEdit, digest_of
from tailstack.topology.loading import resolve_files
from tailstack.topology.tailnet import Tailnet
from tests.report.previews import changed

HEAD = 'tailnet: {dnsName: tail1a2b.ts.net}\ndefaults: {operator: {chart: {version: "1.104.5"}}}\n'
BLUE = """clusters:
  blue:
    kubernetes: {context: blue}
    expose:
      nginx: {namespace: default, ports: [tcp:80], selector: {a: b}}
    egress:
      db: {namespace: default, to: {ip: 100.64.0.9}, ports: [tcp:5432]}
"""
MASKING = Masking(key=b"k")
TOPOLOGIES = Path(__file__).parent.parent / "topologies"
AT = datetime(2026, 1, 5, tzinfo=UTC)


def tailnet(text: str) -> Tailnet:
    return resolve_files({"stacks/prod/tailnet.yaml": HEAD + text}, "prod", AT)


def plan(before: str | None, after: str) -> Plan:
    new = tailnet(after)
    old = None if before is None else tailnet(before)
    return model_plan(
        None if old is None else (old, compile_policy(old)), (new, compile_policy(new)), (old, new), MASKING
    )


def told(found: Plan) -> list[tuple[str, str, str]]:
    return [(str(c.op), str(c.change_class), c.declaration) for c in found.changes if c.declaration != "policy file"]


def change_of(found: Plan, declaration: str) -> PlannedChange:
    (change,) = [change for change in found.changes if change.declaration == declaration]
    return change


def test_nothing_changes() -> None:
    found = plan(BLUE, "# a comment\n" + BLUE)
    assert found.changes == ()
    assert found.policy is None
    assert digest_of(found) == digest_of(Plan())


def test_everything_is_new() -> None:
    found = plan(None, BLUE)
    assert set(told(found)) == {
        ("create", "network", "operator of blue"),
        ("create", "network", "exposure blue.nginx"),
        ("create", "network", "egress blue.db"),
        ("create", "network", "MagicDNS"),
        ("create", "access", "tailnet settings"),
    }
    assert found.policy is not None
    assert found.policy.before == ""
    assert change_of(found, "policy file").op is Op.CREATE
    values = {value.path: value.after for value in change_of(found, "exposure blue.nginx").values}
    assert values["namespace"] == '"default"'
    assert "proxyGroup" not in values, "what nobody asked for is not shown as asked for"


@pytest.mark.parametrize(
    ("before", "after", "expected", "because"),
    [
        ("ports: [tcp:80]", "ports: [tcp:81]", ("update", "network", "exposure blue.nginx"), ()),
        ("namespace: default, ports", "namespace: web, ports", ("replace", "replace", "exposure blue.nginx"), ("namespace",)),
        ("selector: {a: b}", "selector: {a: b}, tags: [tag:x]", ("replace", "replace", "exposure blue.nginx"), ("tags",)),
        ("ip: 100.64.0.9", "fqdn: db.tail1a2b.ts.net", ("update", "network", "egress blue.db"), ()),
        ("kubernetes: {context: blue}", "kubernetes: {context: blue}\n    operator: {hostname: other}", ("update", "network", "operator of blue"), ()),
    ],
)  # fmt: skip
def test_one_change(before: str, after: str, expected: tuple[str, str, str], because: tuple[str, ...]) -> None:
    found = plan(BLUE, BLUE.replace(before, after))
    assert expected in told(found)
    assert change_of(found, expected[2]).because == because


def test_a_rename_that_is_named_changes_nothing_of_its_own() -> None:
    renamed = BLUE.replace("nginx:", "web:").replace("selector: {a: b}", "selector: {a: b}, formerly: [nginx]")
    assert told(plan(BLUE, renamed)) == []
    without = BLUE.replace("nginx:", "web:")
    assert {(op, name) for op, _, name in told(plan(BLUE, without))} == {
        ("delete", "exposure blue.nginx"),
        ("create", "exposure blue.web"),
    }


def test_a_cluster_that_goes_takes_its_operator_for_good() -> None:
    assert told(plan(BLUE, "clusters: {}")) == [
        ("delete", "data-loss", "operator of blue"),
        ("delete", "network", "egress blue.db"),
        ("delete", "network", "exposure blue.nginx"),
    ]


def test_an_operator_in_another_namespace_is_lost_and_replaced() -> None:
    moved = BLUE.replace("context: blue}", "context: blue}\n    operator: {namespace: other}")
    assert ("replace", "data-loss", "operator of blue") in told(plan(BLUE, moved))


def test_what_somebody_else_applies_is_no_resource_of_ours() -> None:
    gitops = BLUE.replace("selector: {a: b}", "managedBy: gitops")
    assert ("delete", "network", "exposure blue.nginx") in told(plan(BLUE, gitops))
    assert told(plan(gitops, gitops)) == []


def test_values_of_operators_may_hold_secrets_and_show_none() -> None:
    def with_value(value: str) -> str:
        variable = f"{{name: API_TOKEN, value: {value}}}"
        values = f"operator: {{values: {{operatorConfig: {{extraEnv: [{variable}]}}}}}}"
        return BLUE.replace("context: blue}", f"context: blue}}\n    {values}")

    change = change_of(plan(with_value("hunter2"), with_value("hunter3")), "operator of blue")
    (value,) = change.values
    assert value.path == 'values.operatorConfig.extraEnv[name="API_TOKEN"].value'
    assert value.is_secret
    assert "hunter" not in value.before + value.after


WHOLE = """tailnet:
  dnsName: tail1a2b.ts.net
  dns: {nameservers: [1.1.1.1], splitDNS: {corp.example.com: [10.0.0.53]}}
  settings: {devicesApprovalOn: true}
  contacts: {support: ops@example.com}
  webhooks: {edits: {endpointUrl: {secret: hook}, providerType: slack, subscriptions: [policyUpdate]}}
  keys: {ci: {tags: [tag:ci]}}
  logStreaming: {network: {destinationType: panther, url: "https://logs.example.com", user: u, token: {secret: logs}}}
  postureIntegrations: {laptops: {postureProvider: intune, cloudId: global, clientSecret: {secret: intune}}}
machines:
  ci: {tags: [tag:ci]}
  box: {tags: [tag:box], device: {tags: true}}
services:
  svc:files: {ports: [tcp:443], machines: [box]}
  svc:pay: {ports: [tcp:443], backends: {blue: pay/payments}, proxyGroup: in}
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {chart: {version: "1.104.5"}}
    proxyGroups: {in: {type: ingress}}
"""


def written(name: str) -> dict[str, str]:
    """The files of a topology of the tests; they follow each other in one file, each below its name."""
    if name == "whole":
        return {"stacks/prod/tailnet.yaml": WHOLE}
    parts = re.split(
        r"^# (\S+\.(?:yaml|hujson))$", (TOPOLOGIES / f"{name}.yaml").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return {f"stacks/prod/{file}": text for file, text in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.mark.parametrize("name", ["whole", "everything", "outward"])
def test_every_declaration_is_created_once_and_deleted_once(name: str) -> None:
    every = resolve_files(written(name), "prod", AT)
    nothing = tailnet("")
    sides = (every, compile_policy(every)), (nothing, compile_policy(nothing))
    created = model_plan(None, sides[0], (None, every), MASKING)
    deleted = model_plan(*sides, (every, nothing), MASKING)
    always = {"MagicDNS", "tailnet settings", "policy file"}
    names = [change.declaration for change in created.changes]
    assert len(names) == len(set(names))
    gone = {change.declaration for change in deleted.changes if change.op is Op.DELETE}
    assert gone == set(names) - always
    assert model_plan(sides[0], sides[0], (every, every), MASKING).changes == ()
    for cluster in every.clusters:
        assert f"operator of {cluster.name}" in names


def test_a_guest_leaves_what_is_the_tailnets_alone() -> None:
    files = {
        "stacks/prod/main.yaml": HEAD.replace("ts.net}", "ts.net, policy: {guests: [dev]}}"),
        "stacks/dev/main.yaml": HEAD.replace("ts.net}", "ts.net, guestOf: prod}") + BLUE,
    }
    own = resolve_files(files, "dev", AT)
    whole = own, compile_policy(own)
    found = model_plan(None, whole, (None, own), MASKING)
    assert found.policy is None
    assert {change.declaration for change in found.changes} == {
        "operator of blue",
        "exposure blue.nginx",
        "egress blue.db",
    }


BIND = """groups: {group:dev: [ana@example.com]}
access:
  - name: dev looks
    from: [group:dev]
    to: [{apiServer: blue}]
    kubernetes: {impersonate: {groups: [readers]}, bind: {clusterRole: view}}
"""
AUTH = BLUE.replace("context: blue}", "context: blue}\n    operator: {apiServerProxy: {mode: auth}}")


def test_rights_in_kubernetes_are_role_bindings() -> None:
    found = plan(AUTH, AUTH + BIND)
    assert told(found) == [("create", "access", "role binding dev looks")]
    assert change_of(found, "policy file").change_class is ChangeClass.ACCESS
    changed_role = plan(AUTH + BIND, AUTH + BIND.replace("view", "edit"))
    assert told(changed_role) == [("update", "access", "role binding dev looks")]
    no_bind = BIND.replace(", bind: {clusterRole: view}", "")
    assert ("delete", "access", "role binding dev looks") in told(plan(AUTH + BIND, AUTH + no_bind))


def test_the_policy_file_is_metadata_where_it_gives_the_same() -> None:
    renamed = AUTH + BIND.replace("name: dev looks", "name: dev looks on")
    found = plan(AUTH + BIND, renamed)
    assert change_of(found, "policy file").change_class is ChangeClass.METADATA


GROUP = (
    BLUE.replace("ports: [tcp:5432]}", "ports: [tcp:5432], proxyGroup: out}")
    + "    proxyGroups: {out: {type: egressCLOSED}}\n"
)
OPEN = GROUP.replace("CLOSED", "")
SHUT = GROUP.replace("CLOSED", ", networkPolicy: {fromNamespaces: [default]}")


def test_an_open_egress_group_is_told_of_where_the_change_touches_it() -> None:
    (said,) = notices_of(tailnet(OPEN), plan(BLUE, OPEN))
    assert said.startswith(
        "Proxy group blue.out has no NetworkPolicy: every pod of blue that can dial its proxies goes out as"
    )
    assert notices_of(tailnet(SHUT), plan(BLUE, SHUT)) == ()
    assert notices_of(tailnet(OPEN), plan(OPEN, OPEN)) == ()
    more = OPEN.replace(
        "    proxyGroups",
        "      other: {namespace: default, to: {ip: 100.64.0.8}, ports: [tcp:1], proxyGroup: out}\n    proxyGroups",
    )
    assert len(notices_of(tailnet(more), plan(OPEN, more))) == 1
    alone = more.replace("ports: [tcp:1], proxyGroup: out", "ports: [tcp:1]")
    assert notices_of(tailnet(alone), plan(OPEN, alone)) == ()
    ingress = OPEN.replace("type: egress", "type: ingress").replace(", proxyGroup: out", "")
    assert notices_of(tailnet(ingress), plan(BLUE, ingress)) == ()


def test_what_a_change_costs() -> None:
    found = plan(BLUE, OPEN + "groups: {group:a: []}\n")
    cost = cost_of(found, devices=(3, 4), names=("a.ts.net", "b.ts.net"), certified=("a.ts.net",))
    assert cost == Cost(devices=(3, 4), groups=(0, 1), certificates=("b.ts.net",), replaced=("egress blue.db",))
    operator = plan(BLUE, BLUE.replace("context: blue}", "context: blue}\n    operator: {hostname: other}"))
    assert cost_of(operator, devices=None).restarts == ("blue",)
    assert cost_of(plan(None, BLUE), devices=None).restarts == (), "a first start is no restart"


def test_a_release_that_changes_restarts_the_operator_and_bookkeeping_does_not() -> None:
    def release(change_class: ChangeClass) -> PlannedChange:
        return replace(changed(Op.UPDATE, change_class), declaration="operator of blue", kind="Helm release")

    assert cost_of(Plan(changes=(release(ChangeClass.NETWORK),)), devices=None).restarts == ("blue",)
    assert cost_of(Plan(changes=(release(ChangeClass.NOISE),)), devices=None).restarts == ()
    policy = Plan(policy=PolicyEdit(before='{"groups": {"group:a": []}}', after="{}"))
    assert cost_of(policy, devices=None).groups == (1, 0)


@pytest.mark.parametrize(
    ("cost", "lines"),
    [
        (Cost(), ()),
        (Cost(devices=(3, 3), groups=(1, 1)), ()),
        (Cost(devices=(3, 5)), ("2 devices more: 5 instead of 3.",)),
        (Cost(groups=(2, 1)), ("1 group fewer: 1 instead of 2.",)),
        (Cost(restarts=("blue",)), ("The operator of blue restarts.",)),
        (Cost(restarts=("blue", "green")), ("The operators of blue, green restart.",)),
        (
            Cost(certificates=tuple(map(str, range(51)))),
            ("51 certificates are newly issued; Let's Encrypt issues 50 a week for the tailnet's domain, so that the last ones come in later weeks.",),
        ),
        (
            Cost(replaced=("egress a.b", "egress a.c")),
            ("egress a.b, egress a.c: their nodes are replaced, and have other addresses afterwards.",),
        ),
    ],
)  # fmt: skip
def test_costs_are_sentences(cost: Cost, lines: tuple[str, ...]) -> None:
    assert cost.lines == lines


def test_names_that_a_plan_touches() -> None:
    web = BLUE + "    ingress:\n      web: {namespace: default, backend: {service: nginx, port: 80}}\n"
    now = tailnet(web)
    names = [node.fqdn for node in declared_nodes(now)] + ["other.ts.net"]
    (ingress,) = now.ingresses
    assert touched_names(plan(BLUE, web), now, names) == (ingress.fqdn,)
    operator = plan(web, web.replace("context: blue}", "context: blue}\n    operator: {hostname: other}"))
    assert touched_names(operator, now, names) == (now.clusters[0].operator.fqdn,)
    assert touched_names(plan(web, web), now, names) == ()
