"""`tailstack drift`: how far the files, the stacks and what is live are from each other. It writes nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.formats import Format, format_option
from tailstack.commands.live import Looking, looking_at
from tailstack.commands.progress import TAILNET, Progress, State, progress_of
from tailstack.commands.project import find_project, project_name
from tailstack.commands.stacks import Stack, choose_stacks, stacks_of
from tailstack.commands.terminal import wants_colour
from tailstack.engine.deployments import StateError
from tailstack.engine.drift import drift_of, managed_by, of_cluster
from tailstack.engine.moving import read_states
from tailstack.engine.plans import masking_of, plan_of
from tailstack.engine.pulumi import Outcome, Pulumi, PulumiMissingError
from tailstack.live.declared import Scope
from tailstack.live.model import Live, LiveCluster, Unknown
from tailstack.live.unmanaged import Managed, Unmanaged, unmanaged
from tailstack.report.drift import Drift, DriftReport, Pending
from tailstack.report.masking import Masking
from tailstack.rules.check import Checked, check_environment


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
@click.option("--remedy", is_flag=True, help="Say for each thing how to go on. Nothing is done.")
def command(environment: str | None, form: Format, *, named: tuple[str, ...], remedy: bool) -> ExitCode:
    """Say how far the files of ENVIRONMENT, its stacks and what is live are from each other, and change nothing.

    Tells apart: what was changed behind a stack, what is in the files and not applied yet, what is live and nobody
    declared, and what could not be looked at. Credentials that may only read suffice: docs/drift.md names their scopes.

    Exits with 0 if everything was looked at and is as it should be, with 2 if anything is not, and with 1 if nothing was
    found and not everything could be looked at.
    """
    project = find_project(Path.cwd())
    chosen, stacks = choose_stacks(project, environment, named)
    try:
        engine = Pulumi.found(project)
    except PulumiMissingError as error:
        raise click.ClickException(str(error)) from error
    try:
        checked = check_environment(project, chosen, datetime.now(UTC))
    except OSError as error:
        raise click.ClickException(f"The environment {chosen} cannot be read: {error}") from error
    masking = masking_of(os.environ)
    with progress_of(f"Looking for drift in {chosen}", _clusters(checked, stacks)) as progress:
        run = _Run(project=project, engine=engine, masking=masking, progress=progress)
        report = run.report(chosen, checked, stacks)
    if run.locked is not None:
        click.echo(run.locked.explain(), err=True)
        return ExitCode.LOCKED
    match form:
        case Format.JSON:
            click.echo(report.as_json(), nl=False)
        case Format.MARKDOWN:
            click.echo(report.as_markdown(remedy=remedy), nl=False)
        case Format.TEXT:
            click.echo(report.as_text(colour=wants_colour(), remedy=remedy), nl=False)
    if not report.is_clean:
        return ExitCode.CHANGES
    return ExitCode.ERROR if report.unknown else ExitCode.CLEAN


def _clusters(checked: Checked, stacks: Sequence[Stack]) -> tuple[str, ...]:
    if checked.tailnet is None:
        return ()
    return tuple(one.name for one in Scope.of(checked.tailnet, [stack.shard for stack in stacks]).clusters)


class _Run:
    """One look at an environment. What fails becomes an Unknown of the report."""

    def __init__(self, *, project: Path, engine: Pulumi, masking: Masking, progress: Progress) -> None:
        self.locked: Outcome | None = None
        self._project = project
        self._name = project_name(project)
        self._engine = engine
        self._masking = masking
        self._progress = progress
        self._unknown: list[Unknown] = []

    def report(self, environment: str, checked: Checked, stacks: Sequence[Stack]) -> DriftReport:
        found: tuple[Unmanaged, ...] = ()
        absent: tuple[str, ...] = ()
        if checked.tailnet is None or checked.whole is None:
            self._unknown.append(
                Unknown(
                    what="what nobody declared",
                    reason=f"the files of {environment} have mistakes, which tailstack check {environment} shows",
                )
            )
        else:
            scope = Scope.of(checked.tailnet, [stack.shard for stack in stacks])
            live = self._live(looking_at(self._project, stacks, scope, self._engine))
            absent = tuple(name for name, cluster in live.clusters.items() if isinstance(cluster, Unknown))
            self._unknown += live.unknown
            managed = self._managed(environment)
            if managed is not None:
                found = unmanaged(checked.tailnet, checked.whole, live, managed, scope)
        drifts: list[Drift] = []
        pending: list[Pending] = []
        for stack in stacks:
            drifts += self._drifts(stack, environment, absent)
            pending += self._pending(stack, absent)
        return DriftReport(
            environment=environment,
            stacks=tuple(stack.name for stack in stacks),
            drifts=tuple(drifts),
            pending=tuple(pending),
            unmanaged=found,
            unknown=tuple(dict.fromkeys(self._unknown)),
        )

    def _live(self, looking: Looking) -> Live:
        def told(name: str, cluster: LiveCluster | Unknown) -> None:
            if isinstance(cluster, Unknown):
                self._progress.step(name, "objects", State.FAILED, cluster.reason)
            else:
                self._progress.step(name, "objects", State.DONE, f"{len(cluster.objects)} read")

        for target in looking.targets:
            self._progress.step(target.name, "objects", State.RUNNING)
        return looking.look(on_cluster=told)

    def _managed(self, environment: str) -> Managed | None:
        """What the states of all stacks of the environment hold: also of those that are not looked at now."""
        try:
            states = read_states(self._engine, stacks_of(self._project, environment), self._name)
        except StateError as error:
            self._unknown.append(Unknown(what="what nobody declared", reason=str(error)))
            return None
        return managed_by(states.values())

    def _drifts(self, stack: Stack, environment: str, absent: Sequence[str]) -> tuple[Drift, ...]:
        self._progress.step(TAILNET, f"{stack.name}: behind the stack", State.RUNNING)
        outcome = self._engine.preview_refresh(stack.name, *self._without(stack, absent))
        if not self._succeeded(outcome, f"{stack.name}: behind the stack", "what was changed behind"):
            return ()
        return drift_of(outcome.log, environment, self._masking).drifts

    def _pending(self, stack: Stack, absent: Sequence[str]) -> tuple[Pending, ...]:
        self._progress.step(TAILNET, f"{stack.name}: not applied", State.RUNNING)
        outcome = self._engine.preview(stack.name, *self._without(stack, absent))
        if not self._succeeded(outcome, f"{stack.name}: not applied", "what is not applied yet of"):
            return ()
        return (Pending(stack=stack.name, plan=plan_of(outcome.log, self._masking)),)

    def _succeeded(self, outcome: Outcome, step: str, what: str) -> bool:
        if outcome.is_locked:
            self.locked = outcome
        elif not outcome.succeeded:
            reason = " ".join(outcome.explain().split())
            self._unknown.append(Unknown(what=f"{what} {step.partition(':')[0]}", reason=reason))
        state = State.DONE if outcome.succeeded else State.FAILED
        self._progress.step(TAILNET, step, state)
        return outcome.succeeded

    def _without(self, stack: Stack, absent: Sequence[str]) -> list[str]:
        """Options that leave out clusters that do not answer: one of them would end the whole run."""
        return [part for name in absent for part in ("--exclude", of_cluster(stack.name, self._name, name))]
