"""Who reaches what: the options of the question, and its answer."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

import click

from tailstack.access.explain import explain
from tailstack.access.listing import what_reaches, who_reaches
from tailstack.access.parties import Directory, Party, PartyError, Role
from tailstack.access.ports import PortError, Ports, parse_ip_entry
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.terminal import wants_colour
from tailstack.report.answers import explanation_as_json, listing_as_json, tell_explanation, tell_listing
from tailstack.report.telling import told_as_markdown, told_as_text

_Command = TypeVar("_Command", bound=Callable[..., Any])


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


def answer(
    directory: Directory, source: str | None, target: str | None, ports: Ports | None, form: StrEnum
) -> ExitCode:
    """Answer a question, whatever of it was given: why, who or what. Raises click.UsageError for an unknown name."""
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
    try:
        return directory.find(name, role)
    except PartyError as error:
        raise click.UsageError(f"{option}: {error}") from error
