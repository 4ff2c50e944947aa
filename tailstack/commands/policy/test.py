"""`tailstack policy test`: the tests and sshTests of a policy file. It is run on every save: it imports what it needs."""

from __future__ import annotations

import click

from tailstack.access.policy_tests import run_tests
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.files import FACTS_HELP, file_option, only_one_stdin
from tailstack.commands.formats import FormatWithGithub, format_option
from tailstack.commands.policy.reading import FILE, read_all
from tailstack.commands.terminal import wants_colour
from tailstack.report.policy_outcome import outcome_as_github, outcome_as_json, outcome_as_text, tell_outcome
from tailstack.report.telling import told_as_markdown


@click.command()
@click.argument("file", type=FILE)
@file_option("--facts", FACTS_HELP)
@format_option(FormatWithGithub)
def command(file: str, facts: str | None, form: FormatWithGithub) -> ExitCode:
    """Run the tests and sshTests of the policy FILE, as the service does on every save.

    Exits with 3 if one does not hold, or if the file has errors.
    """
    only_one_stdin(file, facts)
    read = read_all(form, (file, facts))
    if isinstance(read, ExitCode):
        return read
    ((policy, inventory),) = read
    failures = run_tests(policy, inventory)
    match form:
        case FormatWithGithub.JSON:
            text = outcome_as_json(policy, failures)
        case FormatWithGithub.GITHUB:
            text = outcome_as_github(failures)
        case FormatWithGithub.MARKDOWN:
            text = told_as_markdown(tell_outcome(policy, failures))
        case FormatWithGithub.TEXT:
            text = outcome_as_text(policy, failures, colour=wants_colour())
    click.echo(text, nl=False)
    return ExitCode.FINDINGS if failures else ExitCode.CLEAN
