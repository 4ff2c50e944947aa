"""What the exit code of every command means. Pinned by a test; docs/exit-codes.md says which command can give which."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Bad input is FINDINGS; our own failure, or that of something we need, is ERROR."""

    CLEAN = 0
    ERROR = 1
    CHANGES = 2
    FINDINGS = 3
    REFUSED = 4
    LOCKED = 5
    USAGE = 64
    INTERRUPTED = 130
