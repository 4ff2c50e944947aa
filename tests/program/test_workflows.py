"""The workflows of .github, run step by step: a repository with pull requests, a stand-in of GitHub's API, and the sandbox.

The environments of the repository have no key: their federated identities are Tailscale's, and the jobs show who they are.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.sandbox.lifecycle import running_sandbox
from tailstack.sandbox.workload import deploy
from tests.program.conftest import PROJECT, STACK, Bench
from tests.workflows.github_api import ISSUER, REPOSITORY, GitHub, github_serving
from tests.workflows.runner import Environment, JobResult, Runner, git

TAILNET = "stacks/sandbox/tailnet.yaml"
PORT = "ports: [tcp:9090]"
WITHHELD = ("KUBECONFIG", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "TAILSCALE_API_KEY")
"""What a job has only where its workflow gives it."""
POISON = "import pathlib\npathlib.Path({mark!r}).touch()\n"


@dataclass(frozen=True, kw_only=True)
class World:
    """The repository on GitHub, and what its runners work with."""

    bench: Bench
    origin: Path
    folder: Path
    github: GitHub
    runner: Runner

    @property
    def main(self) -> str:
        return git(self.origin, "rev-parse", "main")

    def change(self, branch: str, before: str, after: str, file: str = TAILNET) -> str:
        """A commit on a branch that is made of main, or goes on; the text must be there."""
        known = git(self.origin, "branch", "--list", branch)
        git(self.origin, "checkout", "--quiet", *([branch] if known else ["-b", branch, "main"]))
        path = self.origin / file
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")
        return self.commit()

    def commit(self) -> str:
        """Commit what is in the work tree, and go back to main."""
        git(self.origin, "add", "--all", "--force")
        git(self.origin, "commit", "--quiet", "--message=x")
        head = git(self.origin, "rev-parse", "HEAD")
        git(self.origin, "checkout", "--quiet", "main")
        return head

    def opened(self, number: int, head: str, *, fork: bool) -> dict[str, Any]:
        """The event of a pull request whose last commit is `head`."""
        self.github.pull(number, head=head, fork=fork)
        pull = self.github.pulls[number]
        return {"pull_request": {**pull, "base": {**pull["base"], "sha": self.main}}}

    def run(
        self, workflow: str, event: str, payload: Mapping[str, Any], *, sha: str = "", **inputs: str
    ) -> dict[str, JobResult]:
        """A run with artifacts of its own."""
        artifacts = self.folder / f"artifacts-{len(list(self.folder.glob('artifacts-*')))}"
        artifacts.mkdir()
        runner = replace(self.runner, artifacts=artifacts)
        return runner.run(workflow, event=event, payload=payload, sha=sha or self.main, inputs=inputs)

    def commented(self, head: str) -> dict[str, JobResult]:
        """The run that follows one of preview.yml, with its artifacts."""
        last = max(self.folder.glob("artifacts-*"), key=lambda path: int(path.name.rpartition("-")[2]))
        runner = replace(self.runner, artifacts=last)
        about = {"id": 76, "event": "pull_request", "conclusion": "success", "head_sha": head}
        return runner.run("preview-comment.yml", event="workflow_run", payload={"workflow_run": about}, sha=self.main)

    def bodies(self, number: int) -> list[str]:
        return [comment["body"] for comment in self.github.comments.get(number, [])]


def identity(bench: Bench, environment: str, *scopes: str) -> dict[str, str]:
    """A federated identity of Tailscale for jobs of one environment of the repository, as its variables."""
    body = {
        "keyType": "federated",
        "scopes": list(scopes),
        "tags": [],
        "issuer": ISSUER,
        "subject": f"repo:{REPOSITORY}:environment:{environment}",
        "description": environment,
    }
    made = bench.api.api.send("POST", "keys", body=body)
    return {"TAILSCALE_OAUTH_CLIENT_ID": made["id"], "TAILSCALE_AUDIENCE": made["audience"]}


def read_scopes() -> list[str]:
    """What docs/ci.md asks people to give to what may only read."""
    guide = (PROJECT / "docs" / "ci.md").read_text(encoding="utf-8")
    (row,) = [line for line in guide.splitlines() if line.startswith("| `production-read` | `policy_file:read`")]
    return re.findall(r"`([a-z_:]+:read)`", row)


def copied(origin: Path) -> None:
    """The repository as somebody has it who made theirs of ours."""
    origin.mkdir()
    for name in ("Pulumi.yaml", "__main__.py", "requirements.txt"):
        shutil.copy(PROJECT / name, origin / name)
    for name in ("components", "tailstack", "policies", "stacks", "requirements", ".github"):
        shutil.copytree(PROJECT / name, origin / name, ignore=shutil.ignore_patterns("__pycache__", "production"))
    (origin / ".gitignore").write_text(".venv/\n__pycache__/\npreviews/\n", encoding="utf-8")
    git(origin, "init", "--quiet")
    git(origin, "add", "--all", "--force")
    git(origin, "commit", "--quiet", "--message=x")
    # Each job fetches it: without a pack they would all compress it anew.
    git(origin, "gc", "--quiet")


def compiled(origin: Path, folder: Path) -> None:
    """The bytecode of the repository's code, which each checkout would otherwise make anew. It is bound to the text of the sources:
    code that a pull request changed is not taken from it."""
    code = [str(origin / name) for name in ("components", "tailstack")]
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", *code]
    subprocess.run(command, check=True)
    for found in origin.rglob("__pycache__"):
        found.rename(_made(folder / found.relative_to(origin)))


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def installed(bytecode: Path, workspace: Path) -> str:
    """In place of the action that installs: the checkout's own tailstack, on what is installed here already."""
    shutil.copytree(bytecode, workspace, dirs_exist_ok=True)
    (workspace / ".venv").symlink_to(sys.prefix)
    programs = workspace.parent / "bin"
    programs.mkdir(exist_ok=True)
    for name, arguments in (("tailstack", "-m tailstack "), ("python", "")):
        file = programs / name
        file.write_text(
            f'#!/bin/sh\nPYTHONPATH={workspace} exec {sys.prefix}/bin/python -P {arguments}"$@"\n', encoding="utf-8"
        )
        file.chmod(0o755)
    return str(programs)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """A repository, and a stack that is there and empty."""
    folder = tmp_path_factory.mktemp("workflows")
    with running_sandbox(folder / "sandbox") as sandbox, github_serving() as github:
        deploy(sandbox.kubeconfig, tuple(sandbox.clusters))
        origin = folder / "origin"
        copied(origin)
        compiled(origin, folder / "bytecode")
        bench = Bench(sandbox=sandbox, project=origin)
        environment = sandbox.environment()
        secrets = {"KUBECONFIG": sandbox.kubeconfig.read_text(encoding="utf-8"), "PULUMI_CONFIG_PASSPHRASE": ""}
        common = {
            "TAILSTACK_STACKS": STACK,
            "PULUMI_BACKEND_URL": environment["PULUMI_BACKEND_URL"],
            "TAILSTACK_PACK_OPTIONS": "--no-policy-pack",
            # No operator answers in the sandbox, so that nothing would ever be live.
            "TAILSTACK_UP_OPTIONS": "--no-verify",
        }
        runner = Runner(
            origin=origin,
            folder=folder,
            github=github,
            machine={name: value for name, value in environment.items() if name not in WITHHELD},
            settings={
                "": Environment(variables=common),
                STACK: Environment(variables=identity(bench, STACK, "all"), secrets=secrets),
                f"{STACK}-read": Environment(
                    variables=identity(bench, f"{STACK}-read", *read_scopes()), secrets=secrets
                ),
            },
            install=partial(installed, folder / "bytecode"),
            artifacts=folder / "artifacts",
        )
        made = World(bench=bench, origin=origin, folder=folder, github=github, runner=runner)
        done = bench.pulumi().plain("stack", "init", STACK)
        assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture(scope="module")
def deployed(world: World) -> World:
    """The same after deploy.yml ran for the first push to main."""
    ended = world.run("deploy.yml", "push", {})
    assert ended["deploy"].result == "success", ended["deploy"].explain()
    return world


def test_a_push_is_deployed_without_any_key(deployed: World) -> None:
    assert deployed.bench.live("blue", "v1", "Service", "default/nginx-service")["metadata"]["annotations"]
    assert "tag:k8s" in deployed.bench.api.get_policy().text
    asked = {call.query["audience"] for call in deployed.github.calls if call.path == "/identity"}
    audiences = {settings.variables.get("TAILSCALE_AUDIENCE") for settings in deployed.runner.settings.values()}
    assert asked == audiences - {None}
    assert deployed.github.writes() == []


def test_another_plan_than_the_reviewed_one_is_not_applied(deployed: World) -> None:
    deployed.change("reviewed", PORT, "ports: [tcp:9091]")
    before = deployed.bench.api.get_policy()
    # As where something else was applied between the review and the apply.
    runner = replace(deployed.runner, forged={"plan": {"digest": f"sha256:{'0' * 64}"}})
    world = replace(deployed, runner=runner)
    ended = world.run(
        "deploy-stack.yml", "push", {}, sha=git(deployed.origin, "rev-parse", "reviewed"), stack=STACK, allow=""
    )
    assert ended["plan"].result == "success", ended["plan"].explain()
    assert "Look" in ended["plan"].summary or "Safe" in ended["plan"].summary
    apply = ended["apply"]
    assert apply.result == "failure"
    (step,) = [step for step in apply.steps if step.code not in (0, None)]
    assert (step.name, step.code) == ("Apply what was reviewed", ExitCode.REFUSED), step.said
    assert "another plan" in step.said
    assert deployed.bench.api.get_policy() == before


def test_a_stranger_gets_a_preview_without_secrets_and_a_failure_takes_its_place(deployed: World) -> None:
    number = 7
    head = deployed.change("stranger", PORT, "ports: [tcp:9091]")
    event = deployed.opened(number, head, fork=True)
    ended = deployed.run("preview.yml", "pull_request", event, sha=head)
    assert ended["offline"].result == "success", ended["offline"].explain()
    assert "tcp:9091" in ended["offline"].summary
    for page in range(120):
        deployed.github.comment(number, f"comment {page}", login="ana")
    commented = deployed.commented(head)
    assert commented["comment"].result == "success", commented["comment"].explain()
    (first,) = [body for body in deployed.bodies(number) if "<!--" in body]
    assert "tcp:9091" in first

    worse = deployed.change("stranger", "ports: [tcp:9091]", "portz: [tcp:9091]")
    again = deployed.run("preview.yml", "pull_request", deployed.opened(number, worse, fork=True), sha=worse)
    assert again["offline"].result == "failure", "the check is red"
    commented = deployed.commented(worse)
    assert commented["comment"].result == "success", commented["comment"].explain()
    (second,) = [body for body in deployed.bodies(number) if "<!--" in body]
    assert "Not safe" in second
    assert "portz" in second
    assert len(deployed.bodies(number)) == 121, "one comment, and it was replaced"

    elsewhere = deployed.commented(head)
    assert elsewhere["comment"].result == "failure", "the run was for a commit that is not the last one"
    online = deployed.run("preview-online.yml", "pull_request_target", deployed.opened(number, worse, fork=True))
    assert online["stacks"].result == "skipped"
    assert online["roll-up"].result == "skipped"


def poisoned(world: World, branch: str, mark: Path) -> str:
    """A pull request with code of its own everywhere where code of a checkout could be run, and a changed declaration."""
    git(world.origin, "checkout", "--quiet", "-b", branch, "main")
    text = POISON.format(mark=str(mark))
    for name in (
        "__main__.py",
        "tailstack/__init__.py",
        "tailstack/ci/__init__.py",
        "components/__init__.py",
        "policies/__main__.py",
    ):
        path = world.origin / name
        path.write_text(text + path.read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("sitecustomize.py", "usercustomize.py", "conftest.py", "yaml.py"):
        (world.origin / name).write_text(text, encoding="utf-8")
    for script in (world.origin / ".github/scripts").iterdir():
        script.write_text(f"#!/bin/sh\ntouch {mark}\n", encoding="utf-8")
    workflow = world.origin / ".github/workflows/preview-online.yml"
    workflow.write_text(workflow.read_text(encoding="utf-8").replace("run: ", f"run: touch {mark}; "), encoding="utf-8")
    (world.origin / "Pulumi.yaml").write_text(
        f"name: tailstack\nruntime:\n  name: python\n  options: {{virtualenv: {mark.parent}/gone}}\n", encoding="utf-8"
    )
    config = world.origin / "stacks/Pulumi.sandbox.yaml"
    config.write_text(
        config.read_text(encoding="utf-8") + '  tailscale:baseUrl: "http://127.0.0.1:9"\n', encoding="utf-8"
    )
    declared = world.origin / TAILNET
    declared.write_text(declared.read_text(encoding="utf-8").replace(PORT, "ports: [tcp:9099]"), encoding="utf-8")
    return world.commit()


def test_the_preview_with_credentials_never_runs_the_code_of_a_pull_request(deployed: World) -> None:
    number, mark = 8, deployed.folder / "the poison ran".replace(" ", "-")
    head = poisoned(deployed, "poisoned", mark)
    event = deployed.opened(number, head, fork=False)
    ended = deployed.run("preview-online.yml", "pull_request_target", event)
    assert ended["preview"].result == "success", ended["preview"].explain()
    assert ended["roll-up"].result == "success", ended["roll-up"].explain()
    assert not mark.exists()
    (body,) = deployed.bodies(number)
    assert "tcp:9099" in body, "its declarations are what the preview is about"
    said = ended["preview"].explain()
    assert "Not part of this preview" in said
    assert "stacks/Pulumi.sandbox.yaml" in said
    assert "__main__.py" in said

    # The poison is real: where its own code may run, it does, and there is nothing to take.
    without = deployed.run("preview.yml", "pull_request", event, sha=head)
    assert without["offline"].result == "success", without["offline"].explain()
    assert mark.exists()
    mark.unlink()


def test_a_link_in_a_pull_request_stops_the_preview_and_the_comment_says_that_it_failed(deployed: World) -> None:
    git(deployed.origin, "checkout", "--quiet", "-b", "linked", "main")
    (deployed.origin / "stacks/sandbox/more.yaml").symlink_to("/etc/hostname")
    head = deployed.commit()
    event = {"inputs": {"pull_request": "9"}}
    deployed.opened(9, head, fork=True)
    ended = deployed.run("preview-online.yml", "workflow_dispatch", event, pull_request="9", commit=head)
    (step,) = [step for step in ended["preview"].steps if step.code not in (0, None)]
    assert (step.name, step.code) == ("Take the declarations of the pull request", ExitCode.REFUSED)
    assert "stacks/sandbox/more.yaml" in step.said
    assert ended["roll-up"].result == "success", ended["roll-up"].explain()
    (body,) = deployed.bodies(9)
    assert "Not safe" in body
    assert STACK in body


def test_drift_opens_one_issue_and_closes_it(deployed: World) -> None:
    def look() -> None:
        ended = deployed.run("drift.yml", "schedule", {})
        assert ended["look"].result == "success", ended["look"].explain()
        assert ended["issues"].result == "success", ended["issues"].explain()

    before = deployed.bench.api.get_policy().text
    grant = '{"src": ["autogroup:member"], "dst": ["tag:k8s-operator"], "ip": ["*"]},'
    deployed.bench.api.set_policy(before.replace('"grants": [', f'"grants": [{grant}', 1))
    try:
        look()
    finally:
        deployed.bench.api.set_policy(before)
    (issue,) = deployed.github.open_issues()
    assert issue["title"] == f"Drift in {STACK}"
    assert "autogroup:member" in issue["body"]
    look()
    assert deployed.github.open_issues() == []
    assert json.dumps(deployed.github.comments[issue["number"]]).count("no drift any more") == 1
