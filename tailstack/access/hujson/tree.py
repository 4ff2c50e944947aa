"""The syntax tree of a HuJSON document: JSON with comments and trailing commas, nothing of the text lost.

The shape follows the Go module github.com/tailscale/hujson: every value carries the whitespace and comments before and
after it, so that `pack` of what was parsed is the very text that was read. The tree is immutable; changes make new values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_LONG_INTEGER = 400
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class HujsonError(ValueError):
    """The text is not HuJSON. `str()` is `line N, column M: reason`, as the policy file API words it.

    The column in the message counts bytes, as the Go module does; `line` and `column` count characters, from 1.
    """

    def __init__(self, reason: str, *, text: str, offset: int) -> None:
        self.reason = reason
        self.line = 1 + text.count("\n", 0, offset)
        start = text.rfind("\n", 0, offset) + 1
        self.column = 1 + offset - start
        super().__init__(f"line {self.line}, column {1 + byte_length(text[start:offset])}: {reason}")


def _integer(digits: str) -> int | float:
    # Python refuses to read very long integers; as a float they are out of any range that matters here.
    return int(digits) if len(digits) < _LONG_INTEGER else float(digits)


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, boolean or null as it stands in the text."""

    raw: str

    @property
    def is_string(self) -> bool:
        return self.raw.startswith('"')

    def python(self) -> str | int | float | bool | None:
        """The value meant. Halves of surrogate pairs become U+FFFD, as in Go."""
        raw = self.raw
        if raw[0] == '"' and "\\" not in raw:
            return raw[1:-1]
        value = json.loads(raw, parse_int=_integer)
        return _LONE_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Value:
    """One value with the whitespace and comments around it.

    `before` reaches back to the bracket, colon or comma in front, `after` on to the comma, colon or end of input behind.
    `start` is the offset of the value in the text it was parsed from, in characters; 0 for values that were built.
    """

    before: str
    node: Literal | Object | Array
    after: str
    start: int = 0

    @property
    def kind(self) -> str:
        """`object`, `array`, `string`, `number`, `boolean` or `null`."""
        if isinstance(self.node, Object):
            return "object"
        if isinstance(self.node, Array):
            return "array"
        return _LITERAL_KINDS.get(self.node.raw[0], "number")


_LITERAL_KINDS = {'"': "string", "t": "boolean", "f": "boolean", "n": "null"}


@dataclass(frozen=True, slots=True)
class Member:
    """A name and its value inside of an object; the name is a string literal."""

    name: Value
    value: Value

    @property
    def key(self) -> str:
        """The name meant, with escapes resolved."""
        assert isinstance(self.name.node, Literal)  # noqa: S101 -- the parser and the builder put nothing else here
        raw = self.name.node.raw
        return str(self.name.node.python()) if "\\" in raw else raw[1:-1]


@dataclass(frozen=True, slots=True)
class Object:
    """`after` is what stands between the last member (or its trailing comma) and the closing brace."""

    members: tuple[Member, ...]
    after: str = ""
    trailing_comma: bool = False

    def values(self) -> Iterator[Value]:
        """Names and values in their order."""
        for member in self.members:
            yield member.name
            yield member.value


@dataclass(frozen=True, slots=True)
class Array:
    """`after` is what stands between the last element (or its trailing comma) and the closing bracket."""

    elements: tuple[Value, ...]
    after: str = ""
    trailing_comma: bool = False

    def values(self) -> Iterator[Value]:
        """The elements in their order."""
        return iter(self.elements)


def byte_length(text: str) -> int:
    """Length in UTF-8; bytes that were read as surrogate escapes count as the single bytes they were."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def pack(value: Value) -> str:
    """The text of a value, with everything around it."""
    parts: list[str] = []
    _pack(value, parts)
    return "".join(parts)


def _pack(value: Value, parts: list[str]) -> None:
    parts.append(value.before)
    node = value.node
    if isinstance(node, Literal):
        parts.append(node.raw)
    else:
        opening, closing = ("{", "}") if isinstance(node, Object) else ("[", "]")
        parts.append(opening)
        if isinstance(node, Object):
            for member in node.members:
                _pack(member.name, parts)
                parts.append(":")
                _pack(member.value, parts)
                parts.append(",")
        else:
            for element in node.elements:
                _pack(element, parts)
                parts.append(",")
        if parts[-1] == "," and not node.trailing_comma:
            parts.pop()
        parts.append(node.after)
        parts.append(closing)
    parts.append(value.after)


def to_python(value: Value) -> Json:
    """The value as Python data. Of members with the same name the last counts, as in Go's encoding/json."""
    node = value.node
    if isinstance(node, Literal):
        return node.python()
    if isinstance(node, Object):
        return {member.key: to_python(member.value) for member in node.members}
    return [to_python(element) for element in node.elements]


def duplicate_members(value: Value) -> Iterator[tuple[Member, Member]]:
    """Each member whose name stood before in the same object, with the member it shadows, the whole tree down.

    The Go module lets them pass, and the last counts; nobody means it.
    """
    node = value.node
    if isinstance(node, Object):
        names = [member.key for member in node.members]
        if len(set(names)) < len(names):
            seen: dict[str, Member] = {}
            for member in node.members:
                if member.key in seen:
                    yield seen[member.key], member
                seen[member.key] = member
        inside = tuple(member.value for member in node.members)
    else:
        inside = () if isinstance(node, Literal) else node.elements
    for inner in inside:
        if not isinstance(inner.node, Literal):
            yield from duplicate_members(inner)
