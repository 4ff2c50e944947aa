"""Which project a command is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click
import yaml

PROJECT_FILE = "Pulumi.yaml"


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` that holds a Pulumi.yaml. Raises click.UsageError where there is none."""
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise click.UsageError(f"No {PROJECT_FILE} in {start} or above it. Run tailstack inside of a project.")


def project_name(project: Path) -> str:
    """The name of a project, which stands in every URN of its stacks. Raises click.UsageError where it has none."""
    loaded: object = yaml.safe_load((project / PROJECT_FILE).read_text(encoding="utf-8"))
    name: object = cast("dict[str, Any]", loaded).get("name") if isinstance(loaded, dict) else None
    if not isinstance(name, str):
        raise click.UsageError(f"{project / PROJECT_FILE} names no project.")
    return name
