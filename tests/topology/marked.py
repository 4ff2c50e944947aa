"""Environments written in tests, with the expected places marked in the text itself.

`§` stands directly before a character that a finding should point to; ②, ③ and ④ mark the further places of the same
finding. The marks are taken out before the text is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from tailstack.finding import Finding, InvalidTailnetError, Place
from tailstack.topology.loading import resolve_files
from tailstack.topology.tailnet import Tailnet

ENVIRONMENT = "test"
AT = datetime(2026, 2, 1, 12, tzinfo=UTC)
MAIN = "main.yaml"
"""The file that a single text becomes."""

BASE = {
    "a.yaml": 'tailnet: {dnsName: tail1a2b.ts.net}\ndefaults: {operator: {chart: {version: "1.102.3"}}}\n',
}
"""What makes an environment of one more file valid."""

_MARKS = "§②③④"


def path_of(name: str) -> str:
    """The path of a file of the environment, as findings name it."""
    return f"stacks/{ENVIRONMENT}/{name}"


def unmarked(files: Mapping[str, str]) -> tuple[dict[str, str], tuple[Place, ...]]:
    """The texts of an environment without their marks, by path, and the marked places in the order of their numbers."""
    return without_marks({path_of(name): marked for name, marked in files.items()})


def without_marks(files: Mapping[str, str]) -> tuple[dict[str, str], tuple[Place, ...]]:
    """The same of any files, by the paths that findings name."""
    texts: dict[str, str] = {}
    marks: dict[str, Place] = {}
    for path, marked in files.items():
        text = ""
        for part in re.split(f"([{_MARKS}])", marked):
            if part and part in _MARKS:
                lines = re.split("\r\n|\r|\n", text)
                assert part not in marks, f"the mark {part} stands twice"
                marks[part] = Place(path, len(lines), len(lines[-1]) + 1)
            else:
                text += part
        texts[path] = text
    return texts, tuple(marks[mark] for mark in _MARKS if mark in marks)


def resolved(text: str, **more: str) -> Tailnet:
    """The tailnet of the base and one more file (or several: `eu="..."` is eu.yaml)."""
    files = {**BASE, MAIN: text, **{f"{name}.yaml": content for name, content in more.items()}}
    return resolve_files({path_of(name): content for name, content in files.items()}, ENVIRONMENT, AT)


def findings_of(files: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings of an environment of these files, without the base. None of them when it is valid."""
    try:
        resolve_files(files, ENVIRONMENT, AT)
    except InvalidTailnetError as error:
        return error.findings
    return ()


def check_finding(files: Mapping[str, str], slug: str, *words: str) -> None:
    """Assert that the marked files have exactly one finding: of this rule, at the marks, with these words in its text."""
    texts, places = unmarked(files)
    findings = findings_of(texts)
    assert [f.rule.slug for f in findings] == [slug], [(str(f.places[:1]), f.message) for f in findings]
    (finding,) = findings
    assert finding.places == places, finding.message
    said = f"{finding.message} {finding.expected} {finding.mend}"
    for word in words:
        assert word in said, said
