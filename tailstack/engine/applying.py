"""Applying a stack: how a run ended, and the first of two passes where the policy file must not be narrowed too early."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from tailstack.access.narrowing import KEEP_VARIABLE, Kept, keeping
from tailstack.engine.events import Event, EventLog, Phase, Step
from tailstack.engine.pulumi import Outcome, Pulumi
from tailstack.report.plan import ChangeClass, Plan
from tailstack.report.resource_kinds import KUBERNETES, TAILSCALE

EDITED_BEHIND = "was edited behind this stack"
"""What the program's own guard says when it refuses to overwrite an edit (components/policy_guard.py)."""

OVERWRITE_PROTECTED = "Overwrite Protected"
"""What the provider says where a stack that has never written the policy file finds one that is not Tailscale's own default
(`tailscale/resource_acl.go` of terraform-provider-tailscale 0.29)."""

_PROVIDER = "pulumi:providers:"
_LOST = frozenset({"delete", "replace", "delete-replaced", "create-replacement"})


class Ending(StrEnum):
    """How a run of the engine ended. REFUSED: a policy, or the program's guard before the policy file, said no."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    LOCKED = "locked"
    INTERRUPTED = "interrupted"


def ending_of(outcome: Outcome) -> Ending:
    """How it ended. A run that came to its end in spite of Ctrl-C is done."""
    if outcome.succeeded:
        return Ending.DONE
    if outcome.is_locked:
        return Ending.LOCKED
    if outcome.was_interrupted:
        return Ending.INTERRUPTED
    if any(violation.is_mandatory for violation in outcome.log.violations):
        return Ending.REFUSED
    return Ending.REFUSED if EDITED_BEHIND in outcome.explain() else Ending.FAILED


def lost_providers(log: EventLog) -> tuple[str, ...]:
    """The names of the providers that go or are replaced, which is what becomes of all that they look after."""
    return tuple(
        sorted(
            {
                step.name
                for step in log.steps
                if step.type.startswith(_PROVIDER) and step.op in _LOST and step.phase is not Phase.FAILED
            }
        )
    )


def kept_by_first_pass(plan: Plan) -> Kept | None:
    """What a first pass has to keep in the policy file; None where the whole can be applied at once.

    That is so where nothing is taken from nodes, and where no cluster has to be brought over.
    """
    edit = plan.policy
    if edit is None or not edit.before:
        return None
    if not any(change.cluster and change.change_class is not ChangeClass.NOISE for change in plan.changes):
        return None
    kept = keeping(edit.after, edit.before)
    return None if kept.is_empty else kept


def first_pass(
    engine: Pulumi, stack: str, live: str, options: Sequence[str], on_event: Callable[[Event], None]
) -> Outcome:
    """Apply everything, with a policy file that keeps what nodes need of the live one."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="surrogateescape", suffix=".hujson") as file:
        file.write(live)
        file.flush()
        environment = {**engine.environment, KEEP_VARIABLE: file.name}
        return replace(engine, environment=environment).up(stack, *options, on_event=on_event)


def unreached(log: EventLog) -> tuple[str, ...]:
    """Where a step failed: clusters by the names of their providers, and `the tailnet`."""
    failed = [step for step in log.steps if step.phase is Phase.FAILED]
    clusters = sorted({step.provider for step in failed if _is_of_cluster(step)})
    return (*clusters, *(["the tailnet"] if any(step.type.startswith(TAILSCALE) for step in failed) else []))


def _is_of_cluster(step: Step) -> bool:
    return step.type.startswith(KUBERNETES)


def finished(log: EventLog) -> EventLog:
    """The log with those steps alone that came to their end: what a plan of it holds was done."""
    done = {(step.urn, step.op) for step in log.steps if step.phase is Phase.DONE}
    return EventLog(
        events=tuple(event for event in log.events if not isinstance(event, Step) or (event.urn, event.op) in done)
    )


def besides(planned: Plan, done: Plan) -> tuple[str, ...]:
    """What was done that the plan did not show, in words: another run came in between, or something live had changed."""
    shown = {change.urn: change.op for change in planned.changes}
    return tuple(
        f"{change.what}: {change.op}"
        for change in done.changes
        if change.change_class is not ChangeClass.NOISE
        and (change.urn not in shown or (change.op.removes and not shown[change.urn].removes))
    )
