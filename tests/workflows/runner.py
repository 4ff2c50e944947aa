"""Runs a workflow step by step, as a runner of GitHub would: each `run` in a shell, each `uses` by a stand-in that is known here.

A job has what its `permissions`, its `environment` and its `env` give it, and nothing else: the token of the API is good for those
permissions, identity tokens speak of that environment, and secrets are those of that environment.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeAlias, cast

import yaml

from tests.workflows.expressions import Scope
from tests.workflows.github_api import REPOSITORY, GitHub

Data: TypeAlias = Mapping[str, Any]

BASH = shutil.which("bash") or "bash"
GIT = shutil.which("git") or "git"
EVERYTHING = "read-all"


def git(folder: Path, *arguments: str) -> str:
    """What git says in `folder`. Raises CalledProcessError."""
    settings = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run([GIT, *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def load_workflow(file: Path) -> dict[str, Any]:
    """A workflow as data. YAML 1.1 reads its key `on` as true; here it is a text again."""
    loaded = cast("dict[Any, Any]", yaml.safe_load(file.read_text(encoding="utf-8")))
    return {("on" if key is True else str(key)): value for key, value in loaded.items()}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How one step ended. `skipped` ones have no code."""

    job: str
    name: str
    code: int | None
    said: str = field(repr=False, default="")


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """How one job ended: success, failure or skipped."""

    result: str
    outputs: Mapping[str, str]
    steps: Sequence[Ran]
    summary: str = field(repr=False, default="")

    def explain(self) -> str:
        return "\n".join(f"== {step.job} / {step.name}: {step.code}\n{step.said}" for step in self.steps)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An environment of the repository's settings."""

    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True, kw_only=True)
class Runner:
    """One run of a workflow. `origin` is the repository, `machine` what every process has in its environment, `settings` are
    variables and secrets of the repository (the empty name) and of its environments, and `install` stands in for the action that
    installs."""

    origin: Path
    folder: Path
    github: GitHub
    machine: Mapping[str, str]
    settings: Mapping[str, Environment]
    install: Callable[[Path], str]
    artifacts: Path
    forged: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """By job: outputs that the jobs after it see in place of its own."""

    def run(
        self, workflow: str, *, event: str, payload: Data, sha: str, inputs: Data | None = None
    ) -> dict[str, JobResult]:
        """Run the workflow as it is at the commit `sha`, for an event. By job; a matrix has one result for each of its rows,
        `job (row)`, and one of all, `job`."""
        source = self.folder / f"workflow-{len(list(self.folder.glob('workflow-*')))}"
        git(self.origin, "worktree", "prune")
        git(self.folder, "clone", "--quiet", str(self.origin), str(source))
        git(source, "fetch", "--quiet", "origin", "+refs/pull/*:refs/remotes/origin/pull/*")
        git(source, "checkout", "--quiet", sha)
        shutil.rmtree(source / ".git")
        return _Run(runner=self, event=event, payload=payload, sha=sha, source=source).workflow(
            workflow, inputs or {}, prefix="", granted=None
        )


@dataclass(frozen=True, kw_only=True)
class _Run:
    """`source` are the files of the commit that the workflow was started at: where workflows and their actions come from."""

    runner: Runner
    event: str
    payload: Data
    sha: str
    source: Path

    def workflow(self, name: str, inputs: Data, *, prefix: str, granted: Data | None) -> dict[str, JobResult]:
        loaded = load_workflow(self.source / ".github" / "workflows" / name)
        jobs = cast("dict[str, dict[str, Any]]", loaded["jobs"])
        results: dict[str, JobResult] = {}
        while len([job for job in jobs if job in results]) < len(jobs):
            ready = [job for job in jobs if job not in results and set(_needs(jobs[job])) <= results.keys()]
            assert ready, "jobs wait for each other"
            for job in ready:
                contexts = self._contexts(loaded, results, jobs[job], inputs)
                results |= self._job(job, jobs[job], loaded=loaded, contexts=contexts, prefix=prefix, granted=granted)
        return results

    def _contexts(self, loaded: Data, results: Mapping[str, JobResult], job: Data, inputs: Data) -> dict[str, Any]:
        common = self.runner.settings.get("", Environment())
        return {
            "github": {
                "event": self.payload,
                "event_name": self.event,
                "repository": REPOSITORY,
                "sha": self.sha,
                "ref": "refs/heads/main",
                "run_id": "77",
                "server_url": "https://github.com",
                "workspace": "",
                "workflow": loaded.get("name", ""),
                "actor": "ana",
            },
            "needs": {
                name: {
                    "result": results[name].result,
                    "outputs": {**results[name].outputs, **self.runner.forged.get(name, {})},
                }
                for name in _needs(job)
            },
            "inputs": inputs,
            "vars": dict(common.variables),
            "secrets": dict(common.secrets),
            "matrix": {},
            "strategy": {},
            "env": {},
            "steps": {},
            "runner": {"os": "Linux", "temp": ""},
        }

    def _job(
        self,
        name: str,
        job: Data,
        *,
        loaded: Data,
        contexts: dict[str, Any],
        prefix: str,
        granted: Data | None,
    ) -> dict[str, JobResult]:
        before = {need["result"] for need in contexts["needs"].values()}
        status = "failure" if "failure" in before else "skipped" if "skipped" in before else "success"
        if not Scope(contexts=contexts, status=status).holds(job.get("if")):
            return {name: JobResult(result="skipped", outputs={}, steps=())}
        strategy = cast("Data", job.get("strategy", {}))
        matrix = cast("Data", Scope(contexts=contexts).value(strategy["matrix"]) if "matrix" in strategy else {})
        axes = {key: cast("list[Any]", Scope(contexts=contexts).value(value)) for key, value in matrix.items()}
        rows = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        found: dict[str, JobResult] = {}
        for row in rows:
            label = f"{name} ({', '.join(map(str, row.values()))})" if row else name
            ended = self._row(prefix + label, job, loaded, {**contexts, "matrix": row}, granted)
            found[label] = ended
            if ended.result == "failure" and strategy.get("fail-fast", True) and strategy.get("max-parallel") == 1:
                break
        if axes:
            worst = "failure" if any(one.result == "failure" for one in found.values()) else "success"
            steps = [step for one in found.values() for step in one.steps]
            found[name] = JobResult(result=worst, outputs={}, steps=steps)
        return found

    def _row(self, label: str, job: Data, loaded: Data, contexts: dict[str, Any], granted: Data | None) -> JobResult:
        permissions = job.get("permissions", loaded.get("permissions", EVERYTHING))
        assert permissions != EVERYTHING, f"{label} has whatever the repository's settings give"
        if granted is not None:
            order = ["none", "read", "write"]
            for key, level in permissions.items():
                allowed = granted.get(key, "none")
                assert order.index(level) <= order.index(allowed), f"{label} asks for more than its caller has"
        if "uses" in job:
            scope = Scope(contexts=contexts)
            given = {key: scope.value(value) for key, value in job.get("with", {}).items()}
            assert job.get("secrets") == "inherit"
            called = str(job["uses"]).removeprefix("./.github/workflows/")
            ended = self.workflow(called, given, prefix=f"{label} / ", granted=permissions)
            worst = "failure" if any(one.result == "failure" for one in ended.values()) else "success"
            return JobResult(
                result=worst,
                outputs={},
                steps=[step for one in ended.values() for step in one.steps],
                summary="".join(one.summary for one in ended.values()),
            )
        return _Job(run=self, label=label, job=job, loaded=loaded, contexts=contexts, permissions=permissions).go()


def _needs(job: Data) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)


@dataclass(kw_only=True)
class _Job:
    run: _Run
    label: str
    job: Data
    loaded: Data
    contexts: dict[str, Any]
    permissions: Data
    steps: list[Ran] = field(default_factory=list[Ran])
    environment: dict[str, str] = field(default_factory=dict[str, str])
    path: list[str] = field(default_factory=list[str])

    def go(self) -> JobResult:
        runner = self.run.runner
        number = len(list(runner.folder.glob("job-*")))
        place = runner.folder / f"job-{number}"
        workspace, temp, home = place / "workspace", place / "temp", place / "home"
        for folder in (workspace, temp, home):
            folder.mkdir(parents=True)
        self.place, self.workspace, self.temp = place, workspace, temp
        (place / "event.json").write_text(json.dumps(self.run.payload), encoding="utf-8")
        token = runner.github.token(self.permissions)
        name = self._environment_name()
        for part in ("", name):
            settings = runner.settings.get(part, Environment())
            self.contexts["vars"] = {**self.contexts["vars"], **settings.variables}
            self.contexts["secrets"] = {**self.contexts["secrets"], **settings.secrets}
        self.contexts["secrets"]["GITHUB_TOKEN"] = token
        self.contexts["github"] = {**self.contexts["github"], "token": token, "workspace": str(workspace)}
        self.contexts["runner"] = {"os": "Linux", "temp": str(temp)}
        self.environment = {
            **runner.machine,
            "HOME": str(home),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": runner.github.url,
            "GITHUB_GRAPHQL_URL": f"{runner.github.url}/graphql",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_EVENT_NAME": self.run.event,
            "GITHUB_EVENT_PATH": str(place / "event.json"),
            "GITHUB_RUN_ID": "77",
            "GITHUB_SHA": self.run.sha,
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": str(temp),
        }
        if self.permissions.get("id-token") == "write":
            subject = f"repo:{REPOSITORY}:environment:{name}" if name else f"repo:{REPOSITORY}:ref:refs/heads/main"
            self.environment |= runner.github.identity_environment(subject)
        status = "success"
        for index, step in enumerate(cast("list[Data]", self.job["steps"])):
            scope = Scope(contexts={**self.contexts, "env": self._env(step, status)}, status=status)
            label = str(step.get("name") or step.get("uses") or f"step {index}")
            if not scope.holds(step.get("if")):
                self.steps.append(Ran(job=self.label, name=label, code=None))
                continue
            ran, outputs = self._step(label, step, scope)
            self.steps.append(ran)
            good = ran.code == 0 or bool(step.get("continue-on-error"))
            outcome = "success" if ran.code == 0 else "failure"
            if "id" in step:
                self.contexts["steps"] = {
                    **self.contexts["steps"],
                    step["id"]: {
                        "outputs": outputs,
                        "outcome": outcome,
                        "conclusion": "success" if good else "failure",
                    },
                }
            status = status if good else "failure"
        scope = Scope(contexts=self.contexts, status=status)
        outputs = {key: scope.text(value) for key, value in self.job.get("outputs", {}).items()}
        summary = "".join(file.read_text(encoding="utf-8") for file in sorted(place.glob("summary-*")))
        return JobResult(result=status, outputs=outputs, steps=tuple(self.steps), summary=summary)

    def _environment_name(self) -> str:
        return Scope(contexts=self.contexts).text(self.job.get("environment", ""))

    def _env(self, step: Data, status: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for declared in (self.loaded.get("env", {}), self.job.get("env", {}), step.get("env", {})):
            scope = Scope(contexts={**self.contexts, "env": found}, status=status)
            found |= {key: scope.text(value) for key, value in declared.items()}
        return found

    def _step(self, label: str, step: Data, scope: Scope) -> tuple[Ran, dict[str, str]]:
        if "uses" in step:
            given = {key: scope.text(value) for key, value in step.get("with", {}).items()}
            action, _, _ = str(step["uses"]).partition("@")
            return Ran(job=self.label, name=label, code=_ACTIONS[action](self, given)), {}
        index = len(self.steps)
        files = {
            name: self.place / f"{kind}-{index:02d}"
            for name, kind in (
                ("GITHUB_OUTPUT", "output"),
                ("GITHUB_ENV", "env"),
                ("GITHUB_PATH", "path"),
                ("GITHUB_STEP_SUMMARY", "summary"),
            )
        }
        for file in files.values():
            file.touch()
        environment = {
            **self.environment,
            **self._env(step, scope.status),
            **{name: str(file) for name, file in files.items()},
            "PATH": os.pathsep.join([*self.path, self.environment["PATH"]]),
        }
        # https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
        shell = [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", scope.text(step["run"])]
        folder = self.workspace / scope.text(step.get("working-directory", "."))
        done = subprocess.run(
            shell,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.environment |= _pairs(files["GITHUB_ENV"].read_text(encoding="utf-8"))
        self.path = [*files["GITHUB_PATH"].read_text(encoding="utf-8").split("\n")[:-1], *self.path]
        outputs = _pairs(files["GITHUB_OUTPUT"].read_text(encoding="utf-8"))
        return Ran(job=self.label, name=label, code=done.returncode, said=done.stdout), outputs

    def checkout(self, given: Mapping[str, str]) -> int:
        """actions/checkout: a clone at a commit."""
        assert given.get("persist-credentials") == "false", f"{self.label} keeps the token in the checkout"
        target = self.workspace / given.get("path", ".")
        target.mkdir(parents=True, exist_ok=True)
        git(target, "init", "--quiet")
        git(target, "fetch", "--quiet", str(self.run.runner.origin), "+refs/*:refs/remotes/origin/*")
        git(target, "checkout", "--quiet", given.get("ref") or self.run.sha)
        return 0

    def install(self, given: Mapping[str, str]) -> int:
        """Our own action, which downloads what a test may not."""
        assert set(given) <= {"engine"}
        assert (self.workspace / ".github/actions/install/action.yml").is_file(), "checkout comes first"
        self.path = [self.run.runner.install(self.workspace), *self.path]
        return 0

    def upload(self, given: Mapping[str, str]) -> int:
        """actions/upload-artifact."""
        target = self.run.runner.artifacts / given["name"]
        assert not target.exists(), f"the artifact {given['name']} is there already"
        source = Path(given["path"]) if Path(given["path"]).is_absolute() else self.workspace / given["path"]
        if not source.exists():
            return 1 if given.get("if-no-files-found") == "error" else 0
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            target.mkdir(parents=True)
            shutil.copy(source, target / source.name)
        return 0

    def download(self, given: Mapping[str, str]) -> int:
        """actions/download-artifact: one by its name, or several by a pattern."""
        base = Path(given["path"]) if Path(given["path"]).is_absolute() else self.workspace / given["path"]
        artifacts = self.run.runner.artifacts
        if "name" in given:
            if not (artifacts / given["name"]).is_dir():
                return 1
            shutil.copytree(artifacts / given["name"], base, dirs_exist_ok=True)
            return 0
        for artifact in sorted(artifacts.iterdir()):
            if fnmatch(artifact.name, given["pattern"]):
                target = base if given.get("merge-multiple") == "true" else base / artifact.name
                shutil.copytree(artifact, target, dirs_exist_ok=True)
        return 0

    def nothing(self, _: Mapping[str, str]) -> int:
        """An action that only makes things faster, or whose work the machine has done already."""
        return 0


_ACTIONS: Mapping[str, Callable[[_Job, Mapping[str, str]], int]] = {
    "actions/checkout": _Job.checkout,
    "actions/upload-artifact": _Job.upload,
    "actions/download-artifact": _Job.download,
    "actions/cache": _Job.nothing,
    "actions/setup-python": _Job.nothing,
    "./.github/actions/install": _Job.install,
}


def _pairs(text: str) -> dict[str, str]:
    """`name=value` lines and the form for several lines, `name<<END … END`."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, several, end = line.partition("<<")
        if several and "=" not in name:
            found[name] = "\n".join(itertools.takewhile(lambda inner, stop=end: inner != stop, lines))
        else:
            name, _, value = line.partition("=")
            found[name] = value
    return found
