"""`tailstack sandbox` as a user types it, where nothing needs to run."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.main import run
from tailstack.sandbox.folder import Folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "docker"], "There is no tool docker. There are: pulumi, etcd,"),
        (["up", "--cluster", "Blue"], "Not a name for a cluster: 'Blue'"),
        (["up", "--cluster", "a", "--cluster", "a"], "each cluster of the sandbox once"),
        (["up", "--plugins", "theirs"], "Plugins can be auto, official, stand-in or a folder"),
        (["status", "--format", "xml"], "'xml' is not one of"),
        (["nothing"], "No such command 'nothing'"),
    ],
)
def test_bad_usage_is_64(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").touch()
    assert run(["sandbox", *arguments]) == ExitCode.USAGE
    assert said in capsys.readouterr().err
    assert not (tmp_path / ".sandbox").exists()


def test_outside_of_a_project_a_folder_must_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["sandbox", "status"]) == ExitCode.USAGE
    assert "No Pulumi.yaml" in capsys.readouterr().err
    assert run(["sandbox", "status", "--folder", "here"]) == ExitCode.CLEAN


def test_the_folder_lies_in_the_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert run(["sandbox", "status", "--format", "json"]) == ExitCode.CLEAN
    assert json.loads(capsys.readouterr().out) == {
        "folder": str(tmp_path / ".sandbox"),
        "running": False,
        "starting": False,
    }


def test_down_says_when_nothing_ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Folder(tmp_path / "sandbox")
    folder.make()
    assert run(["sandbox", "down", "--keep", "--folder", str(folder.path)]) == ExitCode.CLEAN
    assert capsys.readouterr().out == f"No sandbox was running; its folder is kept: {folder.path}\n"
    assert run(["sandbox", "down", "--folder", str(folder.path)]) == ExitCode.CLEAN
    assert capsys.readouterr().out == f"No sandbox was running; nothing of it is left: {folder.path}\n"
    assert not folder.path.exists()


def test_a_shell_needs_a_sandbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sandbox", "shell", "--folder", str(tmp_path / "none")]) == ExitCode.ERROR
    assert capsys.readouterr().err == (
        f"Error: No sandbox runs in {tmp_path / 'none'}. Start it: tailstack sandbox up\n"
    )


def test_a_starting_sandbox_is_said_to_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Folder(tmp_path / "sandbox")
    folder.make()
    with folder.locked():
        assert run(["sandbox", "status", "--folder", str(folder.path)]) == ExitCode.CLEAN
    assert capsys.readouterr().out == f"The sandbox in {folder.path} is being started.\n"


def test_build_says_where_a_tool_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\necho v3.99.1+gabcdef\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))
    assert run(["sandbox", "build", "helm"]) == ExitCode.CLEAN
    assert capsys.readouterr().out.split() == ["helm", str(program)]
