"""`tailstack access`: who reaches what in an environment, why, or what is missing."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tailstack.access.parties import directory_of_tailnet
from tailstack.access.ports import Ports
from tailstack.commands.asking import answer, question_options
from tailstack.commands.environment import choose_environment
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.files import FACTS_HELP, file_option, read_facts_file
from tailstack.commands.findings import say_findings
from tailstack.commands.formats import Format, format_option
from tailstack.commands.moments import at_option
from tailstack.commands.project import find_project
from tailstack.finding import InvalidTailnetError
from tailstack.rules.check import check_environment


@click.command("access", short_help="Say who reaches what, why, and what is missing if not.")
@click.argument("environment", required=False)
@question_options
@file_option("--facts", FACTS_HELP)
@at_option
@format_option()
def command(
    environment: str | None,
    source: str | None,
    target: str | None,
    *,
    ports: Ports | None,
    facts: str | None,
    at: datetime,
    form: Format,
) -> ExitCode:
    """Say who reaches what in ENVIRONMENT, by the whole policy that is derived from it.

    With --from and --to: whether the one reaches the other, by which entries, and if not, what is missing and the smallest
    declaration that would allow it. With --to alone: who reaches it. With --from alone: what it reaches. Needs no network
    and no secrets.

    An answer exits with 0, whatever it is; with 3 if the environment has errors.
    """
    if source is None and target is None:
        raise click.UsageError("Who or what? Name one end with --from or --to, or both.")
    project = find_project(Path.cwd())
    checked = check_environment(project, choose_environment(project, environment), at)
    if checked.whole is None or checked.policy is None or checked.has_errors:
        return say_findings(checked.findings, form)
    try:
        inventory = read_facts_file(facts).inventory
    except InvalidTailnetError as error:
        return say_findings(error.findings, form)
    return answer(directory_of_tailnet(checked.whole, checked.policy, inventory), source, target, ports, form)
