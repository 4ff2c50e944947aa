"""`tailstack policy show`: what a policy file allows, in words, or the answer to a question about it."""

from __future__ import annotations

import click

from tailstack.access.listing import everything
from tailstack.access.parties import directory_of_policy
from tailstack.access.ports import Ports
from tailstack.commands.asking import answer, question_options
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.files import FACTS_HELP, file_option, only_one_stdin
from tailstack.commands.formats import Format, format_option
from tailstack.commands.policy.reading import FILE, read_all
from tailstack.commands.terminal import wants_colour
from tailstack.report.policy_shown import policy_as_json, tell_policy
from tailstack.report.telling import told_as_markdown, told_as_text


@click.command()
@click.argument("file", type=FILE)
@question_options
@file_option("--facts", FACTS_HELP)
@format_option()
def command(
    file: str, source: str | None, target: str | None, *, ports: Ports | None, facts: str | None, form: Format
) -> ExitCode:
    """Say in words what the policy FILE allows; with --from or --to, answer as `tailstack access` does.

    Exits with 3 if the file has errors.
    """
    only_one_stdin(file, facts)
    read = read_all(form, (file, facts))
    if isinstance(read, ExitCode):
        return read
    ((policy, inventory),) = read
    directory = directory_of_policy(policy, inventory)
    if source is not None or target is not None:
        return answer(directory, source, target, ports, form)
    if ports is not None:
        raise click.UsageError("--port asks about one end: name it with --from or --to.")
    whole = everything(directory)
    match form:
        case Format.JSON:
            text = policy_as_json(policy, whole)
        case Format.MARKDOWN:
            text = told_as_markdown(tell_policy(policy, whole))
        case Format.TEXT:
            text = told_as_text(tell_policy(policy, whole), colour=wants_colour())
    click.echo(text, nl=False)
    return ExitCode.CLEAN
