"""A Pulumi project in a temporary folder, run by the real engine with the stand-in plugins."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

STACK = "dev"
SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Project:
    folder: Path
    engine: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def given(self, **variables: str) -> Project:
        """The same project with more variables in its environment."""
        return replace(self, environment={**self.environment, **variables})

    def program(self, text: str) -> None:
        (self.folder / "__main__.py").write_text(dedent(text), "utf-8")

    def run(self, *arguments: str, code: int = 0) -> str:
        """What `pulumi` prints, both streams; fails the test where it ends with another exit code."""
        done = subprocess.run(
            [self.engine, *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    def up(self, *arguments: str, code: int = 0) -> str:
        return self.run("up", "--yes", "--skip-preview", *arguments, code=code)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`pulumi` in the background, in a process group of its own as in a terminal."""
        return subprocess.Popen(
            [self.engine, *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def state_text(self) -> str:
        """Every file that the engine keeps about the stack."""
        files = sorted((self.folder / "state").rglob("*"))
        return "\n".join(file.read_text("utf-8") for file in files if file.is_file())

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources of the state by logical name."""
        (file,) = (self.folder / "state" / ".pulumi" / "stacks").rglob(f"{STACK}.json")
        latest = json.loads(file.read_text("utf-8"))["checkpoint"]["latest"]
        resources: list[dict[str, Any]] = latest.get("resources", []) if latest else []
        return {each["urn"].rsplit("::", 1)[1]: each for each in resources}


def project(folder: Path, *, engine: Path, home: Path, variables: Mapping[str, str]) -> Project:
    """A project named `probe` in `folder`, whose state is kept beside its program."""
    return Project(
        folder=folder,
        engine=engine,
        environment={
            "HOME": str(folder),
            "NO_COLOR": "1",
            "PATH": os.environ["PATH"],
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(home),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_STACK": STACK,
            **variables,
        },
    )


def initialize(new: Project) -> None:
    """Write an empty program, and make its stack."""
    (new.folder / "state").mkdir(parents=True)
    use_virtualenv(new.folder, Path(sys.prefix))
    new.program("")
    new.run("stack", "init", STACK, "--no-select")


def use_virtualenv(folder: Path, virtualenv: Path) -> None:
    """Write the project's own file: its program runs with the Python of `virtualenv`."""
    runtime = {"name": "python", "options": {"virtualenv": str(virtualenv)}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "probe", "runtime": runtime}), "utf-8")


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int


def _running() -> list[Process]:
    """Every process that runs; a dead one that nobody has waited for does not."""
    ps = shutil.which("ps")
    assert ps is not None
    listed = subprocess.run([ps, "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [Process(int(pid), int(parent)) for pid, parent, state in rows if not state.startswith("Z")]


def below(pid: int) -> list[Process]:
    """The running processes that `pid` has started, and what those have."""
    running = _running()
    found = [each for each in running if each.parent == pid]
    for each in found:  # grows while it is walked
        found.extend(child for child in running if child.parent == each.pid)
    return found


def alive(pids: list[int]) -> list[int]:
    """Which of these processes still run."""
    return [each.pid for each in _running() if each.pid in pids]


def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Wait for `condition`, and fail the test where it does not come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def interrupt(process: subprocess.Popen[str]) -> str:
    """Ctrl-C, and what the process prints until it has ended."""
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=SECONDS)
    return said
