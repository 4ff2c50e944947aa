"""Files that are named on the command line: policies and facts, from the disk or from the standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tailstack.access.facts import Facts, read_facts
from tailstack.access.policy import Policy
from tailstack.access.reading import read_policy
from tailstack.access.validate import validate
from tailstack.finding import Finding, in_order

STDIN = "-"
FACTS_HELP = "What is known of the live tailnet, as docs/access.md shows it."

_Command = TypeVar("_Command", bound=Callable[..., Any])


def file_option(name: str, help_text: str) -> Callable[[_Command], _Command]:
    """An option that takes a file which exists, or - for the standard input."""
    return click.option(
        name, type=click.Path(exists=True, dir_okay=False, allow_dash=True), metavar="FILE", help=help_text
    )


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
    if file is None:
        return Facts()
    text, name = read_text(file)
    return read_facts(text, file=name)


def read_policy_file(file: str, called: str | None = None) -> tuple[Policy, tuple[Finding, ...]]:
    """A policy, and everything that the service would say of it. `called` is the name under which findings speak of it."""
    text, name = read_text(file)
    policy = read_policy(text, file=called or name)
    return policy, in_order(validate(policy))
