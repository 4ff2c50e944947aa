"""Which project and which environment a command is about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import click

PROJECT_FILE = "Pulumi.yaml"
STACKS = "stacks"
STACK_VARIABLE = "PULUMI_STACK"


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` that holds a Pulumi.yaml. Raises click.UsageError where there is none."""
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise click.UsageError(f"No {PROJECT_FILE} in {start} or above it. Run tailstack inside of a project.")


def choose_environment(project: Path, named: str | None) -> str:
    """The environment named on the command line, else that of the stack in PULUMI_STACK, else the only one there is.

    Raises click.UsageError where the name is unknown or nothing decides.
    """
    from tailstack.topology.loading import environments  # noqa: PLC0415  pydantic takes 0.2 s to import

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
    import yaml  # noqa: PLC0415  only for this case, and 30 ms to import

    loaded: object = yaml.safe_load(settings.read_text(encoding="utf-8"))
    config: object = cast("dict[str, Any]", loaded).get("config") if isinstance(loaded, dict) else None
    chosen: object = cast("dict[str, Any]", config).get("tailstack:environment") if isinstance(config, dict) else None
    return chosen if isinstance(chosen, str) else name
