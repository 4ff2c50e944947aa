"""A Go of our own for the tests: it answers as `go` does where the toolchain asks, and says what it was asked."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = """\
#!{python} -IS
import json, os, sys, time
from pathlib import Path

here = Path({folder!r})
arguments = sys.argv[1:]
if arguments[:1] == ["env"]:
    print((here / "version").read_text())
    sys.exit(0)
with (here / "calls").open("a") as calls:
    names = ("CGO_ENABLED", "GOTOOLCHAIN", "GOWORK", "GOOS", "GOPROXY", "GOFLAGS")
    call = {{"arguments": arguments, "folder": os.getcwd(), "environment": {{n: os.environ.get(n) for n in names}}}}
    calls.write(json.dumps(call) + "\\n")
print("go: downloading example.com/thing v1.0.0", file=sys.stderr, flush=True)
if (here / "hold").exists():
    (here / "pid").write_text(str(os.getpid()))
while (here / "hold").exists():
    time.sleep(0.02)
if (here / "fail").exists():
    for line in range(100):
        print(f"main.go:{{line}}: something is wrong", file=sys.stderr)
    sys.exit(1)
if (here / "old").exists():
    print(json.dumps({{"Path": arguments[-1], "Error": "requires a newer go", "Zip": str(here / "module.zip")}}, indent="\t"))
    sys.exit(1)
if arguments[:2] == ["mod", "download"]:
    print(json.dumps({{"Path": arguments[-1], "Dir": str(here / "module")}}, indent="\\t"))
else:
    output = Path(arguments[arguments.index("-o") + 1])
    output.write_text("#!/bin/sh\\necho built\\n")
    output.chmod(0o755)
"""


@dataclass(frozen=True)
class GoProgram:
    """A folder to put on PATH, with a program `go` in it."""

    folder: Path

    def calls(self) -> list[str]:
        """What it was asked to build or download: a JSON document each."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def say_version(self, text: str) -> None:
        (self.folder / "version").write_text(text)

    def hold(self) -> None:
        """From now on it waits in the middle of a build."""
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def fail(self) -> None:
        """From now on the compiler finds mistakes."""
        (self.folder / "fail").touch()

    def be_too_old(self) -> None:
        """From now on it downloads a module that asks for a newer Go, and does not unpack it."""
        (self.folder / "old").touch()

    def mend(self) -> None:
        (self.folder / "fail").unlink()

    @property
    def pid_file(self) -> Path:
        """Holds the process id of a build that waits."""
        return self.folder / "pid"

    @property
    def module(self) -> Path:
        """The module that it downloads."""
        return self.folder / "module"


def install(folder: Path) -> GoProgram:
    """Make one in `folder`."""
    folder.mkdir(parents=True)
    program = folder / "go"
    # The base interpreter: one of a virtual environment does not start in isolation from a path with spaces.
    python = Path(sys.executable).resolve()
    program.write_text(_PROGRAM.format(python=python, folder=str(folder)))
    program.chmod(0o755)
    go = GoProgram(folder)
    go.say_version("go1.26.9")
    return go
