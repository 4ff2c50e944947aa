"""What a person sees on a terminal after a program has written to it: a screen that knows the few codes that we write."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

_CODE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Screen:
    """Lines as they stand after everything was written, scrolled-out ones too. Long lines wrap as on a terminal."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self.lines: list[str] = [""]
        self.colours = 0
        self.cursor_is_shown = True
        self.redraws = 0
        self.received: list[bytes] = []
        """All that has come so far, while it comes."""

    def write(self, text: str) -> None:
        at = 0
        while at < len(text):
            found = _CODE.match(text, at)
            if found is not None:
                self._obey(found[1], found[2], found[3])
                at = found.end()
                continue
            character = text[at]
            at += 1
            if character == "\n":
                self.lines.append("")
            elif character != "\r":
                if len(self.lines[-1]) == self._columns:
                    self.lines.append("")
                self.lines[-1] += character

    def _obey(self, private: str, numbers: str, letter: str) -> None:
        match private + letter:
            case "F":
                # To the beginning of a line above; what follows is always cleared (J), so that cutting shows the same.
                self.redraws += 1
                del self.lines[-int(numbers) - 1 :]
                self.lines.append("")
            case "J":
                pass
            case "m":
                self.colours += 1
            case "?l" | "?h":
                self.cursor_is_shown = letter == "h"
            case other:
                raise AssertionError(f"a code that no test knows: {other}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@contextmanager
def terminal(*, columns: int, lines: int, encoding: str = "utf-8") -> Generator[tuple[TextIO, Screen]]:
    """A pseudo terminal of that size to write to, and its screen, which is complete when the `with` has ended."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    screen = Screen(columns)

    def read() -> None:
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the other end was closed
                return
            if not chunk:
                return
            screen.received.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(theirs, "w", encoding=encoding) as stream:
        yield stream, screen
    reader.join()
    os.close(ours)
    screen.write(b"".join(screen.received).decode(encoding))
