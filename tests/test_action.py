"""The GitHub Action of action.yml: its steps are run as a runner would, in a repository of their own, without a network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tests.workflows.runner import git

PROJECT = Path(__file__).parent.parent
ACTION = cast("dict[str, Any]", yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8")))
STEPS = cast("list[dict[str, Any]]", ACTION["runs"]["steps"])
BASH = shutil.which("bash") or "bash"

POLICY = """{
  "tagOwners": {"tag:web": []},
  "groups": {"group:dev": ["ana@example.com"]},
  "grants": [{"src": ["group:dev"], "dst": ["tag:web"], "ip": ["tcp:80"]}],
  "tests": [{"src": "ana@example.com", "accept": ["tag:web:80"]}],
}
"""
MORE = POLICY.replace('"tcp:80"', '"tcp:80", "tcp:443"')
OTHER = POLICY.replace('"ip": ["tcp:80"]', '"ip": ["tcp:80"], "srcPosture": ["posture:mac"]').replace(
    '"groups"', '"postures": {"posture:mac": ["node:os == \'macos\'"]},\n  "groups"'
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What came of a step."""

    code: int
    said: str
    summary: str
    outputs: dict[str, str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    commit(folder, POLICY)
    return folder


def commit(folder: Path, text: str, name: str = "policy.hujson") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


def report(folder: Path, *, base: str = "", policy: str = "policy.hujson", facts: str = "") -> Ran:
    """Run the step that reports, with tailstack on the PATH in place of the step that installs it."""
    temp = folder.parent / "runner temp"
    temp.mkdir(exist_ok=True)
    files = {name: temp / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    for file in files.values():
        file.write_text("", encoding="utf-8")
    (step,) = (step for step in STEPS if step["id"] == "report")
    environment = {
        **os.environ,
        **{name: str(file) for name, file in files.items()},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(temp),
        "POLICY": policy,
        "BASE": base,
        "FACTS": facts,
    }
    # The shell of a composite action: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
    command = [BASH, "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
    outputs = dict(line.split("=", 1) for line in lines)
    summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
    if outputs:
        assert Path(outputs["report"]).read_text(encoding="utf-8") == summary
    return Ran(code=done.returncode, said=done.stdout + done.stderr, summary=summary, outputs=outputs)


def numbers(ran: Ran) -> tuple[str, str, str]:
    return ran.outputs["changed"], ran.outputs["gained"], ran.outputs["lost"]


def test_no_text_of_others_is_put_into_a_script() -> None:
    """An expression in a script is replaced before the shell reads it, quotes or not; in `env` it is a mere text."""
    assert ACTION["runs"]["using"] == "composite"
    for step in STEPS:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
        assert "uses" not in step
        assert "secrets." not in str(step)


def test_outputs_are_those_of_a_step() -> None:
    written = set(re.findall(r"(?:\\n|')(\w+)=%s", STEPS[1]["run"]))
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.report.outputs.{name} }}}}"
        assert name in written


def test_everything_that_is_installed_is_pinned_by_its_hash() -> None:
    script = STEPS[0]["run"]
    assert '--require-hashes --requirement "$ACTION_PATH/requirements/requirements.txt"' in script
    assert (PROJECT / "requirements" / "requirements.txt").is_file()
    assert '--no-deps --no-build-isolation "$ACTION_PATH"' in script
    assert subprocess.run([BASH, "-n", "-c", script], check=False).returncode == 0


def test_nobody_gains_or_loses(repository: Path) -> None:
    ran = report(repository, base="HEAD")
    assert (ran.code, numbers(ran)) == (0, ("false", "0", "0"))
    assert [line for line in ran.summary.splitlines() if line.startswith("## ")] == [
        "## Check",
        "## Tests",
        "## Access",
    ]
    assert "Nobody gains or loses access" in ran.summary
    assert "::" not in ran.said


def test_somebody_gains(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    commit(repository, MORE)
    ran = report(repository, base=base)
    assert (ran.code, numbers(ran)) == (0, ("true", "1", "0"))
    assert "tcp:443" in ran.summary


def test_somebody_loses_and_the_place_is_that_of_the_base(repository: Path) -> None:
    commit(repository, MORE)
    base = git(repository, "rev-parse", "HEAD")
    commit(repository, POLICY)
    ran = report(repository, base=base)
    assert (ran.code, numbers(ran)) == (0, ("true", "0", "1"))
    assert f"policy.hujson@{base[:12]}:4:" in ran.summary.replace("\\", "").replace("\u2060", "")


def test_a_condition_that_is_harder_is_a_loss(repository: Path) -> None:
    (repository / "old.hujson").write_text(POLICY.replace('"tests"', '"sshTests": [], "tests"'), encoding="utf-8")
    commit(repository, OTHER.replace("tag:web:80", "tag:web:81").replace('"accept"', '"deny"'))
    ran = report(repository, base="old.hujson")
    assert (ran.code, numbers(ran)) == (0, ("true", "0", "1"))


def test_a_file_may_be_the_base_and_nodes_may_be_known(repository: Path) -> None:
    nodes = '{"devices": [{"name": "web1", "tags": ["tag:web"], "addresses": ["100.64.0.1"]}]}'
    (repository / "known nodes.json").write_text(nodes, encoding="utf-8")
    (repository / "old one.hujson").write_text(MORE, encoding="utf-8")
    ran = report(repository, base="old one.hujson", facts="known nodes.json")
    assert (ran.code, numbers(ran)) == (0, ("true", "0", "1"))


def test_without_a_base_nothing_is_compared(repository: Path) -> None:
    ran = report(repository)
    assert (ran.code, numbers(ran)) == (0, ("unknown", "0", "0"))
    assert "## Access" not in ran.summary


def test_a_policy_that_is_new_is_not_compared(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    commit(repository, POLICY, "new.hujson")
    ran = report(repository, base=base, policy="new.hujson")
    assert (ran.code, numbers(ran)) == (0, ("unknown", "0", "0"))
    assert "no such policy file in the base" in ran.summary


@pytest.mark.parametrize(
    ("text", "title", "heading"),
    [
        (POLICY.replace('"dst": ["tag:web"]', '"dst": ["tag:gone"]'), "TS805 policy-undefined-name", "## Check"),
        (POLICY.replace("tag:web:80", "tag:web:81"), "TS813 policy-test-fails", "## Tests"),
    ],
)
def test_errors_fail_the_step_and_are_annotated(repository: Path, text: str, title: str, heading: str) -> None:
    commit(repository, text)
    ran = report(repository, base="HEAD")
    assert ran.code == 3
    assert ran.said.startswith("::error file=policy.hujson,line=")
    assert title in ran.said
    assert re.findall(r"^## .*$", ran.summary, re.MULTILINE)[-1] == heading
    assert numbers(ran) == ("unknown", "0", "0")


def test_a_base_with_errors_is_not_compared(repository: Path) -> None:
    base = commit(repository, "{")
    commit(repository, POLICY)
    ran = report(repository, base=base)
    assert (ran.code, numbers(ran)) == (0, ("unknown", "0", "0"))
    assert "TS801" in ran.summary


def test_a_shallow_checkout_fetches_the_one_commit(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    commit(repository, MORE)
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    shallow = repository.parent / "shallow"
    git(repository.parent, "clone", "--quiet", "--depth=1", repository.as_uri(), str(shallow))
    ran = report(shallow, base=base)
    assert (ran.code, numbers(ran)) == (0, ("true", "1", "0")), ran.said


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("--output=x", "begins with a hyphen"),
        ("no-such-revision", "neither a file nor a revision"),
        ("$(touch harmed)`touch harmed`; touch harmed", "neither a file nor a revision"),
    ],
)
def test_a_base_that_is_none_is_refused(repository: Path, base: str, message: str) -> None:
    ran = report(repository, base=base)
    assert ran.code == 1
    assert "::error title=tailstack::The input base" in ran.said
    assert message in ran.said
    assert not (repository / "harmed").exists()


def test_a_policy_file_that_is_not_there_fails(repository: Path) -> None:
    for policy in ("gone.hujson", "--help", "$(touch harmed)"):
        ran = report(repository, policy=policy)
        assert ran.code == 64
        assert not (repository / "harmed").exists()


def test_names_from_the_policy_are_text_in_the_summary(repository: Path) -> None:
    commit(repository, POLICY.replace("group:dev", "group:<img src=x>"))
    ran = report(repository, base="HEAD~1")
    assert "<img" not in ran.summary
