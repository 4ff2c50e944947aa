"""What was changed behind a stack, as text and as JSON. Pure: returns strings."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from enum import StrEnum

from tailstack.report.findings import WIDTH
from tailstack.report.style import Style, counted

JSON_VERSION = "1"
"""Version of the JSON: raised when a field changes its meaning or goes, not when one is added."""


class DriftKind(StrEnum):
    """What happened to the object."""

    CHANGED = "changed"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """One object that is not as the stack left it.

    `what` names it for people (`Service default/nginx-service in blue`), `resource` is its name in the stack, and `changes` are
    sentences, none of which holds a secret.
    """

    kind: DriftKind
    what: str
    resource: str
    changes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftReport:
    """All drift of one environment, in the order of the resources."""

    environment: str
    drifts: tuple[Drift, ...]

    def as_text(self, *, colour: bool = False, width: int = WIDTH) -> str:
        """The answer on the first line, then a paragraph for each object. Ends with a newline."""
        style = Style(colour=colour)
        if not self.drifts:
            return style.good(f"No drift: everything in {self.environment} is as the stack left it.") + "\n"
        subject, verb = counted(len(self.drifts), "object"), "is" if len(self.drifts) == 1 else "are"
        lines = [style.doubtful(f"Drift in {self.environment}: {subject} {verb} not as the stack left {_them(self)}.")]
        for drift in self.drifts:
            lines += ["", f"{style.strong(drift.what)} {style.faint(f'({drift.resource})')}"]
            for change in drift.changes:
                lines += textwrap.wrap(
                    change,
                    width=width,
                    initial_indent="  - ",
                    subsequent_indent="    ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
        return "\n".join(lines) + "\n"

    def as_json(self) -> str:
        """`{"version", "environment", "drifts": [{"kind", "what", "resource", "changes": [...]}]}`, ending with a newline."""
        data = {
            "version": JSON_VERSION,
            "environment": self.environment,
            "drifts": [
                {"kind": drift.kind, "what": drift.what, "resource": drift.resource, "changes": list(drift.changes)}
                for drift in self.drifts
            ],
        }
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _them(report: DriftReport) -> str:
    return "it" if len(report.drifts) == 1 else "them"
