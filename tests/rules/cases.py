"""What a rule says of an example (see examples.py): asked by hand, or in cases that mark the places which it is to name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from tailstack.finding import Finding, Place, Rule
from tests.rules.examples import files_of_example, findings_of, findings_of_example
from tests.topology.marked import path_of, without_marks


@dataclass(frozen=True, kw_only=True)
class Case:
    """A text in which a rule finds one thing, at the marks (see tests/topology/marked.py).

    `silent` are changes after which it finds nothing. `before` are places that come before the marked ones and cannot be
    marked: the beginning of a file. `name` is for cases that say alike.
    """

    rule: Rule
    text: str
    says: str
    silent: tuple[tuple[str, str], ...]
    expected: str = ""
    mend: str = ""
    before: tuple[Place, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        return f"{self.rule.code}: {self.name or self.says}"


def found_in(text: str, rule: Rule) -> tuple[Finding, ...]:
    """The findings of one rule in a text of one file or several."""
    return tuple(finding for finding in findings_of_example(text) if finding.rule is rule)


def said_of(text: str, rule: Rule) -> list[str]:
    """Only their messages."""
    return [finding.message for finding in found_in(text, rule)]


def places_of(text: str, rule: Rule) -> list[list[str]]:
    """Only their places, without folders: `main.yaml:3:5`."""
    return [[str(place).rpartition("/")[2] for place in finding.places] for finding in found_in(text, rule)]


def found_and_silent(cases: Sequence[Case]) -> tuple[Callable[[Case], None], Callable[[Case, tuple[str, str]], None]]:
    """Two tests for a module: that each case is found as it says, and that none of its near misses is."""

    @pytest.mark.parametrize("case", cases, ids=str)
    def is_found(case: Case) -> None:
        files, places = _unmarked(case.text)
        findings = [finding for finding in findings_of(files) if finding.rule is case.rule]
        expected = [((*case.before, *places), case.says, case.mend or case.rule.mend)]
        assert [(finding.places, finding.message, finding.mend) for finding in findings] == expected
        assert not case.expected or findings[0].expected == case.expected

    changes = [(case, change) for case in cases for change in case.silent]

    @pytest.mark.parametrize(("case", "change"), changes, ids=[f"{case}: {change[1][:40]}" for case, change in changes])
    def is_silent(case: Case, change: tuple[str, str]) -> None:
        assert change[0] in case.text, "the change must change something"
        # A text that could not be read would be silent for another reason: this raises.
        findings = findings_of(_unmarked(case.text.replace(*change))[0])
        assert [finding.message for finding in findings if finding.rule is case.rule] == []

    return is_found, is_silent


def _unmarked(text: str) -> tuple[dict[str, str], tuple[Place, ...]]:
    """The files of a text without its marks, and the marked places as findings name them."""
    files = files_of_example(text)
    texts, places = without_marks({_named(name): content for name, content in files.items()})
    return dict(zip(files, texts.values(), strict=True)), places


def _named(name: str) -> str:
    return name if "/" in name or name in ("policy.hujson", "facts.json") else path_of(name)
