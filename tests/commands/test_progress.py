"""What long work shows: a live table on a terminal, a line per step elsewhere, JSON lines."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import TextIO

import pytest

from tailstack.commands import progress as module
from tailstack.commands.progress import TAILNET, Progress, State, progress_of, result_line
from tailstack.commands.progress_table import Board, Cell, Look, drawn
from tailstack.report.style import Style
from tests.commands.screen import terminal


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    # The thread that shows that time has passed: a test's clock stands still.
    monkeypatch.setattr(module, "_TICK_SECONDS", 3600.0)


def work(progress: Progress, clock: Clock) -> None:
    """Two clusters of which one fails."""
    progress.step("blue", "operator", State.WAITING)
    progress.step("blue", "operator", State.RUNNING)
    progress.step(TAILNET, "policy file", State.RUNNING)
    clock.passes(2)
    progress.step(TAILNET, "policy file", State.DONE, note="12 grants")
    progress.step("green", "operator", State.RUNNING, note="Helm release tailscale/tailscale-operator")
    clock.passes(70)
    progress.step("blue", "operator", State.DONE)
    progress.step("blue", "expose", State.RUNNING, quiet=True)
    progress.step("green", "operator", State.FAILED, note="the pods\nare not ready")


def shown(
    *, columns: int = 100, lines: int = 30, encoding: str = "utf-8", does: Callable[[Progress, Clock], None] = work
) -> tuple[str, int]:
    """What stands on a terminal of that size when the work is over, and how many colours were written."""
    clock = Clock()
    with (
        terminal(columns=columns, lines=lines, encoding=encoding) as (stream, screen),
        progress_of("Applying production", ["blue", "green"], stream=stream, clock=clock) as progress,
    ):
        does(progress, clock)
    assert screen.cursor_is_shown
    assert all(len(line) < columns for line in screen.lines)
    return screen.text, screen.colours


def during(does: Callable[[Progress, Clock], None], stream: TextIO) -> None:
    clock = Clock()
    with progress_of("Applying", stream=stream, clock=clock) as progress:
        does(progress, clock)


TABLE = """\
Applying production  1 min 12 s
         policy file  operator      expose
tailnet  ✓ 2 s                              12 grants
blue                  ✓ 1 min 12 s  … 0 s
green                 ✗ 1 min 10 s          the pods�are not ready
"""


def test_a_terminal_keeps_the_finished_table_and_nothing_else() -> None:
    text, colours = shown()
    assert text == TABLE
    assert colours > 0


def test_no_colours_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown() == (TABLE, 0)


def test_a_terminal_without_our_signs_gets_others() -> None:
    text, _ = shown(encoding="ascii")
    assert text.splitlines()[2:] == [
        "tailnet  + 2 s                              12 grants",
        "blue                  + 1 min 12 s  ~ 0 s",
        "green                 x 1 min 10 s          the pods?are not ready",
    ]


def test_a_narrow_terminal_gets_a_line_per_cluster() -> None:
    text, _ = shown(columns=40)
    assert text == (
        "Applying production  1 min 12 s\n"
        "✓ tailnet  1/1  policy file ✓ 2 s\n"
        "… blue  1/2  expose … 0 s\n"
        "✗ green  0/1  operator ✗ 1 min 10 s\n"
    )


def test_even_the_narrowest_terminal_is_kept_to() -> None:
    text, _ = shown(columns=21)
    assert text.splitlines()[1] == "✓ tailnet  1/1  pol…"


def test_more_clusters_than_lines_leave_nothing_of_the_tables_that_were_drawn_over() -> None:
    def many(progress: Progress, clock: Clock) -> None:
        for number in range(20):
            progress.step(f"c{number}", "operator", State.RUNNING)
            clock.passes(1)

    text, _ = shown(lines=8, does=many)
    assert len(text.splitlines()) == 24
    assert text.count("operator") == 1
    assert "more" not in text


def test_the_clusters_that_matter_are_shown_where_not_all_fit() -> None:
    def cell(state: State, note: str = "") -> dict[str, Cell]:
        return {"operator": Cell(state=state, note=note, began=None if state is State.WAITING else 0.0)}

    rows = {f"c{number}": cell(State.DONE) for number in range(17)}
    rows |= {"c17": cell(State.FAILED, "gone"), "c18": cell(State.RUNNING), "c19": cell(State.WAITING), "c20": {}}
    rows |= {"c21": cell(State.DONE) | {"expose": Cell()}}
    board = Board(title="Applying", began=0.0, rows=rows)
    lines = drawn(board, Look(width=79, height=8, style=Style(colour=False)), 1.0)
    assert lines == [
        "Applying  1 s",
        "     operator  expose",
        "c17  ✗ 1 s             gone",
        "c18  … 1 s",
        "c19  ·",
        "c21  ✓ 1 s     ·",
        "and 18 more: 1 waiting, 17 done",
    ]


def test_a_line_that_is_said_stays_above_the_table() -> None:
    def says(progress: Progress, _: Clock) -> None:
        progress.step("blue", "operator", State.DONE)
        progress.say("Ctrl-C: waiting for what has begun")
        progress.say("twice")

    text, _ = shown(does=says)
    assert text.splitlines()[:3] == ["Ctrl-C: waiting for what has begun", "twice", "Applying production  0 s"]


def test_time_goes_on_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TICK_SECONDS", 0.001)
    with terminal(columns=80, lines=24) as (stream, screen):
        clock = Clock()
        with progress_of("Applying", stream=stream, clock=clock) as progress:
            progress.step("blue", "operator", State.RUNNING)
            clock.passes(5)
            until = time.monotonic() + 30
            while b"5 s" not in b"".join(screen.received):
                assert time.monotonic() < until, "the table was not drawn again"
                time.sleep(0.01)


def test_what_wraps_on_a_terminal_that_became_narrower_is_drawn_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(columns=30, lines=24) as (stream, screen):
        clock = Clock()
        monkeypatch.setenv("COLUMNS", "60")
        with progress_of("A title that is wider than thirty columns", stream=stream, clock=clock) as progress:
            monkeypatch.setenv("COLUMNS", "30")
            progress.step("blue", "operator", State.RUNNING)
            clock.passes(1)
            progress.step("blue", "operator", State.DONE)
    assert screen.text == "A title that is wider than t…\n      operator\nblue  ✓ 1 s\n"


def test_wide_letters_take_two_columns() -> None:
    def notes(progress: Progress, _: Clock) -> None:
        progress.step("blue", "operator", State.DONE, note="準備ができました、すべて順調です e\u0301")

    text, _ = shown(columns=40, does=notes)
    assert text.splitlines()[2] == "blue   ✓ 0 s     準備ができました、す…"


def test_an_exception_leaves_the_table_and_goes_on() -> None:
    def interrupted(progress: Progress, _: Clock) -> None:
        progress.step("blue", "operator", State.RUNNING)
        raise KeyboardInterrupt

    with terminal(columns=80, lines=24) as (stream, screen), pytest.raises(KeyboardInterrupt):
        during(interrupted, stream)
    assert screen.text == "Applying: stopped  0 s\n      operator\nblue  … 0 s\n"
    assert screen.cursor_is_shown


LINES = """\
Applying production …
  blue: operator: running
  tailnet: policy file: running
  tailnet: policy file: done in 2 s: 12 grants
  green: operator: Helm release tailscale/tailscale-operator
  blue: operator: done in 1 min 12 s
  green: operator: FAILED in 1 min 10 s: the pods�are not ready
Applying production: took 1 min 12 s
"""


def lines_of(stream: io.StringIO) -> str:
    clock = Clock()
    with progress_of("Applying production", ["blue", "green"], stream=stream, clock=clock) as progress:
        work(progress, clock)
        work_again = ("green", "operator", State.FAILED)
        progress.step(*work_again)
        progress.result({"safe": True})
    return stream.getvalue()


def test_elsewhere_there_is_a_line_per_step_and_each_once() -> None:
    assert lines_of(io.StringIO()) == LINES


@pytest.mark.parametrize(("variable", "value"), [("TERM", "dumb"), ("TERM", ""), ("CI", "true")])
def test_a_terminal_that_cannot_or_should_not_be_drawn_on_gets_lines(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv(variable, value)
    assert lines_of(Terminal()) == LINES


def test_lines_say_what_is_said_and_that_it_was_stopped() -> None:
    def fails(progress: Progress, _: Clock) -> None:
        progress.say("one\x1b[2J")
        raise RuntimeError

    stream = io.StringIO()
    with pytest.raises(RuntimeError):
        during(fails, stream)
    assert stream.getvalue() == "Applying …\n  one�[2J\nApplying: stopped after 0 s\n"


def test_json_is_a_stream_with_its_version_first(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with progress_of("Applying", ["blue"], form="json", clock=clock) as progress:
        progress.step("blue", "operator", State.RUNNING)
        clock.passes(1.5)
        progress.step("blue", "operator", State.DONE, note="naïve")
        progress.step("blue", "operator", State.DONE, quiet=True)
        progress.say("all of it")
    progress.result({"safe": True})
    out, err = capsys.readouterr()
    assert err == ""
    assert [json.loads(line) for line in out.splitlines()] == [
        {"format_version": "1.0", "kind": "version"},
        {"kind": "begun", "title": "Applying", "clusters": ["blue"]},
        {"kind": "step", "cluster": "blue", "step": "operator", "state": "running", "note": "", "seconds": 0.0},
        {"kind": "step", "cluster": "blue", "step": "operator", "state": "done", "note": "naïve", "seconds": 1.5},
        {"kind": "said", "text": "all of it", "seconds": 1.5},
        {"kind": "ended", "stopped": False, "seconds": 1.5},
        {"kind": "result", "safe": True},
    ]
    assert result_line({"safe": True}) == out.splitlines(keepends=True)[-1]


def test_text_goes_to_the_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_of("Applying", ["blue"], clock=Clock()):
        pass
    assert capsys.readouterr() == ("", "Applying …\nApplying: took 0 s\n")


def test_a_closed_terminal_does_not_stop_the_work() -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    with progress_of("Applying", stream=Gone()) as progress:
        progress.step("blue", "operator", State.DONE)
