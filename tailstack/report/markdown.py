"""Markdown in which no name from a file can be anything but text: not a heading, a link, a table cell or HTML."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_\[\]#|~])")
_LINKED = re.compile(r"(?<=@)|(?<=:)(?=//)|(?<=www)(?=\.)")
_JOINER = "\u2060"


def escaped(text: str) -> str:
    """Text as it is to be read, inside of a line: what Markdown or HTML would take for its own is escaped.

    A login notifies nobody on GitHub who has the same name, and an address becomes no link: an invisible joiner is put in.
    """
    return _SPECIAL.sub(r"\\\1", in_html(text))


def in_html(text: str) -> str:
    """The same inside of an HTML block, in which Markdown is not read."""
    line = _LINKED.sub(_JOINER, " ".join(text.split()))
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Text in a code span, whatever backticks it holds; https://spec.commonmark.org/0.31.2/#code-spans."""
    line = " ".join(text.split())
    longest = max((len(found) for found in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}" if line else ""
