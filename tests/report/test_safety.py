"""Safety limits: what an apply may take away without a word, and what each refusal says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from tailstack.report.plan import ChangeClass, Op, Plan, PlannedChange, PolicyEdit
from tailstack.report.resource_kinds import (
    FEDERATED_IDENTITY,
    OAUTH_CLIENT,
    POLICY,
    RELEASE,
    SETTINGS,
    declaration_of,
    resource_kind,
)
from tailstack.report.safety import NAMES, Limits, Refusal, is_name, refusals, shortest

SERVICE = "kubernetes:core/v1:Service"
PATCH = "kubernetes:core/v1:ServicePatch"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
NAMESPACE = "kubernetes:core/v1:Namespace"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


def change(token: str, name: str, op: Op = Op.DELETE) -> PlannedChange:
    words = resource_kind(token).words
    return PlannedChange(
        urn=f"urn:{token}::{name}",
        type=token,
        name=name,
        declaration=declaration_of(token, name),
        kind=words,
        what=f"{words} {name}",
        op=op,
        change_class=ChangeClass.NETWORK,
    )


def plan_with(standing: Mapping[str, Sequence[str]], *changes: PlannedChange, policy: PolicyEdit | None = None) -> Plan:
    return Plan(changes=changes, standing={token: tuple(names) for token, names in standing.items()}, policy=policy)


def exposures(number: int) -> list[str]:
    return [f"blue.expose.e{index}" for index in range(number)]


def allows(found: Sequence[Refusal]) -> list[str]:
    return [one.allow for one in found]


@pytest.mark.parametrize(("removed", "is_refused"), [(0, False), (3, False), (4, True), (10, True)])
def test_more_nodes_than_the_limit_are_refused(removed: int, is_refused: bool) -> None:
    names = exposures(10)
    found = refusals(plan_with({SERVICE: names}, *(change(SERVICE, name) for name in names[:removed])), Limits())
    assert allows(found) == (["nodes"] if is_refused else [])


def test_a_refusal_says_how_many_of_how_many_which_and_the_limit() -> None:
    names = exposures(20)
    (found,) = refusals(plan_with({SERVICE: names}, *(change(SERVICE, name) for name in names[:8])), Limits())
    assert found.text == (
        "8 of 20 nodes would go or lose something (40 %; the limit is 30 % from 10 on): blue.expose.e0, blue.expose.e1, "
        "blue.expose.e2, blue.expose.e3, blue.expose.e4 and 3 more."
    )


def test_few_objects_have_no_share_unless_the_limit_says_so() -> None:
    plan = plan_with({SERVICE: exposures(9)}, *(change(SERVICE, name) for name in exposures(9)))
    assert refusals(plan, Limits()) == ()
    assert allows(refusals(plan, Limits(of_at_least=9))) == ["nodes"]
    assert allows(refusals(plan, Limits(of_at_least=9, removed=100))) == []


def test_replaced_counts_as_gone_and_left_behind_or_changed_does_not() -> None:
    names = exposures(10)
    for op, expected in ((Op.REPLACE, ["nodes"]), (Op.FORGET, []), (Op.UPDATE, [])):
        plan = plan_with({SERVICE: names}, *(change(SERVICE, name, op) for name in names))
        assert allows(refusals(plan, Limits())) == expected


def test_what_stands_for_a_node() -> None:
    """One object for each declaration: neither what is beside it, nor objects of other sections."""
    nodes = {
        SERVICE: ["a.expose.x", "a.egress.x", "a.services.x"],
        PATCH: ["a.expose.y"],
        INGRESS: ["a.ingress.x"],
        RELEASE: ["a.operator"],
        "kubernetes:tailscale.com/v1alpha1:ProxyGroup": ["a.proxyGroups.x"],
        "kubernetes:tailscale.com/v1alpha1:Connector": ["a.connectors.x"],
        "kubernetes:tailscale.com/v1alpha1:Recorder": ["a.recorders.x"],
        "kubernetes:tailscale.com/v1alpha1:PeerRelay": ["a.peerRelays.x"],
    }
    others = {
        NETWORK_POLICY: ["a.expose.x"],
        PATCH: ["a.expose.y.proxyGroup"],
        "kubernetes:tailscale.com/v1alpha1:ProxyClass": ["a.proxyClasses.x"],
        POLICY: ["policy"],
        RELEASE: ["a.other.release"],
    }
    gone = [change(token, name) for token, names in nodes.items() for name in names if token != RELEASE]
    number = sum(len(names) for names in nodes.values())
    (found,) = refusals(plan_with(nodes, *gone), Limits(of_at_least=number))
    assert found.text.startswith(f"{number - 1} of {number} nodes ")
    beside = [change(token, name) for token, names in others.items() for name in names if token != POLICY]
    assert refusals(plan_with({**nodes, **others}, *beside), Limits(of_at_least=1)) == ()


def test_links_are_counted_by_themselves() -> None:
    links = [f"green.egress.l{index}" for index in range(10)]
    standing = {SERVICE: [*links, *exposures(90)]}
    plan = plan_with(standing, *(change(SERVICE, name) for name in links[:5]))
    (found,) = refusals(plan, Limits())
    assert found.allow == "links"
    assert "5 of 10 links" in found.text


def policy_of(grants: Sequence[Mapping[str, object]], **more: object) -> str:
    return json.dumps({"grants": grants, **more})


def grant(number: int, **changed: object) -> dict[str, object]:
    return {"src": [f"group:g{number}"], "dst": ["tag:x"], "ip": ["tcp:80"], **changed}


BEFORE = [grant(number) for number in range(10)]


def grants_lost(before: str, after: str, limits: Limits | None = None) -> list[str]:
    plan = plan_with({}, policy=PolicyEdit(before=before, after=after))
    return [one.text for one in refusals(plan, limits or Limits()) if one.allow == "grants"]


def test_removed_grants_are_counted_by_what_they_give() -> None:
    (text,) = grants_lost(policy_of(BEFORE), policy_of(BEFORE[:6]))
    assert text.startswith("4 of 10 grants would go or lose something (40 %; ")
    assert "group:g6 to tag:x" in text
    assert grants_lost(policy_of(BEFORE), policy_of(BEFORE[:7])) == []


@pytest.mark.parametrize(
    "after",
    [
        [grant(0, src=[f"group:g{number}" for number in range(10)])],
        [grant(number, ip=["*"]) for number in range(10)],
        [grant(number, ip=["tcp:80", "tcp:81"]) for number in range(10)],
        [grant(number, dst=["tag:x", "tag:y"]) for number in range(10)],
    ],
)
def test_grants_that_are_written_otherwise_or_give_more_are_not_lost(after: list[dict[str, object]]) -> None:
    assert grants_lost(policy_of(BEFORE), policy_of(after)) == []


def test_a_condition_more_is_a_loss_and_a_condition_less_is_none() -> None:
    bound = [grant(number, srcPosture=["posture:mac"]) for number in range(10)]
    assert grants_lost(policy_of(BEFORE), policy_of(bound)) != []
    assert grants_lost(policy_of(bound), policy_of(BEFORE)) == []


def test_capabilities_and_the_old_form_count_too() -> None:
    before: list[dict[str, object]] = [
        {"src": ["a"], "dst": [f"tag:{n}"], "app": {"tailscale.com/cap/kubernetes": []}} for n in range(5)
    ]
    acls = [{"action": "accept", "src": ["a"], "dst": [f"tag:{n}:80"]} for n in range(5)]
    text = policy_of(before, acls=acls)
    assert grants_lost(text, policy_of(before, acls=acls)) == []
    (lost,) = grants_lost(text, policy_of([], acls=acls))
    assert lost.startswith("5 of 10 grants")
    (lost,) = grants_lost(text, policy_of(before))
    assert lost.startswith("5 of 10 grants")


@pytest.mark.parametrize("before", ["{", "[]", '{"grants": 1}', '{"grants": [1, {}]}', ""])
def test_of_a_policy_that_cannot_be_read_no_share_is_taken(before: str) -> None:
    assert grants_lost(before, policy_of([]), Limits(of_at_least=1)) == []


CRITICAL = [
    (POLICY, "policy", Op.DELETE, "policy-file"),
    (POLICY, "policy", Op.REPLACE, "policy-file"),
    (POLICY, "policy", Op.FORGET, "policy-file"),
    (SETTINGS, "settings", Op.UPDATE, "tailnet-settings"),
    (SETTINGS, "settings", Op.DELETE, "tailnet-settings"),
    (SETTINGS, "settings", Op.FORGET, "tailnet-settings"),
    (SETTINGS, "settings", Op.IMPORT, "tailnet-settings"),
    (OAUTH_CLIENT, "blue.operator", Op.REPLACE, "oauth-client:blue"),
    (FEDERATED_IDENTITY, "blue.operator", Op.DELETE, "oauth-client:blue"),
    (RELEASE, "blue.operator", Op.DELETE, "operator:blue"),
    (NAMESPACE, "blue.operator", Op.REPLACE, "operator:blue"),
]


@pytest.mark.parametrize(("token", "name", "op", "allow"), CRITICAL)
def test_what_others_hang_on_is_named_one_by_one(token: str, name: str, op: Op, allow: str) -> None:
    plan = plan_with({token: [name]}, change(token, name, op))
    (found,) = refusals(plan, Limits())
    assert found.allow == allow
    assert is_name(allow)
    assert found.text.startswith(plan.changes[0].what[:1].upper())
    assert refusals(plan, Limits(), allowed=[allow]) == ()
    assert refusals(plan, Limits(), allowed=["nodes"]) == (found,)


@pytest.mark.parametrize(
    ("token", "name", "op"),
    [
        (POLICY, "policy", Op.UPDATE),
        (POLICY, "policy", Op.CREATE),
        (SETTINGS, "settings", Op.CREATE),
        (OAUTH_CLIENT, "blue.operator", Op.UPDATE),
        (OAUTH_CLIENT, "mine", Op.DELETE),
        (RELEASE, "blue.operator", Op.UPDATE),
        (f"{NAMESPACE}Patch", "blue.operator", Op.DELETE),
        ("kubernetes:core/v1:Secret", "blue.operator", Op.DELETE),
        (SERVICE, "blue.expose.nginx", Op.DELETE),
    ],
)
def test_what_is_no_loss_for_others_needs_no_word(token: str, name: str, op: Op) -> None:
    assert refusals(plan_with({token: [name]}, change(token, name, op)), Limits()) == ()


def test_a_cluster_that_goes_is_allowed_by_one_name() -> None:
    plan = plan_with(
        {RELEASE: ["blue.operator"]}, change(RELEASE, "blue.operator"), change(OAUTH_CLIENT, "blue.operator")
    )
    found = refusals(plan, Limits(), providers=["blue", "blue"])
    assert allows(found) == ["operator:blue", "oauth-client:blue", "provider:blue"]
    assert shortest(found) == ("cluster:blue",)
    assert refusals(plan, Limits(), providers=["blue"], allowed=["cluster:blue"]) == ()
    assert allows(refusals(plan, Limits(), providers=["blue", "green"], allowed=["cluster:blue"])) == ["provider:green"]


def test_the_shortest_list_keeps_single_names() -> None:
    one = Refusal(allow="operator:blue", text="")
    assert shortest([Refusal(allow="nodes", text=""), Refusal(allow="grants", text=""), one]) == (
        "nodes",
        "grants",
        "operator:blue",
    )


def test_names_of_allow() -> None:
    assert all(is_name(name) for name in (*NAMES, "cluster:blue", "provider:tailscale"))
    assert not any(is_name(name) for name in ("", "everything", "cluster", "cluster:", "nodes:blue"))
