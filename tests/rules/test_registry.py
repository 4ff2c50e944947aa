"""The registry: complete, with codes that are unique, and stable."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import tailstack.access
import tailstack.manifests
import tailstack.rules
import tailstack.topology
from tailstack.finding import Rule
from tailstack.rules.registry import CHECKS, FAMILIES, RULES, find_rule

PUBLISHED = {
    "TS101": "duplicate-hostname",
    "TS102": "duplicate-kubernetes-object",
    "TS103": "existing-device",
    "TS104": "label-invalid",
    "TS105": "svc-vs-device",
    "TS106": "svc-merge-unintended",
    "TS107": "svc-merge-conflict",
    "TS108": "apiserver-svc-dup",
    "TS109": "svc-dup-in-cluster",
    "TS110": "svc-foreign",
    "TS111": "reserved-k8s-name",
    "TS113": "svc-shared-undeclared",
    "TS312": "open-egress-group",
    "TS313": "backend-lacking",
    "TS112": "rename",
    "TS201": "tag-undefined",
    "TS202": "proxy-tag-not-owned",
    "TS203": "operator-tag-reuse",
    "TS204": "tag-owner-too-wide",
    "TS205": "implicit-default-tag",
    "TS206": "operator-tags-vs-client",
    "TS207": "client-scopes",
    "TS208": "client-without-tags",
    "TS209": "shared-client",
    "TS210": "tag-syntax",
    "TS211": "default-tags-type",
    "TS212": "tag-mutation",
    "TS213": "tag-removed-in-use",
    "TS214": "wif-subject",
    "TS215": "dead-tag",
    "TS301": "egress-target-unknown",
    "TS302": "link-incomplete",
    "TS303": "egress-loop",
    "TS304": "egress-tls-name",
    "TS305": "egress-suffix",
    "TS306": "egress-target-count",
    "TS307": "egress-address-unrouted",
    "TS308": "egress-pg-shape",
    "TS309": "egress-cycle",
    "TS310": "policy-denied",
    "TS311": "egress-appconnector",
    "TS401": "https-off",
    "TS402": "magicdns-off",
    "TS403": "funnel-not-allowed",
    "TS404": "exposed-to-nobody",
    "TS405": "ingress-class",
    "TS406": "tls-shape",
    "TS407": "rule-host",
    "TS408": "ingress-backend",
    "TS409": "no-backend",
    "TS410": "rule-without-http",
    "TS411": "exact-path",
    "TS412": "duplicate-path",
    "TS413": "funnel-on-pg",
    "TS414": "annotation-value",
    "TS415": "externalname-on-pg",
    "TS416": "headless",
    "TS417": "proxy-group-missing",
    "TS418": "svc-not-approved",
    "TS419": "exposed-to-all",
    "TS420": "funnel-plus-private",
    "TS421": "cert-volume",
    "TS422": "staging-certificate",
    "TS423": "identity-split",
    "TS501": "route-not-approved",
    "TS502": "exit-not-approved",
    "TS503": "route-overlap",
    "TS504": "cidr-unmasked",
    "TS505": "connector-shape",
    "TS506": "connector-replicas-names",
    "TS507": "appconnector-policy",
    "TS508": "route-no-grant",
    "TS601": "no-network-path",
    "TS602": "grant-dst-not-proxy",
    "TS603": "group-not-bound",
    "TS604": "system-masters",
    "TS605": "grant-span",
    "TS606": "posture-bypass",
    "TS607": "proxy-off",
    "TS608": "impersonation-rbac",
    "TS609": "mode-value",
    "TS610": "dead-rbac",
    "TS611": "union-groups",
    "TS612": "noauth-impersonate",
    "TS613": "recorder-missing",
    "TS614": "recorder-path",
    "TS615": "recorder-fail-open",
    "TS616": "tagged-source",
    "TS617": "apiserver-proxyclass-image",
    "TS618": "self-managed-path",
    "TS701": "chart-too-old",
    "TS702": "unknown-value",
    "TS703": "value-enum",
    "TS704": "value-type",
    "TS705": "proxyclass-missing",
    "TS706": "proxyclass-content",
    "TS707": "proxyclass-risky",
    "TS708": "dnsconfig-count",
    "TS709": "recorder-storage",
    "TS710": "peer-relay-addresses",
    "TS711": "tailnet-missing",
    "TS712": "oauth-missing",
    "TS713": "tailnet-secret",
    "TS714": "crd-too-new",
    "TS715": "crds-absent",
    "TS716": "version-skew",
    "TS717": "two-operators",
    "TS718": "dnsconfig-stub",
    "TS719": "tailnet-on-service",
    "TS720": "psa",
    "TS721": "image-version",
    "TS722": "pull-secret-out-of-reach",
    "TS861": "no-tests",
    "TS862": "acls-and-grants",
    "TS863": "acls-not-locked",
    "TS851": "conflicting-definition",
    "TS852": "undefined-selector",
}
"""Once a code is out, people write it down: it is never given to another rule. Only ever add here."""


def test_codes_of_the_rules_across_files_do_not_change() -> None:
    by_code = {rule.code: rule.slug for rule in RULES}
    assert PUBLISHED.items() <= by_code.items()
    assert {code for code in by_code if code[2] not in "08"} <= PUBLISHED.keys(), "pin the new code above"


def test_every_rule_of_the_pure_rooms_is_registered_once() -> None:
    declared: dict[int, str] = {}
    for package in (tailstack.topology, tailstack.manifests, tailstack.access, tailstack.rules):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            members = vars(importlib.import_module(module.name)).values()
            declared.update({id(member): member.code for member in members if isinstance(member, Rule)})
    assert sorted(declared.values()) == [rule.code for rule in RULES]


def test_codes_and_slugs_are_unique_and_belong_to_a_family() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.slug for rule in RULES}) == len(RULES)
    assert {rule.code[2] for rule in RULES} <= FAMILIES.keys()
    assert all(len(rule.code) == 5 and rule.code[:2] == "TS" and rule.code[2:].isdigit() for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_explains_itself_in_sentences(rule: Rule) -> None:
    for text in (rule.what, rule.why, rule.mend):
        assert text
        assert text[0].isupper() or text[0] == "`"
        assert text[-1] in ".?"


def test_a_check_is_run_once() -> None:
    assert len(set(CHECKS)) == len(CHECKS)


def test_a_rule_is_found_by_code_in_any_case_and_by_slug() -> None:
    rule = find_rule("ts101")
    assert rule is not None
    assert rule.slug == "duplicate-hostname"
    assert find_rule("duplicate-hostname") is rule
    assert find_rule("TS999") is None
