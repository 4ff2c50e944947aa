"""The last one out: ends what a supervisor started when the supervisor is gone, however it went.

Linux kills the children of a killed process when asked (see `processes.end_with_parent`); other systems do not, so this
process reads a pipe whose only writer is the supervisor. A line is `PID STARTED`; the end of the pipe is the signal.
"""

from __future__ import annotations

import signal
import sys

from tailstack.sandbox import processes

_GRACE_SECONDS = 3.0


def main() -> None:
    """Read lines until the supervisor is gone, then end the processes they named."""
    # A Ctrl-C in a terminal, or a SIGTERM to a whole group, is the supervisor's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    watched: list[processes.Identity] = []
    for line in sys.stdin:
        pid, _, started = line.rstrip("\n").partition(" ")
        watched.append(processes.Identity(pid=int(pid), started=started))
    processes.end_all(watched, grace=_GRACE_SECONDS)


if __name__ == "__main__":
    main()
