"""The frame of the command line: how it lists its commands, and how every one of them ends."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tailstack.commands import main
from tailstack.commands.exit_codes import ExitCode

HEAVY = {
    "pulumi",
    "pulumi_kubernetes",
    "kubernetes",
    "pydantic",
    "yaml",
    "grpc",
    "tailstack.topology",
    "tailstack.access",
}


def test_exit_codes_are_what_others_rely_on() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "CLEAN": 0,
        "ERROR": 1,
        "CHANGES": 2,
        "FINDINGS": 3,
        "REFUSED": 4,
        "LOCKED": 5,
        "USAGE": 64,
        "INTERRUPTED": 130,
    }


def test_the_documentation_names_every_code_and_every_command() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    codes = re.findall(r"^\| (\d+) \| (\w+) \|", page, re.MULTILINE)
    assert codes == [(str(code.value), code.name.lower()) for code in ExitCode]
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(main.COMMANDS)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--help"]) == ExitCode.CLEAN
    listed = capsys.readouterr().out
    for name, source in main.COMMANDS.items():
        assert name in listed
        assert source.summary.partition(" ")[0] in listed


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_that_is_listed_exists_and_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(importlib.import_module(main.COMMANDS[name].module).command, click.Command)
    assert main.run([name, "--help"]) == ExitCode.CLEAN
    assert capsys.readouterr().out.startswith(f"Usage: tailstack {name}")


def test_help_imports_no_command_and_nothing_heavy() -> None:
    """The time that `tailstack --help` takes is nearly all imports; `make bench` measures it."""
    code = "import sys\nfrom tailstack.commands.main import run\nrun(['--help'])\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stderr.split())
    assert modules & HEAVY == set()
    assert {name for name in modules if name.startswith("tailstack.commands.")} == {
        "tailstack.commands.exit_codes",
        "tailstack.commands.lazy",
        "tailstack.commands.main",
    }


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == ExitCode.CLEAN
    assert capsys.readouterr().out.startswith("tailstack ")


@pytest.mark.parametrize("arguments", [["nothing"], ["--nothing"], ["rule", "--format", "xml"], ["rule", "a", "b"], []])
def test_wrong_usage_exits_with_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(arguments) == ExitCode.USAGE
    assert "Usage: tailstack" in capsys.readouterr().err


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], int]:
    """Runs a command whose body is the given function."""

    def run(body: Callable[[], object]) -> int:
        command = click.Command("rule", callback=body)
        monkeypatch.setattr(importlib.import_module(main.COMMANDS["rule"].module), "command", command)
        return main.run(["rule"])

    return run


def raising(error: BaseException) -> Callable[[], object]:
    def body() -> object:
        raise error

    return body


@pytest.mark.parametrize(("result", "code"), [(None, 0), (ExitCode.REFUSED, 4), (ExitCode.CHANGES, 2)])
def test_what_a_command_returns_is_its_exit_code(
    ending: Callable[[Callable[[], object]], int], result: object, code: int
) -> None:
    assert ending(lambda: result) == code


def test_a_failure_is_said_in_one_line(
    ending: Callable[[Callable[[], object]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(raising(click.ClickException("The file is gone."))) == ExitCode.ERROR
    assert capsys.readouterr().err == "Error: The file is gone.\n"


def test_our_own_failure_shows_no_traceback_but_says_how_to_see_it(
    ending: Callable[[Callable[[], object]], int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ending(raising(KeyError("two\nlines"))) == ExitCode.ERROR
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("tailstack failed: KeyError: 'two\\nlines'\n")
    assert "TAILSTACK_DEBUG=1" in said.err
    assert "Traceback" not in said.err

    monkeypatch.setenv("TAILSTACK_DEBUG", "1")
    assert ending(raising(ValueError())) == ExitCode.ERROR
    said = capsys.readouterr()
    assert "Traceback" in said.err
    assert "tailstack failed: ValueError: no message\n" in said.err


def test_a_module_without_a_command_is_our_own_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.import_module(main.COMMANDS["rule"].module), "command", None)
    assert main.run(["rule"]) == ExitCode.ERROR
    assert "tailstack.commands.rule.command is no click command" in capsys.readouterr().err


def test_an_interruption_ends_as_the_shell_expects(
    ending: Callable[[Callable[[], object]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(raising(KeyboardInterrupt())) == ExitCode.INTERRUPTED
    assert "Interrupted." in capsys.readouterr().err


def test_a_reader_that_goes_away_causes_no_complaint() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tailstack", "rule", "--format", "json"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == ExitCode.ERROR


def test_the_script_exits_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tailstack", "nothing"])
    with pytest.raises(SystemExit) as caught:
        main.main()
    assert caught.value.code == ExitCode.USAGE
