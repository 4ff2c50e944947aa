"""The shape of a value: what it may be, which keys it may have, and since which version of the chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from tailstack.charts.versions import Version

ITEM = "[]"
ANY_KEY = "{}"


class Type(StrEnum):
    """The type of a value; the words are those of the messages."""

    TEXT = "a text"
    SWITCH = "true or false"
    NUMBER = "a whole number"
    QUANTITY = "a whole number or a text"
    WORD = "a text, true or false"
    LIST = "a list"
    TEXTS = "a list of texts"
    """A single text is taken as well."""
    MAPPING = "a mapping"


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What a text looks like: a regular expression that Go and Python read alike, and the same in words."""

    pattern: str
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a value may be.

    A mapping has either `keys`, or values that are each an `each`, or anything in it. `lowest` and `highest` limit a
    number, `fewest` the items of a list, `longest` the characters of a text. `is_idle` marks a key that the chart lists
    and no template reads.
    """

    type: Type
    keys: Mapping[str, Shape] = field(default_factory=lambda: MappingProxyType({}))
    required: tuple[str, ...] = ()
    each: Shape | None = None
    words: tuple[str, ...] = ()
    form: Form | None = None
    is_cidr: bool = False
    lowest: int | None = None
    highest: int | None = None
    fewest: int = 0
    longest: int | None = None
    since: Version = (0, 0, 0)
    is_idle: bool = False


TEXT = Shape(type=Type.TEXT)
SWITCH = Shape(type=Type.SWITCH)
NUMBER = Shape(type=Type.NUMBER)
ANYTHING = Shape(type=Type.MAPPING)
"""A mapping that is handed to Kubernetes as it is."""


def keys(known: Mapping[str, Shape], *required: str) -> Shape:
    """A mapping with these keys and no others."""
    return Shape(type=Type.MAPPING, keys=known, required=required)


def each_of(shape: Shape) -> Shape:
    """A mapping whose keys people choose."""
    return Shape(type=Type.MAPPING, each=shape)


def items(shape: Shape, *, fewest: int = 0, since: Version = (0, 0, 0)) -> Shape:
    """A list."""
    return Shape(type=Type.LIST, each=shape, fewest=fewest, since=since)


def word(*words: str) -> Shape:
    """A text that is one of these; any text where there are none."""
    return Shape(type=Type.TEXT, words=words)


TEXTS = items(TEXT)
LABELS = each_of(TEXT)


def fields_of(shape: Shape, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Shape]]:
    """Every key below a shape by its path, with ITEM for the items of a list and ANY_KEY for keys that people choose."""
    for key, inner in shape.keys.items():
        yield (*path, key), inner
        yield from fields_of(inner, (*path, key))
    if shape.each is not None:
        here = (*path, ITEM if shape.type is Type.LIST else ANY_KEY)
        yield here, shape.each
        yield from fields_of(shape.each, here)
