from __future__ import annotations

import json

import pytest

from tailstack.access.compare import Comparison
from tailstack.access.diff import difference
from tailstack.access.vocabulary import PLAIN
from tailstack.finding import Place, Rule
from tailstack.report.compared import (
    Compared,
    Revisions,
    State,
    compared_as_json,
    compared_as_markdown,
    compared_as_text,
    headline,
)
from tests.access.policies import grant, policy

RULE = Rule(code="TS999", slug="wrong", what="", why="", mend="Mend it.")
FINDINGS = (RULE.at(Place("a_b.yaml", 1, 2), message="It is *wrong*."),)
REVISIONS = Revisions(base="main", head="the work tree")
SAME = Comparison(difference=difference(policy(grants=[]), policy(grants=[])), vocabulary=PLAIN)
OTHER = Comparison(
    difference=difference(policy(grants=[]), policy(grants=[grant("tag:a", "tag:b", "tcp:1")])), vocabulary=PLAIN
)


def one(state: State, name: str = "dev") -> Compared:
    comparison = {State.COMPARED: SAME, State.NEW: OTHER}.get(state)
    is_unread = state in {State.HEAD_UNREADABLE, State.BASE_UNREADABLE}
    return Compared(environment=name, state=state, comparison=comparison, findings=FINDINGS if is_unread else ())


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([State.COMPARED], "From main to the work tree nobody gains or loses access (1 environment)."),
        ([State.COMPARED, State.NEW, State.GONE], "From main to the work tree access changes in e1, e2."),
        (
            [State.NEW, State.HEAD_UNREADABLE, State.BASE_UNREADABLE],
            "From main to the work tree it is not known what changes in e1, e2.",
        ),
    ],
)
def test_the_first_line_answers(states: list[State], expected: str) -> None:
    assert headline([one(state, f"e{number}") for number, state in enumerate(states)], REVISIONS) == expected


def test_a_guest_is_told_with_its_owner() -> None:
    guest = Compared(environment="dev", state=State.GUEST, owner="production")
    assert not guest.has_changed
    said = "This environment is a guest of production, whose policy file it is in: what changes is told there.\n"
    assert compared_as_text([guest], REVISIONS).endswith(f"dev: {said}")
    assert said in compared_as_markdown([guest], REVISIONS)
    assert json.loads(compared_as_json([guest], REVISIONS))["environments"][0]["access"] is None
    assert "nobody gains or loses access" in headline([guest], REVISIONS)


EVERY = [one(State.COMPARED, "a"), one(State.NEW, "b"), one(State.GONE, "c"), one(State.HEAD_UNREADABLE, "d")]
TEXT = """\
From main to the work tree it is not known what changes in d.

a: Nobody gains or loses access.

b: This environment is new. 1 change of access: 1 gained.

 + tag:a gains tcp:1 to tag:b.
     p.hujson:1:13

c: This environment is no longer declared. Its stack stays as it is until somebody destroys it, and nobody looks after it.

d: This environment has errors, so that nobody can say what changes.

a_b.yaml:1:2: error TS999 wrong
  It is *wrong*.
  mend: Mend it.

1 error, no warnings.
"""
MARKDOWN = """\
From main to the work tree it is not known what changes in d.

### `a`

**Nobody gains or loses access.**

### `b`

This environment is new.

**1 change of access: 1 gained.**

- `+` tag:a gains tcp:1 to tag:b.
  - <sub>p.hujson:1:13</sub>

### `c`

This environment is no longer declared. Its stack stays as it is until somebody destroys it, and nobody looks after it.

### `d`

This environment has errors, so that nobody can say what changes.

**1 error, no warnings.**

#### Findings

- a\\_b.yaml:1:2: error TS999 wrong: It is \\*wrong\\*. Mend it.
"""


def test_text() -> None:
    assert compared_as_text(EVERY, REVISIONS) == TEXT


def test_markdown() -> None:
    assert compared_as_markdown(EVERY, REVISIONS) == MARKDOWN


def test_json() -> None:
    data = json.loads(compared_as_json(EVERY, REVISIONS))
    assert (data["version"], data["base"], data["head"]) == ("1", "main", "the work tree")
    assert [(found["environment"], found["state"]) for found in data["environments"]] == [
        ("a", "compared"),
        ("b", "new"),
        ("c", "gone"),
        ("d", "head unreadable"),
    ]
    assert data["environments"][1]["access"]["summary"]["gained"] == 1
    assert data["environments"][2]["access"] is None
    assert data["environments"][3]["findings"][0]["code"] == "TS999"
