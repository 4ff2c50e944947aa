"""The compiled text: a frame that is formatted and read as a whole, and derived entries written into it.

The frame is the hand-written document with the first derived entry of each section. It settles how a section is spread and
where its comments go, so all further entries are lines of one form below the first: writing them costs as much as they are
long, and nothing of them has to be read again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tailstack.access import hujson
from tailstack.access.derive import Derived, Section
from tailstack.access.places import Way, way_to
from tailstack.access.policy import AutoApprovers, Policy
from tailstack.access.reading import policy_of
from tailstack.access.writing import Pen, Written
from tailstack.finding import Place

_FIELDS = {
    Section.GROUPS: "groups",
    Section.POSTURES: "postures",
    Section.TAG_OWNERS: "tag_owners",
    Section.GRANTS: "grants",
    Section.SSH: "ssh",
    Section.NODE_ATTRS: "node_attributes",
    Section.TESTS: "tests",
    Section.SSH_TESTS: "ssh_tests",
}
"""The field of a Policy for each section."""

_APPROVED = {
    Section.APPROVED_ROUTES: "routes",
    Section.APPROVED_EXIT_NODES: "exit_node",
    Section.APPROVED_SERVICES: "services",
}
"""The field of the AutoApprovers of a Policy for each section that is a part of theirs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Addition:
    """Entries written below the first derived one of a section, which `leader` names: by its key, or its index from 0.

    They take `lines` lines after the line `after` of the frame, and `at` is where the frame is cut for them.
    """

    section: Section
    leader: str | int
    at: int
    after: int
    lines: int
    text: str
    entries: tuple[Written, ...]

    def way_to(self, place: Place) -> Way:
        index = bisect_right(self.entries, place, key=lambda entry: entry.place) - 1
        if index < 0:
            return Way(path=(*self.section.path, self.leader))
        entry = self.entries[index]
        in_list = isinstance(self.leader, int)
        key = self.leader + 1 + index if isinstance(self.leader, int) else entry.derived.key or ""
        if place == entry.place:
            return Way(path=(*self.section.path, key), to_name=not in_list)
        line = place.line - entry.place.line + 1
        if line > entry.text.count("\n") + 1:
            return Way(path=(*self.section.path, key))
        fragment = hujson.Document(f"[{entry.text}]" if in_list else f"{{{entry.text}}}")
        column = place.column - entry.place.column + 2 if line == 1 else place.column
        inside = way_to(fragment, Place(place.file, line, column))
        return Way(path=(*self.section.path, key, *inside.path[1:]), to_name=inside.to_name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where everything stands in the compiled text. `lines_above` stand before the document itself."""

    frame: hujson.Document
    additions: tuple[_Addition, ...]
    lines_above: int

    def way_to(self, place: Place) -> Way:
        """The way down to a place of the compiled text."""
        line = place.line - self.lines_above
        if line < 1:
            return Way(path=())
        for addition in self.additions:
            if line <= addition.after:
                break
            if line <= addition.after + addition.lines:
                return addition.way_to(place)
            line -= addition.lines
        return way_to(self.frame, Place(place.file, line, place.column))

    def position(self, value: hujson.Value) -> tuple[int, int]:
        """Line and column in the compiled text of a value of the frame."""
        line, column = self.frame.position(value)
        added = sum(addition.lines for addition in self.additions if addition.after < line)
        return line + added + self.lines_above, column

    def text(self) -> str:
        """The compiled text, without the lines above it."""
        parts: list[str] = []
        start = 0
        for addition in self.additions:
            parts += (self.frame.text[start : addition.at], addition.text)
            start = addition.at
        return "".join((*parts, self.frame.text[start:]))

    def policy(self, file: str, text: str) -> Policy:
        """The policy that the compiled text says; `text` is all of it."""
        read = policy_of(self.frame, file, self.position)
        approvers = replace(read.auto_approvers, **self._added(read.auto_approvers, _APPROVED))
        return replace(read, document=hujson.Document(text), auto_approvers=approvers, **self._added(read, _FIELDS))

    def _added(self, read: Policy | AutoApprovers, fields: Mapping[Section, str]) -> dict[str, Any]:
        """The entries of each field to which some were added: those of the frame, and the added ones."""
        return {
            fields[addition.section]: (
                *getattr(read, fields[addition.section]),
                *(entry.typed for entry in addition.entries),
            )
            for addition in self.additions
            if addition.section in fields
        }


def lay_out(root: hujson.Value, added: Mapping[Section, Sequence[Derived]], *, file: str, lines_above: int) -> Layout:
    """The layout of a document whose sections each have one derived entry as their last, with more of them in `added`."""
    frame = hujson.parse(hujson.format_value(root))
    additions: list[_Addition] = []
    above = lines_above
    for section in sorted(added, key=lambda section: _last(frame, section).name.start):
        last = _last(frame, section)
        at = last.value.start + len(hujson.pack(replace(last.value, before="", after="")))
        after = bisect_right(frame.line_starts, at)
        pen = Pen(file, after + above, frame.position(last.name)[1] - 1)
        for entry in added[section]:
            pen.write(entry)
        additions.append(
            _Addition(
                section=section,
                leader=last.leader,
                at=at,
                after=after,
                lines=pen.line - after - above,
                text=pen.text,
                entries=tuple(pen.written),
            )
        )
        above = pen.line - after
    return Layout(frame=frame, additions=tuple(additions), lines_above=lines_above)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Last:
    """The last entry of a section; one that has no name begins with its value."""

    leader: str | int
    name: hujson.Value
    value: hujson.Value


def _last(frame: hujson.Document, section: Section) -> _Last:
    found = hujson.find_path(frame.root, section.path)
    node = found.node if found is not None else None
    if isinstance(node, hujson.Array):
        return _Last(leader=len(node.elements) - 1, name=node.elements[-1], value=node.elements[-1])
    assert isinstance(node, hujson.Object)  # noqa: S101 -- the section was put there with an entry in it
    return _Last(leader=node.members[-1].key, name=node.members[-1].name, value=node.members[-1].value)
