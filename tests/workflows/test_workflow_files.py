"""The workflows as files: actionlint finds nothing, actions are pinned, jobs have few rights, and nothing of a stranger's is a script."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tailstack.sandbox.toolchain import ensure
from tests.workflows.expressions import Scope
from tests.workflows.runner import BASH, git, load_workflow

PROJECT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((PROJECT / ".github" / "actions").glob("*/action.yml"))
SCRIPTS = sorted((PROJECT / ".github" / "scripts").iterdir())
COMMENT = "pull-requests"

Data = Mapping[str, Any]


def jobs_of(file: Path) -> dict[str, dict[str, Any]]:
    return cast("dict[str, dict[str, Any]]", load_workflow(file)["jobs"])


def steps_of(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each step with the name of its job; of an action, too."""
    loaded = load_workflow(file)
    jobs = loaded["jobs"] if "jobs" in loaded else {"action": loaded["runs"]}
    for name, job in jobs.items():
        for step in job.get("steps", []):
            yield name, step


def triggers(file: Path) -> set[str]:
    on = load_workflow(file)["on"]
    return {on} if isinstance(on, str) else set(on)


def named(name: str) -> Path:
    return PROJECT / ".github" / "workflows" / name


def test_actionlint_has_nothing_against_them() -> None:
    linter = ensure(["actionlint"])["actionlint"]
    # No configuration of a checkout above, and no other linters that a machine may have.
    options = ["-no-color", "-shellcheck=", "-pyflakes="]
    done = subprocess.run([linter, *options, *WORKFLOWS], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_actionlint_would_find_a_mistake(tmp_path: Path) -> None:
    text = named("deploy.yml").read_text(encoding="utf-8").replace("needs: stacks", "needs: stack")
    broken = tmp_path / "broken.yml"
    broken.write_text(text, encoding="utf-8")
    linter = ensure(["actionlint"])["actionlint"]
    done = subprocess.run([linter, "-no-color", broken], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert '"stack"' in done.stdout


@pytest.mark.parametrize("file", [*WORKFLOWS, *ACTIONS], ids=lambda file: str(file.relative_to(PROJECT / ".github")))
def test_every_action_is_pinned_to_a_commit_and_its_version_is_said(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for used in re.findall(r"uses: *(\S+.*)$", text, re.MULTILINE):
        assert used.startswith("./") or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def test_an_action_has_one_version_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for file in [*WORKFLOWS, *ACTIONS]:
        for _, step in steps_of(file):
            action, _, pin = str(step.get("uses", "")).partition("@")
            pins.setdefault(action, set()).add(pin)
    assert {action for action, versions in pins.items() if len(versions) > 1} == set()


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_jobs_say_their_rights_and_end_by_themselves(file: Path) -> None:
    loaded = load_workflow(file)
    assert loaded["permissions"] in ({}, {"contents": "read"})
    for name, job in jobs_of(file).items():
        granted = job.get("permissions", loaded["permissions"])
        assert granted.get("contents") == "read", f"{name} needs no more than to read the repository"
        assert set(granted) <= {"contents", "id-token", "issues", "pull-requests", "actions"}
        if "uses" not in job:
            assert job["timeout-minutes"] <= 120
        writes = {right for right, level in granted.items() if level == "write"}
        assert len(writes) <= 1, f"{name}: who has credentials writes nothing on GitHub, and the other way round"


@pytest.mark.parametrize("file", [*WORKFLOWS, *ACTIONS], ids=lambda file: str(file.relative_to(PROJECT / ".github")))
def test_no_expression_stands_in_a_script(file: Path) -> None:
    """It would be replaced before the shell reads it, quotes or not. In `env` it is a mere text."""
    for _, step in steps_of(file):
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_checkout_keeps_the_token(file: Path) -> None:
    for _, step in steps_of(file):
        if str(step.get("uses", "")).startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_what_runs_the_code_of_a_pull_request_has_no_secret_and_no_identity() -> None:
    files = [file for file in WORKFLOWS if "pull_request" in triggers(file)]
    assert {file.name for file in files} == {"ci.yml", "preview.yml"}
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert "secrets." not in text
        assert "vars." not in text
        assert "github.token" not in text
        assert "id-token" not in text
        assert all("environment" not in job for job in jobs_of(file).values())
        assert load_workflow(file)["permissions"] == {"contents": "read"}


def test_what_has_credentials_checks_out_the_main_branch() -> None:
    """With one exception: the objects of the pull request, in a folder of their own, of which nothing is run."""
    trusted = {"pull_request_target", "workflow_run", "schedule", "push", "workflow_call", "workflow_dispatch"}
    for file in WORKFLOWS:
        if "pull_request" in triggers(file):
            continue
        assert triggers(file) <= trusted
        for name, step in steps_of(file):
            given = step.get("with", {})
            if str(step.get("uses", "")).startswith("actions/checkout@") and "ref" in given:
                assert (file.name, name, given["path"]) == ("preview-online.yml", "preview", "pull-request")
                assert given["sparse-checkout"] == "stacks"
            assert "pull-request" not in str(step.get("working-directory", ""))


def test_the_code_of_the_base_is_installed_before_anything_of_the_pull_request_is_there() -> None:
    steps = [str(step.get("uses") or step.get("name")) for _, step in steps_of(named("preview-online.yml"))]
    preview = steps[steps.index("See whether the pull request is at that commit") + 1 :]
    order = [preview.index(name) for name in ("./.github/actions/install", "Take the declarations of the pull request")]
    second = [index for index, name in enumerate(preview) if name.startswith("actions/checkout@")][1]
    assert order[0] < second < order[1] < preview.index("Preview")


@pytest.mark.parametrize(
    ("event", "head", "runs"),
    [
        ("pull_request_target", {"full_name": "a/tailnet"}, True),
        ("pull_request_target", {"full_name": "stranger/tailnet"}, False),
        # Of a fork that is gone GitHub says nothing.
        ("pull_request_target", None, False),
        ("workflow_dispatch", None, True),
    ],
)
def test_a_stranger_gets_the_online_preview_only_by_hand(event: str, head: object, *, runs: bool) -> None:
    condition = jobs_of(named("preview-online.yml"))["stacks"]["if"]
    github = {"event_name": event, "repository": "a/tailnet", "event": {"pull_request": {"head": {"repo": head}}}}
    assert Scope(contexts={"github": github}).holds(condition) is runs


def test_who_starts_an_online_preview_by_hand_names_the_commit() -> None:
    inputs = load_workflow(named("preview-online.yml"))["on"]["workflow_dispatch"]["inputs"]
    assert {name: given["required"] for name, given in inputs.items()} == {"pull_request": True, "commit": True}


@pytest.mark.parametrize(
    ("event", "conclusion", "runs"),
    [
        ("pull_request", "success", True),
        ("pull_request", "failure", True),
        ("pull_request", "timed_out", True),
        ("pull_request", "cancelled", False),
        # The run of a stranger that nobody has approved yet.
        ("pull_request", "action_required", False),
        # A workflow of somebody's branch that is called Preview too.
        ("push", "success", False),
    ],
)
def test_what_is_commented(event: str, conclusion: str, *, runs: bool) -> None:
    condition = jobs_of(named("preview-comment.yml"))["comment"]["if"]
    about = {"event": {"workflow_run": {"event": event, "conclusion": conclusion}}}
    assert Scope(contexts={"github": about}).holds(condition) is runs


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_job_begins_when_the_run_was_cancelled(file: Path) -> None:
    """`always()` holds for a cancelled run too: one whose place a newer one took would still say that it failed."""
    for name, job in jobs_of(file).items():
        assert "always()" not in str(job.get("if", "")), name


def test_comments_are_made_one_after_the_other() -> None:
    """Two that look for a comment at the same time make two."""
    for name in ("preview-comment.yml", "preview-online.yml"):
        assert "concurrency" in load_workflow(named(name)), name


def test_what_applies_is_never_cancelled_and_waits_for_its_turn() -> None:
    deploy, stack = load_workflow(named("deploy.yml")), jobs_of(named("deploy-stack.yml"))
    assert deploy["concurrency"]["cancel-in-progress"] is False
    assert deploy["jobs"]["deploy"]["strategy"]["max-parallel"] == 1
    assert deploy["jobs"]["deploy"]["strategy"]["fail-fast"] is True
    assert stack["apply"]["concurrency"] == {"group": "stack-${{ inputs.stack }}", "cancel-in-progress": False}
    assert stack["apply"]["environment"] == "${{ inputs.stack }}"
    assert stack["plan"]["environment"] == "${{ inputs.stack }}-read"


def test_only_what_applies_has_credentials_that_write() -> None:
    writing = [
        (file.name, name)
        for file in WORKFLOWS
        for name, job in jobs_of(file).items()
        if "environment" in job and not str(job["environment"]).endswith("-read")
    ]
    assert writing == [("deploy-stack.yml", "apply")]


def test_no_key_is_kept_for_tailscale() -> None:
    for file in WORKFLOWS:
        text = file.read_text(encoding="utf-8")
        assert re.findall(r"TAILSCALE_\w*(?:KEY|SECRET)", text) == []


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_scripts_can_be_run_and_stop_at_a_mistake(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text
    assert file.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", file], check=True)  # noqa: S607 -- the one on PATH is meant


def gitlab() -> dict[str, dict[str, Any]]:
    """The jobs of the example for GitLab, with what each is extended by."""
    guide = (PROJECT / "docs" / "ci.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(# \.gitlab-ci\.yml\n.*?)```", guide, re.DOTALL)
    pipeline = cast("dict[str, dict[str, Any]]", yaml.safe_load(text))
    jobs = {name: job for name, job in pipeline.items() if name not in ("stages", "default", "variables")}
    extended = {
        name: {**jobs.get(str(job.get("extends", "")), {}), **job} for name, job in jobs.items() if name[0] != "."
    }
    assert {job["stage"] for job in extended.values()} == set(pipeline["stages"])
    return extended


def test_the_example_for_gitlab_keeps_the_same_rules() -> None:
    jobs = gitlab()
    assert list(jobs) == ["preview:offline", "preview:online", "preview:comment", "plan", "apply", "drift"]
    for name, job in jobs.items():
        assert job["script"], name
        assert job["rules"], name
    apply = jobs["apply"]
    assert apply["resource_group"] == "$STACK"
    assert apply["interruptible"] is False
    assert apply["rules"][0]["when"] == "manual"
    assert any("--plan-digest" in line for line in apply["script"])
    offline = jobs["preview:offline"]
    assert offline["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
    assert "environment" not in offline
    for name in set(jobs) - {"preview:offline"}:
        assert "merge_request_event" not in str(jobs[name]["rules"]), name
    # Who has credentials writes no notes, and the other way round.
    with_identity = {name for name, job in jobs.items() if "id_tokens" in job}
    assert with_identity == {"preview:online", "plan", "apply", "drift"}
    assert all(jobs[name]["id_tokens"]["TAILSCALE_IDENTITY_TOKEN"]["aud"] for name in with_identity)
    comments = {name for name, job in jobs.items() if any("comment" in line for line in job["script"])}
    assert comments == {"preview:comment"}
    assert jobs["preview:comment"]["rules"][0]["when"] == "always", "a failure takes the place of an older note"
    assert jobs["preview:comment"]["environment"]["name"] == "comments"


def test_the_online_preview_for_gitlab_takes_the_commit_that_was_looked_at(tmp_path: Path) -> None:
    origin, clone, programs = tmp_path / "origin", tmp_path / "clone", tmp_path / "bin"
    for path, text in {
        "stacks/prod/tailnet.yaml": "ours\n",
        ".github/scripts/preview-online.sh": "#!/bin/sh\ncat stacks/prod/tailnet.yaml; ls\n",
    }.items():
        (origin / path).parent.mkdir(parents=True)
        (origin / path).write_text(text, encoding="utf-8")
        (origin / path).chmod(0o755)
    git(origin, "init", "--quiet")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message=x")
    git(tmp_path, "clone", "--quiet", str(origin), str(clone))
    git(origin, "checkout", "--quiet", "-b", "theirs")
    (origin / "stacks/prod/tailnet.yaml").write_text("theirs\n", encoding="utf-8")
    git(origin, "commit", "--quiet", "--all", "--message=x")
    commit = git(origin, "rev-parse", "HEAD")
    git(origin, "update-ref", "refs/merge-requests/7/head", commit)
    programs.mkdir()
    (programs / "python").write_text(
        f'#!/bin/sh\nPYTHONPATH={PROJECT} exec {sys.executable} -P "$@"\n', encoding="utf-8"
    )
    (programs / "python").chmod(0o755)
    script = "\n".join(gitlab()["preview:online"]["script"])
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "MERGE_REQUEST": "7", "HOME": str(tmp_path)}
    # A runner uses a clone more than once, and cleans its work tree alone.
    for looked_at, expected in ((commit, 0), (commit, 0), ("0" * 40, 1)):
        done = subprocess.run(
            [BASH, "-eo", "pipefail", "-c", script],
            cwd=clone,
            env={**environment, "COMMIT": looked_at},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, done.stderr
        if expected == 0:
            assert done.stdout.splitlines()[-2:] == ["theirs", "stacks"]
        git(clone, "reset", "--quiet", "--hard")
        git(clone, "clean", "--quiet", "-ffdx")
