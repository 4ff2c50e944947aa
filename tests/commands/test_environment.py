"""What a command reads of a stack's config."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tailstack.commands import environment
from tailstack.commands.environment import StackConfig, config_of_stack
from tailstack.report.safety import Limits


def configured(project: Path, *lines: str) -> StackConfig:
    (project / "stacks").mkdir()
    text = "".join(f"{line}\n" for line in ("config:", *(f"  tailstack:{line}" for line in lines)))
    (project / "stacks" / "Pulumi.prod.yaml").write_text(text, encoding="utf-8")
    return config_of_stack(project, "organization/tailstack/prod")


def test_a_folder_that_may_not_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> tuple[str, ...]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(environment, "environments", refuse)
    with pytest.raises(click.ClickException, match=r"stacks cannot be listed: Permission denied\."):
        environment.choose_environment(tmp_path, "prod")


def test_a_stack_without_config_has_the_usual_limits(tmp_path: Path) -> None:
    expected = StackConfig(environment="prod", scope="", at="", limits=Limits(removed=30, of_at_least=10))
    assert config_of_stack(tmp_path, "prod") == expected


def test_limits_are_numbers_or_texts_of_them(tmp_path: Path) -> None:
    found = configured(
        tmp_path, "removalLimit: 5", 'removalLimitFrom: "100"', 'at: "2026-01-05T09:00:00Z"', "environment: live"
    )
    assert found.limits == Limits(removed=5, of_at_least=100)
    assert found.at == "2026-01-05T09:00:00Z"
    assert found.environment == "live"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"config:\n  a: [", r"Pulumi\.prod\.yaml:2:\d+: the config of a stack is no YAML"),
        (b"config: \xff", r"Pulumi\.prod\.yaml: the config of a stack cannot be read"),
        (b"config: \x00", r"Pulumi\.prod\.yaml: the config of a stack cannot be read"),
    ],
)
def test_a_config_that_cannot_be_read_is_told_with_its_place(tmp_path: Path, text: bytes, told: str) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.prod.yaml").write_bytes(text)
    with pytest.raises(click.UsageError, match=told):
        config_of_stack(tmp_path, "prod")


@pytest.mark.parametrize("value", ["many", "-1", "30%", "1.5"])
def test_a_limit_that_is_no_number_is_told_with_its_place(tmp_path: Path, value: str) -> None:
    with pytest.raises(click.UsageError, match=rf"tailstack:removalLimit is {value} in .*Pulumi\.prod\.yaml; expected"):
        configured(tmp_path, f'removalLimit: "{value}"')
