"""Which environment of a project a command is about."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click
import yaml

from tailstack.topology.loading import STACKS, environments

STACK_VARIABLE = "PULUMI_STACK"


def choose_environment(project: Path, named: str | None) -> str:
    """The environment named on the command line, else that of the stack in PULUMI_STACK, else the only one there is.

    Raises click.UsageError where the name is unknown or nothing decides.
    """
    known = environments(project)
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
    """What the config of a stack says of what it applies; `scope` is as it is written, empty where nothing is."""

    environment: str
    scope: str


def config_of_stack(project: Path, stack: str) -> StackConfig:
    """The environment that a stack's config `tailstack:environment` names, by default that of its name, and its scope."""
    name = stack.rsplit("/", 1)[-1]
    file = project / STACKS / f"Pulumi.{name}.yaml"
    loaded: object = yaml.safe_load(file.read_text(encoding="utf-8")) if name and file.is_file() else None
    config: object = cast("dict[str, Any]", loaded).get("config") if isinstance(loaded, dict) else None
    known = cast("dict[str, Any]", config) if isinstance(config, dict) else {}
    environment, scope = known.get("tailstack:environment"), known.get("tailstack:scope")
    return StackConfig(
        environment=environment if isinstance(environment, str) and environment else name,
        scope=scope if isinstance(scope, str) else "",
    )
