"""What changes in access in each environment between two revisions, as text, Markdown and JSON. Pure: returns strings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tailstack.access.compare import Comparison
from tailstack.finding import Finding
from tailstack.report.changes import JSON_VERSION, changes_as_data, changes_as_markdown, changes_as_text
from tailstack.report.findings import as_text, finding_as_data
from tailstack.report.found import tell_findings
from tailstack.report.markdown import code, escaped
from tailstack.report.style import Style, counted
from tailstack.report.telling import told_as_markdown


class State(StrEnum):
    """What became of an environment between base and head."""

    COMPARED = "compared"
    NEW = "new"
    GONE = "gone"
    GUEST = "guest"
    HEAD_UNREADABLE = "head unreadable"
    BASE_UNREADABLE = "base unreadable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One environment. There is a comparison where it could be read on both sides, or where it is new.

    `owner` is the environment with which that of a guest is compared.
    """

    environment: str
    state: State
    owner: str = ""
    comparison: Comparison | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def has_changed(self) -> bool:
        """Whether access changes, or may change without anybody being able to tell."""
        if self.state is State.GUEST:
            return False
        return self.comparison is None or not self.comparison.difference.is_empty

    @property
    def said(self) -> str:
        """What is to be said of it beside a comparison."""
        return _SAID[self.state].format(owner=self.owner)


@dataclass(frozen=True, kw_only=True, slots=True)
class Revisions:
    """What was compared, as it was asked for."""

    base: str
    head: str


_SAID = {
    State.COMPARED: "",
    State.NEW: "This environment is new. ",
    State.GONE: (
        "This environment is no longer declared. Its stack stays as it is until somebody destroys it, and nobody looks "
        "after it."
    ),
    State.GUEST: "This environment is a guest of {owner}, whose policy file it is in: what changes is told there.",
    State.HEAD_UNREADABLE: "This environment has errors, so that nobody can say what changes.",
    State.BASE_UNREADABLE: "The base has errors, so that nobody can say what changes; what is wrong with it:",
}


def compared_as_text(found: Sequence[Compared], revisions: Revisions, *, colour: bool = False) -> str:
    """The answer for all environments on the first line, then each of them. Ends with a newline."""
    style = Style(colour=colour)
    blocks = [style.strong(headline(found, revisions)) + "\n"]
    for one in found:
        block = style.strong(f"{one.environment}: ") + one.said
        if one.comparison is not None:
            block += changes_as_text(one.comparison.difference, one.comparison.vocabulary, colour=colour)
        else:
            block += "\n"
        if one.findings:
            block += "\n" + as_text(one.findings, colour=colour)
        blocks.append(block)
    return "\n".join(blocks)


def headline(found: Sequence[Compared], revisions: Revisions) -> str:
    """Whether access changes from one revision to the other, and in which environments."""
    between = f"From {revisions.base} to {revisions.head}"
    unread = [one.environment for one in found if one.state in {State.HEAD_UNREADABLE, State.BASE_UNREADABLE}]
    changed = [one.environment for one in found if one.has_changed and one.environment not in unread]
    if unread:
        return f"{between} it is not known what changes in {', '.join(unread)}."
    if not changed:
        return f"{between} nobody gains or loses access ({counted(len(found), 'environment')})."
    return f"{between} access changes in {', '.join(changed)}."


def compared_as_markdown(found: Sequence[Compared], revisions: Revisions) -> str:
    """The same for a pull request, under a heading for each environment. Ends with a newline."""
    blocks = [escaped(headline(found, revisions)) + "\n"]
    for one in found:
        lines = [f"### {code(one.environment)}", ""]
        if one.said:
            lines += [escaped(one.said), ""]
        if one.comparison is not None:
            lines.append(changes_as_markdown(one.comparison.difference, one.comparison.vocabulary))
        if one.findings:
            lines.append(told_as_markdown(tell_findings(one.findings), level=4))
        blocks.append("\n".join(lines))
    return "\n".join(blocks)


def compared_as_json(found: Sequence[Compared], revisions: Revisions) -> str:
    """`{"version", "base", "head", "environments": [{"environment", "state", "findings", "access"}]}`.

    `access` is as `tailstack policy diff` gives it, and null where nothing could be compared. Ends with a newline.
    """
    data = {
        "version": JSON_VERSION,
        "base": revisions.base,
        "head": revisions.head,
        "environments": [
            {
                "environment": one.environment,
                "state": str(one.state),
                "findings": [finding_as_data(finding) for finding in one.findings],
                "access": changes_as_data(one.comparison.difference, one.comparison.vocabulary)
                if one.comparison is not None
                else None,
            }
            for one in found
        ],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
