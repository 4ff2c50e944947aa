"""The option `--at`: the moment for which rotations are read, so that what is reviewed is what is applied."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from tailstack.commands.environment import config_of_stack
from tailstack.topology.rotation import read_time

_Command = TypeVar("_Command", bound=Callable[..., Any])


def at_option(command: _Command) -> _Command:
    """The option `--at` of a command that knows no stack: now where it is left out."""
    return _option("now", _read_or_now)(command)


def at_option_of_stack(command: _Command) -> _Command:
    """The option `--at` of a command about a stack: None where it is left out, for `moment_of` to decide."""
    return _option("the stack's tailstack:at, else now", _read)(command)


def moment_of(project: Path, stack: str, at: datetime | None) -> datetime:
    """The moment that was asked for, else the one in the stack's config, by which the program reads rotations too, else now.

    Raises click.UsageError where the config names none.
    """
    text = config_of_stack(project, stack).at
    if at is not None or not text:
        return at or datetime.now(UTC)
    moment = read_time(text)
    if moment is None:
        raise click.UsageError(f"tailstack:at of {stack} is {text!r}; expected a moment such as 2026-01-05T09:00:00Z.")
    return moment


def _option(default: str, read: Callable[..., object]) -> Callable[[_Command], _Command]:
    said = f"Moment for which rotations are read.  [default: {default}]"
    return click.option("--at", callback=read, metavar="TIME", help=said)


def _read_or_now(ctx: click.Context, parameter: click.Parameter, text: str | None) -> datetime:
    return _read(ctx, parameter, text) or datetime.now(UTC)


def _read(ctx: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    moment = None if text is None else read_time(text)
    if text is not None and moment is None:
        message = f"{text} is no moment with a time zone, such as 2026-01-05T09:00:00Z."
        raise click.BadParameter(message, ctx=ctx, param=parameter)
    return moment
