"""`tailstack doctor`: what is missing on this machine, in the tailnet and in the clusters. It writes nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import yaml

from tailstack.access.policy import Listed
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.formats import FormatWithoutMarkdown, format_option
from tailstack.commands.live import Looking, looking_at
from tailstack.commands.progress import TAILNET, Progress, State, progress_of
from tailstack.commands.project import find_project, project_name
from tailstack.commands.stacks import Stack, choose_stacks, file_of
from tailstack.commands.terminal import wants_colour
from tailstack.engine.cluster_needs import cluster_points
from tailstack.engine.machine_needs import (
    AREA,
    context_points,
    engine_points,
    git_point,
    python_point,
    stack_points,
    virtual_environment_point,
)
from tailstack.engine.pulumi import Pulumi, PulumiMissingError
from tailstack.engine.tailnet_needs import no_credential_point, tailnet_points
from tailstack.engine.tailscale_api import TailscaleApiError, from_environment
from tailstack.live.declared import Scope
from tailstack.live.model import Live
from tailstack.report.diagnosed import Diagnosis, Mark, Point
from tailstack.rules.check import Checked, check_environment
from tailstack.rules.ownership import owners_by_tag
from tailstack.topology.tailnet import Tailnet

MACHINE = "machine"


@click.command("doctor", short_help="Say what is missing on this machine, in the tailnet and in the clusters.")
@click.argument("environment", required=False)
@click.option(
    "--stack", "named", multiple=True, metavar="STACK", help="Only what this stack needs. May be given several times."
)
@format_option(FormatWithoutMarkdown)
def command(environment: str | None, form: FormatWithoutMarkdown, *, named: tuple[str, ...]) -> ExitCode:
    """Say what ENVIRONMENT needs and this machine, the tailnet or a cluster does not have, and how to mend it.

    Looks at the engine with its plugins, the stack's backend, its secrets and its lock, the scopes and tags of the
    credential, the plan's features, and in each cluster at the rights and the operator. Writes nothing. docs/doctor.md names
    each point.

    Exits with 0 if nothing is missing, with 3 if something is. What cannot be known alone is 0.
    """
    project = find_project(Path.cwd())
    chosen, stacks = choose_stacks(project, environment, named)
    checked = check_environment(project, chosen, datetime.now(UTC))
    tailnet = checked.tailnet
    names = [cluster.name for cluster in tailnet.clusters] if tailnet is not None else []
    with progress_of(f"Looking at {chosen}", names, form=form) as progress:
        points = _points(project, chosen, stacks, checked, progress)
    diagnosis = Diagnosis(environment=chosen, points=tuple(points))
    if form is FormatWithoutMarkdown.JSON:
        progress.result(diagnosis.as_data())
    else:
        click.echo(diagnosis.as_text(colour=wants_colour()), nl=False)
    return ExitCode.FINDINGS if diagnosis.has_missing else ExitCode.CLEAN


def _points(project: Path, chosen: str, stacks: Sequence[Stack], checked: Checked, progress: Progress) -> list[Point]:
    engine = _engine(project)
    points = _machine_points(project, chosen, checked, engine, progress)
    names = [stack.name for stack in stacks]
    if engine is not None:
        progress.step(MACHINE, "stacks", State.RUNNING)
        points += stack_points(engine, project_name(project), names, [file_of(project, name) for name in names])
        progress.step(MACHINE, "stacks", State.DONE)
    if checked.tailnet is not None:
        scope = Scope.of(checked.tailnet, [stack.shard for stack in stacks])
        points += context_points(scope.clusters, os.environ)
        looking = looking_at(project, stacks, scope, engine)
        points += _live_points(looking, scope, checked, checked.tailnet, progress)
    return points


def _machine_points(
    project: Path, chosen: str, checked: Checked, engine: Pulumi | None, progress: Progress
) -> list[Point]:
    progress.step(MACHINE, "programs", State.RUNNING)
    points = [python_point(), git_point(os.environ)]
    try:
        environment = virtual_environment_point(project)
    except (OSError, yaml.YAMLError) as error:
        raise click.ClickException(f"{project / 'Pulumi.yaml'} cannot be read.") from error
    points += [environment] if environment is not None else []
    points += engine_points(engine, project)
    progress.step(MACHINE, "programs", State.DONE)
    return [*points, _declared_point(chosen, checked)]


def _engine(project: Path) -> Pulumi | None:
    try:
        return Pulumi.found(project)
    except PulumiMissingError:
        return None


def _declared_point(chosen: str, checked: Checked) -> Point:
    errors = sum(finding.is_error for finding in checked.findings)
    what = f"environment {chosen}"
    if not errors:
        return Point(area=AREA, what=what, mark=Mark.OK, told="no mistake is found in it")
    told = "1 error" if errors == 1 else f"{errors} errors"
    return Point(area=AREA, what=what, mark=Mark.MISSING, told=told, mend=f"tailstack check {chosen}")


def _live_points(looking: Looking, scope: Scope, checked: Checked, tailnet: Tailnet, progress: Progress) -> list[Point]:
    """What the tailnet and the clusters have, with the credentials of the stacks."""
    rows = [TAILNET, *(cluster.name for cluster in scope.clusters)]
    for row in rows:
        progress.step(row, "reading", State.RUNNING)
    live = looking.look(on_cluster=lambda name, _found: progress.step(name, "reading", State.DONE))
    for row in rows:
        progress.step(row, "reading", State.DONE)
        progress.step(row, "rights", State.RUNNING)
    points = _tailnet_points(looking, checked, tailnet, live)
    points += cluster_points(scope.clusters, looking.targets, live.clusters, looking.variables)
    for row in rows:
        progress.step(row, "rights", State.DONE)
    return points


def _tailnet_points(looking: Looking, checked: Checked, tailnet: Tailnet, live: Live) -> list[Point]:
    if looking.no_credential:
        return [no_credential_point(looking.no_credential)]
    try:
        api = from_environment(looking.variables)
    except TailscaleApiError as error:
        return [no_credential_point(error.message)]
    owners = owners_by_tag(checked.policy.policy) if checked.policy is not None else dict[str, Listed]()
    return list(tailnet_points(tailnet, owners, api, live.tailnet))
