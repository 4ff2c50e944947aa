"""Mappings and lists as they stand in YAML files, with the place of every key, value and item."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, final

from tailstack.finding import Place

Mark: TypeAlias = tuple[str, int, int]
"""A place as a plain tuple (file, line, column), because there are many thousands of them."""

Value: TypeAlias = "str | int | bool | PlacedMap | PlacedList"
Step: TypeAlias = "str | int"
Path: TypeAlias = tuple[Step, ...]
"""How to get to a value from the top: keys of mappings and indexes of lists."""


@final
class PlacedMap(dict[str, "Value"]):
    """A mapping that knows where it stands (`at`), and where each of its keys and values stands (`marks`)."""

    __slots__ = ("at", "marks")

    def __init__(self, at: Mark) -> None:
        super().__init__()
        self.at = at
        self.marks: dict[str, tuple[Mark, Mark]] = {}

    def put(self, key: str, value: Value, key_at: Mark, value_at: Mark) -> None:
        """Set a key together with its two places."""
        self[key] = value
        self.marks[key] = (key_at, value_at)

    def drop(self, key: str) -> None:
        """Take a key out, if it is there."""
        self.pop(key, None)
        self.marks.pop(key, None)


@final
class PlacedList(list["Value"]):
    """A list that knows where it stands (`at`), and where each of its items stands (`marks`, twice, as for a key)."""

    __slots__ = ("at", "marks")

    def __init__(self, at: Mark) -> None:
        super().__init__()
        self.at = at
        self.marks: list[tuple[Mark, Mark]] = []

    def add(self, value: Value, at: Mark) -> None:
        """Append an item together with its place."""
        self.append(value)
        self.marks.append((at, at))


def _follow(root: PlacedMap, path: Iterable[Step]) -> tuple[tuple[Mark, Mark], Value, bool]:
    """Go as far along the path as it leads: the places of key and value there, the value, and whether it is the end."""
    here: Value = root
    marks: tuple[Mark, Mark] = (root.at, root.at)
    for step in path:
        if isinstance(step, str):
            if not isinstance(here, PlacedMap) or step not in here:
                return marks, here, False
            marks = here.marks[step]
            here = here[step]
        else:
            if not isinstance(here, PlacedList) or step >= len(here):
                return marks, here, False
            marks = here.marks[step]
            here = here[step]
    return marks, here, True


def key_place(root: PlacedMap, path: Iterable[Step]) -> Place:
    """Where a key stands, or an item of a list; the nearest thing above it where the path leads nowhere."""
    return Place(*_follow(root, path)[0][0])


def value_place(root: PlacedMap, path: Iterable[Step]) -> Place:
    """Where a value stands; the nearest thing above it where the path leads nowhere."""
    return Place(*_follow(root, path)[0][1])


def value_at(root: PlacedMap, path: Iterable[Step]) -> Value | None:
    """The value itself; None where the path leads nowhere."""
    _, value, is_there = _follow(root, path)
    return value if is_there else None


def path_to(root: PlacedMap, wanted: PlacedMap) -> Path | None:
    """How to get to this very mapping from the top; None where it is not there."""
    open_values: list[tuple[Path, Value]] = [((), root)]
    while open_values:
        path, here = open_values.pop()
        if here is wanted:
            return path
        if isinstance(here, PlacedMap):
            open_values.extend(((*path, key), value) for key, value in here.items())
        elif isinstance(here, PlacedList):
            open_values.extend(((*path, index), value) for index, value in enumerate(here))
    return None


def plain(value: Value) -> Any:  # noqa: ANN401  whatever stands in the file
    """The value without its places, as plain mappings and lists."""
    if isinstance(value, PlacedMap):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, PlacedList) else value
