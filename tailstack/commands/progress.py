"""What long work shows while it runs: a live table on a terminal, a line per step elsewhere, or one JSON object per line.

    with progress_of("Applying production", ["blue", "green"]) as progress:
        progress.step("blue", "operator", State.RUNNING)
        progress.step("blue", "operator", State.DONE, note="version 1.104.2")

Text goes to the standard error, so that the report on the standard output can be piped. With `form="json"` the standard
output is a stream of JSON objects, of which the first names the version of the format, and the command ends it with
`progress.result({...})`. docs/progress.md describes both.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self, TextIO

from tailstack.commands.progress_table import ASCII_MARKS, MARKS, Board, Cell, Look, State, drawn
from tailstack.report.style import Style, duration, one_line

__all__ = ["TAILNET", "Progress", "State", "progress_of", "result_line"]

TAILNET = "tailnet"
"""The row of what belongs to no cluster. It stands above the clusters."""

FORMAT_VERSION = "1.0"

_REDRAW_SECONDS = 0.2
_TICK_SECONDS = 0.5
_NARROWEST = 20
_UP_AND_CLEAR = "\x1b[{lines}F\x1b[J"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"

Clock = Callable[[], float]


class _Writer(Protocol):
    """One way of showing a board. `told` is called after the board was changed, `passed` when some time has passed."""

    is_live: ClassVar[bool]

    def began(self, board: Board) -> None: ...
    def told(self, board: Board, cluster: str, step: str, *, quiet: bool) -> None: ...
    def said(self, board: Board, text: str) -> None: ...
    def passed(self, board: Board) -> None: ...
    def ended(self, board: Board, *, stopped: bool) -> None: ...


class Progress:
    """Told of steps, and shows them; a context manager made by `progress_of`. Safe to use from several threads."""

    def __init__(self, board: Board, writer: _Writer, clock: Clock, results: TextIO | None) -> None:
        self._board = board
        self._writer = writer
        self._clock = clock
        self._results = results
        self._lock = threading.RLock()
        self._finished = threading.Event()

    def __enter__(self) -> Self:
        self._board.began = self._clock()
        self._writer.began(self._board)
        if self._writer.is_live:
            threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._finished.set()
        with self._lock:
            self._writer.ended(self._board, stopped=kind is not None)

    def step(self, cluster: str, step: str, state: State, note: str = "", *, quiet: bool = False) -> None:
        """Say how far a step is. A cluster or step not heard of before is added, `TAILNET` as the first row.

        `note` is a few words without secrets; the last one stays until there is another. `quiet` changes the live table
        and is no line of its own elsewhere: for what changes too often to be read.
        """
        with self._lock:
            rows = self._board.rows
            if cluster not in rows:
                first = {cluster: dict[str, Cell]()}
                self._board.rows = {**first, **rows} if cluster == TAILNET else {**rows, **first}
            cell = self._board.rows[cluster].setdefault(step, Cell())
            now = self._clock()
            if state is not State.WAITING and cell.began is None:
                cell.began = now
            if state not in (State.DONE, State.FAILED):
                cell.ended = None
            elif cell.state is not state:
                cell.ended = now
            cell.state, cell.note = state, note or cell.note
            self._board.latest[cluster] = step
            self._writer.told(self._board, cluster, step, quiet=quiet)

    def say(self, text: str) -> None:
        """A line that stays, above the table."""
        with self._lock:
            self._writer.said(self._board, text)

    def result(self, document: Mapping[str, Any]) -> None:
        """The last line of a JSON stream; in text nothing, because there the command prints its report itself."""
        with self._lock:
            if self._results is not None:
                _write(self._results, result_line(document))

    def _tick(self) -> None:
        while not self._finished.wait(_TICK_SECONDS):
            with self._lock:
                if not self._finished.is_set():
                    self._writer.passed(self._board)


def progress_of(
    title: str,
    clusters: Iterable[str] = (),
    *,
    form: str = "text",
    stream: TextIO | None = None,
    clock: Clock = time.monotonic,
) -> Progress:
    """Show the progress of what happens inside of a `with`, to `stream` (by default as the module says).

    `form` is a command's `--format`: anything but `json` is text. What escapes from the `with` goes on, and the last picture
    says that the work was stopped.
    """
    board = Board(title=one_line(title), began=clock(), rows={name: {} for name in clusters})
    if form == "json":
        out = stream or sys.stdout
        return Progress(board, _Stream(out, clock), clock, results=out)
    out = stream or sys.stderr
    return Progress(board, _Table(out, clock) if _is_live(out) else _Lines(out, clock), clock, results=None)


def result_line(document: Mapping[str, Any]) -> str:
    """A line of a JSON stream that holds the command's report."""
    return _json_line({"kind": "result", **document})


def _is_live(stream: TextIO) -> bool:
    """Whether a table can be drawn over and over there. A CI system may give a terminal, and keeps all that was written."""
    return (
        stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb") and os.environ.get("CI", "") in ("", "false")
    )


class _Table:
    """The live table. It is drawn again in place, and the last picture stays."""

    is_live: ClassVar[bool] = True

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._drawn: list[str] = []
        self._drawn_at = float("-inf")
        self._marks = MARKS if _can_show(stream, "".join(MARKS.values())) else ASCII_MARKS
        self._style = Style(colour=not os.environ.get("NO_COLOR"))

    def began(self, board: Board) -> None:
        _write(self._stream, _HIDE_CURSOR)
        self._draw(board)

    def told(self, board: Board, cluster: str, step: str, *, quiet: bool) -> None:
        del cluster, step, quiet
        if self._clock() - self._drawn_at >= _REDRAW_SECONDS:
            self._draw(board)

    def said(self, board: Board, text: str) -> None:
        self._draw(board, above=f"{one_line(text)}\n")

    def ended(self, board: Board, *, stopped: bool) -> None:
        if stopped:
            board.title += ": stopped"
        self._draw(board, whole=True)
        _write(self._stream, _SHOW_CURSOR)

    def passed(self, board: Board) -> None:
        self._draw(board)

    def _draw(self, board: Board, *, above: str = "", whole: bool = False) -> None:
        size = _size(self._stream)
        # The last column stays free: a terminal may go to the next line when it is written.
        width = max(size.columns, _NARROWEST) - 1
        height = 0 if whole else max(size.lines, 4)
        self._drawn_at = self._clock()
        # Lines of the picture before, which has wrapped if the terminal became narrower since.
        before = sum(1 + max(len(line) - 1, 0) // max(size.columns, 1) for line in self._drawn)
        look = Look(width=width, height=height, style=self._style, marks=self._marks)
        lines = drawn(board, look, self._drawn_at)
        self._drawn = [_COLOURS.sub("", line) for line in lines]
        clear = _UP_AND_CLEAR.format(lines=before) if before else ""
        _write(self._stream, clear + above + "".join(f"{line}\n" for line in lines))


class _Lines:
    """A line for each step that begins or ends, and for each new note."""

    is_live: ClassVar[bool] = False

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._written: set[tuple[str, str, State, str]] = set()

    def began(self, board: Board) -> None:
        _write(self._stream, f"{board.title} …\n")

    def told(self, board: Board, cluster: str, step: str, *, quiet: bool) -> None:
        cell = board.rows[cluster][step]
        line = (cluster, step, cell.state, cell.note)
        if quiet or cell.state is State.WAITING or line in self._written:
            return
        self._written.add(line)
        words: list[str] = []
        if cell.state is not State.RUNNING:
            word = "FAILED" if cell.state is State.FAILED else str(cell.state)
            words.append(f"{word} in {duration(cell.lasted(self._clock()) or 0)}")
        elif not cell.note:
            words.append(str(cell.state))
        words += [one_line(cell.note)] if cell.note else []
        _write(self._stream, f"  {cluster}: {step}: {': '.join(words)}\n")

    def said(self, board: Board, text: str) -> None:
        del board
        _write(self._stream, f"  {one_line(text)}\n")

    def passed(self, board: Board) -> None:
        pass

    def ended(self, board: Board, *, stopped: bool) -> None:
        after = duration(self._clock() - board.began)
        _write(self._stream, f"{board.title}: {'stopped after' if stopped else 'took'} {after}\n")


class _Stream:
    """One JSON object per line."""

    is_live: ClassVar[bool] = False

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    def began(self, board: Board) -> None:
        self._put({"format_version": FORMAT_VERSION, "kind": "version"})
        self._put({"kind": "begun", "title": board.title, "clusters": list(board.rows)})

    def told(self, board: Board, cluster: str, step: str, *, quiet: bool) -> None:
        if quiet:
            return
        cell = board.rows[cluster][step]
        self._put(
            {
                "kind": "step",
                "cluster": cluster,
                "step": step,
                "state": str(cell.state),
                "note": cell.note,
                "seconds": self._since(board),
            }
        )

    def said(self, board: Board, text: str) -> None:
        self._put({"kind": "said", "text": text, "seconds": self._since(board)})

    def passed(self, board: Board) -> None:
        pass

    def ended(self, board: Board, *, stopped: bool) -> None:
        self._put({"kind": "ended", "stopped": stopped, "seconds": self._since(board)})

    def _since(self, board: Board) -> float:
        return round(self._clock() - board.began, 3)

    def _put(self, record: Mapping[str, Any]) -> None:
        _write(self._stream, _json_line(record))


def _json_line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _can_show(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _size(stream: TextIO) -> os.terminal_size:
    """Columns and lines of the terminal; COLUMNS and LINES win, as everywhere."""
    with contextlib.suppress(OSError, ValueError):
        size = os.get_terminal_size(stream.fileno())
        columns, lines = (_number(os.environ.get(name, "")) for name in ("COLUMNS", "LINES"))
        return os.terminal_size((columns or size.columns or 80, lines or size.lines or 24))
    return os.terminal_size((80, 24))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _write(stream: TextIO, text: str) -> None:
    # A terminal that was closed must not stop the work; nor must a letter that it cannot show.
    with contextlib.suppress(OSError, ValueError):
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, errors="replace").decode(encoding))
        stream.flush()
