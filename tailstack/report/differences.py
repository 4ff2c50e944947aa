"""Where two JSON values differ, by path: what a report says of an object that somebody changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

LONGEST = 60
"""Longest value that is shown whole, in characters; a longer one is cut in the middle."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


@dataclass(frozen=True, slots=True)
class Absent:
    """Marks a side on which the path does not exist, which is not the same as null."""


ABSENT = Absent()


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One path with another value: `metadata.annotations["tailscale.com/tags"]`."""

    path: str
    before: object
    after: object

    def __str__(self) -> str:
        if self.before is ABSENT:
            return f"{self.path} appeared: {shown(self.after)}"
        if self.after is ABSENT:
            return f"{self.path} is gone, it was {shown(self.before)}"
        return f"{self.path} was {shown(self.before)}, is {shown(self.after)}"


def differences(before: object, after: object, path: str = "") -> Iterator[Difference]:
    """Every path at which two JSON values differ, in the order of the keys. Lists of another length differ as a whole."""
    objects, lists = _objects(before, after), _lists(before, after)
    if objects is not None:
        left, right = objects
        for key in sorted({*left, *right}):
            yield from differences(left.get(key, ABSENT), right.get(key, ABSENT), joined_path(path, key))
    elif lists is not None and len(lists[0]) == len(lists[1]):
        for index, (one, other) in enumerate(zip(*lists, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif before != after:
        yield Difference(path=path, before=before, after=after)


def shown(value: object) -> str:
    """A value on one line, cut in the middle when it is long."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2 - 1
    return f"{text[:half]} … {text[-half:]}"


def _objects(one: object, other: object) -> tuple[Mapping[str, object], Mapping[str, object]] | None:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return cast("Mapping[str, object]", one), cast("Mapping[str, object]", other)
    return None


def _lists(one: object, other: object) -> tuple[list[object], list[object]] | None:
    if isinstance(one, list) and isinstance(other, list):
        return cast("list[object]", one), cast("list[object]", other)
    return None


def joined_path(path: str, key: str) -> str:
    """The path of a key below another: `a.b`, or `a["b.c"]` where the key is no plain name."""
    if not _PLAIN.match(key):
        return f"{path}[{json.dumps(key)}]"
    return f"{path}.{key}" if path else key
