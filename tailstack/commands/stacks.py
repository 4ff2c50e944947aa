"""Which stacks of an environment a command is about, and which part of it they hold together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from tailstack.commands.environment import choose_environment, config_of_stack
from tailstack.topology.loading import STACKS
from tailstack.topology.shards import FORMS, Shard, read_shard


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """A stack by the name under which the engine knows it, and the part of its environment that it holds."""

    name: str
    shard: Shard


def choose_stacks(project: Path, environment: str | None, named: Iterable[str]) -> tuple[str, tuple[Stack, ...]]:
    """The environment, and those of its stacks that a command is about: the named ones, else all that there are.

    Stacks are known by their files `stacks/Pulumi.<stack>.yaml`; an environment without any is the stack of its name. Raises
    click.UsageError where nothing decides, and where a stack belongs to another environment.
    """
    names = tuple(dict.fromkeys(named))
    chosen = choose_environment(project, environment or _environment_of(project, names))
    for name in names:
        other = config_of_stack(project, name).environment
        if other != chosen:
            raise click.UsageError(f"{name} is a stack of {other}, and not of {chosen}. See tailstack:environment.")
    return chosen, tuple(_stack(project, name) for name in names or stacks_of(project, chosen))


def stacks_of(project: Path, environment: str) -> tuple[str, ...]:
    """The names of an environment's stacks, in order."""
    files = sorted((project / STACKS).glob("Pulumi.*.yaml"))
    names = [file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files]
    return tuple(name for name in names if config_of_stack(project, name).environment == environment) or (environment,)


def file_of(project: Path, stack: str) -> Path:
    """Where a stack's config is."""
    return project / STACKS / f"Pulumi.{stack.rsplit('/', 1)[-1]}.yaml"


def _environment_of(project: Path, names: tuple[str, ...]) -> str | None:
    return config_of_stack(project, names[0]).environment if names else None


def _stack(project: Path, name: str) -> Stack:
    text = config_of_stack(project, name).scope
    shard = read_shard(text)
    if shard is None:
        raise click.UsageError(f"tailstack:scope of {name} is {text!r}; expected {FORMS}.")
    return Stack(name=name, shard=shard)
