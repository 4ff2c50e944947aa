"""`tailstack check`: find mistakes in an environment before anything is applied."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import click

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.formats import format_option
from tailstack.commands.project import choose_environment, find_project
from tailstack.commands.terminal import wants_colour
from tailstack.report.checked import checked_as_github, checked_as_json, checked_as_text
from tailstack.rules.check import check_environment
from tailstack.topology.rotation import read_time


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def read_moment(ctx: click.Context, parameter: click.Parameter, text: str | None) -> datetime:
    """The moment in the option `--at`; now where there is none."""
    if text is None:
        return datetime.now(UTC)
    moment = read_time(text)
    if moment is None:
        message = f"{text} is no moment with a time zone, such as 2026-01-05T09:00:00Z."
        raise click.BadParameter(message, ctx=ctx, param=parameter)
    return moment


@click.command("check", short_help="Find mistakes in an environment before anything is applied.")
@click.argument("environment", required=False)
@format_option(Format)
@click.option("--at", callback=read_moment, metavar="TIME", help="Moment for which rotations are read; by default now.")
@click.option(
    "--links", "with_links", is_flag=True, help="Show every step of every link, also of those that are complete."
)
def command(environment: str | None, form: Format, at: datetime, *, with_links: bool) -> ExitCode:
    """Find mistakes in ENVIRONMENT before anything is applied.

    Reads the YAML files of stacks/ENVIRONMENT, compiles the tailnet's policy, and applies every rule. Needs no network and
    no secrets. By default the environment of the current stack (PULUMI_STACK), or the only one there is.

    Exits with 3 if there are errors; warnings are shown and change nothing.
    """
    project = find_project(Path.cwd())
    checked = check_environment(project, choose_environment(project, environment), at)
    match form:
        case Format.JSON:
            text = checked_as_json(checked)
        case Format.GITHUB:
            text = checked_as_github(checked)
        case Format.TEXT:
            text = checked_as_text(checked, with_links=with_links, colour=wants_colour())
    click.echo(text, nl=False)
    return ExitCode.FINDINGS if checked.has_errors else ExitCode.CLEAN
