"""What every check says: a rule with a stable code, and a finding that names the places involved.

Rules are declared as constants beside the code that finds them; `tailstack.rules.registry` gathers all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is: an error stops `pulumi up`, a warning is shown and does not."""

    ERROR = "error"
    WARNING = "warning"


class Needs(StrEnum):
    """What a rule must be shown to decide. Where it is not shown, the rule says nothing."""

    TAILNET = "tailnet"
    MANIFESTS = "manifests"
    FACTS = "facts"


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """A point in a file: path relative to the project with forward slashes, line and column counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One kind of mistake. `code` (TS101) and `slug` (duplicate-hostname) never change once published.

    `what` is one sentence that names the mistake, `why` says what happens if it is left, `mend` how to put it right,
    `source` where the fact comes from (a URL, an issue number or a document). `needs` is what it must be shown: the tailnet
    with its policy, however they are written; the Kubernetes manifests; or facts about what is live. `bad` and `good` are
    examples, a file each or several below lines such as `# blue/app.yaml`: the rule finds something in the one only.
    """

    code: str
    slug: str
    severity: Severity = Severity.ERROR
    what: str
    why: str
    mend: str
    source: str = ""
    needs: Needs = Needs.TAILNET
    bad: str = ""
    good: str = ""

    def at(self, *places: Place, message: str, expected: str = "", mend: str = "") -> Finding:
        """A finding of this rule; `mend` replaces the rule's general advice where the exact mend is known."""
        return Finding(rule=self, message=message, expected=expected, mend=mend or self.mend, places=places)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One mistake found: its rule, a sentence about this case, what was expected, how to mend it, all places involved.

    The first place is where a reader should look first; a clash of two declarations names both.
    """

    rule: Rule
    message: str
    expected: str
    mend: str
    places: tuple[Place, ...]

    @property
    def is_error(self) -> bool:
        return self.rule.severity is Severity.ERROR


class InvalidTailnetError(Exception):
    """The declarations cannot become a tailnet. Carries every finding, in the order of their places."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = in_order(findings)
        super().__init__("\n".join(f"{f.rule.code} {f.message}" for f in self.findings))


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings sorted by place, then code, so that two runs print the same text."""
    return tuple(sorted(findings, key=lambda f: (f.places, f.rule.code, f.message)))
