from __future__ import annotations

import pytest

from tailstack.finding import Finding, Place
from tailstack.topology.custom import CustomResources
from tailstack.topology.suppressions import SUPPRESSION_FORM, read_suppression
from tailstack.topology.tailnet import Stretch, Suppression
from tests.topology.marked import BASE, check_finding, path_of, resolved

CLUSTER = "{kubernetes: {context: blue}}"
SUPPRESS = "suppress: [{rule: TS404, reason: later}]"
EVERYWHERE = f"""
groups:
  group:a: {{members: [a@x.com], {SUPPRESS}}}
  group:b: [a@x.com]
postures:
  posture:a: {{assertions: [node:ipn], {SUPPRESS}}}
  posture:b: [node:ipn]
machines:
  ci: {{tags: [tag:ci], {SUPPRESS}}}
clusters:
  blue:
    kubernetes: {{context: blue}}
    {SUPPRESS}
    operator:
      {SUPPRESS}
    expose:
      nginx: {{namespace: a, ports: [tcp:80], selector: {{a: b}}, {SUPPRESS}}}
    ingress:
      web: {{namespace: a, backend: {{service: s, port: 80}}, {SUPPRESS}}}
    egress:
      out: {{namespace: a, to: {{machine: ci}}, ports: [tcp:1], {SUPPRESS}}}
    proxyGroups: {{group: {{type: ingress, {SUPPRESS}}}}}
    connectors: {{net: {{exitNode: true, {SUPPRESS}}}}}
    recorders: {{audit: {{enableUI: true, {SUPPRESS}}}}}
    peerRelays: {{relay: {{{SUPPRESS}}}}}
    proxyClasses: {{small: {{{SUPPRESS}}}}}
    proxyGroupPolicies: {{shop: {{namespace: a, {SUPPRESS}}}}}
    dnsConfig: {{{SUPPRESS}}}
    tailnets: {{other: {{credentialsSecret: s, {SUPPRESS}}}}}
services:
  svc:pay: {{ports: [tcp:1], machines: [ci], {SUPPRESS}}}
ssh:
  - {{name: a, from: ["*"], to: ["*"], users: [root], {SUPPRESS}}}
access:
  - name: a
    from: ["*"]
    to: ["*"]
    ports: ["*"]
    {SUPPRESS}
"""


PARTS = (
    *("proxy_groups", "connectors", "recorders", "peer_relays"),
    *("proxy_classes", "proxy_group_policies", "dns_configs", "tailnets"),
)


def place_of(custom: CustomResources, part: str) -> Place:
    (resource,) = getattr(custom, part)
    return resource.place


def test_everything_that_has_a_place_may_have_a_suppression() -> None:
    tailnet = resolved(EVERYWHERE)
    things = [
        tailnet.groups[0].place,
        tailnet.postures[0].place,
        tailnet.machines[0].place,
        tailnet.clusters[0].place,
        tailnet.clusters[0].operator.place,
        tailnet.exposures[0].place,
        tailnet.ingresses[0].place,
        tailnet.egresses[0].place,
        *(place_of(tailnet.clusters[0].custom, part) for part in PARTS),
        tailnet.services[0].place,
        tailnet.access[0].place,
        tailnet.ssh[0].place,
    ]
    by_place = sorted(tailnet.suppressions, key=lambda suppression: suppression.place)
    things.sort()
    assert len(tailnet.suppressions) == len(things)
    for suppression, place in zip(by_place, things, strict=True):
        assert (suppression.rule, suppression.reason) == ("TS404", "later")
        assert suppression.covers([place])
        assert suppression.covers([suppression.place])
    assert [group.name for group in tailnet.groups] == ["group:a", "group:b"]
    assert [posture.assertions for posture in tailnet.postures] == [("node:ipn",), ("node:ipn",)]


def test_one_holds_in_the_thing_that_it_stands_in_and_nowhere_else() -> None:
    tailnet = resolved(EVERYWHERE)
    by_line = {suppression.place.line: suppression for suppression in tailnet.suppressions}
    cluster, operator = by_line[13], by_line[15]
    assert cluster.covers([tailnet.egresses[0].place])
    assert not cluster.covers([tailnet.access[0].place, tailnet.machines[0].place])
    assert operator.covers([tailnet.access[0].place, operator.place])
    assert not operator.covers([tailnet.clusters[0].place])
    assert not operator.covers([tailnet.exposures[0].place])
    assert not operator.covers([Place("other.yaml", operator.place.line, operator.place.column)])
    assert not operator.covers([])


def test_neighbours_on_one_line_are_told_apart() -> None:
    tailnet = resolved(f"machines: {{a: {{tags: [tag:a]}}, b: {{tags: [tag:b], {SUPPRESS}}}, c: {{tags: [tag:c]}}}}")
    (suppression,) = tailnet.suppressions
    assert [suppression.covers([machine.place]) for machine in tailnet.machines] == [False, True, False]


def test_the_tailnet_itself_may_have_one() -> None:
    files = {"a.yaml": BASE["a.yaml"].replace("ts.net}", f"ts.net, {SUPPRESS}}}")}
    tailnet = resolved("clusters: {}", a=files["a.yaml"])
    (suppression,) = tailnet.suppressions
    assert suppression.stretches == (Stretch(path_of("a.yaml"), (1, 1), (1, suppression.place.column + 15)),)
    assert suppression.covers([tailnet.place])


def test_webhooks_and_keys_may_have_one() -> None:
    webhook = f"webhooks: {{w: {{endpointUrl: 'https://a', subscriptions: [policyUpdate], {SUPPRESS}}}}}"
    key = f"keys: {{k: {{tags: [tag:a], {SUPPRESS}}}}}"
    tailnet = resolved("clusters: {}", a=BASE["a.yaml"].replace("ts.net}", f"ts.net, {webhook}, {key}}}"))
    of_webhook, of_key = tailnet.suppressions
    assert of_webhook.covers([tailnet.extras.webhooks[0].place])
    assert not of_webhook.covers([tailnet.extras.keys[0].place, tailnet.place])
    assert of_key.covers([tailnet.extras.keys[0].place])


def test_a_cluster_in_several_files_suppresses_from_each_and_in_all() -> None:
    tailnet = resolved(
        f"clusters: {{blue: {{kubernetes: {{context: a}}, {SUPPRESS}}}}}",
        more=f"""
        clusters:
          blue:
            suppress: [{{rule: TS605, reason: later}}]
            egress: {{out: {{namespace: a, to: {{ip: 100.64.0.1}}, ports: [tcp:1]}}}}
          green: {CLUSTER}
        """,
        other=f"clusters: {{red: {CLUSTER}}}",
    )
    assert [s.place.file for s in tailnet.suppressions] == [path_of("main.yaml"), path_of("more.yaml")]
    for suppression in tailnet.suppressions:
        assert [stretch.file for stretch in suppression.stretches] == [path_of("main.yaml"), path_of("more.yaml")]
        assert suppression.covers([tailnet.clusters[0].place])
        assert suppression.covers([tailnet.egresses[0].place])
        assert not suppression.covers([tailnet.clusters[1].place, tailnet.clusters[2].place])


@pytest.mark.parametrize(
    ("written", "slug", "word"),
    [
        ("[{rule: TS404, reason: §''}]", "wrong-value", "an empty text"),
        ("[{rule: TS404, reason: §' '}]", "wrong-value", "why this is meant"),
        ("[§{rule: TS404}]", "missing-key", "reason"),
        ("[§{reason: later}]", "missing-key", "rule"),
        ("[{rule: §exposed to nobody, reason: r}]", "wrong-value", "the slug or the code of a rule"),
        ("[{rule: TS404, reason: r, §why: x}]", "unknown-key", "rule, reason"),
        ("§TS404", "wrong-type", "a list"),
        ("[§TS404]", "wrong-type", "a mapping with the keys rule, reason"),
        ("[②{rule: TS404, reason: r}, §{rule: TS404, reason: s}]", "listed-twice", "suppress"),
    ],
)
def test_what_is_refused(written: str, slug: str, word: str) -> None:
    text = f"clusters: {{blue: {{kubernetes: {{context: blue}}, suppress: {written}}}}}"
    check_finding({**BASE, "main.yaml": text}, slug, word)


@pytest.mark.parametrize(
    ("entry", "slug"),
    [
        ("groups: {group:a: §{members: [a@x.com], synced: true, suppress: []}}", "one-of"),
        ("groups: {group:a: §{suppress: []}}", "one-of"),
        ("postures: {posture:a: §{suppress: []}}", "missing-key"),
        ("postures: {posture:a: {assertions: §[]}}", "wrong-value"),
        ("postures: {posture:a: §text}", "wrong-type"),
    ],
)
def test_a_group_or_a_posture_still_says_what_it_is(entry: str, slug: str) -> None:
    check_finding({**BASE, "main.yaml": entry}, slug)


PLACE = Place("base.hujson", 1, 2)


@pytest.mark.parametrize("text", ["TS404: because: of", " TS404:because: of ", "TS404 :  because: of\t"])
def test_a_comment_says_rule_colon_reason(text: str) -> None:
    stretch = Stretch("base.hujson", (1, 1), (2, 2))
    assert read_suppression(text, PLACE, (stretch,)) == Suppression(
        rule="TS404", reason="because: of", place=PLACE, stretches=(stretch,)
    )


@pytest.mark.parametrize("text", ["", "TS404", "TS404:", "TS404: ", ": because", "two words: because", "a: b\nc"])
def test_a_comment_in_another_form_is_a_mistake(text: str) -> None:
    found = read_suppression(text, PLACE, ())
    assert isinstance(found, Finding)
    assert (found.rule, found.places) == (SUPPRESSION_FORM, (PLACE,))
