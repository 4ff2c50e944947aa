"""Makes and changes HuJSON values, so that a document can be composed of a hand-written one and derived entries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from tailstack.access.hujson.tree import Array, Literal, Member, Object, Value

Buildable: TypeAlias = "Value | Mapping[str, Buildable] | Sequence[Buildable] | str | int | float | bool | None"


_encode = json.JSONEncoder(ensure_ascii=False).encode


def string_literal(text: str) -> str:
    """The JSON string for a text, with no more escapes than are needed."""
    return _encode(text)


def build(data: Buildable) -> Value:
    """A value from Python data; mappings keep their order, values that were made already are taken as they are."""
    if isinstance(data, str):
        return Value("", Literal(string_literal(data)), "")
    if isinstance(data, Value):
        return data
    if isinstance(data, Mapping):
        return Value("", Object(tuple(Member(build(name), build(value)) for name, value in data.items())), "")
    if isinstance(data, Sequence):
        return Value("", Array(tuple(build(element) for element in data)), "")
    if isinstance(data, float):
        return Value("", Literal(json.dumps(data, allow_nan=False)), "")
    return Value("", Literal(json.dumps(data)), "")


def commented(value: Value, comment: str) -> Value:
    """The value with `comment` on lines of its own before it, each line with `//` in front."""
    return replace(value, before=_comment_lines(comment) + value.before)


def spread(value: Value) -> Value:
    """The object or array with each of its members on a line of its own."""
    node = value.node
    if isinstance(node, Object):
        members = tuple(replace(m, name=replace(m.name, before="\n" + m.name.before)) for m in node.members)
        return replace(value, node=replace(node, members=members))
    if isinstance(node, Array):
        return replace(
            value, node=replace(node, elements=tuple(replace(e, before="\n" + e.before) for e in node.elements))
        )
    return value


def member(name: str, value: Buildable, comment: str = "") -> Member:
    """A member to append to an object; the comment stands on lines of its own before the name."""
    key = build(name)
    return Member(commented(key, comment) if comment else key, build(value))


def find(value: Value, name: str) -> Value | None:
    """The member's value with this name, upper and lower case alike as Go's encoding/json reads; None if there is none.

    Of several the last counts. Raises TypeError where `value` is no object.
    """
    found = [m.value for m in _object(value).members if m.key.casefold() == name.casefold()]
    return found[-1] if found else None


def find_path(value: Value, names: Iterable[str]) -> Value | None:
    """What stands behind these names, one within the other; None where one is missing or stands in what is no object."""
    found: Value | None = value
    for name in names:
        found = find(found, name) if found is not None and isinstance(found.node, Object) else None
    return found


def append_members(value: Value, members: Iterable[Member]) -> Value:
    """The object with these members after its own; its comments stay where they are.

    Raises TypeError where `value` is no object.
    """
    node = _object(value)
    added = tuple(members)
    if not added:
        return value
    # What stood before the closing brace (often a comment on the last member's line) goes on standing after that member.
    first = replace(added[0], name=replace(added[0].name, before=_next_line(node.after, added[0].name.before)))
    return replace(value, node=Object((*node.members, first, *added[1:]), "\n", trailing_comma=True))


def append_elements(value: Value, elements: Iterable[Value]) -> Value:
    """The array with these elements after its own; its comments stay where they are.

    Raises TypeError where `value` is no array.
    """
    if not isinstance(value.node, Array):
        raise TypeError(f"expected an array, not {value.kind}")
    added = tuple(elements)
    if not added:
        return value
    first = replace(added[0], before=_next_line(value.node.after, added[0].before))
    return replace(value, node=Array((*value.node.elements, first, *added[1:]), "\n", trailing_comma=True))


def with_member(value: Value, name: str, new: Buildable) -> Value:
    """The object with the member of this name (upper and lower case alike) replaced, or appended where there is none.

    What stands before and after the replaced value stays. Raises TypeError where `value` is no object.
    """
    node = _object(value)
    places = [index for index, m in enumerate(node.members) if m.key.casefold() == name.casefold()]
    if not places:
        return append_members(value, [member(name, new)])
    old = node.members[places[-1]]
    built = replace(build(new), before=old.value.before, after=old.value.after)
    members = (*node.members[: places[-1]], Member(old.name, built), *node.members[places[-1] + 1 :])
    return replace(value, node=replace(node, members=members))


def with_path(value: Value, names: Sequence[str], new: Buildable) -> Value:
    """The object with what stands behind these names, one within the other, replaced or appended.

    What is no object on the way there is replaced by one. Raises TypeError where `value` is no object.
    """
    name, *inner = names
    if not inner:
        return with_member(value, name, new)
    outer = find(value, name)
    start = outer if outer is not None and isinstance(outer.node, Object) else build({})
    return with_member(value, name, with_path(start, inner, new))


def _object(value: Value) -> Object:
    if not isinstance(value.node, Object):
        raise TypeError(f"expected an object, not {value.kind}")
    return value.node


def _next_line(after: str, before: str) -> str:
    """`before` on the line after `after`, with no blank line between them that nobody wrote."""
    return after.rstrip(" \t\r\n") + "\n" + before.removeprefix("\n")


def _comment_lines(comment: str) -> str:
    # splitlines also parts at U+2028 and U+2029, which may not stand in a line comment.
    return "\n" + "".join(f"// {line}".rstrip() + "\n" for line in comment.splitlines())
