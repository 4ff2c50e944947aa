"""Suppressions in the hand-written policy file: comments `// tailstack:suppress <rule>: <reason>`.

One that stands alone on its line holds for the entry below it; one behind an entry holds for the entry of its line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tailstack.access.hujson import Document, HujsonError, Literal, Object, Value, parse
from tailstack.finding import Finding, Place
from tailstack.topology.suppressions import read_suppression
from tailstack.topology.tailnet import BasePolicy, Stretch, Suppression

MARK = "tailstack:suppress"

_COMMENT = re.compile(r"//(?P<line>[^\n]*)|/\*(?P<block>(?s:.*?))\*/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """The suppressions of some files, and those that nobody can understand."""

    suppressions: tuple[Suppression, ...] = ()
    findings: tuple[Finding, ...] = ()


def suppressions_in_policy(policy: BasePolicy | None) -> Written:
    """Every suppression in the comments of a policy file. None in a text that is no HuJSON, which others tell of."""
    if policy is None or MARK not in policy.text:
        return Written()
    try:
        document = parse(policy.text)
    except HujsonError:
        return Written()
    suppressions: list[Suppression] = []
    findings: list[Finding] = []
    layout = _Layout(document)
    for comment in layout.comments():
        entry = layout.entry_of(comment)
        stretches = () if entry is None else (layout.stretch(policy.file, entry),)
        place = Place(policy.file, *layout.position(comment.start))
        read = read_suppression(comment.text, place, stretches)
        if isinstance(read, Finding):
            findings.append(read)
        else:
            suppressions.append(read)
    return Written(suppressions=tuple(suppressions), findings=tuple(findings))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Comment:
    """A suppression: what follows its mark, where it begins, and where the next thing does that is no comment."""

    text: str
    start: int
    next: int


_Entry = tuple[int, int]
"""Where a member, an element or a value begins and ends, in characters."""


@dataclass(slots=True)
class _Layout:
    """Where everything stands in a document. `extras` are beginnings and ends of spaces and comments."""

    document: Document
    entries: list[_Entry] = field(default_factory=list[_Entry])
    extras: list[_Entry] = field(default_factory=list[_Entry])

    def __post_init__(self) -> None:
        self._walk(self.document.root, 0)

    def _walk(self, value: Value, at: int) -> int:
        """Note a value whose spaces and comments begin here, and give back where they end behind it."""
        self.extras.append((at, value.start))
        node = value.node
        if isinstance(node, Literal):
            end = value.start + len(node.raw)
        else:
            at = value.start + 1
            if isinstance(node, Object):
                for member in node.members:
                    at = self._walk(member.name, at) + 1
                    at = self._walk(member.value, at) + 1
                    self.entries.append((member.name.start, self.entries[-1][1]))
                is_empty = not node.members
            else:
                for element in node.elements:
                    at = self._walk(element, at) + 1
                is_empty = not node.elements
            if not is_empty and not node.trailing_comma:
                at -= 1
            self.extras.append((at, at + len(node.after)))
            end = at + len(node.after) + 1
        self.entries.append((value.start, end))
        self.extras.append((end, end + len(value.after)))
        return end + len(value.after)

    def comments(self) -> Iterator[_Comment]:
        """The suppressions in their order."""
        text = self.document.text
        for start, end in sorted(set(self.extras)):
            for found in _COMMENT.finditer(text, start, end):
                mark, said = MARK, (found["line"] if found["block"] is None else found["block"]).strip()
                if said.startswith(mark) and said[len(mark) :][:1] in {"", " ", "\t", ":"}:
                    yield _Comment(text=said[len(mark) :].strip(), start=found.start(), next=end)

    def entry_of(self, comment: _Comment) -> _Entry | None:
        """What a comment is about; None for one that stands below everything."""
        line = self._line(comment.start)
        first = self.document.line_starts[line]
        if not self.document.text[first : comment.start].strip():
            below = [entry for entry in self.entries if entry[0] == comment.next]
            return max(below, default=None)
        # The document itself is no entry: where its first section begins on its first line, that is what is meant.
        beside = [
            (start, end)
            for start, end in self.entries[:-1]
            if start < comment.start and line in {self._line(start), self._line(end - 1)}
        ]
        return _last_of_outermost(beside)

    def stretch(self, file: str, entry: _Entry) -> Stretch:
        return Stretch(file, self.position(entry[0]), self.position(entry[1] - 1))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = self._line(offset)
        return line + 1, offset - self.document.line_starts[line] + 1

    def _line(self, offset: int) -> int:
        return bisect_right(self.document.line_starts, offset) - 1


def _last_of_outermost(entries: Iterable[_Entry]) -> _Entry | None:
    """Of the entries that are inside of no other, the last."""
    last: _Entry | None = None
    for entry in sorted(entries, key=lambda entry: (entry[0], -entry[1])):
        if last is None or entry[0] >= last[1]:
            last = entry
    return last
