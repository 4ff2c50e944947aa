import json

import pytest

from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.report.findings import as_github, as_json, as_text, summary

CLASH = Rule(
    code="TS101",
    slug="duplicate-hostname",
    what="Two nodes ask for the same name.",
    why="The second is renamed.",
    mend="Give one of them another hostname.",
)
DOUBT = Rule(
    code="TS605", slug="system-masters", severity=Severity.WARNING, what="W.", why="Y.", mend="Add a srcPosture."
)
BLUE = Place("stacks/sandbox/tailnet.yaml", 37, 17)
GREEN = Place("stacks/sandbox/green.yaml", 9, 5)


def clash() -> Finding:
    return CLASH.at(
        BLUE, GREEN, message="operator blue and operator green both ask for the name ops", expected="a name for each"
    )


def doubt() -> Finding:
    return DOUBT.at(GREEN, message="anybody on call is an administrator of blue")


def test_text_names_the_place_first_and_every_other_place_last() -> None:
    assert as_text([clash(), doubt()]) == (
        "stacks/sandbox/tailnet.yaml:37:17: error TS101 duplicate-hostname\n"
        "  operator blue and operator green both ask for the name ops\n"
        "  expected: a name for each\n"
        "  mend: Give one of them another hostname.\n"
        "  also: stacks/sandbox/green.yaml:9:5\n"
        "\n"
        "stacks/sandbox/green.yaml:9:5: warning TS605 system-masters\n"
        "  anybody on call is an administrator of blue\n"
        "  mend: Add a srcPosture.\n"
        "\n"
        "1 error, 1 warning.\n"
    )


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], "No errors, no warnings."),
        ([doubt()], "No errors, 1 warning."),
        ([clash(), clash()], "2 errors, no warnings."),
    ],
)
def test_summary_counts_in_words(findings: list[Finding], expected: str) -> None:
    assert summary(findings) == expected


@pytest.mark.parametrize(
    ("findings", "expected"),
    [([], "No errors, no warnings, 2 suppressed."), ([doubt()], "No errors, 1 warning, 2 suppressed.")],
)
def test_summary_counts_what_is_suppressed(findings: list[Finding], expected: str) -> None:
    assert summary(findings, suppressed=2) == expected
    assert as_text(findings, suppressed=2).endswith(f"{expected}\n")


def test_a_terminal_cannot_be_given_a_command_by_a_file() -> None:
    evil = DOUBT.at(
        Place("a\x1b[2J.yaml", 1, 2),
        Place("b\x07.yaml", 1, 2),
        message="x\x1b]0;y\x07\n\tz",
        expected="\x9b",
        mend="\x08",
    )
    text = as_text([evil])
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert "a\ufffd[2J.yaml:1:2: warning" in text
    assert "  x\ufffd]0;y\ufffd  z\n" in text


def test_bytes_that_are_no_text_can_be_written() -> None:
    odd = DOUBT.at(Place("a\udcff.yaml", 1, 2), message="\udcff")
    for text in (as_text([odd]), as_json([odd]), as_github([odd])):
        assert text.encode()


def test_a_finding_without_a_place_says_the_rest() -> None:
    assert as_text([DOUBT.at(message="somewhere")]).startswith("warning TS605 system-masters\n  somewhere\n")


def test_lines_keep_to_the_width_and_continue_under_the_words() -> None:
    long = CLASH.at(BLUE, message="word " * 60, mend="another " * 30)
    lines = as_text([long], width=60).splitlines()
    assert max(len(line) for line in lines[1:]) <= 60
    assert lines[-4].startswith("        another")


def test_colour_changes_nothing_but_colour() -> None:
    plain, painted = as_text([clash(), doubt()]), as_text([clash(), doubt()], colour=True)
    assert "\x1b[" not in plain
    assert "\x1b[31;1merror\x1b[0m" in painted
    assert "\x1b[33;1mwarning\x1b[0m" in painted
    stripped = painted
    for code in ("1", "2", "31;1", "33;1", "0"):
        stripped = stripped.replace(f"\x1b[{code}m", "")
    assert stripped == plain
    assert summary([], colour=True) == "\x1b[32;1mNo errors, no warnings.\x1b[0m"


def test_json_carries_a_version_and_everything_else() -> None:
    data = json.loads(as_json([clash()], links=[]))
    assert data == {
        "version": "1",
        "summary": {"errors": 1, "warnings": 0},
        "findings": [
            {
                "code": "TS101",
                "slug": "duplicate-hostname",
                "severity": "error",
                "message": "operator blue and operator green both ask for the name ops",
                "expected": "a name for each",
                "mend": "Give one of them another hostname.",
                "places": [
                    {"file": "stacks/sandbox/tailnet.yaml", "line": 37, "column": 17},
                    {"file": "stacks/sandbox/green.yaml", "line": 9, "column": 5},
                ],
            }
        ],
        "links": [],
    }


def test_github_marks_every_place() -> None:
    assert as_github([clash()]).splitlines() == [
        f"::error file={place.file},line={place.line},col={place.column},title=TS101 duplicate-hostname::"
        "operator blue and operator green both ask for the name ops%0A"
        "expected: a name for each%0Amend: Give one of them another hostname."
        for place in (BLUE, GREEN)
    ]


def test_github_cannot_be_given_a_command_by_a_file() -> None:
    evil = DOUBT.at(Place("a,b:c.yaml", 1, 2), message="100%\n::set-output name=x::y\r\n", mend="m")
    assert as_github([evil]) == (
        "::warning file=a%2Cb%3Ac.yaml,line=1,col=2,title=TS605 system-masters::"
        "100%25%0A::set-output name=x::y%0D%0A%0Amend: m\n"
    )


def test_github_without_a_place_still_speaks() -> None:
    assert as_github([DOUBT.at(message="m")]) == "::warning title=TS605 system-masters::m%0Amend: Add a srcPosture.\n"
    assert as_github([]) == ""
