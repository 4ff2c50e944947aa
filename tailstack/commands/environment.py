"""Which environment of a project a command is about."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from tailstack.plain import mapping
from tailstack.report.safety import Limits
from tailstack.topology.loading import STACKS, environments

STACK_VARIABLE = "PULUMI_STACK"


def choose_environment(project: Path, named: str | None) -> str:
    """The environment named on the command line, else that of the stack in PULUMI_STACK, else the only one there is.

    Raises click.UsageError where the name is unknown or nothing decides, click.ClickException where nothing can be listed.
    """
    try:
        known = environments(project)
    except OSError as error:
        raise click.ClickException(f"{project / STACKS} cannot be listed: {error.strerror}.") from error
    if not known:
        raise click.UsageError(f"No environment in {project / STACKS}: each is a folder with YAML files.")
    chosen = named or config_of_stack(project, os.environ.get(STACK_VARIABLE, "")).environment
    if chosen:
        if chosen not in known:
            raise click.UsageError(f"No environment called {chosen}. There are: {', '.join(known)}.")
        return chosen
    only, *others = known
    if others:
        raise click.UsageError(f"Which environment? Name one of: {', '.join(known)}.")
    return only


@dataclass(frozen=True, kw_only=True, slots=True)
class StackConfig:
    """What the config of a stack says of what it applies. Texts are as they are written, empty where nothing is.

    `at` is the time at which rotations are read; `must_verify` whether an apply ends with a look at what is live.
    """

    environment: str
    scope: str
    at: str
    limits: Limits
    must_verify: bool = True


def config_of_stack(project: Path, stack: str) -> StackConfig:
    """What a stack's config says; the environment is by default that of the stack's name.

    Raises click.UsageError for a file that is no YAML, a limit that is no number, and a switch that is neither true nor false.
    """
    name = stack.rsplit("/", 1)[-1]
    file = project / STACKS / f"Pulumi.{name}.yaml"
    loaded = _read(file) if name and file.is_file() else None
    known = mapping(mapping(loaded).get("config"))
    environment, scope, at = (known.get(f"tailstack:{key}") for key in ("environment", "scope", "at"))
    usual = Limits()
    return StackConfig(
        environment=environment if isinstance(environment, str) and environment else name,
        scope=scope if isinstance(scope, str) else "",
        at=at if isinstance(at, str) else "",
        limits=Limits(
            removed=_number(file, known, "tailstack:removalLimit", usual.removed),
            of_at_least=_number(file, known, "tailstack:removalLimitFrom", usual.of_at_least),
        ),
        must_verify=_switch(file, known, "tailstack:verify", usual=True),
    )


def _read(file: Path) -> object:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark is not None else str(file)
        raise click.UsageError(f"{place}: the config of a stack is no YAML: {error.problem}.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise click.UsageError(f"{file}: the config of a stack cannot be read: {error}.") from error


def _switch(file: Path, known: Mapping[str, Any], key: str, *, usual: bool) -> bool:
    """A switch of the config; `pulumi config set` writes it as a text."""
    text = str(known.get(key, usual)).lower()
    if text not in ("true", "false"):
        raise click.UsageError(f"{key} is {text} in {file}; expected true or false.")
    return text == "true"


def _number(file: Path, known: Mapping[str, Any], key: str, usual: int) -> int:
    """A whole number of the config; `pulumi config set` writes it as a text."""
    text = str(known.get(key, usual))
    if not text.isdecimal():
        raise click.UsageError(f"{key} is {text} in {file}; expected a whole number, such as {usual}.")
    return int(text)
