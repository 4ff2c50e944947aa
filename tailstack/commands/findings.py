"""Prints findings, as every command does that has nothing else to say because of them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import click

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.terminal import wants_colour
from tailstack.finding import Finding
from tailstack.report.findings import as_github, as_json, as_text
from tailstack.report.found import tell_findings
from tailstack.report.telling import told_as_markdown


def say_findings(findings: Sequence[Finding], form: StrEnum) -> ExitCode:
    """Print findings, and return the exit code that they mean."""
    match form.value:
        case "json":
            text = as_json(findings)
        case "github":
            text = as_github(findings)
        case "markdown":
            text = told_as_markdown(tell_findings(findings))
        case _:
            text = as_text(findings, colour=wants_colour())
    click.echo(text, nl=False)
    return ExitCode.FINDINGS if any(finding.is_error for finding in findings) else ExitCode.CLEAN
