"""Processes of the sandbox: started so that they end with us, recognised later, and ended for certain."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_POLL_SECONDS = 0.02
_PR_SET_PDEATHSIG = 1  # linux/prctl.h

# Loaded here because nothing may be imported between fork and exec.
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    started: str
    """When it started, in the terms of this system: compared, never read."""


def identity(pid: int) -> Identity | None:
    """Who runs under `pid` now, or None when nobody does (a zombie counts as nobody)."""
    started = _started_linux(pid) if sys.platform == "linux" else _started_elsewhere(pid)
    return Identity(pid=pid, started=started) if started is not None else None


def is_running(process: Identity) -> bool:
    """Whether this very process still runs."""
    return identity(process.pid) == process


def end_with_parent() -> None:
    """For `preexec_fn`: let the kernel kill the child when the thread that started it ends (Linux; elsewhere nothing).

    Elsewhere, and as a second line here, `tailstack.sandbox.guard` does this.
    """
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(
    command: Sequence[str],
    *,
    folder: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in `folder`, its output appended to `log`; it ends with the calling thread's process.

    Nothing that this process has open is inherited.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 -- the supervisor has one thread
        )


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on at this moment. Whoever binds it must be ready to try another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of 127.0.0.1 at this moment."""
    with socket.socket() as probe:
        # As servers do: connections that were closed lately do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
        return True


def end(process: Identity, *, grace: float) -> None:
    """End `process` if it is still the same one: politely, and by force after `grace` seconds."""
    end_all([process], grace=grace)


def end_all(ending: Iterable[Identity], *, grace: float) -> None:
    """End all of `ending` side by side, as `end` does one."""
    left = [process for process in ending if _signal(process, signal.SIGTERM)]
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        left = [process for process in left if is_running(process)]
    for process in left:
        _signal(process, signal.SIGKILL)
    while any(is_running(process) for process in left):
        time.sleep(_POLL_SECONDS)


def _signal(process: Identity, number: signal.Signals) -> bool:
    if not is_running(process):
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process.pid, number)
    return True


def _started_linux(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # The name in parentheses may hold anything; the state is field 3 and the start time field 22 (proc(5)).
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else f"{boot}:{fields[19]}"


def _started_elsewhere(pid: int) -> str | None:
    done = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607 -- ps lies in different places
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    state, _, started = done.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else " ".join(started.split())
