"""Which environment of a project a command is about."""

from __future__ import annotations

import os
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
    chosen = named or _environment_of_stack(project, os.environ.get(STACK_VARIABLE, ""))
    if chosen:
        if chosen not in known:
            raise click.UsageError(f"No environment called {chosen}. There are: {', '.join(known)}.")
        return chosen
    only, *others = known
    if others:
        raise click.UsageError(f"Which environment? Name one of: {', '.join(known)}.")
    return only


def _environment_of_stack(project: Path, stack: str) -> str:
    """A stack belongs to the environment that its config `tailstack:environment` names, by default that of its name."""
    name = stack.rsplit("/", 1)[-1]
    settings = project / STACKS / f"Pulumi.{name}.yaml"
    if not name or not settings.is_file():
        return name
    loaded: object = yaml.safe_load(settings.read_text(encoding="utf-8"))
    config: object = cast("dict[str, Any]", loaded).get("config") if isinstance(loaded, dict) else None
    chosen: object = cast("dict[str, Any]", config).get("tailstack:environment") if isinstance(config, dict) else None
    return chosen if isinstance(chosen, str) else name
