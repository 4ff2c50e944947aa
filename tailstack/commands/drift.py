"""`tailstack drift`: what was changed behind an environment's stack. It writes nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from tailstack.commands.environment import choose_environment
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.project import find_project
from tailstack.engine.drift import drift_of
from tailstack.engine.pulumi import Pulumi, PulumiMissingError


@click.command()
@click.argument("environment", required=False)
@click.option("--stack", help="The stack of the environment.  [default: the environment's name]")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(environment: str | None, stack: str | None, form: str) -> int:
    """Say what was changed behind the stack of ENVIRONMENT, and change nothing.

    Reads what is live through the engine, which needs the stack's credentials. Exit code 0: no drift; 2: drift.
    """
    project = find_project(Path.cwd())
    chosen = choose_environment(project, environment)
    try:
        engine = Pulumi.found(project)
    except PulumiMissingError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Reading what is live of {chosen} …", err=True)
    outcome = engine.preview_refresh(stack or chosen)
    if outcome.is_locked:
        click.echo(outcome.explain(), err=True)
        return ExitCode.LOCKED
    if not outcome.succeeded:
        raise click.ClickException(f"The engine could not read what is live:\n{outcome.explain()}")
    report = drift_of(outcome.log, chosen)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    click.echo(report.as_json() if form == "json" else report.as_text(colour=colour), nl=False)
    return ExitCode.CHANGES if report.drifts else ExitCode.CLEAN
