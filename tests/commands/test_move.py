"""`tailstack move` as a user types it, over an engine that keeps its states in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.main import run
from tailstack.engine.locks import LOCKED
from tests.commands.declared import TEXT, write
from tests.engine.states import deployment, engine, whole

TO_SHARDS = ["move", "--from", "prod", "--to", "prod-tailnet", "--to", "prod-blue", "--to", "prod-green"]
BACK = ["move", "--from", "prod-tailnet", "--from", "prod-blue", "--from", "prod-green", "--to", "prod"]
SCOPES = {"prod-tailnet": "tailnet", "prod-blue": "cluster:blue", "prod-green": "cluster:green"}


def configure(project: Path, stack: str, scope: str, environment: str = "prod") -> None:
    lines = ["config:", f"  tailstack:environment: {environment}"] + (
        [f'  tailstack:scope: "{scope}"'] if scope else []
    )
    (project / "stacks" / f"Pulumi.{stack}.yaml").write_text("\n".join(lines) + "\n")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one applied stack and three empty ones, and an engine on the PATH."""
    (tmp_path / "Pulumi.yaml").write_text("name: tailstack\n")
    write(tmp_path, "prod", TEXT)
    for stack, scope in SCOPES.items():
        configure(tmp_path, stack, scope)
    engine(tmp_path, prod=whole("prod"), **{stack: deployment(stack) for stack in SCOPES})
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def imports(project: Path) -> list[str]:
    calls = (project / "states" / "calls").read_text().splitlines()
    return [call.split()[2] for call in calls if call.startswith("stack import")]


def test_to_shards_and_back(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(TO_SHARDS) == ExitCode.CLEAN
    said = capsys.readouterr()
    assert (
        "prod → prod-blue\n  Cluster blue\n  2 resources in all: OauthClient blue.operator, Release blue.operator"
        in said.out
    )
    assert "prod is empty: pulumi stack rm prod" in said.out
    assert "Moving prod → prod-blue: Cluster blue" in said.err
    (backup,) = (project / ".tailstack").glob("20*")
    assert f"The states as they were are in {backup}." in said.out
    assert {file.stem for file in backup.iterdir()} == {"prod", *SCOPES}
    assert (project / ".tailstack" / ".gitignore").read_text() == "*\n"
    assert run(BACK) == ExitCode.CLEAN
    assert "prod-green is empty: pulumi stack rm prod-green" in capsys.readouterr().out


def test_a_second_run_has_nothing_to_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(TO_SHARDS)
    done = imports(project)
    capsys.readouterr()
    assert run(TO_SHARDS) == ExitCode.CLEAN
    assert capsys.readouterr().out == "There is nothing to move.\n"
    assert imports(project) == done
    assert len(list((project / ".tailstack").glob("20*"))) == 1


def test_a_dry_run_changes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TO_SHARDS[:5], "--dry-run"]) == ExitCode.CHANGES
    assert capsys.readouterr().out == (
        "prod → prod-tailnet\n"
        "  Tailnet tailnet\n"
        "  1 resource in all: Acl policy\n"
        "Stays in prod: Cluster blue, Cluster green\n"
    )
    assert imports(project) == []
    assert not (project / ".tailstack").exists()


def test_the_backup_may_be_elsewhere(project: Path) -> None:
    assert run([*TO_SHARDS, "--backup", "kept"]) == ExitCode.CLEAN
    assert len(list((project / "kept").iterdir())) == 4


def test_what_is_unsafe_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(project, "prod-blue", "")
    assert run(TO_SHARDS) == ExitCode.REFUSED
    assert "would hold the same resources" in capsys.readouterr().err
    assert imports(project) == []


def test_a_locked_stack_has_its_own_code(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "states" / "broken").write_text(f"import prod-tailnet: {LOCKED} by 1 lock(s)")
    assert run(TO_SHARDS) == ExitCode.LOCKED
    said = capsys.readouterr().err
    assert "The stack prod-tailnet is locked" in said
    assert "pulumi cancel --stack prod-tailnet" in said


def test_stacks_of_two_environments_share_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(project, "prod-blue", "cluster:blue", environment="dev")
    assert run(TO_SHARDS) == ExitCode.USAGE
    assert "prod-blue (dev)" in capsys.readouterr().err


def test_a_scope_that_is_none_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(project, "prod-blue", "blue")
    assert run(TO_SHARDS) == ExitCode.USAGE
    assert "cluster:NAME" in capsys.readouterr().err


def test_without_an_engine_the_error_says_where_to_get_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(project / "stacks"))
    assert run(TO_SHARDS) == ExitCode.ERROR
    assert "pulumi.com/docs/install" in capsys.readouterr().err


def test_a_project_without_a_name_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "Pulumi.yaml").write_text("runtime: python\n")
    assert run(TO_SHARDS) == ExitCode.USAGE
    assert "names no project" in capsys.readouterr().err
