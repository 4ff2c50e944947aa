"""What is said while something is built: one live line on a terminal, a line per step elsewhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING, TextIO

from tailstack.report.style import duration

if TYPE_CHECKING:
    from collections.abc import Generator

_REDRAW_SECONDS = 0.25
_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Writes the state of one step at a time to `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty() and os.environ.get("TERM", "") != "dumb"
        self._label = ""
        self._expected = 0
        self._began = 0.0
        self._drawn = 0.0
        self._waited_for = ""

    @contextlib.contextmanager
    def step(self, label: str, expected: int) -> Generator[None]:
        """Say that `label` is being made, which takes about `expected` seconds, and afterwards how long it took."""
        self._label, self._expected, self._began, self._drawn = label, expected, time.monotonic(), 0.0
        self._waited_for = ""
        if self._live:
            self.tick()
        else:
            self._write(f"{label}: building, about {duration(expected)} on two cores\n")
        try:
            yield
        except BaseException:
            self._finish(f"{label}: not built, stopped after {self._elapsed()}")
            raise
        self._finish(f"{label}: ready, built in {self._elapsed()}")

    def tick(self) -> None:
        """Draw the live line again, if its time has come."""
        now = time.monotonic()
        if not self._live or now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        self._draw(f"{self._label}: building, {self._elapsed()} of about {duration(self._expected)}")

    def waiting(self, label: str, holder: str) -> None:
        """Say, once, that another process is making `label` and that this one waits for it."""
        if self._waited_for == label:
            return
        self._waited_for = label
        who = f"process {holder}" if holder else "another process"
        self._write(f"{label}: {who} is building it already; waiting for that\n")

    def _elapsed(self) -> str:
        return duration(time.monotonic() - self._began)

    def _draw(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self._write(f"{_CLEAR_LINE}{text[:width]}")

    def _finish(self, text: str) -> None:
        self._write(f"{_CLEAR_LINE if self._live else ''}{text}\n")

    def _write(self, text: str) -> None:
        # A closed terminal must not stop a build that others may be waiting for.
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
