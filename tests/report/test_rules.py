from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tailstack.finding import Needs, Rule, Severity
from tailstack.report.rules import rule_as_text, rules_as_json, rules_as_markdown, rules_as_text
from tailstack.rules.registry import FAMILIES, RULES

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
FIRST = Rule(
    code="TS101",
    slug="clash",
    what="Two nodes ask for one name.",
    why="Tailscale renames the second one silently, and everything that names it then reaches the first one instead.",
    mend="Give one of them another name.",
    source="https://example.com/1",
)
SECOND = Rule(
    code="TS201", slug="doubtful-tag", severity=Severity.WARNING, what="W.", why="Y.", mend="M.", source="docs/x.md"
)
THIRD = Rule(code="TS202", slug="other", what="W.", why="Y.", mend="M.")

WITH_EXAMPLES = Rule(
    code="TS203",
    slug="shown",
    what="W.",
    why="Y.",
    mend="M.",
    needs=Needs.MANIFESTS,
    bad="\n# blue/a.yaml\na: `b`\n\nc: d\n",
    good="{}",
)


def test_the_page_in_the_documentation_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == rules_as_markdown(RULES, FAMILIES), (
        "run: tailstack rule --format markdown > docs/rules.md"
    )


def test_a_list_has_one_line_for_each_rule() -> None:
    assert rules_as_text([FIRST, SECOND]) == (
        "TS101  error    clash         Two nodes ask for one name.\nTS201  warning  doubtful-tag  W.\n"
    )
    assert rules_as_text([]) == ""


def test_one_rule_is_explained() -> None:
    assert rule_as_text(FIRST) == (
        "TS101 clash (error)\n"
        "  what:   Two nodes ask for one name.\n"
        "  why:    Tailscale renames the second one silently, and everything that names it then reaches the\n"
        "          first one instead.\n"
        "  mend:   Give one of them another name.\n"
        "  source: https://example.com/1\n"
    )
    assert "source" not in rule_as_text(THIRD)
    assert rule_as_text(SECOND, colour=True).startswith("\x1b[1mTS201\x1b[0m doubtful-tag (\x1b[33;1mwarning\x1b[0m)\n")
    assert "\x1b[31;1merror\x1b[0m" in rule_as_text(FIRST, colour=True)


def test_examples_and_what_a_rule_needs_are_shown() -> None:
    assert rule_as_text(WITH_EXAMPLES) == (
        "TS203 shown (error)\n"
        "  what:   W.\n"
        "  why:    Y.\n"
        "  mend:   M.\n"
        "  needs:  manifests (`tailstack check --manifests`)\n"
        "  bad:\n"
        "    # blue/a.yaml\n"
        "    a: `b`\n"
        "\n"
        "    c: d\n"
        "  good:\n"
        "    {}\n"
    )
    assert rules_as_markdown([WITH_EXAMPLES], {"2": "Tags"}).endswith(
        "- Mend: M.\n"
        "- Needs: manifests (`tailstack check --manifests`)\n"
        "\n"
        "Bad:\n"
        "\n"
        "```yaml\n"
        "# blue/a.yaml\n"
        "a: `b`\n"
        "\n"
        "c: d\n"
        "```\n"
        "\n"
        "Good:\n"
        "\n"
        "```yaml\n"
        "{}\n"
        "```\n"
    )
    (data,) = json.loads(rules_as_json([WITH_EXAMPLES]))["rules"]
    assert (data["needs"], data["bad"], data["good"]) == ("manifests", WITH_EXAMPLES.bad, WITH_EXAMPLES.good)
    facts = rule_as_text(replace(WITH_EXAMPLES, needs=Needs.FACTS))
    assert "  needs:  facts of the live tailnet (`tailstack check --facts`)\n" in facts
    assert "needs" not in rule_as_text(THIRD)


def test_markdown_has_a_section_for_each_family_that_has_rules() -> None:
    page = rules_as_markdown([FIRST, SECOND, THIRD], {"1": "Names", "2": "Tags", "3": "Links"})
    assert [line for line in page.splitlines() if line.startswith("#")] == [
        "# Rules",
        "## Names",
        "### TS101 clash",
        "## Tags",
        "### TS201 doubtful-tag",
        "### TS202 other",
    ]
    assert "- Source: <https://example.com/1>\n" in page
    assert "- Source: docs/x.md\n" in page
    assert "W. (Warning.)" in page
    assert "\n\n\n" not in page


def test_json_has_every_field() -> None:
    assert json.loads(rules_as_json([THIRD])) == {
        "version": "1",
        "rules": [
            {
                "code": "TS202",
                "slug": "other",
                "severity": "error",
                "what": "W.",
                "why": "Y.",
                "mend": "M.",
                "source": "",
                "needs": "tailnet",
                "bad": "",
                "good": "",
            }
        ],
    }
