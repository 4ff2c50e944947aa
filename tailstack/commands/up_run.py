"""One run of `tailstack up`, step by step; each step that refuses says why, and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from tailstack.access.narrowing import Kept
from tailstack.commands.engine_progress import following
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.live import Looking, connect, looking_at
from tailstack.commands.preview_online import PreviewedOnline, Request, preview_online, violations_in
from tailstack.commands.progress import Progress, progress_of
from tailstack.commands.stacks import Stack
from tailstack.commands.terminal import wants_colour
from tailstack.commands.verify import verified_within
from tailstack.engine.applying import (
    OVERWRITE_PROTECTED,
    Ending,
    besides,
    ending_of,
    finished,
    first_pass,
    kept_by_first_pass,
    lost_providers,
    unreached,
)
from tailstack.engine.events import Event, EventLog
from tailstack.engine.locks import explain_lock
from tailstack.engine.plans import masking_of, plan_of
from tailstack.engine.pulumi import Outcome, Pulumi, PulumiMissingError
from tailstack.live.declared import Scope
from tailstack.report.plan import digest_of
from tailstack.report.preview import PolicyState, Preview, Safety
from tailstack.report.preview_shown import preview_as_data, preview_as_text
from tailstack.report.resource_kinds import in_words
from tailstack.report.safety import Limits, Refusal, refusals, shortest
from tailstack.report.style import Style, counted
from tailstack.report.verified import Verified
from tailstack.rules.check import check_environment
from tailstack.topology.rotation import MOMENT_VARIABLE
from tailstack.topology.tailnet import Tailnet
from tailstack.topology.wording import listed

JSON_VERSION = "1"
"""Version of the result: raised when a field changes its meaning or goes, not when one is added."""

_STOPS = {Safety.FAILED: ExitCode.ERROR, Safety.FINDINGS: ExitCode.FINDINGS, Safety.REFUSED: ExitCode.REFUSED}
_CODES = {
    Ending.DONE: ExitCode.CLEAN,
    Ending.FAILED: ExitCode.ERROR,
    Ending.REFUSED: ExitCode.REFUSED,
    Ending.LOCKED: ExitCode.LOCKED,
    Ending.INTERRUPTED: ExitCode.INTERRUPTED,
}
_CONTINUE = "--continue-on-error"
"""What one cluster lacks does not hold up the others; what depends on what failed is left out all the same."""

_MOST_SHOWN = 10
_AGAIN = (
    "What was done is in the stack's state: mend what failed and run the same command again, and it goes on from there."
)
_KEPT_IS_REFUSED = (
    "If a policy refuses what is kept: let the pack's config allow it until it is gone, or take it away in one pass, by "
    "--narrow-at-once."
)
_FOREIGN = (
    "The tailnet has a policy file that this stack has never written. Put what you want to keep of it into the environment's base "
    "(docs/guide.md), read in the report what goes, and let this stack overwrite it: pulumi config set tailstack:overwritePolicy "
    "true --stack {stack}"
)
_BY_PACK = (
    "Nothing was changed. Mend what a policy names, or change its level or its list in the pack's config, by default "
    "policies/ENVIRONMENT.json: docs/policy-pack.md."
)
_NEW_PLAN = "The plan is another by then: preview it again for its digest."


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What was asked for. `variables` are those of the process; `seconds` is how long to wait until everything is live."""

    project: Path
    environment: str
    stack: Stack
    limits: Limits
    at: datetime
    options: Sequence[str]
    allowed: frozenset[str]
    digest: str | None
    must_ask: bool
    narrow_at_once: bool
    must_verify: bool
    seconds: float
    is_json: bool
    variables: Mapping[str, str] = field(repr=False)


@dataclass(kw_only=True, slots=True)
class _Result:
    """What came of it, as it is told at the end. `said` are paragraphs for people."""

    code: ExitCode
    preview: Preview | None = None
    refused: tuple[Refusal, ...] = ()
    applied: tuple[str, ...] = ()
    kept: Kept | None = None
    is_narrowed: bool = True
    verified: Verified | None = None
    said: list[str] = field(default_factory=list[str])


class _StopError(Exception):
    """Nothing further is done; `result` says why."""

    def __init__(self, result: _Result) -> None:
        super().__init__()
        self.result = result


def run_up(wanted: Wanted) -> ExitCode:
    """Apply an environment, and say what came of it."""
    try:
        engine = Pulumi.found(wanted.project, {**wanted.variables, MOMENT_VARIABLE: wanted.at.isoformat()})
    except PulumiMissingError as error:
        raise click.ClickException(str(error)) from error
    shown = _Shown(wanted)
    with shown.whole():
        try:
            result = _Run(wanted, engine, shown).run()
        except _StopError as stop:
            result = stop.result
    shown.end(result)
    return result.code


class _Run:
    """The steps, in order."""

    def __init__(self, wanted: Wanted, engine: Pulumi, shown: _Shown) -> None:
        self._wanted = wanted
        self._engine = engine
        self._shown = shown
        self._masking = masking_of(wanted.variables)
        self._stack = wanted.stack.name
        self._looking: Looking | None = None

    def run(self) -> _Result:
        tailnet, scope = self._declared()
        self._looking = looking_at(
            self._wanted.project, [self._wanted.stack], scope, self._engine, self._wanted.variables
        )
        previewed = self._preview()
        preview = previewed.preview
        self._shown.preview(preview)
        self._stop_if_it_cannot_be_applied(previewed)
        self._refuse(preview, previewed.outcome.log if previewed.outcome is not None else EventLog())
        self._agree(preview)
        result = _Result(code=ExitCode.CLEAN, preview=preview)
        kept = None if self._wanted.narrow_at_once else kept_by_first_pass(preview.plan)
        edit = preview.plan.policy
        if kept is not None and edit is not None:
            result.kept, result.is_narrowed = kept, False
            title = f"Applying {self._wanted.environment}, keeping what nodes still use"
            self._apply(
                title, lambda on: first_pass(self._engine, self._stack, edit.before, self._options(), on), result
            )
            self._verify(tailnet, scope, result, is_between=True)
            self._apply(f"Narrowing the policy file of {self._wanted.environment}", self._up, result)
            result.is_narrowed = True
        else:
            self._apply(f"Applying {self._wanted.environment}", self._up, result)
        self._verify(tailnet, scope, result, is_between=False)
        return result

    def _declared(self) -> tuple[Tailnet, Scope]:
        """What is declared. Where it has errors, the report that says so is all there is."""
        wanted = self._wanted
        checked = check_environment(wanted.project, wanted.environment, wanted.at)
        if checked.tailnet is None or checked.policy is None or checked.has_errors:
            preview = self._preview().preview
            self._shown.preview(preview)
            raise _StopError(_Result(code=ExitCode.FINDINGS, preview=preview))
        return checked.tailnet, Scope.of(checked.tailnet, [wanted.stack.shard])

    def _preview(self) -> PreviewedOnline:
        wanted = self._wanted
        request = Request(
            project=wanted.project,
            environment=wanted.environment,
            stack=self._stack,
            at=wanted.at,
            engine=self._engine,
            connected=lambda: connect(wanted.project, self._stack, self._engine, wanted.variables),
            masking=self._masking,
            options=wanted.options,
        )
        title = f"Previewing {wanted.environment}"
        clusters = self._clusters
        with (
            self._shown.stage(title, clusters) as progress,
            following(progress, clusters, is_plan=True) as on_event,
        ):
            return preview_online(request, on_event)

    def _stop_if_it_cannot_be_applied(self, previewed: PreviewedOnline) -> None:
        preview, outcome = previewed.preview, previewed.outcome
        if outcome is not None and outcome.is_locked:
            self._stop(ExitCode.LOCKED, preview, explain_lock(outcome.said, self._stack))
        if outcome is not None and outcome.was_interrupted and not outcome.succeeded:
            self._stop(ExitCode.INTERRUPTED, preview, "Interrupted while previewing. Nothing was changed.")
        if preview.safety in _STOPS:
            told = _BY_PACK if preview.safety is Safety.REFUSED else "Nothing was changed."
            self._stop(_STOPS[preview.safety], preview, told)

    def _refuse(self, preview: Preview, log: EventLog) -> None:
        """Everything that speaks against it at once, so that nobody has to come back for the next reason."""
        wanted, live = self._wanted, preview.live_policy
        said: list[str] = []
        if wanted.digest is not None and wanted.digest != digest_of(preview.plan) and not preview.plan.is_empty:
            said.append(
                "This is another plan than the one that was reviewed.\n"
                f"  reviewed: {wanted.digest}\n  now:      {digest_of(preview.plan)}\n"
                "The report above is what would be done now. Files, the stack or what is live have changed since, or a rotation "
                "is due (--at TIME reads them as they were at the review). Review it again, and give its digest."
            )
        if live is not None and live.state is PolicyState.EDITED and preview.plan.policy is not None:
            edits = "".join(f"\n  {line}" for line in live.said[:_MOST_SHOWN])
            said.append(
                f"The live policy file was edited behind the stack, and applying would undo the edit:{edits}\n"
                "To keep the edit, write it into the environment's files. To go on, with or without it: pulumi refresh --stack "
                f"{self._stack}, which takes the edit into the stack's state; the report then shows what would be undone."
            )
        found = refusals(preview.plan, wanted.limits, providers=lost_providers(log), allowed=wanted.allowed)
        if found:
            flags = " ".join(f"--allow {name}" for name in shortest(found))
            reasons = "".join(f"\n  {one.text}" for one in found)
            said.append(
                f"A safety limit stands against it:{reasons}\nIf all of it is meant: {flags}. Another limit is set by "
                "tailstack:removalLimit in the stack's config."
            )
        if said:
            raise _StopError(
                _Result(
                    code=ExitCode.REFUSED, preview=preview, refused=found, said=["Refused. Nothing was changed.", *said]
                )
            )

    def _agree(self, preview: Preview) -> None:
        wanted = self._wanted
        if (
            wanted.must_ask
            and not preview.plan.is_empty
            and not click.confirm(f"Apply this to {self._stack}?", err=True)
        ):
            self._stop(ExitCode.REFUSED, preview, "Not agreed to. Nothing was changed.")

    def _options(self) -> tuple[str, ...]:
        return (*self._wanted.options, _CONTINUE)

    def _up(self, on_event: Callable[[Event], None]) -> Outcome:
        return self._engine.up(self._stack, *self._options(), on_event=on_event)

    def _apply(self, title: str, work: Callable[[Callable[[Event], None]], Outcome], result: _Result) -> None:
        clusters = self._clusters
        with self._shown.stage(title, clusters) as progress, following(progress, clusters) as on_event:
            outcome = work(on_event)
        done = plan_of(finished(outcome.log), self._masking)
        result.applied += tuple(f"{change.op} {change.what}" for change in done.changes)
        if result.preview is not None and (more := besides(result.preview.plan, done)):
            result.said.append(
                "This was done beside what the report showed, because something has changed in between: "
                + "; ".join(more[:_MOST_SHOWN])
            )
        ending = ending_of(outcome)
        result.code = _CODES[ending]
        if ending is not Ending.DONE:
            result.said.append(self._failed(ending, outcome, result))
            raise _StopError(result)

    @property
    def _clusters(self) -> tuple[str, ...]:
        return tuple(target.name for target in self._looking.targets) if self._looking is not None else ()

    def _failed(self, ending: Ending, outcome: Outcome, result: _Result) -> str:
        """What happened, what stands now, and how to go on."""
        why = self._masking.text(in_words(outcome.explain()))
        if ending is Ending.LOCKED:
            return explain_lock(outcome.said, self._stack, done="Nothing was changed by this run.")
        words = {
            Ending.FAILED: "It failed",
            Ending.REFUSED: "It was refused",
            Ending.INTERRUPTED: "It was interrupted",
        }[ending]
        number = len(result.applied)
        lines = [f"{words}, after {counted(number, 'change')}." if number else f"{words}. Nothing was changed."]
        broken = [each for each in violations_in(outcome.log, self._masking) if each.is_mandatory]
        for each in broken:
            lines.append(f"  {each.policy}: {each.what}" if each.what else f"  {each.policy}")
            lines += [f"    {line.strip()}" for line in each.message.splitlines() if line.strip()]
        # Of a policy alone the engine says nothing but that it ended.
        if outcome.log.errors or not broken:
            lines += [f"  {line}" for line in why.splitlines() if line.strip()]
        if OVERWRITE_PROTECTED in why:
            lines.append(_FOREIGN.format(stack=self._stack))
        if failed := unreached(outcome.log):
            lines.append(f"What failed is in {listed(failed)}.")
        if result.kept is not None and not result.is_narrowed:
            lines.append(_still_wide(result.kept))
            lines += [_KEPT_IS_REFUSED] if broken else []
        lines.append(_AGAIN if self._wanted.digest is None else f"{_AGAIN} {_NEW_PLAN}")
        return "\n".join(lines)

    def _verify(self, tailnet: Tailnet, scope: Scope, result: _Result, *, is_between: bool) -> None:
        if self._looking is None:
            return
        if not self._wanted.must_verify:
            if not is_between:
                result.said.append(f"Nobody looked whether it is live: tailstack verify {self._wanted.environment}")
            return
        with self._shown.stage(f"Verifying {self._wanted.environment}", self._clusters) as progress:
            result.verified = verified_within(tailnet, scope, self._looking, progress, seconds=self._wanted.seconds)
        if result.verified.holds:
            return
        result.code = ExitCode.ERROR
        result.said.append(
            "It was applied, and not everything that is declared is live. Look again with: tailstack verify "
            f"{self._wanted.environment}"
        )
        if is_between and result.kept is not None:
            result.said.append(
                f"{_still_wide(result.kept)}\nRun the same command again when the nodes are there. With --no-verify it does "
                "not wait for them."
            )
        raise _StopError(result)

    def _stop(self, code: ExitCode, preview: Preview, text: str) -> None:
        raise _StopError(_Result(code=code, preview=preview, said=[text]))


def _still_wide(kept: Kept) -> str:
    what = [*kept.tags, *kept.entries]
    shown = ", ".join(what[:_MOST_SHOWN]) + (f" and {len(what) - _MOST_SHOWN} more" if len(what) > _MOST_SHOWN else "")
    return f"The policy file was not narrowed, because nodes may still use what would go: {shown}."


class _Shown:
    """What a person or a program sees of the run: text with a progress for each stage, or one stream of JSON."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._stream: Progress | None = None

    @contextmanager
    def whole(self) -> Generator[None]:
        """Around everything."""
        if not self._wanted.is_json:
            yield
            return
        with progress_of(f"Applying {self._wanted.environment}", form="json") as self._stream:
            yield

    @contextmanager
    def stage(self, title: str, clusters: Sequence[str] = ()) -> Generator[Progress]:
        """Around one stage of the work."""
        if self._stream is not None:
            self._stream.say(title)
            yield self._stream
            return
        with progress_of(title, clusters) as progress:
            yield progress

    def preview(self, preview: Preview) -> None:
        """The report, before anything is asked or done."""
        if not self._wanted.is_json:
            click.echo(preview_as_text(preview, colour=wants_colour()), nl=False)

    def end(self, result: _Result) -> None:
        """What came of it."""
        if self._stream is not None:
            self._stream.result(self._as_data(result))
            return
        if result.verified is not None:
            click.echo("\n" + result.verified.as_text(colour=wants_colour()), nl=False)
        style = Style(colour=wants_colour())
        if result.code is ExitCode.CLEAN:
            click.echo("\n" + style.good(self._summary(result)))
        for text in result.said:
            click.echo(f"\n{text}", err=True)

    def _summary(self, result: _Result) -> str:
        name = self._wanted.environment
        if not result.applied:
            return f"Nothing had to be changed in {name}."
        passes = ", the policy file last" if result.kept is not None else ""
        return f"{name} is applied: {counted(len(result.applied), 'change')}{passes}."

    def _as_data(self, result: _Result) -> dict[str, Any]:
        preview, kept = result.preview, result.kept
        return {
            "version": JSON_VERSION,
            "environment": self._wanted.environment,
            "stack": self._wanted.stack.name,
            "at": self._wanted.at.isoformat(),
            "exit_code": int(result.code),
            "preview": None if preview is None else preview_as_data(preview),
            "refusals": [{"allow": one.allow, "text": one.text} for one in result.refused],
            "applied": list(result.applied),
            "kept": None if kept is None else {"tags": list(kept.tags), "entries": list(kept.entries)},
            "narrowed": result.is_narrowed,
            "verified": None if result.verified is None else result.verified.as_data(),
            "said": list(result.said),
        }
