"""What `tailstack verify` found: whether everything that is declared is live, as text, Markdown and JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.live.verification import Check, Outcome
from tailstack.report.findings import WIDTH
from tailstack.report.style import counted
from tailstack.report.telling import Part, Told, told_as_markdown, told_as_text

JSON_VERSION = "1"
"""Version of the JSON: raised when a field changes its meaning or goes, not when one is added."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """All checks of an environment, or of a part of it."""

    environment: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        return self._with(Outcome.FAILS)

    @property
    def unknown(self) -> tuple[Check, ...]:
        return self._with(Outcome.UNKNOWN)

    @property
    def holds(self) -> bool:
        """Whether every check could be made and holds."""
        return not self.failed and not self.unknown

    def as_text(self, *, colour: bool = False, width: int = WIDTH) -> str:
        """The answer on the first line, then each declaration of which something does not hold. Ends with a newline."""
        return told_as_text(self._told(), colour=colour, width=width)

    def as_markdown(self) -> str:
        """The same in Markdown: nothing from outside is markup in it."""
        return told_as_markdown(self._told())

    def as_data(self) -> dict[str, object]:
        """Plain data, for JSON; docs/verify.md describes it."""
        return {
            "version": JSON_VERSION,
            "environment": self.environment,
            "holds": self.holds,
            "counts": {str(outcome): len(self._with(outcome)) for outcome in Outcome},
            "checks": [
                {
                    "declaration": check.who,
                    "aspect": check.aspect,
                    "outcome": check.outcome,
                    "message": check.message,
                    "mend": check.mend,
                    "file": check.place.file,
                    "line": check.place.line,
                    "column": check.place.column,
                }
                for check in self.checks
            ],
        }

    def _with(self, outcome: Outcome) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.outcome is outcome)

    def _told(self) -> Told:
        return Told(answer=self._answer(), parts=tuple(self._parts()), is_good=not self.failed and (self.holds or None))

    def _answer(self) -> str:
        number = counted(len(self.checks), "check")
        if self.holds:
            return f"Verified: everything that {self.environment} declares is live ({number})."
        unknown = f", and {len(self.unknown)} could not be made" if self.unknown else ""
        if self.failed:
            verb = "does" if len(self.failed) == 1 else "do"
            return f"Not as declared: {len(self.failed)} of {number} in {self.environment} {verb} not hold{unknown}."
        return f"Not known: {len(self.unknown)} of {number} in {self.environment} could not be made; the others hold."

    def _parts(self) -> Iterator[Part]:
        of_declaration: dict[str, list[Check]] = {}
        for check in (*self.failed, *self.unknown):
            of_declaration.setdefault(f"{check.who} ({check.place})", []).append(check)
        for title, checks in of_declaration.items():
            said = dict.fromkeys(" ".join(filter(None, (check.message, check.mend))) for check in checks)
            yield Part(title=title, items=tuple(said))
