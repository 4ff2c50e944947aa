"""The policy files of a command, each with what is known of its tailnet."""

from __future__ import annotations

from enum import StrEnum

import click

from tailstack.access.inventory import Inventory
from tailstack.access.policy import Policy
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.files import read_facts_file, read_policy_file
from tailstack.commands.findings import say_findings
from tailstack.finding import Finding, InvalidTailnetError

FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)


def read_all(
    form: StrEnum, *files: tuple[str, str | None], names: tuple[str | None, ...] = (None,)
) -> list[tuple[Policy, Inventory]] | ExitCode:
    """Each policy with what is known of its tailnet; or the exit code, with all errors of all files said."""
    found: list[tuple[Policy, Inventory]] = []
    errors: list[Finding] = []
    for (file, facts), name in zip(files, names, strict=True):
        policy, findings = read_policy_file(file, name)
        errors += [finding for finding in findings if finding.is_error]
        try:
            found.append((policy, read_facts_file(facts).inventory))
        except InvalidTailnetError as error:
            errors += error.findings
    return say_findings(errors, form) if errors else found
