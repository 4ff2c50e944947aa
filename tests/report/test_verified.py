from __future__ import annotations

import json

from tailstack.finding import Place
from tailstack.live.verification import Check, Outcome
from tailstack.report.verified import Verified

HERE = Place("stacks/sandbox/tailnet.yaml", 7, 3)
HOLDS = Check(who="exposure blue.nginx", aspect="tags", outcome=Outcome.HOLDS, place=HERE)
FAILS = Check(
    who="exposure blue.nginx",
    aspect="node",
    outcome=Outcome.FAILS,
    place=HERE,
    message="There is no node nginx.",
    mend="Look at <it>.",
)
UNKNOWN = Check(
    who="cluster green", aspect="objects", outcome=Outcome.UNKNOWN, place=HERE, message="It cannot be told."
)


def verified(*checks: Check) -> Verified:
    return Verified(environment="sandbox", checks=checks)


def test_all_that_holds_is_one_line() -> None:
    found = verified(HOLDS)
    assert found.holds
    assert found.as_text() == "Verified: everything that sandbox declares is live (1 check).\n"


def test_what_fails_is_told_by_its_declaration() -> None:
    found = verified(HOLDS, FAILS, FAILS, UNKNOWN)
    assert not found.holds
    assert found.as_text() == (
        "Not as declared: 2 of 4 checks in sandbox do not hold, and 1 could not be made.\n"
        "\n"
        "exposure blue.nginx (stacks/sandbox/tailnet.yaml:7:3)\n"
        "  There is no node nginx. Look at <it>.\n"
        "\n"
        "cluster green (stacks/sandbox/tailnet.yaml:7:3)\n"
        "  It cannot be told.\n"
    )
    assert verified(FAILS).as_text().startswith("Not as declared: 1 of 1 check in sandbox does not hold.\n")
    assert "&lt;it&gt;" in found.as_markdown()


def test_what_could_not_be_looked_at_neither_holds_nor_fails() -> None:
    text = verified(HOLDS, UNKNOWN).as_text(colour=True)
    assert "Not known: 1 of 2 checks in sandbox could not be made; the others hold." in text
    assert "\x1b[31" not in text
    assert "\x1b[32" not in text


def test_json_has_a_version_and_each_check_with_its_place() -> None:
    data = json.loads(json.dumps(verified(HOLDS, FAILS).as_data()))
    assert (data["version"], data["environment"], data["holds"]) == ("1", "sandbox", False)
    assert data["counts"] == {"holds": 1, "fails": 1, "unknown": 0}
    assert data["checks"][1] == {
        "declaration": "exposure blue.nginx",
        "aspect": "node",
        "outcome": "fails",
        "message": "There is no node nginx.",
        "mend": "Look at <it>.",
        "file": "stacks/sandbox/tailnet.yaml",
        "line": 7,
        "column": 3,
    }
