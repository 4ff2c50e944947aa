"""What several clusters or machines serve under one name, as the rules see it."""

from __future__ import annotations

import pytest

from tailstack.rules.chart import VERSION_SKEW
from tailstack.rules.ingress import EXPOSED_TO_NOBODY
from tailstack.rules.live_names import FOREIGN_SERVICE
from tailstack.rules.service_names import (
    API_SERVER_NAME_TAKEN,
    DUPLICATE_IN_CLUSTER,
    MERGED_BY_CHANCE,
    SERVICE_AND_NODE,
)
from tailstack.topology.notes import UNKNOWN_REFERENCE
from tests.rules.cases import said_of
from tests.rules.examples import findings_of_example

SHARED = """
services:
  svc:pay: {ports: [tcp:80], proxyGroup: in, backends: {blue: pay/payments, green: pay/payments}}
clusters:
  blue: {kubernetes: {context: blue}, proxyGroups: {in: {type: ingress}}}
  green: {kubernetes: {context: green}, proxyGroups: {in: {type: ingress}}}
access: [{name: all, from: [ana@example.com], to: [{service: svc:pay}]}]
"""
BY_MACHINES = """
machines: {one: {tags: [tag:db]}, two: {tags: [tag:db]}}
services:
  svc:pay: {ports: [tcp:80], machines: [one, two]}
clusters:
  blue: {kubernetes: {context: blue}, proxyGroups: {in: {type: ingress}}}
access: [{name: all, from: [ana@example.com], to: [{service: svc:pay}]}]
"""


@pytest.mark.parametrize("text", [SHARED, BY_MACHINES])
def test_one_declaration_is_no_clash(text: str) -> None:
    assert findings_of_example(text) == ()


@pytest.mark.parametrize("text", [SHARED, BY_MACHINES])
def test_that_nobody_reaches_it_is_said_once(text: str) -> None:
    closed = (
        text.replace("{service: svc:pay}", "tag:k8s-blue")
        .replace("}]}]", "}]}]")
        .replace("to: [tag:k8s-blue]", "to: [tag:k8s-blue], ports: [tcp:80]")
    )
    assert said_of(closed, EXPOSED_TO_NOBODY) == ["Nobody may reach service svc:pay on tcp:80."]


EXPOSED = ", expose: {OTHER: {namespace: a, ports: [tcp:80], managedBy: patch, hostname: pay, proxyGroup: in}}}"


def with_exposure(text: str) -> str:
    return text.replace("in: {type: ingress}}}", f"in: {{type: ingress}}}}{EXPOSED.replace('OTHER', 'other')}", 1)


def test_an_equal_name_of_something_else_is_an_error() -> None:
    (said,) = said_of(with_exposure(SHARED), DUPLICATE_IN_CLUSTER)
    assert said.endswith("and exposure blue.other are both svc:pay in blue.")
    assert "svc-shared-undeclared" in {finding.rule.slug for finding in findings_of_example(with_exposure(BY_MACHINES))}
    api = "in: {type: ingress}, api: {type: kube-apiserver, kubeAPIServer: {hostname: pay}}}}"
    for text in (SHARED, BY_MACHINES):
        assert len(said_of(text.replace("in: {type: ingress}}}", api, 1), API_SERVER_NAME_TAKEN)) == 1


@pytest.mark.parametrize("text", [SHARED, BY_MACHINES])
def test_a_node_of_its_name_is_an_error(text: str) -> None:
    node = "machines: {pay: {tags: [tag:pay]}, " if "machines: {" in text else "machines: {pay: {tags: [tag:pay]}}\n"
    named = text.replace("machines: {one", f"{node}one", 1) if "{one" in text else node + text
    (said,) = said_of(named, SERVICE_AND_NODE)
    assert said.endswith("and machine pay both ask for the name pay.")


def test_names_that_were_written_are_meant() -> None:
    assert said_of(SHARED, MERGED_BY_CHANCE) == []


def test_a_group_that_a_cluster_does_not_have() -> None:
    text = SHARED.replace("green}, proxyGroups: {in: ", "green}, proxyGroups: {inn: ")
    assert said_of(text, UNKNOWN_REFERENCE) == ['There is no ingress group of green called "in".']


def test_operators_of_different_versions() -> None:
    newer = ', operator: {chart: {version: "1.104.5"}}, proxyGroups: '
    assert len(said_of(SHARED.replace("green}, proxyGroups: ", f"green}}{newer}"), VERSION_SKEW)) == 1
    assert said_of(BY_MACHINES, VERSION_SKEW) == []


def test_one_of_machines_is_made_by_no_operator() -> None:
    facts = '# facts.json\n{"vipServices": [{"name": "svc:pay", "annotations": {}}]}\n'
    assert said_of(f"# main.yaml{BY_MACHINES}{facts}", FOREIGN_SERVICE) == []
    assert len(said_of(f"# main.yaml{SHARED}{facts}", FOREIGN_SERVICE)) == 2
