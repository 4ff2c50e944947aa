"""What a change would do, in one object for both tiers of a preview, and whether it is safe. Pure.

The offline tier compares the declarations of two revisions; the online tier has the engine's plan, the live policy file and what
the service and the policy pack say. What one tier does not know is None or empty, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tailstack.access.changes import Change, Direction
from tailstack.access.compare import Comparison
from tailstack.access.phrases import joined
from tailstack.finding import Finding
from tailstack.report.changes import ALARMING
from tailstack.report.cost import Cost
from tailstack.report.link_map import LinkChange
from tailstack.report.plan import ChangeClass, Op, Plan, PlannedChange
from tailstack.report.style import counted

LIVE_BASE = "what is live"
NO_PLAN = Plan()
NO_COST = Cost()


class Tier(StrEnum):
    """What a preview knows. OFFLINE: two revisions, and no secret. ONLINE: the stack, and what is live."""

    OFFLINE = "offline"
    ONLINE = "online"


class Safety(StrEnum):
    """The answer. LOOK: it can be applied, and somebody should look at what it takes away or opens first."""

    NOTHING = "nothing"
    SAFE = "safe"
    LOOK = "look"
    REFUSED = "refused"
    FINDINGS = "findings"
    FAILED = "failed"


class PolicyState(StrEnum):
    """The live policy file beside what the stack applied last and what it wants now; the provider overwrites it blindly.

    FIRST: the stack has never written it. EDITED: it is neither of the two, so that an apply that writes it would lose an edit.
    """

    UNKNOWN = "unknown"
    FIRST = "first"
    IN_STEP = "in step"
    EDITED = "edited"


@dataclass(frozen=True, kw_only=True, slots=True)
class LivePolicy:
    """`said` are sentences: who gained what by the edit, or why nothing is known. `refused` is what the service has against
    the policy file that is wanted."""

    state: PolicyState
    said: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyViolation:
    """A policy of the policy pack that something breaks. An advisory one warns, a mandatory one refuses."""

    policy: str
    what: str
    message: str
    is_mandatory: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """The report of one environment.

    `stack` is one of several of the environment, empty where there is one. `base` is what it is compared with: a revision, or
    what is live. `failure` is why it could not be made, a line for each
    reason; the rest is then what is known all the same. `comparison` is None where nobody can tell who gains or loses access, and
    `untold` says why. `links` are those that change, as far as both sides are known. `notices` are what a reader should know of what the change touches.
    """

    environment: str
    stack: str = ""
    tier: Tier
    base: str
    failure: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    comparison: Comparison | None = None
    untold: str = ""
    plan: Plan = NO_PLAN
    live_policy: LivePolicy | None = None
    violations: tuple[PolicyViolation, ...] = ()
    warnings: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    links: tuple[LinkChange, ...] = ()
    cost: Cost = NO_COST

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return f"{self.environment} (stack {self.stack})" if self.stack else self.environment

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings because of which nothing is applied."""
        return tuple(finding for finding in self.findings if finding.is_error)

    @property
    def mandatory(self) -> tuple[PolicyViolation, ...]:
        """The violations because of which nothing is applied."""
        return tuple(violation for violation in self.violations if violation.is_mandatory)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of access, as far as they are known."""
        return self.comparison.difference.changes if self.comparison is not None else ()

    @property
    def has_changes(self) -> bool:
        """Whether an apply would change anything, or may."""
        return not self.plan.is_empty or bool(self.changes) or bool(self.untold)

    @property
    def safety(self) -> Safety:
        """The answer, the gravest that holds."""
        if self.failure:
            return Safety.FAILED
        if self.errors or (self.live_policy is not None and self.live_policy.refused):
            return Safety.FINDINGS
        if self.mandatory:
            return Safety.REFUSED
        if not self.has_changes:
            return Safety.LOOK if self.concerns else Safety.NOTHING
        return Safety.LOOK if self.concerns else Safety.SAFE

    @property
    def concerns(self) -> tuple[str, ...]:
        """What somebody should look at before it is applied, in short phrases, the gravest first."""
        return tuple(_concerns(self))


def asked_of_stack(environment: str, stack: str) -> Preview:
    """An online preview of which nothing is known yet."""
    return Preview(
        environment=environment, stack=stack if stack != environment else "", tier=Tier.ONLINE, base=LIVE_BASE
    )


def headline(preview: Preview) -> str:
    """Whether it is safe, in one sentence."""
    name = preview.name
    match preview.safety:
        case Safety.FAILED:
            return f"The preview of {name} failed, and nobody can say what would change: {preview.failure[0]}"
        case Safety.FINDINGS if preview.errors:
            return f"Not safe: {name} has {counted(len(preview.errors), 'error')}, and nothing would be applied."
        case Safety.FINDINGS:
            return f"Not safe: Tailscale would refuse the policy file of {name}."
        case Safety.REFUSED:
            names = dict.fromkeys(violation.policy for violation in preview.mandatory)
            verb = "refuses" if len(names) == 1 else "refuse"
            return f"Not safe: {joined(list(names))} {verb} {name}."
        case Safety.LOOK:
            return f"Look before you apply {name}: {'; '.join(preview.concerns)}."
        case Safety.SAFE:
            return f"Safe: {name} changes, and nobody loses access, and nothing is replaced or deleted."
        case _:
            return f"Safe: nothing changes in {name}."


def _concerns(preview: Preview) -> Iterator[str]:
    if preview.live_policy is not None and preview.live_policy.state is PolicyState.EDITED:
        lost = ", and the edit would be lost" if preview.plan.policy is not None else " behind the stack"
        yield f"the live policy file was edited{lost}"
    plan = preview.plan
    for op, words in ((Op.DELETE, "deleted for good"), (Op.REPLACE, "replaced, and what is in it is lost")):
        yield from _become(words, [change for change in plan.of_class(ChangeClass.DATA_LOSS) if change.op is op])
    if preview.untold:
        yield "nobody can say who gains or loses access"
    if risky := sum(change.risk in ALARMING for change in preview.changes):
        yield f"{counted(risky, 'risky change')} of access"
    taken = sum(change.direction in (Direction.LOST, Direction.NARROWED) for change in preview.changes)
    if taken:
        yield f"access is taken away {'once' if taken == 1 else f'{taken} times'}"
    ordinary = [change for change in plan.changes if change.change_class is not ChangeClass.DATA_LOSS]
    for op, words in ((Op.REPLACE, "replaced"), (Op.DELETE, "deleted")):
        yield from _become(words, [change for change in ordinary if change.op is op])
    if preview.cost.exceeds_certificates:
        yield "more certificates than are issued in a week"


_NAMED = 3


def _become(words: str, changes: Sequence[PlannedChange]) -> Iterator[str]:
    """`exposure blue.nginx is replaced`, `12 declarations are deleted`; nothing for nothing."""
    names = list(dict.fromkeys(change.declaration for change in changes))
    if names:
        subject = joined(names) if len(names) <= _NAMED else counted(len(names), "declaration")
        yield f"{subject} {'is' if len(names) == 1 else 'are'} {words}"
