"""What one rule says of an example whose text marks the places that it is to name (see tests/topology/marked.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tailstack.finding import Place, Rule
from tests.rules.examples import checked, files_of_example
from tests.topology.marked import path_of

MARKS = "§②③④"


@dataclass(frozen=True, kw_only=True)
class Told:
    """A text in which a rule says this one sentence of the marked places, and changes after which it says nothing."""

    name: str
    rule: Rule
    text: str
    says: str
    mend: str = ""
    silent: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.rule.code}: {self.name}"


def unmarked(text: str) -> tuple[str, tuple[Place, ...]]:
    """The text without its marks, and the marked places in the order of their numbers."""
    found: dict[str, Place] = {}
    for path, marked in files_of_example(text).items():
        before = ""
        for part in re.split(f"([{MARKS}])", marked):
            if part and part in MARKS:
                lines = before.split("\n")
                named = path if "/" in path or path in ("policy.hujson", "facts.json") else path_of(path)
                found[part] = Place(named, len(lines), len(lines[-1]) + 1)
            else:
                before += part
    return re.sub(f"[{MARKS}]", "", text), tuple(found[mark] for mark in MARKS if mark in found)


def sentences(text: str, rule: Rule) -> list[str]:
    """What the rule says of a text without marks."""
    found = checked(files_of_example(text)).findings
    return [finding.message for finding in found if finding.rule is rule]


def check_told(case: Told) -> None:
    """Assert that the rule says exactly what the case expects, of exactly the marked places."""
    text, places = unmarked(case.text)
    found = [finding for finding in checked(files_of_example(text)).findings if finding.rule is case.rule]
    assert [(finding.places, finding.message) for finding in found] == [(places, case.says)]
    assert found[0].mend == (case.mend or case.rule.mend)


def check_silent(case: Told, change: tuple[str, str]) -> None:
    """Assert that the rule says nothing any more after a change of the text."""
    assert change[0] in case.text, "the change must change something"
    text, _ = unmarked(case.text.replace(*change))
    assert sentences(text, case.rule) == []
