"""How the demo talks: chapters, steps with their time, and lines; on a terminal, in a pipe and in a recording alike."""

from __future__ import annotations

import re
import textwrap
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from tailstack.report.findings import WIDTH
from tailstack.report.style import Style

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(kw_only=True)
class Narration:
    """Writes to `out` and, without colours, to `record`. Nothing it writes is wider than 100 columns but single words."""

    out: TextIO
    style: Style
    record: TextIO | None = None
    _chapter: int = field(default=0, init=False)
    _began: float = field(default_factory=time.monotonic, init=False)

    @property
    def elapsed(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self._began

    def chapter(self, title: str) -> None:
        self._chapter += 1
        text = f"{self._chapter}. {title}"
        self._line()
        self._line(self.style.strong(text))
        self._line(self.style.faint("=" * len(text)))

    def say(self, text: str) -> None:
        """A paragraph, wrapped."""
        self.block("\n".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)))

    def block(self, text: str) -> None:
        """Lines as they are."""
        for line in text.rstrip("\n").split("\n"):
            self._line(line)

    def command(self, line: str, why: str = "") -> None:
        """A command that the reader could type. It is never cut, so that it can be copied."""
        self._line(self.style.good(f"  $ {line}"))
        if why:
            self._line(self.style.faint(f"      {why}"))

    def bullet(self, text: str, mark: str = "-") -> None:
        for line in textwrap.wrap(
            text,
            WIDTH,
            initial_indent=f"  {mark} ",
            subsequent_indent=" " * (3 + len(mark)),
            break_long_words=False,
            break_on_hyphens=False,
        ):
            self._line(line)

    @contextmanager
    def step(self, text: str) -> Generator[None]:
        """Say what begins, and how long it took when it is done."""
        self._line(f"  … {text}")
        began = time.monotonic()
        yield
        self._line(self.style.faint(f"    done in {time.monotonic() - began:.1f} s"))

    def _line(self, text: str = "") -> None:
        print(text, file=self.out, flush=True)
        if self.record is not None:
            print(_COLOURS.sub("", text), file=self.record)
