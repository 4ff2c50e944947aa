"""Previews of several environments as one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tailstack.report.preview import Safety
from tailstack.report.preview_shown import preview_as_json, size
from tailstack.report.roll_up import (
    RolledUp,
    gravest,
    read_report,
    roll_up_as_json,
    roll_up_as_markdown,
    roll_up_as_text,
    roll_up_headline,
)
from tests.golden import Golden
from tests.report import previews


def row(preview: previews.Preview, name: str) -> RolledUp:
    return read_report(preview_as_json(replace(preview, environment=name)), name)


ALL = [
    row(previews.NOTHING, "dev"),
    row(previews.SAFE, "staging"),
    row(previews.LOST, "production"),
    row(previews.FAILED, "lab"),
    row(previews.POLICIES, "edge"),
    row(previews.FINDINGS, previews.HOSTILE),
]


def test_golden(golden: Golden) -> None:
    golden.holds("roll-up.md", roll_up_as_markdown(ALL))
    golden.holds("roll-up.txt", roll_up_as_text(ALL))
    golden.holds("roll-up.json", roll_up_as_json(ALL))
    golden.holds("roll-up-cut.md", roll_up_as_markdown(ALL, limit=3500))


def test_stacks_of_one_environment_are_told_apart() -> None:
    rows = [
        read_report(preview_as_json(replace(previews.SAFE, environment="prod", stack=stack)), "file")
        for stack in ("prod-blue", "prod-tailnet")
    ]
    assert "| `prod (stack prod-tailnet)` |" in roll_up_as_markdown(rows)
    told = json.loads(roll_up_as_json(rows))["environments"]
    assert [(row["environment"], row["stack"]) for row in told] == [("prod", "prod-blue"), ("prod", "prod-tailnet")]


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        ([], "Safe: nothing changes (0 environments)."),
        (ALL[:1], "Safe: nothing changes (1 environment)."),
        (ALL[:2], "Safe: staging changes, nobody loses access, and nothing is replaced or deleted."),
        (ALL[1:2] * 2, "Safe: staging and staging change, nobody loses access, and nothing is replaced or deleted."),
        (ALL[:3], "Look before you apply. Look first: production; safe: staging."),
        (ALL[2:5], "Not safe. Failed: lab; not safe: refused by a policy: edge; look first: production."),
    ],
)
def test_the_first_line_is_the_answer_for_all(rows: list[RolledUp], answer: str) -> None:
    assert roll_up_headline(rows) == answer


def test_the_gravest_answer_counts() -> None:
    assert [gravest(ALL[:number]) for number in range(5)] == [
        Safety.NOTHING,
        Safety.NOTHING,
        Safety.SAFE,
        Safety.LOOK,
        Safety.FAILED,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": "0"}',
        json.dumps({"version": "1", "safety": "odd"}),
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_a_report_that_cannot_be_read_is_a_failed_preview(text: str) -> None:
    found = read_report(text, "prod")
    assert found.safety is Safety.FAILED
    assert found.answer.startswith("The report prod cannot be read: ")
    assert "prod" in roll_up_as_markdown([found])


@pytest.mark.parametrize("limit", [1, 100, 800, 1200, 2500, 5000, 65_536])
def test_it_is_never_longer_than_the_limit(limit: int) -> None:
    many = [row(previews.MANY, f"env-{number}") for number in range(9)]
    for rows in (ALL, many):
        text = roll_up_as_markdown(rows, limit=limit)
        assert size(text) <= limit
        if limit > 2000:
            assert text.count("<details>") == text.count("</details>")


def test_every_environment_has_its_share_of_the_room() -> None:
    many = [row(previews.MANY, f"env-{number}") for number in range(9)]
    text = roll_up_as_markdown(many, limit=20_000)
    assert all(f"<summary>env-{number}</summary>" in text for number in range(9))
    assert text.count("which are in the whole report") >= 9
