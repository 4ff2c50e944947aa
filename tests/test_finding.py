from __future__ import annotations

import pytest

from tailstack.finding import InvalidTailnetError, Place, Rule, Severity, in_order

RULE = Rule(code="TS999", slug="an-example", what="What.", why="Why.", mend="Mend.")
WARNING = Rule(code="TS998", slug="a-warning", severity=Severity.WARNING, what="What.", why="Why.", mend="Mend.")
HERE, THERE = Place("stacks/a/b.yaml", 2, 10), Place("stacks/a/b.yaml", 10, 2)


def test_a_place_is_what_editors_and_terminals_follow() -> None:
    assert str(HERE) == "stacks/a/b.yaml:2:10"
    assert sorted([THERE, HERE]) == [HERE, THERE], "lines are compared as numbers"


def test_a_finding_takes_the_mend_of_its_rule_unless_a_better_one_is_known() -> None:
    assert RULE.at(HERE, message="m").mend == "Mend."
    finding = RULE.at(HERE, THERE, message="m", expected="e", mend="Better.")
    assert (finding.mend, finding.expected, finding.places) == ("Better.", "e", (HERE, THERE))


def test_a_warning_is_no_error() -> None:
    assert RULE.at(HERE, message="m").is_error
    assert not WARNING.at(HERE, message="m").is_error


def test_findings_are_sorted_by_place_then_code_then_message() -> None:
    later, warning = RULE.at(THERE, message="a"), WARNING.at(HERE, message="z")
    b, a, nowhere = RULE.at(HERE, message="b"), RULE.at(HERE, message="a"), RULE.at(message="x")
    assert in_order([later, b, a, warning, nowhere]) == (nowhere, warning, a, b, later)


def test_an_invalid_tailnet_carries_all_findings_in_order() -> None:
    with pytest.raises(InvalidTailnetError, match=r"TS999 one\nTS999 two") as caught:
        raise InvalidTailnetError([RULE.at(THERE, message="two"), RULE.at(HERE, message="one")])
    assert [f.message for f in caught.value.findings] == ["one", "two"]
