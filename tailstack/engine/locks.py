"""Who holds the lock of a stack, read from what the engine says when it finds one.

Self-managed backends name every holder (`pkg/backend/diy/lock.go` of pulumi 3.250.0); Pulumi Cloud only says that there is one
(`sdk/python/lib/pulumi/automation/errors.py`).
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

LOCKED = "the stack is currently locked"
"""How a self-managed backend says that somebody holds the lock; the engine's exit code is 1 for it (3.250.0)."""

CONFLICT = "[409] Conflict: Another update is currently in progress"
"""How Pulumi Cloud says it."""

_HOLDER = re.compile(r"created by (?P<user>.*?)@(?P<host>[^\s@]*) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")


class Life(StrEnum):
    """Whether the process that took a lock still runs; UNKNOWN where it ran on another machine."""

    RUNS = "runs"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who took a lock. `since` is as the engine writes it, RFC 3339."""

    user: str
    host: str
    pid: int
    since: str

    @property
    def life(self) -> Life:
        """Whether it still runs. A number may have been given to another process since: RUNS is then not true."""
        if self.host != socket.gethostname():
            return Life.UNKNOWN
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return Life.GONE
        except (OSError, OverflowError):
            return Life.RUNS
        return Life.RUNS


def is_lock(text: str) -> bool:
    """Whether the engine says that somebody else holds the lock."""
    return LOCKED in text or CONFLICT in text


def holders(text: str) -> tuple[Holder, ...]:
    """Everyone whom the engine names as a holder of the lock, each once; nobody where the backend does not tell."""
    return tuple(
        dict.fromkeys(
            Holder(user=found["user"], host=found["host"], pid=int(found["pid"]), since=found["since"])
            for found in _HOLDER.finditer(text)
        )
    )


def explain_lock(text: str, stack: str, *, done: str = "Nothing was changed.") -> str:
    """Who holds the lock of a stack, and how to go on. `text` is what the engine said, `done` what has become of the work.

    Ends without a newline.
    """
    return "\n".join(_lines(holders(text), stack, done))


def _lines(found: tuple[Holder, ...], stack: str, done: str) -> Iterator[str]:
    cancel = f"pulumi cancel --stack {stack}"
    if not found:
        yield f"The stack {stack} is locked: another update of it is in progress. {done}"
        yield f"Wait until it has ended. If it was killed, free the stack: {cancel}"
        return
    yield f"The stack {stack} is locked. {done}"
    for holder in found:
        yield f"  {holder.user} on {holder.host}, process {holder.pid}, since {holder.since}{_SAID[holder.life]}"
    lives = {holder.life for holder in found}
    if lives == {Life.GONE}:
        yield f"The run was killed before it could give the lock back. Free the stack: {cancel}"
        yield "Then run this again. `tailstack drift` names what the killed run may have left beside the stack."
    elif Life.RUNS in lives:
        yield "Wait until it has ended, and run this again."
        yield f"`{cancel}` takes the lock from a run that works: only where that is hung, and after it was ended."
    else:
        yield f"Wait until it has ended, and run this again. If it was killed, free the stack: {cancel}"


_SAID = {Life.RUNS: "", Life.GONE: "; it no longer runs", Life.UNKNOWN: " (on another machine)"}
