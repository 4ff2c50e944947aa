"""The report of a preview: its answer, its golden files, its limits, and what no name can do to it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.report.cost import Cost
from tailstack.report.plan import ChangeClass, Op, Plan, PolicyEdit, digest_of
from tailstack.report.preview import LivePolicy, PolicyState, Preview, Safety, asked_of_stack, headline
from tailstack.report.preview_shown import (
    GITHUB_LIMIT,
    cut,
    preview_as_json,
    preview_as_markdown,
    preview_as_text,
    size,
)
from tests.golden import Golden
from tests.report import previews
from tests.report.previews import CASES, HOSTILE, MANY, changed

ANSWERS = {
    "nothing": (Safety.NOTHING, "Safe: nothing changes in prod."),
    "safe": (Safety.SAFE, "Safe: prod changes, and nobody loses access, and nothing is replaced or deleted."),
    "access-lost": (
        Safety.LOOK,
        (
            "Look before you apply prod: the live policy file was edited, and the edit would be lost; "
            "1 risky change of access; access is taken away 2 times."
        ),
    ),
    "replace": (Safety.LOOK, "Look before you apply prod: exposure blue.web and exposure blue.api are replaced."),
    "delete": (
        Safety.LOOK,
        (
            "Look before you apply prod: recorder blue.store is deleted for good; recorder blue.box is replaced, and what is "
            "in it is lost; 4 declarations are deleted."
        ),
    ),
    "failed": (
        Safety.FAILED,
        (
            "The preview of prod failed, and nobody can say what would change: could not reach the API server of blue: "
            "connection refused"
        ),
    ),
    "findings": (Safety.FINDINGS, "Not safe: prod has 1 error, and nothing would be applied."),
    "refused-by-service": (Safety.FINDINGS, "Not safe: Tailscale would refuse the policy file of prod."),
    "policies": (Safety.REFUSED, "Not safe: no-funnel refuses prod."),
    "advice": (Safety.SAFE, "Safe: prod changes, and nobody loses access, and nothing is replaced or deleted."),
    "secrets": (Safety.SAFE, "Safe: prod changes, and nobody loses access, and nothing is replaced or deleted."),
    "hostile-names": (Safety.LOOK, f"Look before you apply {HOSTILE}: exposure blue.{HOSTILE} is replaced."),
    "offline": (Safety.SAFE, "Safe: prod changes, and nobody loses access, and nothing is replaced or deleted."),
    "untold": (Safety.LOOK, "Look before you apply prod: nobody can say who gains or loses access."),
}


@pytest.mark.parametrize("name", CASES)
def test_the_first_line_says_whether_it_is_safe(name: str) -> None:
    preview = CASES[name]
    assert (preview.safety, headline(preview)) == ANSWERS[name]
    assert preview_as_text(preview).splitlines()[0] == " ".join(headline(preview).replace("\n", "\ufffd").split(" "))


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, golden: Golden) -> None:
    golden.holds(f"preview-{name}.md", preview_as_markdown(CASES[name]))
    golden.holds(f"preview-{name}.txt", preview_as_text(CASES[name]))


def test_golden_json(golden: Golden) -> None:
    golden.holds("preview-access-lost.json", preview_as_json(previews.LOST))
    golden.holds("preview-failed.json", preview_as_json(previews.FAILED))


def test_golden_cut(golden: Golden) -> None:
    text = preview_as_markdown(MANY, limit=4000)
    assert size(text) <= 4000
    golden.holds("preview-cut.md", text)


@pytest.mark.parametrize("name", [*CASES, "many"])
@pytest.mark.parametrize("limit", [1, 30, 300, 700, 1500, 3000, 10_000, GITHUB_LIMIT])
def test_it_is_never_longer_than_the_limit_and_its_folds_are_closed(name: str, limit: int) -> None:
    text = preview_as_markdown((CASES | {"many": MANY})[name], limit=limit)
    assert size(text) <= limit
    assert text.count("<details>") == text.count("</details>")


def test_what_is_left_out_is_counted_and_the_answer_and_the_digest_stay() -> None:
    text = preview_as_markdown(MANY, limit=4000)
    assert text.startswith(":warning: **Look before you apply prod: access is taken away 60 times;")
    shown = len(re.findall(r"group:team-\d+ loses", text))
    (left_out,) = [int(number) for number in re.findall(r"and (\d+) more, which", text.partition("### Replaced")[0])]
    assert shown + left_out == 60
    assert len(re.findall(r"blue\.n\d+ \(", text)) >= 3, "a few of each section come before all of one"
    assert digest_of(MANY.plan) in text
    assert preview_as_markdown(MANY, limit=size(preview_as_markdown(MANY))) == preview_as_markdown(MANY)


def test_one_long_object_does_not_push_out_the_others() -> None:
    long = replace(previews.FAILED, failure=("x" * 50_000, *["y" * 3000] * 4), warnings=("a\n" + "z" * 9000,))
    text = preview_as_markdown(long, limit=2000)
    assert size(text) <= 2000
    assert "(cut)" in text
    assert "live policy file" in text


@pytest.mark.parametrize("tag", ["img", "script", "details", "summary"])
def test_no_name_is_markup(tag: str) -> None:
    name = f"<{tag}>` </{tag}> </details> --> ### x | y\n\n# h\n- [l](http://e.example) ![i](http://e.example) @me www.e.example"
    text = preview_as_markdown(
        replace(
            previews.NAMES,
            environment=name,
            plan=Plan(
                changes=(changed(Op.REPLACE, ChangeClass.REPLACE, name, previews.value(name, name, name, name)),)
            ),
            notices=(name,),
            failure=(name,),
            base=name,
        )
    )
    ours = ("<sub>", "</sub>", "<details>", "</details>", "<summary>", "</summary>")
    for part in ours:
        text = text.replace(part, "")
    assert "<" not in text
    assert re.search(r"(?<!\\)\]\(", text) is None
    assert "://" not in text, "an address is no link"
    assert "@me" not in text
    assert re.findall(r"^#+ .*", text, re.MULTILINE) == [
        "### Why it failed",
        "### Access gained and lost",
        "### Replaced",
        "### To know",
        "### What it costs",
    ]


def test_colours_say_nothing_that_the_words_do_not() -> None:
    for preview in CASES.values():
        painted = preview_as_text(preview, colour=True)
        assert "\x1b[" in painted
        assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == preview_as_text(preview)


def test_the_counts_of_cost_are_concerns_only_when_they_are_too_many() -> None:
    names = tuple(f"n{number}" for number in range(51))
    assert replace(previews.SAFE, cost=Cost(certificates=names)).concerns == (
        "more certificates than are issued in a week",
    )
    assert replace(previews.SAFE, cost=Cost(certificates=names[:50])).concerns == ()


def test_an_edit_behind_an_unchanged_environment_is_to_be_looked_at() -> None:
    edited = replace(previews.NOTHING, live_policy=previews.LOST.live_policy)
    assert edited.safety is Safety.LOOK


def test_json_holds_what_a_program_needs() -> None:
    data = json.loads(preview_as_json(previews.POLICIES))
    assert data["safety"] == "refused"
    assert data["plan"]["digest"] == digest_of(previews.POLICIES.plan)
    assert data["plan"]["counts"] == {"create": 1, "update": 2}
    assert data["violations"][0]["mandatory"] is True
    assert data["access"]["summary"]["gained"] == 1
    assert data["told"]["sections"][0]["title"] == "Policies that refuse it"
    assert json.loads(preview_as_json(previews.FINDINGS))["access"] is None


@given(st.text(max_size=40), st.integers(1, 60))
@settings(deadline=None)
def test_a_cut_is_within_its_bytes(text: str, longest: int) -> None:
    short = cut(text, longest)
    assert size(short) <= longest
    assert size(text) > longest or short == text


def test_every_case_is_a_preview() -> None:
    assert all(isinstance(case, Preview) for case in CASES.values())


@pytest.mark.parametrize(
    ("op", "words"),
    [
        (Op.CREATE, "tailnet settings are created."),
        (Op.FORGET, "tailnet settings leave the stack and stay as they are."),
    ],
)
def test_more_than_one_thing_is_told_as_such(op: Op, words: str) -> None:
    change = replace(changed(op), declaration="tailnet settings", what="tailnet settings")
    assert words in preview_as_text(replace(previews.SAFE, plan=Plan(changes=(change,))))


def test_an_edit_of_the_policy_file_is_lost_only_where_it_is_written() -> None:
    edited = LivePolicy(state=PolicyState.EDITED, said=("group:dev gains tcp:80 to tag:nginx.",))
    left = replace(previews.NOTHING, live_policy=edited)
    assert headline(left) == "Look before you apply prod: the live policy file was edited behind the stack."
    assert "An apply leaves it as it is" in preview_as_text(left)
    written = replace(left, plan=Plan(policy=PolicyEdit(before="{}", after='{"grants": []}')))
    assert headline(written).endswith("the live policy file was edited, and the edit would be lost.")
    assert "An apply would undo this edit" in " ".join(preview_as_text(written).split())


def test_a_preview_of_one_stack_of_several_has_its_name() -> None:
    assert asked_of_stack("prod", "prod").name == "prod"
    assert asked_of_stack("prod", "prod-blue").name == "prod (stack prod-blue)"
