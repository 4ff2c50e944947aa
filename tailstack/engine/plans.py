"""The plan in the event stream of a preview: one change for each object, its secrets masked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence

from tailstack.engine.events import EMPTY, EventLog, Json, Phase, Step, Summary
from tailstack.engine.wording import describe
from tailstack.report.masking import BLINDED, Masking
from tailstack.report.meaning import (
    blinded_values,
    changed_values,
    class_of,
    policy_sentences,
    put_back,
    value_at,
)
from tailstack.report.plan import ChangedValue, Op, Plan, PlannedChange, PolicyEdit, in_order
from tailstack.report.resource_kinds import KUBERNETES, POLICY, declaration_of, is_object, nodes_in, resource_kind

MASKING_VARIABLE = "TAILSTACK_MASKING_KEY"
"""In the environment: with one key for all runs, the digests that stand for secrets can be compared between them."""

_CREATES = frozenset({"create", "create-replacement"})
_DELETES = frozenset({"delete", "delete-replaced"})
_REPLACES = frozenset({"replace", "create-replacement", "delete-replaced", "import-replacement"})
_IMPORTS = frozenset({"import"})
_KNOWN = _CREATES | _DELETES | _REPLACES | _IMPORTS | {"update"}


def masking_of(variables: Mapping[str, str]) -> Masking:
    """Masking by the key in the environment; without one by a key of this run alone, which is told to nobody."""
    given = variables.get(MASKING_VARIABLE, "")
    return Masking(key=hashlib.sha256(given.encode()).digest() if given else os.urandom(32))


def plan_of(log: EventLog, masking: Masking) -> Plan:
    """What a preview says that an `up` would do. Steps over components, providers and the stack itself are left out, and so are
    ops that change nothing; several steps over one object are one change."""
    steps: dict[str, list[Step]] = {}
    for step in log.steps:
        if step.phase is not Phase.DONE and is_object(step.type):
            steps.setdefault(step.urn, []).append(step)
    changes: list[PlannedChange] = []
    policy: PolicyEdit | None = None
    for every in steps.values():
        made = [step for step in every if step.op in _KNOWN]
        if made:
            change, edit = _change(made, masking)
            changes.append(change)
            policy = edit or policy
    last = next((step for every in steps.values() for step in every if step.type == POLICY), None)
    standing: dict[str, list[str]] = {}
    for every in steps.values():
        if _stood(every):
            standing.setdefault(every[0].type, []).append(every[0].name)
    return Plan(
        changes=tuple(sorted(changes, key=in_order)),
        policy=policy,
        applied_policy=_applied(last) if last is not None else "",
        standing={token: tuple(sorted(names)) for token, names in sorted(standing.items())},
        devices=_devices(steps.values()),
        is_complete=any(isinstance(event, Summary) for event in log.events) and not log.errors,
    )


def _devices(steps: Iterable[Sequence[Step]]) -> tuple[int, int]:
    """How many nodes the objects are now, and how many they will be."""
    before = after = 0
    for every in steps:
        was = next((step.inputs_before for step in every if step.inputs_before), EMPTY)
        stays = next((step.inputs_after for step in every if step.inputs_after), EMPTY)
        before += nodes_in(every[0].type, was)
        after += nodes_in(every[0].type, stays)
    return before, after


def _stood(steps: Sequence[Step]) -> bool:
    """Whether the object is there before."""
    return all(step.op not in ("create", "import") for step in steps)


def _change(steps: Sequence[Step], masking: Masking) -> tuple[PlannedChange, PolicyEdit | None]:
    op = _op(steps)
    before = next((step.inputs_before for step in steps if step.inputs_before), EMPTY)
    after = next((step.inputs_after for step in steps if step.inputs_after), EMPTY)
    # The words are those of the object as it will be; of one that goes, as it is.
    shown = next((step for step in steps if step.inputs_after), steps[0])
    token = shown.type
    edit = None
    sentences: tuple[str, ...] = ()
    gives_other_access = None
    if token == POLICY and op not in (Op.DELETE, Op.FORGET):
        edit = PolicyEdit(before=_applied(steps[0]), after=_text(after))
        gives_other_access, sentences = policy_sentences(edit)
    values = () if op in (Op.DELETE, Op.FORGET) else _values(token, steps, before, after, masking)
    change = PlannedChange(
        urn=shown.urn,
        type=token,
        name=shown.name,
        declaration=declaration_of(token, shown.name),
        kind=resource_kind(token).words,
        what=describe(shown),
        cluster=shown.provider if token.startswith(KUBERNETES) else "",
        op=op,
        change_class=class_of(token, op, values, gives_other_access=gives_other_access),
        values=values,
        because=tuple(dict.fromkeys(path for step in steps for path in step.replaced_by)) if op is Op.REPLACE else (),
        sentences=sentences,
    )
    return change, edit


def _op(steps: Sequence[Step]) -> Op:
    ops = {step.op for step in steps}
    if ops & _REPLACES or (ops & _CREATES and ops & _DELETES):
        return Op.REPLACE
    if ops & _DELETES:
        return Op.FORGET if any(step.is_retained for step in steps) else Op.DELETE
    if ops & _IMPORTS:
        return Op.IMPORT
    return Op.CREATE if ops & _CREATES else Op.UPDATE


def _values(token: str, steps: Sequence[Step], before: Json, after: Json, masking: Masking) -> tuple[ChangedValue, ...]:
    found = changed_values(token, before, after, masking)
    if not before:
        return found
    paths = tuple(dict.fromkeys(path for step in steps for path in step.changed))
    hidden = [path for path in paths if value_at(before, path) == BLINDED and value_at(after, path) == BLINDED]
    if not found and not hidden:
        # The live object was changed, and what is wanted is as it was: the engine puts it back.
        live = next((step.outputs_before for step in steps if step.outputs_before), EMPTY)
        return put_back(token, paths, live, after, masking)
    return (*found, *blinded_values(hidden, found, token))


def _applied(step: Step) -> str:
    """The policy file that the stack has: what was read last is newer than what was written last."""
    return _text(step.outputs_before) or _text(step.inputs_before)


def _text(inputs: Json) -> str:
    text = inputs.get("acl")
    return text if isinstance(text, str) else ""
