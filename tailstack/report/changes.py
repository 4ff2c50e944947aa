"""A difference of access as text for a terminal, as Markdown and as JSON. Pure: returns strings."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

from tailstack.access.changes import Cause, Change, Difference, Direction, Elsewhere, Risk
from tailstack.access.sentences import NOTHING, sentence
from tailstack.access.vocabulary import Vocabulary
from tailstack.report.findings import WIDTH
from tailstack.report.markdown import code, escaped
from tailstack.report.style import Style, counted

JSON_VERSION = "1"
"""Version of the JSON: raised when a field changes its meaning or goes, not when one is added."""

_SHOWN = 3
"""How many causes of a change are shown before the rest is counted."""

_WORDS = {
    Direction.GAINED: "gained",
    Direction.LOST: "lost",
    Direction.WIDENED: "on an easier condition",
    Direction.NARROWED: "on a harder condition",
}
MARKS = {Direction.GAINED: "+", Direction.LOST: "-", Direction.WIDENED: "~", Direction.NARROWED: "~"}
ALARMING = (Risk.GRAVE, Risk.HIGH)


def changes_as_text(
    difference: Difference, words: Vocabulary | None = None, *, colour: bool = False, width: int = WIDTH
) -> str:
    """The answer on the first line, then each change with what causes it, the riskiest first. Ends with a newline.

    A change begins with + (gained), - (lost) or ~ (on another condition), and with ! before it where it is risky.
    """
    style, spoken = Style(colour=colour), _words(difference, words)
    paint = style.good if difference.is_empty else style.strong
    lines = [paint(summary(difference))]
    for change in difference.changes:
        lines += ["", *_wrapped(_marked(change, style), sentence(change, spoken), width)]
        lines += [style.faint(f"     {line}") for line in because(change)]
    if difference.notes:
        lines += ["", *(line for note in difference.notes for line in _wrapped("   ", f"{note}.", width))]
    return "\n".join(lines) + "\n"


def summary(difference: Difference) -> str:
    """`3 changes of access: 2 gained, 1 lost. 1 is risky.`, or that there is none."""
    changes = difference.changes
    if not changes:
        return NOTHING
    parts = [f"{number} {word}" for direction, word in _WORDS.items() if (number := _count(changes, direction))]
    risky = sum(change.risk in ALARMING for change in changes)
    text = f"{counted(len(changes), 'change')} of access: {', '.join(parts)}."
    return text + (f" {risky} {'is' if risky == 1 else 'are'} risky." if risky else "")


def _count(changes: Sequence[Change], direction: Direction) -> int:
    return sum(change.direction is direction for change in changes)


def _words(difference: Difference, words: Vocabulary | None) -> Vocabulary:
    return Vocabulary(states=difference.nodes) if words is None else words


def _marked(change: Change, style: Style) -> str:
    mark = MARKS[change.direction]
    if change.risk in ALARMING:
        return f"{style.bad('!')}{style.bad(mark)} "
    paint = {"+": style.good, "-": style.doubtful, "~": style.doubtful}[mark]
    return f" {paint(mark)} "


def _wrapped(label: str, text: str, width: int) -> list[str]:
    lines = textwrap.wrap(text, width=width - 3, break_long_words=False, break_on_hyphens=False)
    return [f"{label if number == 0 else '   '}{line}" for number, line in enumerate(lines)]


def because(change: Change) -> Iterator[str]:
    """What causes a change, and what other entries give of it."""
    yield from _few([_cause(cause) for cause in change.causes])
    yield from _few([f"but for {_entry(one)}" for one in change.elsewhere])


def _few(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"and {more} more"] if more > 1 else list(lines)


def _cause(cause: Cause) -> str:
    return f"{cause.declaration} ({cause.place})" if cause.declaration else str(cause.place)


def _entry(one: Elsewhere) -> str:
    entry = one.entry
    sides = (", ".join(selector.name for selector in side) for side in (entry.src, entry.dst))
    return f"{' -> '.join(sides)} ({one.cause.place})"


def changes_as_markdown(difference: Difference, words: Vocabulary | None = None) -> str:
    """The same for a pull request: one list item for each change, with its causes below it. Ends with a newline."""
    spoken = _words(difference, words)
    lines = [f"**{escaped(summary(difference))}**"]
    if difference.changes:
        lines.append("")
    for change in difference.changes:
        alarm = ":warning: " if change.risk in ALARMING else ""
        lines.append(f"- {alarm}{code(MARKS[change.direction])} {escaped(sentence(change, spoken))}")
        lines += [f"  - <sub>{escaped(line)}</sub>" for line in because(change)]
    if difference.notes:
        lines += ["", *(f"- {escaped(note)}." for note in difference.notes)]
    return "\n".join(lines) + "\n"


def changes_as_json(difference: Difference) -> str:
    """`{"version", "summary", "changes": [...], "notes": [...], "nodes": {...}}`, ending with a newline."""
    return json.dumps({"version": JSON_VERSION, **changes_as_data(difference)}, indent=2, ensure_ascii=False) + "\n"


def changes_as_data(difference: Difference, words: Vocabulary | None = None) -> dict[str, object]:
    """A difference as plain data, for JSON."""
    spoken, changes = _words(difference, words), difference.changes
    return {
        "summary": {
            **{str(direction): _count(changes, direction) for direction in Direction},
            "risky": sum(change.risk in ALARMING for change in changes),
        },
        "changes": [_change_as_data(change, spoken) for change in changes],
        "notes": list(difference.notes),
        "nodes": dict(difference.nodes),
    }


def _change_as_data(change: Change, words: Vocabulary) -> dict[str, object]:
    right = change.right
    return {
        "direction": str(change.direction),
        "risk": change.risk.name.lower(),
        "sentence": sentence(change, words),
        "who": list(change.who),
        "what": list(change.what),
        "right": {
            "kind": str(right.kind),
            "ports": str(right.ports),
            "name": right.name,
            "value": right.value,
            "lacks": right.lacks,
        },
        "postures": list(change.postures),
        "via": list(change.via),
        "posturesBefore": list(change.before),
        "viaBefore": list(change.before_via),
        "valueBefore": change.before_value,
        "through": change.through,
        "elsewhere": [
            {
                "src": [selector.name for selector in one.entry.src],
                "dst": [selector.name for selector in one.entry.dst],
                "ports": str(one.entry.ports),
                "postures": list(one.entry.postures),
                **_cause_as_data(one.cause),
            }
            for one in change.elsewhere
        ],
        "causes": [_cause_as_data(cause) for cause in change.causes],
    }


def _cause_as_data(cause: Cause) -> dict[str, object]:
    place = cause.place
    return {
        "side": str(cause.side),
        "declaration": cause.declaration,
        "file": place.file,
        "line": place.line,
        "column": place.column,
    }
