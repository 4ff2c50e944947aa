"""Running the `pulumi` binary: its event stream read as it comes, Ctrl-C passed on once, exit codes turned into ours."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from tailstack.engine.events import Event, EventLog, parse_event
from tailstack.engine.locks import is_lock


class PulumiMissingError(Exception):
    """There is no `pulumi` on PATH."""

    def __init__(self) -> None:
        super().__init__(
            "pulumi is not on PATH. Install it (https://www.pulumi.com/docs/install), or work inside `tailstack sandbox shell`."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a run of the engine ended: its own exit code, its events, and what it said outside of the event stream.

    `was_interrupted`: Ctrl-C, or a signal to terminate, came in the middle and was passed on to it.
    """

    exit_code: int
    log: EventLog
    text: str
    was_interrupted: bool = False

    @property
    def succeeded(self) -> bool:
        return self.exit_code == 0

    @property
    def said(self) -> str:
        """All that it said against going on, in the event stream and outside of it."""
        return "\n".join((*self.log.errors, self.text))

    @property
    def is_locked(self) -> bool:
        return is_lock(self.said)

    def explain(self) -> str:
        """Why it failed: the engine's errors, or all that it said when it named none."""
        said = "\n".join(self.log.errors) or self.text.strip() or f"pulumi ended with exit code {self.exit_code}"
        return with_way_on(said)


_NO_STACK = re.compile(r"no stack named '(?P<stack>[^']+)' found")
"""How the engine says it, whatever the backend (`pkg/cmd/pulumi/stack/stack.go` of pulumi 3.250.0)."""


def with_way_on(said: str) -> str:
    """What the engine said; where that is that there is no such stack, with how to go on."""
    return _NO_STACK.sub(
        r"\g<0> in the backend that `pulumi whoami --verbose` names. If it is new, choose where its state and its secrets are "
        r"kept (docs/state.md) and make it: pulumi stack init \g<stack>",
        said,
    )


def _nothing(_: Event) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Pulumi:
    """The engine for one project. `environment` is the whole environment of its processes; nothing is added but switches
    that keep it quiet and non-interactive."""

    project: Path
    binary: Path
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def found(cls, project: Path, environment: Mapping[str, str] | None = None) -> Pulumi:
        """The engine on the PATH of `environment` (by default this process's own). Raises PulumiMissingError."""
        environment = dict(os.environ if environment is None else environment)
        binary = shutil.which("pulumi", path=environment.get("PATH"))
        if binary is None:
            raise PulumiMissingError
        return cls(project=project, binary=Path(binary), environment=environment)

    def plain(self, *arguments: str, sent: str | None = None) -> subprocess.CompletedProcess[str]:
        """One command without an event stream, such as `stack ls --json`; `sent` goes to its standard input. Does not raise
        on a non-zero exit."""
        return subprocess.run(
            [self.binary, *arguments, "--non-interactive", "--color", "never"],
            cwd=self.project,
            env=self._environment(),
            input=sent,
            capture_output=True,
            text=True,
            check=False,
        )

    def preview(self, stack: str, *options: str, on_event: Callable[[Event], None] = _nothing) -> Outcome:
        return self._operation(["preview", *options], stack, on_event)

    def up(self, stack: str, *options: str, on_event: Callable[[Event], None] = _nothing) -> Outcome:
        return self._operation(["up", "--yes", "--skip-preview", *options], stack, on_event)

    def preview_refresh(self, stack: str, *options: str, on_event: Callable[[Event], None] = _nothing) -> Outcome:
        """What a refresh would find: nothing is written, no lock is taken (pulumi 3.229 and newer)."""
        return self._operation(["refresh", "--preview-only", *options], stack, on_event)

    def destroy(self, stack: str, *options: str, on_event: Callable[[Event], None] = _nothing) -> Outcome:
        return self._operation(["destroy", "--yes", "--skip-preview", *options], stack, on_event)

    def _environment(self) -> dict[str, str]:
        return {
            **self.environment,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # Without it `preview` and `refresh --preview-only` print one digest, which leaves policy events out.
            "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true",
        }

    def _operation(self, arguments: Sequence[str], stack: str, on_event: Callable[[Event], None]) -> Outcome:
        command = [self.binary, *arguments, "--stack", stack, "--json", "--non-interactive", "--color", "never"]
        with (
            tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as errors,
            # A session of its own: a terminal's Ctrl-C would otherwise reach the engine once from the terminal and once
            # from us, and a second one makes the engine give up without cleaning.
            subprocess.Popen(
                command,
                cwd=self.project,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            ) as process,
            _interrupts_passed_on(process) as interrupts,
        ):
            events, rest = _read(process.stdout, on_event)
            exit_code = process.wait()
            errors.seek(0)
            return Outcome(
                exit_code=exit_code,
                log=EventLog(events=events),
                text="".join(rest) + errors.read(),
                was_interrupted=bool(interrupts),
            )


def _read(stream: IO[str] | None, on_event: Callable[[Event], None]) -> tuple[tuple[Event, ...], list[str]]:
    events: list[Event] = []
    rest: list[str] = []
    for line in stream or ():
        event = parse_event(line)
        if event is not None:
            events.append(event)
            on_event(event)
        elif not line.startswith("{"):
            rest.append(line)
    return tuple(events), rest


ASKED_TO_END = "Interrupted: the engine was asked to end, and finishes what it has begun. Wait for it."
STILL_WAITING = (
    "Still waiting for the engine to finish what it has begun. Killing it would leave the stack locked, and leave out of its "
    "state what is made at this moment."
)


@contextmanager
def _interrupts_passed_on(process: subprocess.Popen[str]) -> Generator[list[int]]:
    """Pass the first Ctrl-C (or termination) on to the engine, answer later ones, and let it finish what it has begun.

    Gives the signals that came. Only the main thread may handle signals; elsewhere nothing is changed.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        if process.poll() is not None:
            return
        came.append(number)
        if len(came) == 1:
            process.send_signal(signal.SIGINT)
        _say(ASKED_TO_END if len(came) == 1 else STILL_WAITING)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    """Written past Python's buffers, in whose middle the signal may have come."""
    with suppress(OSError):
        os.write(2, f"\n{text}\n".encode())
