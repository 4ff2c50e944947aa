"""Which stacks a command is about."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tailstack.commands.stacks import Stack, choose_stacks, file_of, stacks_of
from tailstack.topology.shards import TAILNET, WHOLE, of_cluster


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Production in shards, and dev as a whole."""
    stacks = tmp_path / "stacks"
    for environment in ("production", "dev"):
        (stacks / environment).mkdir(parents=True)
        (stacks / environment / "main.yaml").write_text("{}\n", encoding="utf-8")
    for name, scope in (("production-tailnet", "tailnet"), ("production-eu", "cluster:eu")):
        text = f"config: {{tailstack:environment: production, tailstack:scope: '{scope}'}}\n"
        (stacks / f"Pulumi.{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_all_stacks_of_an_environment_by_default(project: Path) -> None:
    assert choose_stacks(project, "production", []) == (
        "production",
        (Stack(name="production-eu", shard=of_cluster("eu")), Stack(name="production-tailnet", shard=TAILNET)),
    )


def test_an_environment_without_files_is_the_stack_of_its_name(project: Path) -> None:
    assert stacks_of(project, "dev") == ("dev",)
    assert choose_stacks(project, "dev", []) == ("dev", (Stack(name="dev", shard=WHOLE),))


def test_a_stack_says_its_environment(project: Path) -> None:
    named = ["production-eu", "production-eu"]
    assert choose_stacks(project, None, named) == (
        "production",
        (Stack(name="production-eu", shard=of_cluster("eu")),),
    )
    assert file_of(project, "org/p/production-eu") == project / "stacks" / "Pulumi.production-eu.yaml"


def test_a_stack_of_another_environment_is_refused(project: Path) -> None:
    with pytest.raises(click.UsageError, match="production-eu is a stack of production, and not of dev"):
        choose_stacks(project, "dev", ["production-eu"])


def test_a_scope_that_is_none_is_refused(project: Path) -> None:
    (project / "stacks" / "Pulumi.dev.yaml").write_text("config: {tailstack:scope: half}\n", encoding="utf-8")
    with pytest.raises(click.UsageError, match="tailstack:scope of dev is 'half'"):
        choose_stacks(project, "dev", [])
