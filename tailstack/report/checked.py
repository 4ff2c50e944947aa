"""What came out of checking an environment: its findings, and how many links are complete."""

from __future__ import annotations

from tailstack.report.findings import as_github, as_json, as_text
from tailstack.report.links import links_as_data, links_as_text, links_summary
from tailstack.rules.check import Checked


def checked_as_text(checked: Checked, *, with_links: bool = False, colour: bool = False) -> str:
    """The findings, each link's steps where they are wanted, and `3 links, 3 complete.` where the files could be read."""
    parts = [as_text(checked.findings, colour=colour)]
    if with_links and checked.links:
        parts.insert(0, links_as_text(checked.links, colour=colour) + "\n")
    if checked.policy is not None:
        parts.append(links_summary(checked.links, colour=colour) + "\n")
    return "".join(parts)


def checked_as_json(checked: Checked) -> str:
    """The findings and the links; `links` is null where the files could not be read."""
    links = links_as_data(checked.links) if checked.policy is not None else None
    return as_json(checked.findings, environment=checked.environment, links=links)


def checked_as_github(checked: Checked) -> str:
    """Annotations for a workflow of GitHub."""
    return as_github(checked.findings)
