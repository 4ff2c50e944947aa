"""Leads from a place in one document to the same part of another: the compiled policy and the base that it was made of."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.access.hujson import Array, Document, Object, Value
from tailstack.finding import Place

Path = tuple[str | int, ...]
"""Names and indexes that lead down to a part of a document: `("grants", 3, "src", 0)`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """A path; `to_name` tells that it ends at the name of a member and not at what stands behind it."""

    path: Path
    to_name: bool = False


def way_to(document: Document, place: Place) -> Way:
    """The way down to a place of a document; an empty one for what stands before all entries."""
    offset = document.line_starts[place.line - 1] + place.column - 1
    path: list[str | int] = []
    for step, name_start, value in _steps_down(document.root, offset):
        path.append(step)
        if name_start <= offset < value.start:
            return Way(path=tuple(path), to_name=True)
    return Way(path=tuple(path))


def _steps_down(value: Value, offset: int) -> Iterator[tuple[str | int, int, Value]]:
    """Each name or index on the way to an offset, with where it starts and the value behind it."""
    while True:
        node = value.node
        if isinstance(node, Object):
            index = bisect_right(node.members, offset, key=lambda member: member.name.start) - 1
            if index < 0:
                return
            member = node.members[index]
            value = member.value
            yield member.key, member.name.start, value
        elif isinstance(node, Array):
            index = bisect_right(node.elements, offset, key=lambda element: element.start) - 1
            if index < 0:
                return
            value = node.elements[index]
            yield index, value.start, value
        else:
            return


def place_at(document: Document, file: str, way: Way) -> Place:
    """The place at the end of the way, or of the last part of it that this document has too."""
    value = at = document.root
    for depth, step in enumerate(way.path, 1):
        found = _step(value, step)
        if found is None:
            break
        name, value = found
        at = name if way.to_name and depth == len(way.path) else value
    return Place(file, *document.position(at))


def _step(value: Value, step: str | int) -> tuple[Value, Value] | None:
    """The name and the value of a member, or an element as both."""
    node = value.node
    if isinstance(node, Object):
        return next(((m.name, m.value) for m in reversed(node.members) if m.key == step), None)
    if isinstance(node, Array) and isinstance(step, int) and step < len(node.elements):
        return node.elements[step], node.elements[step]
    return None
