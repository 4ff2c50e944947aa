"""`tailstack policy diff`: who gains and who loses access when one policy file takes the place of another."""

from __future__ import annotations

from enum import StrEnum

import click

from tailstack.access.diff import difference
from tailstack.access.inventory import Inventory
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.files import FACTS_HELP, file_option, only_one_stdin, read_facts_file
from tailstack.commands.findings import say_findings
from tailstack.commands.formats import Format, format_option
from tailstack.commands.policy.reading import FILE, read_all
from tailstack.commands.terminal import wants_colour
from tailstack.finding import InvalidTailnetError
from tailstack.report.changes import changes_as_json, changes_as_markdown, changes_as_text


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@file_option("--facts", f"{FACTS_HELP} For both sides.")
@file_option("--old-facts", "The same for the old side alone.")
@file_option("--new-facts", "The same for the new side alone.")
@click.option("--old-name", metavar="NAME", help="How to speak of OLD, such as policy.hujson@main.")
@format_option()
def command(
    old: str,
    new: str,
    *,
    facts: str | None,
    old_facts: str | None,
    new_facts: str | None,
    old_name: str | None,
    form: Format,
) -> ExitCode:
    """Say who gains and who loses which access when the policy file NEW takes the place of OLD.

    Exits with 2 if anybody does, with 0 if nobody does, and with 3 if one of the files has errors.
    """
    if facts is not None and (old_facts is not None or new_facts is not None):
        raise click.UsageError("--facts is for both sides: give it, or --old-facts and --new-facts.")
    only_one_stdin(old, new, facts, old_facts, new_facts)
    # Read once, because the standard input can be read only once.
    shared = _read_facts_of_both(facts, old_facts, new_facts, form)
    if isinstance(shared, ExitCode):
        return shared
    read = read_all(form, (old, None), (new, None), names=(old_name, None))
    if isinstance(read, ExitCode):
        return read
    (before, _), (after, _) = read
    found = difference(before, after, old_inventory=shared[0], new_inventory=shared[1])
    match form:
        case Format.JSON:
            text = changes_as_json(found)
        case Format.MARKDOWN:
            text = changes_as_markdown(found)
        case Format.TEXT:
            text = changes_as_text(found, colour=wants_colour())
    click.echo(text, nl=False)
    return ExitCode.CLEAN if found.is_empty else ExitCode.CHANGES


def _read_facts_of_both(
    facts: str | None, old_facts: str | None, new_facts: str | None, form: StrEnum
) -> tuple[Inventory, Inventory] | ExitCode:
    try:
        if facts is not None:
            both = read_facts_file(facts).inventory
            return both, both
        return read_facts_file(old_facts).inventory, read_facts_file(new_facts).inventory
    except InvalidTailnetError as error:
        return say_findings(error.findings, form)
