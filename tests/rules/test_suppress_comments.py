"""Where comments of the policy file hold. `⟦` and `⟧` stand around what a suppression is about, `§` before the comment."""

from __future__ import annotations

import pytest

from tailstack.finding import Place
from tailstack.rules.suppress_comments import suppressions_in_policy
from tailstack.topology.suppressions import SUPPRESSION_FORM
from tailstack.topology.tailnet import BasePolicy, Stretch

FILE = "stacks/test/base.hujson"
MARKS = ("⟦", "⟧", "§")


def unmarked(marked: str) -> tuple[str, dict[str, tuple[int, int]]]:
    """The text without its marks, and the line and column of each."""
    text = ""
    places: dict[str, tuple[int, int]] = {}
    for character in marked:
        if character in MARKS:
            assert character not in places
            before = text.split("\n")
            places[character] = (len(before), len(before[-1]) + 1)
        else:
            text += character
    return text, places


ABOVE = """{
    // What is allowed.
    "grants": [
        §// tailstack:suppress TS1: because
        ⟦{"src": ["*"], "dst": ["*"], "ip": ["*"]}⟧,
        {"src": ["*"], "dst": ["*"], "ip": ["*"]},
    ],
}"""
BESIDE = """{
    "grants": [
        ⟦{"src": ["*"], "dst": ["*"], "ip": ["*"]}⟧, §// tailstack:suppress TS1: because
        {"src": ["*"], "dst": ["*"], "ip": ["*"]},
    ],
}"""
CASES = {
    "above an element": ABOVE,
    "behind an element": BESIDE,
    "behind the last element": '{"a": [\n  1,\n  ⟦2⟧ §// tailstack:suppress TS1: because\n]}',
    "behind the last element and its comma": '{"a": [\n  1,\n  ⟦2⟧, §// tailstack:suppress TS1: because\n]}',
    "above a member": '{\n  "a": 1,\n  §// tailstack:suppress TS1: because\n  ⟦"b": [1, 2]⟧,\n  "c": 3}',
    "behind a member": '{\n  "a": 1,\n  ⟦"b": [1, 2]⟧, §// tailstack:suppress TS1: because\n  "c": 3}',
    "behind the beginning of a member": '{\n  ⟦"b": [ §// tailstack:suppress TS1: because\n 1\n ]⟧, "c": 3}',
    "behind the end of an element": '{"a": [\n  ⟦{"src": 1,\n   "dst": 2}⟧, §// tailstack:suppress TS1: because\n 3]}',
    "between the colon and the value": '{\n  ⟦"b": §/* tailstack:suppress TS1: because */ 1⟧, "c": 3}',
    "below a colon": '{\n  "b":\n  §// tailstack:suppress TS1: because\n  ⟦1⟧, "c": 3}',
    "a block before an element": '{"a": [\n  §/* tailstack:suppress TS1: because */ ⟦1⟧,\n 2]}',
    "above everything": "§// tailstack:suppress TS1: because\n// more\n⟦{\n}⟧",
    "one of several above": '{"a": [\n§//tailstack:suppress TS1: because\n// more\n\n/* and\n more */\n⟦1⟧]}',
    "carriage returns": '{"a": [\r\n§// tailstack:suppress TS1: because\r\n⟦1⟧]}',
    "an empty object": '{"a": [\n⟦{}⟧, §// tailstack:suppress TS1: because\n[]]}',
    "other text before": '{"a": ["ä\U0001f600", 2], ⟦"b": 1⟧} §// tailstack:suppress TS1: because\n',
}


@pytest.mark.parametrize("case", CASES)
def test_where_one_holds(case: str) -> None:
    text, places = unmarked(CASES[case])
    written = suppressions_in_policy(BasePolicy(file=FILE, text=text))
    assert written.findings == ()
    (one,) = written.suppressions
    assert (one.rule, one.reason) == ("TS1", "because")
    assert one.place == Place(FILE, *places["§"])
    (line, column) = places["⟧"]
    assert one.stretches == (Stretch(FILE, places["⟦"], (line, column - 1)),)


@pytest.mark.parametrize("comment", ["// tailstack:suppress TS1: r", "// tailstack:suppress: r"])
def test_one_below_everything_holds_nowhere(comment: str) -> None:
    text = f'{{"a": [\n  1,\n  {comment}\n], "b": [\n  2\n]}}\n'
    written = suppressions_in_policy(BasePolicy(file=FILE, text=text))
    if "TS1" in comment:
        assert [one.stretches for one in written.suppressions] == [()]
    else:
        assert [(one.rule, one.places) for one in written.findings] == [(SUPPRESSION_FORM, (Place(FILE, 3, 3),))]


def test_one_behind_no_entry_holds_nowhere() -> None:
    written = suppressions_in_policy(BasePolicy(file=FILE, text="{ // tailstack:suppress TS1: r\n}"))
    assert [one.stretches for one in written.suppressions] == [()]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "// tailstack:suppress TS1: in a text"}',
        "{} // see tailstack:suppress",
        "{} // tailstack:suppressed TS1: another word",
        "{ // tailstack:suppress TS1: no HuJSON\n",
        "{}",
    ],
)
def test_what_is_no_suppression(text: str) -> None:
    written = suppressions_in_policy(BasePolicy(file=FILE, text=text))
    assert (written.suppressions, written.findings) == ((), ())


def test_there_may_be_no_policy_file() -> None:
    assert suppressions_in_policy(None).suppressions == ()
