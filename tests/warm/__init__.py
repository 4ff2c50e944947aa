"""Pythons that start warm: one process has imported what programs, packs, plugins and commands import, and forks for each.

Half of what a run of the engine costs is five processes that each import the SDKs anew. Tests that look at what a run does,
and not at how a process starts, take these; the demo, the language host, the plugins by themselves and the workflows start cold.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_HERE = Path(__file__).parent


@contextmanager
def warm_python(folder: Path) -> Generator[Path]:
    """An executable of a virtual environment in `folder` that runs what this Python would run, in a fork of a process that lasts
    as long as the block."""
    python, address = folder / "bin" / "python", folder / "socket"
    python.parent.mkdir()
    (folder / "lib").symlink_to(Path(sys.prefix) / "lib")
    options = shlex.join([sys.executable, "-I", "-S", str(_HERE / "launcher.py"), str(address), sys.executable])
    python.write_text(f'#!/bin/sh\nexec {options} "$@"\n', "utf-8")
    python.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-u", "-P", str(_HERE / "server.py"), str(address)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        assert server.stdout.readline() == b"ready\n"
        try:
            yield python
        finally:
            server.stdin.close()


def start_warm(pulumi_home: Path, python: Path) -> None:
    """Let the stand-in plugins in a `$PULUMI_HOME` be run with `python`."""
    scripts = list(pulumi_home.glob("plugins/*/pulumi-*"))
    assert scripts
    for script in scripts:
        cold = script.read_text("utf-8")
        assert sys.executable in cold
        script.write_text(cold.replace(shlex.quote(sys.executable), shlex.quote(str(python))), "utf-8")
