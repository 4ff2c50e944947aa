from __future__ import annotations

from tailstack.finding import Place, Rule, Severity
from tailstack.report.found import tell_findings
from tailstack.report.telling import told_as_markdown

RULE = Rule(code="TS1", slug="odd", severity=Severity.WARNING, what="w", why="y", mend="Mend it.")


def test_findings_in_markdown() -> None:
    findings = (
        RULE.at(Place("a.hujson", 1, 2), message="<b> is odd.", expected="even"),
        RULE.at(message="Nowhere."),
    )
    told = tell_findings(findings)
    assert told.answer == "No errors, 2 warnings."
    assert told.parts[0].items == (
        "a.hujson:1:2: warning TS1 odd: <b> is odd. Expected: even. Mend it.",
        "warning TS1 odd: Nowhere. Mend it.",
    )
    assert "<b>" not in told_as_markdown(told)
    assert tell_findings(()).parts == ()
