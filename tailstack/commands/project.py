"""Which project a command is about."""

from __future__ import annotations

from pathlib import Path

import click

PROJECT_FILE = "Pulumi.yaml"


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` that holds a Pulumi.yaml. Raises click.UsageError where there is none."""
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise click.UsageError(f"No {PROJECT_FILE} in {start} or above it. Run tailstack inside of a project.")
