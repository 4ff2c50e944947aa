"""`tailstack drift`: how far the files, the stacks and what is live are from each other. It writes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import click

from tailstack.commands.engine_progress import counting
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.formats import Format, format_option, output_option, write_outputs
from tailstack.commands.live import Looking, looking_at
from tailstack.commands.progress import TAILNET, Progress, State, progress_of
from tailstack.commands.project import find_project, project_name
from tailstack.commands.stacks import Stack, choose_stacks, stacks_of
from tailstack.commands.terminal import wants_colour
from tailstack.engine.deployments import Deployment, StateError
from tailstack.engine.drift import credentials_of, drift_of, managed_by, of_cluster, revoked, unfinished
from tailstack.engine.events import EventLog
from tailstack.engine.locks import explain_lock
from tailstack.engine.moving import StackLockedError, read_states
from tailstack.engine.plans import masking_of, plan_of
from tailstack.engine.pulumi import Outcome, Pulumi, PulumiMissingError
from tailstack.live.declared import Scope
from tailstack.live.model import Live, LiveCluster, Unknown
from tailstack.live.unmanaged import Unmanaged, unmanaged
from tailstack.report.drift import Drift, DriftReport, Pending
from tailstack.report.masking import Masking
from tailstack.report.style import counted
from tailstack.rules.check import Checked, check_environment
from tailstack.topology.wording import listed

_UNDECLARED = "what nobody declared"
_LIVE = "what is live"
_BEHIND = "behind the stack"
_UNAPPLIED = "not applied"
_LOOKED_FOR = {_BEHIND: "what was changed behind", _UNAPPLIED: "what is not applied yet of"}


@click.command("drift", short_help="Say what was changed behind an environment's stacks.")
@click.argument("environment", required=False)
@click.option(
    "--stack",
    "named",
    multiple=True,
    metavar="STACK",
    help="Only this stack of the environment. May be given several times.  [default: all that there are]",
)
@format_option()
@output_option()
@click.option("--remedy", is_flag=True, help="Say for each thing how to go on. Nothing is done.")
def command(
    environment: str | None, form: Format, *, named: tuple[str, ...], outputs: tuple[Path, ...], remedy: bool
) -> ExitCode:
    """Say how far the files of ENVIRONMENT, its stacks and what is live are from each other, and change nothing.

    Tells apart: what was changed behind a stack, what is in the files and not applied yet, what is live and nobody
    declared, and what could not be looked at. Credentials that may only read suffice: docs/drift.md names their scopes.

    Exits with 0 if everything was looked at and is as it should be, with 2 if anything is not, and with 1 if nothing was
    found and not everything could be looked at; with 5 if a stack is locked in a way that keeps it from being read.
    """
    project = find_project(Path.cwd())
    chosen, stacks = choose_stacks(project, environment, named)
    try:
        engine = Pulumi.found(project)
    except PulumiMissingError as error:
        raise click.ClickException(str(error)) from error
    checked = check_environment(project, chosen, datetime.now(UTC))
    masking = masking_of(os.environ)
    try:
        with progress_of(f"Looking for drift in {chosen}", _clusters(checked, stacks), form=form) as progress:
            run = _Run(project=project, engine=engine, masking=masking, progress=progress)
            report = run.report(chosen, checked, stacks)
    except StackLockedError as error:
        click.echo(error, err=True)
        return ExitCode.LOCKED
    write_outputs(outputs, lambda ending: _shown(report, ending, colour=False, remedy=remedy))
    if form is Format.JSON:
        progress.result(report.as_data())
    else:
        click.echo(_shown(report, form, colour=wants_colour(), remedy=remedy), nl=False)
    if not report.is_clean:
        return ExitCode.CHANGES
    return ExitCode.ERROR if report.unknown else ExitCode.CLEAN


def _shown(report: DriftReport, form: Format, *, colour: bool, remedy: bool) -> str:
    match form:
        case Format.JSON:
            return report.as_json()
        case Format.MARKDOWN:
            return report.as_markdown(remedy=remedy)
        case Format.TEXT:
            return report.as_text(colour=colour, remedy=remedy)


def _unfinished(states: Mapping[str, Deployment]) -> Iterator[Unknown]:
    for name, state in states.items():
        if begun := unfinished(state):
            when = (
                "What that has left is told as what nobody declared; when it is gone"
                if state.has_pending_creates
                else "When none is at work"
            )
            ways = ", then ".join(state.ways_to_finish(name))
            reason = f"one is at work, or was ended in the middle of {listed(begun)}. {when}: {ways}"
            yield Unknown(what=f"what the last update of {name} has done", reason=reason)


def _clusters(checked: Checked, stacks: Sequence[Stack]) -> tuple[str, ...]:
    if checked.tailnet is None:
        return ()
    return tuple(one.name for one in Scope.of(checked.tailnet, [stack.shard for stack in stacks]).clusters)


class _Run:
    """One look at an environment. What fails becomes an Unknown of the report."""

    def __init__(self, *, project: Path, engine: Pulumi, masking: Masking, progress: Progress) -> None:
        self._project = project
        self._name = project_name(project)
        self._engine = engine
        self._masking = masking
        self._progress = progress
        self._unknown: list[Unknown] = []

    def report(self, environment: str, checked: Checked, stacks: Sequence[Stack]) -> DriftReport:
        """Look at everything. Raises StackLockedError, and click.Abort where the engine was interrupted."""
        found: tuple[Unmanaged, ...] = ()
        absent: tuple[str, ...] = ()
        drifts: list[Drift] = []
        pending: list[Pending] = []
        states, is_complete = self._states(environment, stacks)
        if checked.tailnet is None or checked.whole is None:
            reason = f"the files of {environment} have mistakes, which tailstack check {environment} shows"
            self._unknown.append(Unknown(what=_UNDECLARED, reason=reason))
        else:
            scope = Scope.of(checked.tailnet, [stack.shard for stack in stacks])
            credentials = {stack.name: credentials_of(states[stack.name]) for stack in stacks if stack.name in states}
            live = self._live(
                looking_at(self._project, stacks, scope, self._engine), list(chain(*credentials.values()))
            )
            absent = tuple(name for name, cluster in live.clusters.items() if isinstance(cluster, Unknown))
            self._unknown += live.unknown
            if is_complete:
                found = unmanaged(checked.tailnet, checked.whole, live, managed_by(states.values()), scope)
            else:
                reason = "what a stack holds that cannot be read is not known"
                self._unknown.append(Unknown(what=_UNDECLARED, reason=reason))
            if not isinstance(live.tailnet.keys, Unknown):
                for name, known in credentials.items():
                    drifts += revoked(known, name, live.tailnet.keys)
        rows = _clusters(checked, stacks)
        for stack in (stack for stack in stacks if stack.name in states):
            options = self._without(stack, absent)
            behind = self._ran(stack, _BEHIND, self._engine.preview_refresh, rows, options)
            if behind is not None:
                drifts += drift_of(behind, environment, self._masking, stack=stack.name).drifts
            ahead = self._ran(stack, _UNAPPLIED, self._engine.preview, rows, options)
            if ahead is not None:
                pending.append(Pending(stack=stack.name, plan=plan_of(ahead, self._masking)))
        return DriftReport(
            environment=environment,
            stacks=tuple(stack.name for stack in stacks),
            drifts=tuple(drifts),
            pending=tuple(pending),
            unmanaged=found,
            unknown=tuple(dict.fromkeys(self._unknown)),
        )

    def _states(self, environment: str, stacks: Sequence[Stack]) -> tuple[dict[str, Deployment], bool]:
        """The states of all stacks of the environment, also of those that are not looked at now, and whether these are all."""
        chosen = [stack.name for stack in stacks]
        bare = {name.rsplit("/", 1)[-1] for name in chosen}
        names = (*chosen, *(name for name in stacks_of(self._project, environment) if name not in bare))
        states: dict[str, Deployment] = {}
        for name in names:
            try:
                states |= read_states(self._engine, [name], self._name)
            except StackLockedError:
                raise
            except StateError as error:
                self._unknown.append(Unknown(what=f"stack {name}", reason=str(error)))
        self._unknown += _unfinished(states)
        return states, len(states) == len(names)

    def _live(self, looking: Looking, credentials: Sequence[str]) -> Live:
        def told(name: str, cluster: LiveCluster | Unknown) -> None:
            if isinstance(cluster, Unknown):
                self._progress.step(name, _LIVE, State.FAILED, cluster.reason)
            else:
                self._progress.step(name, _LIVE, State.DONE, f"{counted(len(cluster.objects), 'object')} read")

        for row in (TAILNET, *(target.name for target in looking.targets)):
            self._progress.step(row, _LIVE, State.RUNNING)
        for name, unknown in looking.refused.items():
            told(name, unknown)
        live = looking.look(credentials=credentials, on_cluster=told)
        unread = listed([one.what for one in live.tailnet.unknown], none="")
        state, note = (State.FAILED, f"not read: {unread}") if unread else (State.DONE, "")
        self._progress.step(TAILNET, _LIVE, state, note)
        return live

    def _ran(
        self, stack: Stack, column: str, run: Callable[..., Outcome], clusters: Sequence[str], options: Sequence[str]
    ) -> EventLog | None:
        """The events of a run of the engine that only looks; None where it failed, so that what it looks for is unknown."""
        row = stack.shard.cluster or TAILNET
        self._progress.step(row, column, State.RUNNING)
        with counting(self._progress, clusters, column) as on_event:
            outcome = run(stack.name, *options, on_event=on_event)
        if outcome.was_interrupted:
            raise click.Abort
        if outcome.is_locked:
            raise StackLockedError(explain_lock(outcome.said, stack.name, done="What is behind it was not looked at."))
        if outcome.succeeded:
            self._progress.step(row, column, State.DONE)
            return outcome.log
        reason = " ".join(self._masking.text(outcome.explain()).split())
        self._progress.step(row, column, State.FAILED, reason)
        self._unknown.append(Unknown(what=f"{_LOOKED_FOR[column]} {stack.name}", reason=reason))
        return None

    def _without(self, stack: Stack, absent: Sequence[str]) -> list[str]:
        """Options that leave out clusters that do not answer: one of them would end the whole run."""
        return [part for name in absent for part in ("--exclude", of_cluster(stack.name, self._name, name))]
