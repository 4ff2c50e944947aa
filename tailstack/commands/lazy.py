"""Groups of commands that import a command when it is called, so that no command pays for what another needs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class CommandSource:
    """Where a command lives, and the line that `--help` shows for it without importing it."""

    module: str
    summary: str


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and lists all of them from their sources alone."""

    def __init__(self, *, sources: Mapping[str, CommandSource], **settings: Any) -> None:  # noqa: ANN401  those of click.Group
        super().__init__(**settings)
        self._sources = sources

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self._sources)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        source = self._sources.get(cmd_name)
        if source is None:
            return None
        command = importlib.import_module(source.module).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{source.module}.command is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, source.summary) for name, source in self._sources.items()])
