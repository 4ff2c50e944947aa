"""What a build says: a live line on a terminal, a line per step elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tailstack.sandbox.toolchain import cache, progress
from tailstack.sandbox.toolchain.progress import Progress


class Terminal(io.StringIO):
    """A terminal that keeps what was written."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(progress, "_REDRAW_SECONDS", 0.0)
    terminal = Terminal()
    said = Progress(terminal)
    with said.step("kube-controller-manager 1.37.2", 200):
        said.tick()

    *live, last = terminal.getvalue().split("\r\x1b[K")[1:]
    assert len(live) == 2
    assert all(line == "kube-controller-manager 1.37.2: building, 0 s of about 3 min 20 s"[:39] for line in live)
    assert last == "kube-controller-manager 1.37.2: ready, built in 0 s\n"


def test_a_live_line_is_not_drawn_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    said = Progress(terminal)
    with said.step("x", 1):
        for _ in range(1000):
            said.tick()
    assert terminal.getvalue().count("\r") < 100


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_without_a_capable_terminal_there_are_plain_lines(
    stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    written = stream()

    def interrupted() -> None:
        said = Progress(written)
        with said.step("helm 3.22.0", 60):
            said.tick()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert written.getvalue() == (
        "helm 3.22.0: building, about 1 min on two cores\nhelm 3.22.0: not built, stopped after 0 s\n"
    )


def test_waiting_is_said_once_for_each_tool() -> None:
    written = io.StringIO()
    said = Progress(written)
    for label, holder in (("a", "12"), ("a", "12"), ("b", ""), ("b", "")):
        said.waiting(label, holder)
    assert written.getvalue() == (
        "a: process 12 is building it already; waiting for that\n"
        "b: another process is building it already; waiting for that\n"
    )


def test_a_closed_terminal_does_not_stop_a_build() -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    with Progress(Gone()).step("x", 1):
        pass


@pytest.mark.parametrize(
    ("chosen", "platform", "expected"),
    [
        ("/somewhere", "linux", "/somewhere/tailstack"),
        ("/somewhere", "darwin", "/somewhere/tailstack"),
        ("", "linux", "/home/ana/.cache/tailstack"),
        ("relative", "linux", "/home/ana/.cache/tailstack"),
        ("", "darwin", "/home/ana/Library/Caches/tailstack"),
    ],
)
def test_the_cache_lies_where_the_platform_wants_it(
    monkeypatch: pytest.MonkeyPatch, chosen: str, platform: str, expected: str
) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setenv("XDG_CACHE_HOME", chosen)
    monkeypatch.setattr("sys.platform", platform)
    assert cache.root() == Path(expected)
