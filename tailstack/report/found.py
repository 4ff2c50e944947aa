"""Findings in Markdown, for the summary of a workflow or a comment: one list item for each."""

from __future__ import annotations

from collections.abc import Sequence

from tailstack.finding import Finding
from tailstack.report.findings import summary
from tailstack.report.telling import Part, Told


def tell_findings(findings: Sequence[Finding], *, suppressed: int = 0) -> Told:
    """How many there are, how many more are suppressed, and each with its place, its message and how to mend it."""
    items = tuple(_sentence(finding) for finding in findings)
    return Told(
        answer=summary(findings, suppressed=suppressed), parts=(Part(title="Findings", items=items),) if items else ()
    )


def _sentence(finding: Finding) -> str:
    where = f"{finding.places[0]}: " if finding.places else ""
    expected = f" Expected: {finding.expected}." if finding.expected else ""
    return f"{where}{finding.rule.severity} {finding.rule.code} {finding.rule.slug}: {finding.message}{expected} {finding.mend}"
