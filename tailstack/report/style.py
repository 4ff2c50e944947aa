"""How reports look on a terminal: a few colours, which say nothing that the words do not say as well."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """Paints text with ANSI codes, or leaves it as it is."""

    colour: bool

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text

    def strong(self, text: str) -> str:
        return self._paint("1", text)

    def faint(self, text: str) -> str:
        return self._paint("2", text)

    def bad(self, text: str) -> str:
        return self._paint("31;1", text)

    def doubtful(self, text: str) -> str:
        return self._paint("33;1", text)

    def good(self, text: str) -> str:
        return self._paint("32;1", text)


def one_line(text: str) -> str:
    """The text on one line, with a sign in place of each character that a terminal could take for a command."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def wrapped(text: str, first: str, indent: str, width: int) -> list[str]:
    """The text in lines of a width, `first` before the first of them and `indent` before the others; words stay whole."""
    return textwrap.wrap(
        text,
        width=width,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def encodable(text: str) -> str:
    """The text with a question mark for each half of a character: bytes of a file or of its name that are no UTF-8."""
    return text.encode("utf-8", errors="replace").decode()


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_MINUTE = 60


def duration(seconds: float) -> str:
    """A span of time for people: `8 s`, `3 min 20 s`."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    minutes, rest = divmod(whole, _MINUTE)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
