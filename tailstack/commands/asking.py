"""What `tailstack access` and `tailstack policy` share: reading files, the options of a question, and answering it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.terminal import wants_colour

if TYPE_CHECKING:
    from tailstack.access.facts import Facts
    from tailstack.access.parties import Directory, Party, Role
    from tailstack.access.policy import Policy
    from tailstack.access.ports import Ports
    from tailstack.finding import Finding

STDIN = "-"
_Command = TypeVar("_Command", bound=Callable[..., Any])


def file_option(name: str, help_text: str) -> Callable[[_Command], _Command]:
    """An option that takes a file which exists, or - for the standard input."""
    return click.option(
        name, type=click.Path(exists=True, dir_okay=False, allow_dash=True), metavar="FILE", help=help_text
    )


def question_options(command: _Command) -> _Command:
    """The options `--from`, `--to` and `--port`."""
    options = (
        click.option("--from", "source", metavar="X", help="Who: a selector, a node, an address, what is declared."),
        click.option("--to", "target", metavar="Y", help="What: the same, such as blue.nginx or apiServer:blue."),
        click.option(
            "--port",
            "ports",
            multiple=True,
            callback=_read_ports,
            metavar="PORT",
            help="tcp:443, udp:53, icmp; a bare number is TCP. May be given several times.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _read_ports(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> Ports | None:
    from tailstack.access.ports import PortError, Ports, parse_ip_entry  # noqa: PLC0415  only where it is asked for

    found = Ports()
    for text in texts:
        name = text.strip().lower()
        # As in the address of a web page, a bare port is one of TCP.
        entry = name if ":" in name or name == "*" else f"tcp:{name}" if name[:1].isdigit() else f"{name}:*"
        try:
            found = found.union(parse_ip_entry(entry))
        except PortError as error:
            message = f"{text} is no port such as tcp:443: {error}."
            raise click.BadParameter(message, ctx=ctx, param=parameter) from error
    return found or None


def read_text(file: str) -> tuple[str, str]:
    """The text of a file or of the standard input, and the name under which findings speak of it."""
    if file == STDIN:
        return sys.stdin.buffer.read().decode("utf-8", errors="replace"), "stdin"
    return Path(file).read_bytes().decode("utf-8", errors="replace"), Path(file).as_posix()


def only_one_stdin(*files: str | None) -> None:
    """Refuse to read the standard input twice. Raises click.UsageError."""
    if files.count(STDIN) > 1:
        raise click.UsageError("Only one of the files can be - (the standard input).")


def read_facts_file(file: str | None) -> Facts:
    """What is known of the live tailnet; nothing without a file. Raises InvalidTailnetError."""
    from tailstack.access.facts import Facts, read_facts  # noqa: PLC0415  only where it is asked for

    if file is None:
        return Facts()
    text, name = read_text(file)
    return read_facts(text, file=name)


def read_policy_file(file: str, called: str | None = None) -> tuple[Policy, tuple[Finding, ...]]:
    """A policy, and everything that the service would say of it. `called` is the name under which findings speak of it."""
    from tailstack.access.reading import read_policy  # noqa: PLC0415  only where it is asked for
    from tailstack.access.validate import validate  # noqa: PLC0415
    from tailstack.finding import in_order  # noqa: PLC0415

    text, name = read_text(file)
    policy = read_policy(text, file=called or name)
    return policy, in_order(validate(policy))


def say_findings(findings: Sequence[Finding], form: StrEnum) -> ExitCode:
    """Print findings, and return the exit code that they mean."""
    from tailstack.report.findings import as_github, as_json, as_text  # noqa: PLC0415  only where there are any
    from tailstack.report.found import tell_findings  # noqa: PLC0415
    from tailstack.report.telling import told_as_markdown  # noqa: PLC0415

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


def answer(
    directory: Directory, source: str | None, target: str | None, ports: Ports | None, form: StrEnum
) -> ExitCode:
    """Answer a question, whatever of it was given: why, who or what. Raises click.UsageError for an unknown name."""
    from tailstack.access.explain import explain  # noqa: PLC0415  only where it is asked for
    from tailstack.access.listing import what_reaches, who_reaches  # noqa: PLC0415
    from tailstack.access.parties import Role  # noqa: PLC0415
    from tailstack.report.answers import (  # noqa: PLC0415
        explanation_as_json,
        listing_as_json,
        tell_explanation,
        tell_listing,
    )
    from tailstack.report.telling import told_as_markdown, told_as_text  # noqa: PLC0415

    who = _find(directory, source, Role.SOURCE, "--from") if source is not None else None
    what = _find(directory, target, Role.TARGET, "--to") if target is not None else None
    if who is not None and what is not None:
        found = explain(directory, who, what, ports)
        told, data = tell_explanation(found), explanation_as_json(found)
    else:
        if what is not None:
            listing = who_reaches(directory, what, ports)
        elif who is not None:
            listing = what_reaches(directory, who, ports)
        else:
            raise click.UsageError("Who or what? Name one end with --from or --to, or both.")
        told, data = tell_listing(listing), listing_as_json(listing)
    if form.value == "json":
        click.echo(data, nl=False)
    else:
        is_markdown = form.value == "markdown"
        click.echo(told_as_markdown(told) if is_markdown else told_as_text(told, colour=wants_colour()), nl=False)
    return ExitCode.CLEAN


def _find(directory: Directory, name: str, role: Role, option: str) -> Party:
    from tailstack.access.parties import PartyError  # noqa: PLC0415  only where it is asked for

    try:
        return directory.find(name, role)
    except PartyError as error:
        raise click.UsageError(f"{option}: {error}") from error
