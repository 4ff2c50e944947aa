"""`tailstack diff` over the revisions of a repository, as a user types it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.main import run
from tests.commands.declared import TEXT, write

OPEN = TEXT + "access:\n  - {name: ops, from: [group:ops], to: [{exposure: blue.nginx}]}\n"
GAINED = "group:ops gains tcp:80 to exposure blue.nginx.\n     access: ops (stacks/one/tailnet.yaml:11:5)\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project below the root of a repository, with one commit; the user stands in one of its folders."""
    folder = tmp_path / "infra"
    write(folder, "one", TEXT)
    (folder / "Pulumi.yaml").write_text("name: x\n", encoding="utf-8")
    git(tmp_path, "init", "-q", "-b", "main")
    commit(folder)
    monkeypatch.chdir(folder / "stacks" / "one")
    return folder


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    program = shutil.which("git")
    assert program is not None
    done = subprocess.run([program, *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a change")
    return git(folder, "rev-parse", "HEAD")


def test_nothing_changes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project
    assert run(["diff", "main"]) == ExitCode.CLEAN
    assert capsys.readouterr().out == (
        "From main to the work tree nobody gains or loses access (1 environment).\n\none: Nobody gains or loses access.\n"
    )


def test_the_work_tree_against_a_commit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "one", OPEN)
    assert run(["diff", "HEAD"]) == ExitCode.CHANGES
    said = capsys.readouterr().out
    assert said.startswith("From HEAD to the work tree access changes in one.\n")
    assert GAINED in said


def test_a_commit_against_a_commit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "one", OPEN)
    commit(project)
    write(project, "one", TEXT)
    assert run(["diff", "HEAD~1", "main"]) == ExitCode.CHANGES
    assert GAINED in capsys.readouterr().out
    assert run(["diff", "main", "HEAD~1", "--format", "json"]) == ExitCode.CHANGES
    data = json.loads(capsys.readouterr().out)
    assert (data["base"], data["head"]) == ("main", "HEAD~1")
    assert data["environments"][0]["access"]["summary"]["lost"] == 1


def test_only_what_this_branch_does(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(project, "checkout", "-q", "-b", "topic")
    write(project, "one", OPEN)
    commit(project)
    git(project, "checkout", "-q", "main")
    write(project, "two", TEXT)
    commit(project)
    git(project, "checkout", "-q", "topic")
    assert run(["diff", "main"]) == ExitCode.CHANGES
    assert "two: This environment is no longer declared." in capsys.readouterr().out
    assert run(["diff", "main", "--merge-base"]) == ExitCode.CHANGES
    said = capsys.readouterr().out
    assert GAINED in said
    assert "two" not in said


def test_environments_that_come_and_go(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    write(project, "two", OPEN.replace("one", "two"))
    (project / "stacks" / "one" / "tailnet.yaml").unlink()
    (project / "stacks" / "one").rmdir()
    assert run(["diff", "main", "--format", "markdown"]) == ExitCode.CHANGES
    said = capsys.readouterr().out
    assert "### `one`\n\nThis environment is no longer declared." in said
    assert "### `two`\n\nThis environment is new.\n" in said
    assert "- `+` group:ops gains tcp:80 to exposure blue.nginx (new).\n" in said


def test_one_environment_of_several(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "two", OPEN)
    assert run(["diff", "main", "-e", "one"]) == ExitCode.CLEAN
    assert "two" not in capsys.readouterr().out
    assert run(["diff", "main", "-e", "three"]) == ExitCode.USAGE
    assert "No environment called three. There are: one, two." in capsys.readouterr().err


def test_a_head_with_errors_exits_with_3_and_says_which(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "one", TEXT.replace("blue:", "Blue:"))
    assert run(["diff", "main"]) == ExitCode.FINDINGS
    said = capsys.readouterr().out
    assert said.startswith("From main to the work tree it is not known what changes in one.\n")
    assert "stacks/one/tailnet.yaml:6:3: error TS" in said


def test_definitions_that_clash_are_errors_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "one", TEXT.replace("ts.net}", "ts.net, policy: {base: b.hujson}}"))
    write(project, "one", '{"groups": {"group:ops": ["zoe@example.com"]}}', "b.hujson")
    assert run(["diff", "main"]) == ExitCode.FINDINGS
    assert "TS851" in capsys.readouterr().out


def test_a_base_with_errors_does_not_stop_its_mending(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "one", "tailnet: [")
    commit(project)
    write(project, "one", TEXT)
    assert run(["diff", "main"]) == ExitCode.CHANGES
    assert "one: The base has errors, so that nobody can say what changes; what is wrong with it:" in (
        capsys.readouterr().out
    )


def test_links_lead_to_files_of_the_same_commit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "shared.yaml").write_text("groups: {group:more: [a@example.com]}\n", encoding="utf-8")
    (project / "stacks" / "one" / "more.yaml").symlink_to("../../shared.yaml")
    before = commit(project)
    (project / "shared.yaml").write_text("groups: {group:more: [b@example.com]}\n", encoding="utf-8")
    write(project, "one", OPEN.replace("from: [group:ops]", "from: [group:more]"))
    assert run(["diff", before]) == ExitCode.CHANGES
    said = capsys.readouterr().out
    assert "group:more gains tcp:80 to exposure blue.nginx." in said
    (project / "stacks" / "one" / "more.yaml").unlink()
    (project / "stacks" / "one" / "gone.yaml").symlink_to("nowhere.yaml")
    dangling = commit(project)
    (project / "stacks" / "one" / "gone.yaml").unlink()
    capsys.readouterr()
    assert run(["diff", dangling]) == ExitCode.CHANGES
    assert "stacks/one/gone.yaml:1:1: error" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["nothing", "--upload-pack=x", "HEAD:stacks"])
def test_a_revision_that_is_none(project: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert project
    assert run(["diff", "--", name]) == ExitCode.USAGE
    assert f"There is no revision called {name}." in capsys.readouterr().err


def test_two_histories(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(project, "checkout", "-q", "--orphan", "other")
    write(project, "one", OPEN)
    commit(project)
    assert run(["diff", "main", "--merge-base"]) == ExitCode.USAGE
    assert "no commit in common" in capsys.readouterr().err


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(["diff", "main"]) == ExitCode.USAGE
    assert "cannot be read: not a git repository" in capsys.readouterr().err


def test_no_git(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert project
    monkeypatch.setenv("PATH", "")
    assert run(["diff", "main"]) == ExitCode.ERROR
    assert "git is not installed" in capsys.readouterr().err


def test_a_hook_that_points_git_elsewhere_is_not_followed(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert project
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert run(["diff", "main"]) == ExitCode.CLEAN


OWNER = OPEN.replace("ts.net}", "ts.net, policy: {guests: [two]}}")
GUEST = """tailnet: {dnsName: tail1a2b.ts.net, guestOf: one}
defaults: {operator: {chart: {version: "1.102.3"}}}
groups: {group:dev: [dev@example.com]}
clusters:
  lab: {kubernetes: {context: lab}, expose: {api: {namespace: x, ports: [tcp:80], selector: {a: b}}}}
access:
  - {name: dev, from: [group:dev], to: [{exposure: lab.api}]}
"""


def test_what_a_guest_changes_is_told_with_its_owner(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "one", OWNER)
    write(project, "two", GUEST)
    write(project, "three", TEXT)
    commit(project)
    write(project, "two", GUEST.replace("[group:dev]", "[group:dev, autogroup:admin]"))
    assert run(["diff", "HEAD"]) == ExitCode.CHANGES
    said = capsys.readouterr().out
    assert said.startswith("From HEAD to the work tree access changes in one.\n")
    assert "autogroup:admin gains tcp:80 to exposure lab.api.\n     access: dev (environment two) (stacks/two/" in said
    assert "two: This environment is a guest of one, whose policy file it is in" in said
    assert "three: Nobody gains or loses access." in said


def test_an_owner_whose_guest_has_errors_cannot_be_compared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "one", OWNER)
    write(project, "two", GUEST)
    commit(project)
    write(project, "two", GUEST.replace("context: lab", "contxt: lab"))
    assert run(["diff", "HEAD"]) == ExitCode.FINDINGS
    assert "it is not known what changes in one, two." in capsys.readouterr().out


def test_an_environment_that_is_wrong_as_it_was_stops_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "bad", "tailnet: {}\n")
    commit(project)
    write(project, "one", OPEN)
    assert run(["diff", "HEAD"]) == ExitCode.CHANGES
    assert "bad: Nobody gains or loses access." in capsys.readouterr().out
