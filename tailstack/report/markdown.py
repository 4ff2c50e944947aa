"""Markdown in which no name from a file can be anything but text: not a heading, a link, a table cell or HTML."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~])")


def escaped(text: str) -> str:
    """Text as it is to be read, on one line: what Markdown or HTML would take for its own is escaped.

    An @ is followed by a word joiner, so that a login does not notify anybody on GitHub who has the same name.
    """
    line = " ".join(text.split())
    html = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", html).replace("@", "@\u2060")


def code(text: str) -> str:
    """Text in a code span, whatever backticks it holds; https://spec.commonmark.org/0.31.2/#code-spans."""
    line = " ".join(text.split())
    longest = max((len(found) for found in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}" if line else ""
