"""Run a long command, its output in a log file, without leaving it behind when we stop."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

from tailstack.sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_TICK_SECONDS = 0.25
_GRACE_SECONDS = 5


def run(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path, tick: Callable[[], None]
) -> int:
    """Run `command` in `folder`, call `tick` a few times a second, and give its exit code.

    The log is begun anew. When this process is interrupted, the command and all that it started end first.
    """
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=processes.end_with_parent,  # noqa: PLW1509 -- no other thread runs here
        )
        try:
            while True:
                try:
                    return child.wait(_TICK_SECONDS)
                except subprocess.TimeoutExpired:
                    tick()
        except BaseException:
            _end_group(child)
            raise


def _end_group(child: subprocess.Popen[bytes]) -> None:
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
