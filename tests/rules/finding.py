"""What one rule says of an example (see examples.py): its messages, and where the findings point to."""

from __future__ import annotations

from tailstack.finding import Finding, Rule
from tests.rules.examples import findings_of_example


def found_in(text: str, rule: Rule) -> tuple[Finding, ...]:
    """The findings of one rule in a text of one file or several."""
    return tuple(finding for finding in findings_of_example(text) if finding.rule is rule)


def said_of(text: str, rule: Rule) -> list[str]:
    """Only their messages."""
    return [finding.message for finding in found_in(text, rule)]


def places_of(text: str, rule: Rule) -> list[list[str]]:
    """Only their places, without folders: `main.yaml:3:5`."""
    return [[str(place).rpartition("/")[2] for place in finding.places] for finding in found_in(text, rule)]
