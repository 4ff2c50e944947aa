"""What a previewed refresh tells of changes behind the stack: objects in words, the policy file as access gained and lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from tailstack.access.diff import difference
from tailstack.access.reading import read_policy
from tailstack.access.sentences import sentences
from tailstack.engine.events import EventLog, Json, Phase, Step
from tailstack.engine.wording import describe, is_object
from tailstack.report.differences import differences
from tailstack.report.drift import Drift, DriftKind, DriftReport

POLICY = "tailscale:index/acl:Acl"
_UNREADABLE = "It was edited, and cannot be read as a policy file: what it gives access to cannot be told."


def drift_of(log: EventLog, environment: str) -> DriftReport:
    """The drift that `pulumi refresh --preview-only` found. Secrets arrive blinded in the events, and stay so."""
    drifts = (_drift(step) for step in log.steps if step.phase is Phase.DONE and is_object(step))
    return DriftReport(environment=environment, drifts=tuple(drift for drift in drifts if drift is not None))


def _drift(step: Step) -> Drift | None:
    if step.op == "delete":
        return Drift(kind=DriftKind.MISSING, what=describe(step), resource=step.name, changes=("It is gone.",))
    if step.op != "update":
        return None
    changes = tuple(_policy_changes(step) if step.type == POLICY else _changes(step))
    return Drift(kind=DriftKind.CHANGED, what=describe(step), resource=step.name, changes=changes)


def _policy_changes(step: Step) -> Iterator[str]:
    before, after = (read_policy(str(side.get("acl", ""))) for side in _sides(step))
    if any(finding.is_error for finding in after.findings):
        yield _UNREADABLE
    else:
        yield from sentences(difference(before, after))


def _changes(step: Step) -> Iterator[str]:
    before, after = _sides(step)
    for found in differences(before, after):
        yield str(found)


def _sides(step: Step) -> tuple[Json, Json]:
    """The state as it was and as it is live: the inputs where they differ, as a provider fills them in from the live object;
    else those outputs that are inputs too, because all others change by themselves."""
    if step.inputs_before != step.inputs_after:
        return step.inputs_before, step.inputs_after
    return _only(step.outputs_before, step.inputs_before), _only(step.outputs_after, step.inputs_before)


def _only(outputs: Json, inputs: Json) -> Json:
    """The part of `outputs` at the paths of `inputs`."""
    return {
        key: _only(cast("Json", outputs[key]), cast("Json", value))
        if isinstance(value, Mapping) and isinstance(outputs[key], Mapping)
        else outputs[key]
        for key, value in inputs.items()
        if key in outputs
    }
