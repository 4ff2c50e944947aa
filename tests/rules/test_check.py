"""Checking as a whole: what comes out at each depth, in which order, and on the environments of this project."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tailstack.access import mistakes
from tailstack.manifests.reading import read_manifests
from tailstack.rules.check import check_environment, check_manifests, check_tailnet
from tailstack.rules.ingress import FUNNEL_NOT_ALLOWED, funnel_not_allowed
from tailstack.rules.policy_file import UNDEFINED_SELECTOR
from tailstack.rules.subject import subject_of
from tailstack.rules.tags import proxy_tag_not_owned, tag_undefined
from tailstack.topology.tailnet import BasePolicy
from tests.rules.environments import check, found, tailnet_of

PROJECT = Path(__file__).parents[2]
AT = datetime(2026, 2, 1, 12, tzinfo=UTC)
FUNNEL = """
clusters:
  blue:
    kubernetes: {context: blue}
    ingress:
      page: {namespace: web, backend: {service: nginx, port: 80}, funnel: true}
"""


def test_the_walkthrough_has_nothing_to_be_said_about_it_but_its_own_risks_which_are_meant() -> None:
    checked = check_environment(PROJECT, "sandbox", AT)
    assert checked.policy is not None
    assert checked.findings == ()
    assert [each.finding.rule.slug for each in checked.suppressed] == ["grant-span"] * 3
    assert all(each.suppression.reason for each in checked.suppressed)
    assert [(proof.link, proof.is_complete) for proof in checked.links] == [("green.nginx-remote -> blue.nginx", True)]


def test_the_least_privilege_example_has_nothing_to_be_said_about_it() -> None:
    checked = check_environment(PROJECT, "production", AT)
    assert checked.findings == ()
    assert [proof.is_complete for proof in checked.links] == [True, True, True]


def test_declarations_that_cannot_be_read_give_their_findings_and_no_tailnet(tmp_path: Path) -> None:
    folder = tmp_path / "stacks" / "test"
    folder.mkdir(parents=True)
    (folder / "tailnet.yaml").write_text("tailnet: {dnsName: tail1a2b.ts.net, magicDNS: on}\n", encoding="utf-8")
    checked = check_environment(tmp_path, "test", AT)
    assert (checked.tailnet, checked.policy, checked.links) == (None, None, ())
    assert checked.has_errors
    assert checked.environment == "test"


def test_a_base_that_cannot_be_read_gives_its_findings_and_no_policy() -> None:
    checked, places = check("groups: {group:x: [a@example.com]}\n", base='{"groups": §[]}')
    assert checked.tailnet is not None
    assert checked.policy is None
    assert [(finding.rule, finding.places) for finding in checked.findings] == [(mistakes.SHAPE, places)]


def test_findings_stand_in_the_order_of_their_places() -> None:
    checked, _ = check(FUNNEL + "access:\n  - {name: a, from: [group:x, group:y], to: [tag:z], ports: [tcp:1]}\n")
    assert list(checked.findings) == sorted(checked.findings, key=lambda finding: (finding.places, finding.rule.code))
    assert len(checked.findings) == 3


def test_what_a_rule_says_of_a_selector_is_not_said_again_in_the_words_of_the_service() -> None:
    checked, places = check("access:\n  - {name: a, from: [§group:x], to: ['*'], ports: [tcp:1]}\n")
    assert [(finding.rule, finding.places) for finding in checked.findings] == [(UNDEFINED_SELECTOR, places)]


def test_what_only_the_service_knows_is_said_at_the_selector() -> None:
    checked, places = check("access:\n  - {name: a, from: ['*', §autogroup:self], to: ['*'], ports: [tcp:1]}\n")
    (finding,) = found(checked, mistakes.MISPLACED)
    assert finding.places == places


@pytest.mark.parametrize("target", ["tag:k8s-blue--page", "*", "autogroup:tagged", "autogroup:member"])
def test_funnel_needs_its_attribute_in_a_policy_of_others(target: str) -> None:
    tailnet = tailnet_of(FUNNEL)
    policy = check_tailnet(tailnet).policy
    assert policy is not None
    assert list(funnel_not_allowed(subject_of(tailnet, policy))) == []

    (attribute,) = policy.policy.node_attributes
    selector = replace(attribute.target[0], name=target)
    others = replace(policy.policy, node_attributes=(replace(attribute, target=(selector,)),))
    findings = list(funnel_not_allowed(subject_of(tailnet, replace(policy, policy=others))))
    if target == "autogroup:member":
        (finding,) = findings
        assert finding.rule is FUNNEL_NOT_ALLOWED
        assert finding.places == (tailnet.ingresses[0].place,)
    else:
        assert findings == []
    without = replace(policy.policy, node_attributes=(replace(attribute, attr=()),))
    assert len(list(funnel_not_allowed(subject_of(tailnet, replace(policy, policy=without))))) == 1
    assert tailnet.ingresses[0].funnel


def test_an_ingress_without_funnel_needs_no_attribute() -> None:
    tailnet = tailnet_of(FUNNEL.replace("funnel: true", "funnel: false"))
    policy = check_tailnet(tailnet).policy
    assert policy is not None
    assert list(funnel_not_allowed(subject_of(tailnet, policy))) == []


def test_a_policy_of_others_may_not_know_a_tag_and_each_is_named_once() -> None:
    tailnet = tailnet_of(FUNNEL.replace("funnel: true", "tags: [tag:k8s-blue]"))
    policy = check_tailnet(tailnet).policy
    assert policy is not None
    others = replace(policy, policy=replace(policy.policy, tag_owners=()))
    subject = subject_of(tailnet, others)
    found = list(tag_undefined(subject))
    assert [finding.message for finding in found] == [
        "tag:k8s-blue, which any other proxy of blue wears, is defined nowhere.",
        "tag:k8s-op-blue, which operator blue wears, is defined nowhere.",
    ]
    assert {finding.places for finding in found} == {(tailnet.clusters[0].operator.place,)}
    assert list(proxy_tag_not_owned(subject)) == []


def test_manifests_are_read_even_where_their_policy_file_is_not() -> None:
    read = read_manifests({"blue/a.yaml": "kind: [", "stray.yaml": "a: b"})
    checked = check_manifests(read, BasePolicy(file="policy.hujson", text="{"))
    assert checked.policy is None
    assert [str(finding.places[0]) for finding in checked.findings] == [
        "blue/a.yaml:1:8",
        "policy.hujson:1:2",
        "stray.yaml:1:1",
    ]
