"""Every example of every rule: the bad one gives the rule, the good one does not."""

from __future__ import annotations

import pytest

from tailstack.finding import Rule
from tailstack.rules.registry import RULES
from tests.rules.examples import findings_of_example

WITH_EXAMPLES = tuple(rule for rule in RULES if rule.bad)
WITHOUT = {
    "TS002": "a reader would not see the bytes that are wrong",
    "TS014": "it would be too large",
    "TS020": "no file is wrong, but a name on the command line",
    "TS022": "it is about the file system",
}
"""Rules that no text can show, and why."""


def test_every_rule_that_a_text_can_show_has_examples() -> None:
    assert {rule.code for rule in RULES if not rule.bad} == WITHOUT.keys()


@pytest.mark.parametrize("rule", WITH_EXAMPLES, ids=lambda rule: rule.code)
def test_the_bad_example_gives_the_rule(rule: Rule) -> None:
    found = [finding for finding in findings_of_example(rule.bad) if finding.rule is rule]
    assert found
    assert all(finding.places for finding in found)


@pytest.mark.parametrize("rule", WITH_EXAMPLES, ids=lambda rule: rule.code)
def test_the_good_example_does_not(rule: Rule) -> None:
    assert rule.good
    assert [str(finding.message) for finding in findings_of_example(rule.good) if finding.rule is rule] == []
