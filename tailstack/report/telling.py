"""An answer as it is told: one sentence that answers the question, then parts with the reasons. As text and as Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tailstack.report.findings import WIDTH
from tailstack.report.markdown import escaped
from tailstack.report.style import Style, one_line, wrapped

_BACKTICKS = re.compile(r"`+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A heading with sentences below it, and a block of code behind them if there is one."""

    title: str
    items: tuple[str, ...] = ()
    code: str = ""
    language: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """`is_good` paints the answer on a terminal: as good, as bad, or (None) as neither."""

    answer: str
    parts: tuple[Part, ...] = ()
    is_good: bool | None = None


def told_as_text(told: Told, *, colour: bool = False, width: int = WIDTH) -> str:
    """The answer, and each part below its title. Ends with a newline."""
    style = Style(colour=colour)
    paint = {True: style.good, False: style.bad, None: style.strong}[told.is_good]
    blocks = ["\n".join(paint(line) for line in wrapped(one_line(told.answer), "", "", width)) + "\n"]
    for part in told.parts:
        lines = [style.strong(part.title)]
        for item in part.items:
            lines += wrapped(one_line(item), "  ", "    ", width)
        if part.code:
            lines += [f"  {one_line(line)}" for line in part.code.splitlines()]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def told_as_markdown(told: Told, *, level: int = 3) -> str:
    """The same in Markdown, with headings of a level; nothing that comes from a file is markup. Ends with a newline."""
    blocks = [f"**{escaped(one_line(told.answer))}**\n"]
    for part in told.parts:
        lines = [f"{'#' * level} {escaped(part.title)}", ""]
        lines += [f"- {escaped(one_line(item))}" for item in part.items]
        text = "\n".join(lines).rstrip() + "\n"
        blocks.append(text + (f"\n{fenced(part.code, part.language)}" if part.code else ""))
    return "\n".join(blocks)


def fenced(code: str, language: str) -> str:
    """A block of code, in a fence that nothing inside can close. `code` ends with a newline, and so does the block."""
    longest = max((len(run) for run in _BACKTICKS.findall(code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code}{fence}\n"
