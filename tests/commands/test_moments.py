"""For which moment a command about a stack reads rotations: what it is told, what the stack's config says, or now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from tailstack.commands.moments import moment_of

TOLD = datetime(2026, 3, 1, tzinfo=UTC)


def project_with(folder: Path, at: str) -> Path:
    (folder / "stacks").mkdir()
    (folder / "stacks" / "Pulumi.prod.yaml").write_text(f'config: {{tailstack:at: "{at}"}}\n', encoding="utf-8")
    return folder


def test_a_moment_that_is_told_goes_before_that_of_the_stack(tmp_path: Path) -> None:
    project = project_with(tmp_path, "2026-01-05T09:00:00Z")
    assert moment_of(project, "prod", TOLD) == TOLD
    assert moment_of(project, "prod", None) == datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_without_either_it_is_now(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    assert before <= moment_of(tmp_path, "prod", None) < before + timedelta(minutes=1)


def test_a_stack_that_names_no_moment_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=r"tailstack:at of prod is 'tomorrow'; expected a moment such as 2026-"):
        moment_of(project_with(tmp_path, "tomorrow"), "prod", None)
