"""`tailstack policy`: anybody's policy file, without a project: shown, checked, tested, and compared with another."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import click

from tailstack.commands.lazy import CommandSource, LazyGroup

COMMANDS: Mapping[str, CommandSource] = MappingProxyType(
    {
        "check": CommandSource("tailstack.commands.policy.check", "Find everything wrong with a policy file."),
        "diff": CommandSource(
            "tailstack.commands.policy.diff", "Say who gains and who loses access between two files."
        ),
        "show": CommandSource("tailstack.commands.policy.show", "Say in words what a policy file allows."),
        "test": CommandSource("tailstack.commands.policy.test", "Run the tests and sshTests of a policy file."),
    }
)


@click.group("policy", cls=LazyGroup, sources=COMMANDS, short_help="Show, check, test and compare plain policy files.")
def command() -> None:
    """Show, check, test and compare policy files as they are, without a project. A file may be - for the standard input."""
