"""Findings as text for a terminal, as JSON for programs, and as annotations for GitHub. Pure: returns strings."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from tailstack.finding import Finding, Severity
from tailstack.report.style import Style, counted, encodable, one_line, wrapped

WIDTH = 100
"""Columns that a report for a terminal keeps to, except where a place or a word is longer."""

JSON_VERSION = "1"
"""Version of the JSON: raised when a field changes its meaning or goes, not when one is added."""

_INDENT = "  "
_CONTROL_SPACE = re.compile(r"[\t\n\v\f\r]")


def as_text(findings: Sequence[Finding], *, suppressed: int = 0, colour: bool = False, width: int = WIDTH) -> str:
    """One paragraph for each finding, its place first (`file:line:column`, which terminals make a link), then a summary.

    The summary line stands alone where nothing was found; `suppressed` is how many findings are not shown. Ends with a
    newline.
    """
    style = Style(colour=colour)
    paragraphs = [_paragraph(f, style, width) for f in findings]
    return "\n".join([*paragraphs, summary(findings, suppressed=suppressed, colour=colour) + "\n"])


def summary(findings: Sequence[Finding], *, suppressed: int = 0, colour: bool = False) -> str:
    """`2 errors, 1 warning.`, or `No errors, no warnings, 3 suppressed.`"""
    style = Style(colour=colour)
    errors = sum(f.is_error for f in findings)
    warnings = len(findings) - errors
    meant = [f"{suppressed} suppressed"] if suppressed else []
    if not findings:
        return style.good(", ".join(["No errors", "no warnings", *meant]) + ".")
    parts = [
        style.bad(counted(errors, "error")) if errors else "no errors",
        style.doubtful(counted(warnings, "warning")) if warnings else "no warnings",
        *meant,
    ]
    text = ", ".join(parts)
    return text[:1].upper() + text[1:] + "."


def _paragraph(finding: Finding, style: Style, width: int) -> str:
    paint = style.bad if finding.is_error else style.doubtful
    first = one_line(f"{finding.places[0]}: ") if finding.places else ""
    lines = [f"{style.strong(first)}{paint(finding.rule.severity)} {finding.rule.code} {finding.rule.slug}"]
    lines += _wrapped(finding.message, "", width)
    if finding.expected:
        lines += _wrapped(finding.expected, "expected: ", width)
    lines += _wrapped(finding.mend, "mend: ", width)
    lines += [style.faint(f"{_INDENT}also: {one_line(str(place))}") for place in finding.places[1:]]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, label: str, width: int) -> list[str]:
    told = one_line(_CONTROL_SPACE.sub(" ", text))
    return wrapped(told, _INDENT + label, _INDENT + " " * len(label), width)


def finding_as_data(finding: Finding) -> dict[str, object]:
    """One finding as plain data, as it stands in the JSON report."""
    return {
        "code": finding.rule.code,
        "slug": finding.rule.slug,
        "severity": str(finding.rule.severity),
        "message": finding.message,
        "expected": finding.expected,
        "mend": finding.mend,
        "places": [{"file": p.file, "line": p.line, "column": p.column} for p in finding.places],
    }


def findings_as_data(findings: Sequence[Finding]) -> dict[str, object]:
    """`{"version", "summary": {"errors", "warnings"}, "findings": [...]}`, for JSON."""
    errors = sum(f.is_error for f in findings)
    return {
        "version": JSON_VERSION,
        "summary": {"errors": errors, "warnings": len(findings) - errors},
        "findings": [finding_as_data(f) for f in findings],
    }


def as_json(findings: Sequence[Finding], **more: object) -> str:
    """`findings_as_data` and the further members given, as one object. Ends with a newline."""
    data = {**findings_as_data(findings), **more}
    return encodable(json.dumps(data, indent=2, ensure_ascii=False)) + "\n"


def as_github(findings: Sequence[Finding]) -> str:
    """One workflow command for each place of each finding, so that a clash is marked on both its lines.

    Escaped as https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts does, so that no text from a
    file can begin a command of its own. Ends with a newline unless there is nothing to say.
    """
    return encodable("".join(line + "\n" for f in findings for line in _annotations(f)))


def _annotations(finding: Finding) -> list[str]:
    level = "error" if finding.rule.severity is Severity.ERROR else "warning"
    title = f"title={_property(f'{finding.rule.code} {finding.rule.slug}')}"
    text = "\n".join(
        part
        for part in (
            finding.message,
            f"expected: {finding.expected}" if finding.expected else "",
            f"mend: {finding.mend}" if finding.mend else "",
        )
        if part
    )
    if not finding.places:
        return [f"::{level} {title}::{_data(text)}"]
    return [
        f"::{level} file={_property(p.file)},line={p.line},col={p.column},{title}::{_data(text)}"
        for p in finding.places
    ]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
