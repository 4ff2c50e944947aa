from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.main import run
from tailstack.report.coverage import coverage_page
from tailstack.topology.reference import BEGIN, END, with_reference
from tailstack.topology.schema import schema_text

SCHEMA = Path("docs/schema/tailnet.schema.json")
GUIDE = Path("docs/language.md")
COVERAGE = Path("docs/coverage.md")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without schema and guide, with a folder below it as the current one."""
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path / "stacks")
    return tmp_path


def test_it_prints_the_schema_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == ExitCode.CLEAN
    printed = capsys.readouterr().out
    assert printed == schema_text()
    assert json.loads(printed)["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_it_writes_the_schema_into_a_project_without_a_guide(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "--write"]) == ExitCode.CLEAN
    assert (project / SCHEMA).read_text(encoding="utf-8") == schema_text()
    assert not (project / GUIDE).exists()
    assert capsys.readouterr().out == f"{SCHEMA}: written\n"
    assert run(["schema", "--write"]) == ExitCode.CLEAN
    assert capsys.readouterr().out == f"{SCHEMA}: unchanged\n"


def test_it_writes_the_reference_into_the_guide(project: Path) -> None:
    (project / "docs").mkdir()
    (project / GUIDE).write_text(f"# Mine\n\n{BEGIN}\n{END}\n", encoding="utf-8")
    assert run(["schema", "--write"]) == ExitCode.CLEAN
    guide = (project / GUIDE).read_text(encoding="utf-8")
    assert guide.startswith("# Mine\n")
    assert guide == with_reference(guide)


def test_it_writes_the_table_of_what_is_covered_where_there_is_one(project: Path) -> None:
    (project / "docs").mkdir()
    (project / COVERAGE).write_text("stale", encoding="utf-8")
    assert run(["schema", "--write"]) == ExitCode.CLEAN
    assert (project / COVERAGE).read_text(encoding="utf-8") == coverage_page()


def test_check_tells_what_is_stale_and_writes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "--check"]) == ExitCode.FINDINGS
    assert f"{SCHEMA} is not what" in capsys.readouterr().err
    assert not (project / SCHEMA).exists()
    run(["schema", "--write"])
    assert run(["schema", "--check"]) == ExitCode.CLEAN
    (project / SCHEMA).write_text(schema_text() + " ", encoding="utf-8")
    assert run(["schema", "--check"]) == ExitCode.FINDINGS
    assert (project / SCHEMA).read_text(encoding="utf-8") == schema_text() + " "


def test_a_guide_without_marks_is_said_in_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "docs").mkdir()
    (project / GUIDE).write_text("# Mine\n", encoding="utf-8")
    assert run(["schema", "--write"]) == ExitCode.ERROR
    assert "docs/language.md: The guide does not have the lines" in capsys.readouterr().err


def test_write_and_check_exclude_one_another(project: Path) -> None:
    assert run(["schema", "--write", "--check"]) == ExitCode.USAGE


def test_outside_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["schema", "--check"]) == ExitCode.USAGE
