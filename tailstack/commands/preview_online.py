"""The online tier of a preview: the engine's plan, the live policy file, and what the service and the policy pack say.

Nothing is written, and no lock is taken on a self-managed backend (pulumi 3.229 and newer).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tailstack.access import hujson
from tailstack.access.compare import compare
from tailstack.access.compile import CompiledPolicy, hand_written
from tailstack.access.sentences import sentences
from tailstack.engine.events import Diagnostic, Event, EventLog
from tailstack.engine.plans import plan_of
from tailstack.engine.pulumi import Outcome, Pulumi
from tailstack.engine.tailscale_api import TailscaleApi, TailscaleApiError
from tailstack.finding import InvalidTailnetError
from tailstack.report.cost import Cost, cost_of, touched_names
from tailstack.report.masking import Masking
from tailstack.report.notices import notices_of
from tailstack.report.plan import Plan
from tailstack.report.preview import LIVE_BASE, LivePolicy, PolicyState, PolicyViolation, Preview, asked_of_stack
from tailstack.report.resource_kinds import declaration_at, in_words
from tailstack.rules.certificates import certificate_names
from tailstack.rules.check import Checked, check_environment
from tailstack.rules.subject import subject_of
from tailstack.topology.tailnet import BasePolicy, Tailnet

LIVE = "live policy file"
_APPLIED = "the policy file that was applied last"
_NOT_OWNER = "The policy file is not this stack's: who gains or loses access is told with the stack that writes it."
_UNREADABLE = "The live policy file cannot be read, so that nobody can say who gains or loses access: {reason}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is previewed, and by which engine. `connected` gives the API when it is asked; `options` are the engine's own."""

    project: Path
    environment: str
    stack: str
    at: datetime
    engine: Pulumi
    connected: Callable[[], TailscaleApi]
    masking: Masking
    options: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviewedOnline:
    """The report, with what the engine did; None where it was not asked because the declarations have errors."""

    preview: Preview
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Live:
    """What the API says: the policy file, what it has against the one that is wanted, and the names of the devices."""

    policy: str = ""
    refused: tuple[str, ...] = ()
    names: Collection[str] | None = None
    reason: str = ""


def preview_online(request: Request, on_event: Callable[[Event], None]) -> PreviewedOnline:
    """Check, ask the engine and the service, and put it together."""
    checked = check_environment(request.project, request.environment, request.at)
    asked = replace(asked_of_stack(request.environment, request.stack), findings=checked.findings)
    if checked.tailnet is None or checked.whole is None or checked.policy is None or checked.has_errors:
        return PreviewedOnline(preview=asked)
    outcome = request.engine.preview(request.stack, *request.options, on_event=on_event)
    plan = plan_of(outcome.log, request.masking)
    writes_policy = plan.policy is not None or bool(plan.applied_policy)
    live = _live(request, plan, writes_policy=writes_policy)
    preview = replace(
        asked,
        failure=_failure(outcome, request.masking),
        plan=plan,
        violations=violations_in(outcome.log, request.masking),
        warnings=_warnings(outcome.log, checked, request.masking),
        notices=notices_of(checked.tailnet, plan),
        cost=_cost(checked, plan, live),
    )
    if not writes_policy:
        return PreviewedOnline(
            preview=preview if preview.failure else replace(preview, notices=(_NOT_OWNER, *preview.notices)),
            outcome=outcome,
        )
    return PreviewedOnline(preview=_with_access(preview, checked, live), outcome=outcome)


def _live(request: Request, plan: Plan, *, writes_policy: bool) -> _Live:
    wanted = plan.policy.after if plan.policy is not None else ""
    try:
        api = request.connected()
        names = {str(device.get("name", "")) for device in api.get("devices").get("devices") or ()}
        if not writes_policy:
            return _Live(names=names)
        message, complaints = api.validate_policy(wanted) if wanted else ("", ())
        refused = [message] if message else []
        refused += [
            f"{each.subject}: {error}" if each.subject else error for each in complaints for error in each.errors
        ]
        return _Live(
            policy=api.policy().text,
            refused=tuple(map(request.masking.text, refused)) if message else (),
            names=names,
        )
    except TailscaleApiError as error:
        return _Live(reason=request.masking.text(str(error)))


def _with_access(preview: Preview, checked: Checked, live: _Live) -> Preview:
    """The same with who gains or loses what, from what is live, or where that is not known from what was applied last."""
    tailnet, policy, plan = checked.whole, checked.policy, preview.plan
    if tailnet is None or policy is None:
        return preview
    wanted = plan.policy.after if plan.policy is not None else plan.applied_policy
    # Of a policy file that the plan leaves alone nobody loses anything, also where it was edited.
    is_left = plan.policy is None and plan.is_complete
    base = plan.applied_policy if is_left else live.policy or plan.applied_policy
    standing = _standing(tailnet, live, plan.applied_policy, wanted)
    try:
        name = LIVE if live.policy and not is_left else _APPLIED
        comparison = compare((tailnet, _read(name, base)), (tailnet, policy))
    except InvalidTailnetError as error:
        reason = error.findings[0].message
        return replace(preview, live_policy=standing, untold=_UNREADABLE.format(reason=reason))
    return replace(preview, live_policy=standing, comparison=comparison, base=LIVE_BASE if live.policy else _APPLIED)


def _standing(tailnet: Tailnet, live: _Live, applied: str, wanted: str) -> LivePolicy:
    if not live.policy:
        return LivePolicy(state=PolicyState.UNKNOWN, said=(live.reason,), refused=live.refused)
    if not applied:
        return LivePolicy(state=PolicyState.FIRST, refused=live.refused)
    now = hujson.comparable(live.policy)
    if now in (hujson.comparable(applied), hujson.comparable(wanted)):
        return LivePolicy(state=PolicyState.IN_STEP, refused=live.refused)
    try:
        found = compare((tailnet, _read(_APPLIED, applied)), (tailnet, _read(LIVE, live.policy)))
        said = sentences(found.difference, found.vocabulary)
    except InvalidTailnetError as error:
        said = tuple(finding.message for finding in error.findings)
    return LivePolicy(state=PolicyState.EDITED, said=said, refused=live.refused)


def _read(name: str, text: str) -> CompiledPolicy:
    return hand_written(BasePolicy(file=name, text=text))


def _failure(outcome: Outcome, masking: Masking) -> tuple[str, ...]:
    """Why the engine could not tell what would change; nothing where a mandatory policy is all that it has against it."""
    if outcome.succeeded or any(violation.is_mandatory for violation in outcome.log.violations):
        return ()
    lines = masking.text(in_words(outcome.explain())).splitlines()
    return tuple(line.removeprefix("error: ") for line in lines if line.strip())


def violations_in(log: EventLog, masking: Masking) -> tuple[PolicyViolation, ...]:
    """What policies have against a run, the mandatory ones first."""
    return tuple(
        PolicyViolation(
            policy=violation.policy,
            what=declaration_at(violation.urn),
            message=masking.text(violation.message.strip()),
            is_mandatory=violation.is_mandatory,
        )
        for violation in sorted(
            log.violations, key=lambda each: (not each.is_mandatory, each.policy, each.urn, each.message)
        )
    )


def _warnings(log: EventLog, checked: Checked, masking: Masking) -> tuple[str, ...]:
    """What the engine and the program warn of, once; the program's own account of the findings is left out."""
    said = [
        event.message.strip() for event in log.events if isinstance(event, Diagnostic) and event.severity == "warning"
    ]
    codes = [f"warning {finding.rule.code} {finding.rule.slug}" for finding in checked.findings]
    return tuple(
        dict.fromkeys(masking.text(in_words(text)) for text in said if text and not any(code in text for code in codes))
    )


def _cost(checked: Checked, plan: Plan, live: _Live) -> Cost:
    """Certificates are counted for what the plan touches, and only where it is known which names are live already."""
    if checked.whole is None or checked.policy is None or live.names is None:
        return cost_of(plan, devices=plan.devices)
    names = touched_names(plan, checked.whole, certificate_names(subject_of(checked.whole, checked.policy)))
    return cost_of(plan, devices=plan.devices, names=names, certified=live.names)
