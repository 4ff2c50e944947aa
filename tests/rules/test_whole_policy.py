"""Habits of the whole policy file: tests, two languages at once, and edits in the console."""

from __future__ import annotations

import pytest

from tailstack.finding import Place
from tailstack.rules import whole_policy
from tests.rules.cases import Case, found_and_silent, said_of
from tests.rules.examples import findings_of_example

ANY = "# blue/app.yaml\napiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n"
OWNERS = '"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]}'

CASES = (
    Case(
        name="an ACL of two destinations and two grants",
        rule=whole_policy.TWO_LANGUAGES,
        text=f'{ANY}# policy.hujson\n{{{OWNERS}, "grants": [②{{"src": ["*"], "dst": ["tag:k8s"], "ip": ["tcp:80"]}},\n'
        '{"src": ["*"], "dst": ["tag:k8s-operator"], "ip": ["tcp:80-90"]}],\n'
        '"acls": [§{"action": "accept", "src": ["tag:k8s", "*"], "dst": ["tag:k8s:80", "tag:k8s-operator:80"]},\n'
        '{"action": "accept", "src": ["*"], "dst": ["tag:k8s:81"]}]}\n',
        says="An ACL and a grant both let * reach tag:k8s on the same ports.",
        silent=(('"tag:k8s:80", "tag:k8s-operator:80"', '"tag:k8s:82", "tag:k8s-operator:91"'), ('"*"], "dst": ["tag:k8s:80"', '"tag:k8s"], "dst": ["tag:k8s:80"')),
    ),
)  # fmt: skip


test_it_is_found, test_a_near_miss_is_not = found_and_silent(CASES)


DECLARED = """tailnet: {dnsName: tail1a2b.ts.net, policy: {tests: none, base: base.hujson}}
# base.hujson
{"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}, {"src": ["*"], "dst": ["10.0.0.1"], "ip": ["*"]}]}
"""


def test_where_tests_are_derived_there_are_as_many_as_can_be() -> None:
    assert said_of(DECLARED, whole_policy.NO_TESTS) == ["2 entries grant access, and no test says what must hold."]
    assert said_of(DECLARED.replace("tests: none, ", ""), whole_policy.NO_TESTS) == []


GRANT = f'{ANY}# policy.hujson\n{{{OWNERS}, "grants": [{{"src": ["*"], "dst": ["tag:k8s"], "ip": ["*"]}}]}}\n'


def test_a_policy_file_without_tests_is_told_where_it_begins() -> None:
    (finding,) = [f for f in findings_of_example(GRANT) if f.rule is whole_policy.NO_TESTS]
    assert finding.message == "One entry grants access, and no test says what must hold."
    assert finding.places == (Place("policy.hujson", 1, 1),)


@pytest.mark.parametrize(
    "tests",
    [
        '"tests": [{"src": "tag:k8s", "accept": ["tag:k8s:80"]}]',
        '"sshTests": [{"src": "tag:k8s", "dst": ["tag:k8s"], "deny": ["root"]}]',
    ],
)
def test_one_test_of_either_kind_is_enough(tests: str) -> None:
    assert said_of(GRANT.replace('"ip": ["*"]}]', f'"ip": ["*"]}}], {tests}'), whole_policy.NO_TESTS) == []


def test_a_policy_that_grants_nothing_needs_no_tests() -> None:
    assert said_of(f'{ANY}# policy.hujson\n{{"grants": []}}\n', whole_policy.NO_TESTS) == []


def test_a_tailnet_that_is_open_to_edits_is_told_by_its_setting() -> None:
    text = f'{ANY}# facts.json\n{{"settings": {{"aclsExternallyManagedOn": false}}}}\n'
    (finding,) = [f for f in findings_of_example(text) if f.rule is whole_policy.EDITED_IN_CONSOLE]
    assert finding.message == "The tailnet lets admins edit the policy file in the console."
    assert finding.places == (Place("facts.json", 1, 1),)
    assert said_of(text.replace("false", "true"), whole_policy.EDITED_IN_CONSOLE) == []
    unknown = text.replace('"aclsExternallyManagedOn": false', '"httpsEnabled": false')
    assert said_of(unknown, whole_policy.EDITED_IN_CONSOLE) == []
