"""The table of clusters and steps that a terminal shows while a command works: how it is laid out, line by line."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from tailstack.report.style import Style, duration, one_line

_GAP = "  "
_SHORTEST_NOTE = 12
"""Columns that a note needs to be worth showing."""


class State(StrEnum):
    """How far a step of a cluster is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


MARKS: Mapping[State, str] = {State.WAITING: "·", State.RUNNING: "…", State.DONE: "✓", State.FAILED: "✗"}
ASCII_MARKS: Mapping[State, str] = {State.WAITING: ".", State.RUNNING: "~", State.DONE: "+", State.FAILED: "x"}


@dataclass(kw_only=True, slots=True)
class Cell:
    """One step of one cluster. Times are seconds of the clock of the progress; None where it has not come to that."""

    state: State = State.WAITING
    note: str = ""
    began: float | None = None
    ended: float | None = None

    def lasted(self, now: float) -> float | None:
        """Seconds from its beginning to its end, or until now."""
        return None if self.began is None else (now if self.ended is None else self.ended) - self.began


@dataclass(kw_only=True, slots=True)
class Board:
    """What is known: rows by cluster in the order in which they are shown, and in each its steps."""

    title: str
    began: float
    rows: dict[str, dict[str, Cell]] = field(default_factory=dict[str, dict[str, Cell]])
    latest: dict[str, str] = field(default_factory=dict[str, str])
    """The step of each cluster that was last told of, whose note its row shows."""

    def steps(self) -> list[str]:
        """Every step of any cluster: those of the first row, and then what each further row has beside them."""
        return list(dict.fromkeys(step for cells in self.rows.values() for step in cells))


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How wide and high the terminal is (0: as high as it takes), and what it can show."""

    width: int
    height: int
    style: Style
    marks: Mapping[State, str] = field(default_factory=lambda: MARKS)


def drawn(board: Board, look: Look, now: float) -> list[str]:
    """The lines of the table; none is wider than the terminal, and no more than fit on it."""
    title = _cut(f"{board.title}{_GAP}{duration(now - board.began)}", look.width)
    shown, left = _chosen(board, look.height - 3 if look.height else len(board.rows))
    lines = _columns(board, shown, look, now) or [_compact(board, name, look, now) for name in shown]
    return [look.style.strong(title), *lines, *([_cut(left, look.width)] if left else [])]


def _chosen(board: Board, room: int) -> tuple[list[str], str]:
    """The rows that fit, those that failed first, then those at work; and a line that counts the others."""
    if len(board.rows) <= room:
        return list(board.rows), ""
    order = (State.FAILED, State.RUNNING, State.WAITING, State.DONE)
    states = {name: _state(cells.values()) for name, cells in board.rows.items()}
    ranked = sorted(board.rows, key=lambda name: order.index(states[name]))
    chosen = set(ranked[: max(room - 1, 1)])
    counts = {state: sum(states[name] is state for name in board.rows if name not in chosen) for state in order}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return [name for name in board.rows if name in chosen], f"and {len(board.rows) - len(chosen)} more: {told}"


def _state(cells: Iterable[Cell]) -> State:
    states = {cell.state for cell in cells}
    for state in (State.FAILED, State.RUNNING):
        if state in states:
            return state
    if states == {State.DONE}:
        return State.DONE
    return State.RUNNING if State.DONE in states else State.WAITING


def _columns(board: Board, shown: list[str], look: Look, now: float) -> list[str]:
    """The heads and a line for each cluster; nothing where they do not fit side by side."""
    steps = board.steps()
    first = max((_width(name) for name in shown), default=0)
    widths = [
        max(_width(step), *(_width(_cell(board.rows[name].get(step), look, now)) for name in shown)) for step in steps
    ]
    length = first + sum(width + len(_GAP) for width in widths)
    if length > look.width or not shown:
        return []
    lines = [look.style.strong(_GAP.join([" " * first, *map(_padded, steps, widths)]).rstrip())]
    for name in shown:
        cells = [board.rows[name].get(step) for step in steps]
        note = _note(board, name, look.width - length - len(_GAP))
        painted = [_filled(cell, width, look, now) for cell, width in zip(cells, widths, strict=True)]
        lines.append(_GAP.join([_padded(name, first), *painted, look.style.faint(note)]).rstrip())
    return lines


def _compact(board: Board, name: str, look: Look, now: float) -> str:
    """One cluster where its columns do not fit: how many steps are done, and the one that was last told of."""
    row = board.rows[name]
    state = _state(row.values())
    done = sum(cell.state is State.DONE for cell in row.values())
    text = f"{look.marks[state]} {name}{_GAP}{done}/{len(row)}"
    step = board.latest.get(name)
    if step is not None:
        text += f"{_GAP}{step} {_cell(row[step], look, now)}"
    text = _cut(text, look.width)
    note = _note(board, name, look.width - _width(text) - len(_GAP))
    return f"{_painted(text, Cell(state=state), look)}{_GAP}{look.style.faint(note)}".rstrip()


def _cell(cell: Cell | None, look: Look, now: float) -> str:
    if cell is None:
        return ""
    lasted = cell.lasted(now)
    return look.marks[cell.state] if lasted is None else f"{look.marks[cell.state]} {duration(lasted)}"


def _filled(cell: Cell | None, width: int, look: Look, now: float) -> str:
    text = _cell(cell, look, now)
    return _painted(text, cell, look) + " " * (width - _width(text))


def _painted(text: str, cell: Cell | None, look: Look) -> str:
    match cell.state if cell is not None else None:
        case State.DONE:
            return look.style.good(text)
        case State.FAILED:
            return look.style.bad(text)
        case State.RUNNING:
            return look.style.doubtful(text)
        case _:
            return look.style.faint(text)


def _note(board: Board, name: str, room: int) -> str:
    """What a row says behind its cells: why it failed, else what was last told; nothing where there is no room for it."""
    row = board.rows[name]
    failed = next((cell.note for cell in row.values() if cell.state is State.FAILED and cell.note), "")
    latest = board.latest.get(name)
    note = failed or (row[latest].note if latest is not None else "")
    return _cut(one_line(note), room) if room >= _SHORTEST_NOTE else ""


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    return "".join(_fitting(text, width - 1)) + "…"[: max(width, 0)]


def _fitting(text: str, width: int) -> Iterator[str]:
    used = 0
    for character in text:
        used += _width(character)
        if used > width:
            return
        yield character


@lru_cache(maxsize=4096)
def _width(text: str) -> int:
    """Columns that a text takes: two for a wide character, none for one that combines with the one before it."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )
