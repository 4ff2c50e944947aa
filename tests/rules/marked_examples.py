"""Cases of rules in the form of examples (see examples.py), with the expected places marked in them (see marked.py)."""

from __future__ import annotations

from dataclasses import dataclass

from tailstack.finding import Finding, Place, Rule
from tests.rules.examples import files_of_example, findings_of_example
from tests.topology.marked import path_of, unmarked


@dataclass(frozen=True, kw_only=True)
class Case:
    """A text in which the rule finds one thing, at the marks. `silent` are changes after which it finds nothing.

    `before` are places that come before the marked ones and cannot be marked: the beginning of a file.
    """

    rule: Rule
    text: str
    says: str
    expected: str = ""
    mend: str = ""
    silent: tuple[tuple[str, str], ...] = ()
    before: tuple[Place, ...] = ()


def found_in(text: str, rule: Rule) -> tuple[tuple[Finding, ...], tuple[Place, ...]]:
    """What a rule finds in a text, and the places that are marked in it."""
    files = files_of_example(text)
    is_environment = not any("/" in name for name in files)
    texts, places = unmarked(files)
    names = dict(zip(texts, files, strict=True))
    plain = "".join(
        content if names[path] == "main.yaml" and not content.startswith("\n") else f"# {names[path]}{content}"
        for path, content in texts.items()
    )
    if not is_environment:
        places = tuple(Place(names[place.file], place.line, place.column) for place in places)
    else:
        places = tuple(
            Place("facts.json", place.line, place.column) if place.file == path_of("facts.json") else place
            for place in places
        )
    return tuple(finding for finding in findings_of_example(plain) if finding.rule is rule), places


def assert_found(case: Case) -> None:
    """The one finding, its places, its words."""
    findings, places = found_in(case.text, case.rule)
    assert [finding.message for finding in findings] == [case.says]
    (finding,) = findings
    assert finding.places == (*case.before, *places)
    assert not case.expected or finding.expected == case.expected
    assert finding.mend == (case.mend or case.rule.mend)


def assert_silent(case: Case, change: tuple[str, str]) -> None:
    """After the change, which must change something, the rule finds nothing."""
    assert change[0] in case.text
    findings, _ = found_in(case.text.replace(*change), case.rule)
    assert [finding.message for finding in findings] == []
