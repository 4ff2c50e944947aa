"""What came out of checking an environment: its findings, and how many links are complete."""

from __future__ import annotations

from tailstack.report.findings import as_github, as_json, as_text, finding_as_data
from tailstack.report.found import tell_findings
from tailstack.report.links import links_as_data, links_as_text, links_summary
from tailstack.report.sarif import as_sarif
from tailstack.report.telling import Part, Told
from tailstack.rules.check import Checked
from tailstack.rules.registry import RULES
from tailstack.rules.suppress import SuppressedFinding


def checked_as_text(checked: Checked, *, with_links: bool = False, colour: bool = False) -> str:
    """The findings, each link's steps where they are wanted, and `3 links, 3 complete.` where the files could be read."""
    parts = [as_text(checked.findings, suppressed=len(checked.suppressed), colour=colour)]
    if with_links and checked.links:
        parts.insert(0, links_as_text(checked.links, colour=colour) + "\n")
    if checked.policy is not None:
        parts.append(links_summary(checked.links, colour=colour) + "\n")
    return "".join(parts)


def checked_as_json(checked: Checked) -> str:
    """The findings, what is `suppressed` with the reason and its place, and the links.

    `links` is null where the files could not be read.
    """
    links = links_as_data(checked.links) if checked.policy is not None else None
    suppressed = [_suppressed_as_data(each) for each in checked.suppressed]
    return as_json(checked.findings, environment=checked.environment, suppressed=suppressed, links=links)


def _suppressed_as_data(each: SuppressedFinding) -> dict[str, object]:
    place = each.suppression.place
    return {
        **finding_as_data(each.finding),
        "reason": each.suppression.reason,
        "suppressedAt": {"file": place.file, "line": place.line, "column": place.column},
    }


def checked_as_github(checked: Checked) -> str:
    """Annotations for a workflow of GitHub."""
    return as_github(checked.findings)


def checked_as_sarif(checked: Checked) -> str:
    """SARIF 2.1.0, with what is suppressed and why."""
    return as_sarif(checked.findings, checked.suppressed, RULES)


def tell_checked(checked: Checked) -> Told:
    """The same for Markdown: the findings, the links that are broken, and what is suppressed with its reason."""
    told = tell_findings(checked.findings, suppressed=len(checked.suppressed))
    parts = list(told.parts)
    broken = tuple(
        f"{proof.link}: {step.text} {step.mend}".strip()
        for proof in checked.links
        for step in proof.steps
        if not step.holds
    )
    if broken:
        parts.append(Part(title="Broken links", items=broken))
    meant = tuple(
        f"{each.finding.places[0]}: {each.finding.rule.code} {each.finding.rule.slug}: {each.finding.message} "
        f"Suppressed: {each.suppression.reason}"
        for each in checked.suppressed
    )
    if meant:
        parts.append(Part(title="Suppressed", items=meant))
    links = f" {links_summary(checked.links)}" if checked.policy is not None else ""
    return Told(answer=told.answer + links, parts=tuple(parts))
