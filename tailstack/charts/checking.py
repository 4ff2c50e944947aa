"""Hold a value against the shape that it should have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import ip_address
from typing import TypeAlias, cast

from tailstack.charts.shapes import ANY_KEY, ITEM, Shape, Type, fields_of
from tailstack.charts.versions import Version, is_read, version_text

Path: TypeAlias = tuple[str | int, ...]


class MistakeKind(StrEnum):
    """What is wrong."""

    UNKNOWN = "unknown"
    NOT_YET = "not-yet"
    """A later version of the chart knows it."""
    IDLE = "idle"
    """The chart lists it and no template reads it."""
    RESERVED = "reserved"
    """tailstack writes it."""
    MISSING = "missing"
    TYPE = "type"
    WORD = "word"
    FORM = "form"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """One mistake. `path` leads to the key, also where it is missing; `found` is what stands there.

    `expected` are words that follow "expected:". `known` are what stands beside an unknown key, or the words that an
    unknown word could have been; `elsewhere` is the one other place where a key of this name would be known.
    """

    path: Path
    kind: MistakeKind
    expected: str
    found: object = field(default=None, repr=False)
    known: tuple[str, ...] = ()
    elsewhere: Path | None = None


def mistakes_in(value: object, shape: Shape, version: Version | None) -> tuple[Mistake, ...]:
    """All mistakes, in the order of the value. What is null counts as absent.

    Without a version, or with one that is newer than the charts that were read, no key is unknown.
    """
    return tuple(_placed(mistake, shape) for mistake in _mistakes(value, shape, version, ()))


def _placed(mistake: Mistake, root: Shape) -> Mistake:
    """With the one other place of the key, where there is just one."""
    if mistake.kind not in {MistakeKind.UNKNOWN, MistakeKind.IDLE}:
        return mistake
    others = [
        path
        for path, shape in fields_of(root)
        if path[-1] == mistake.path[-1] and not shape.is_idle and {ITEM, ANY_KEY}.isdisjoint(path)
    ]
    return replace(mistake, elsewhere=others[0]) if len(others) == 1 else mistake


def _mistakes(value: object, shape: Shape, version: Version | None, path: Path) -> Iterator[Mistake]:
    if value is None:
        return
    if not _FITTING[shape.type](value):
        yield Mistake(path=path, kind=MistakeKind.TYPE, expected=shape.type, found=value)
    elif isinstance(value, Mapping):
        yield from _in_mapping(cast("Mapping[str, object]", value), shape, version, path)
    elif isinstance(value, str | bool):
        yield from _in_text(value if isinstance(value, str) else str(value).lower(), shape, path)
    elif isinstance(value, int):
        yield from _in_number(value, shape, path)
    elif shape.each is not None:
        every = cast("Sequence[object]", value)
        if len(every) < shape.fewest:
            yield Mistake(path=path, kind=MistakeKind.FORM, expected=f"a list of at least {shape.fewest}")
        for index, item in enumerate(every):
            yield from _mistakes(item, shape.each, version, (*path, index))


def _in_mapping(value: Mapping[str, object], shape: Shape, version: Version | None, path: Path) -> Iterator[Mistake]:
    for key, inner in value.items():
        here = (*path, key)
        known = shape.keys.get(key, shape.each)
        if known is None:
            if shape.keys and version is not None and is_read(version):
                expected = f"a key of the chart {version_text(version)}"
                yield Mistake(path=here, kind=MistakeKind.UNKNOWN, expected=expected, known=tuple(shape.keys))
        elif version is not None and version < known.since:
            since = version_text(known.since)
            yield Mistake(path=here, kind=MistakeKind.NOT_YET, expected=f"the chart {since} or newer")
        elif known.is_idle:
            yield Mistake(path=here, kind=MistakeKind.IDLE, expected="a key that has an effect")
        else:
            yield from _mistakes(inner, known, version, here)
    for key in shape.required:
        if value.get(key) is None:
            yield Mistake(path=(*path, key), kind=MistakeKind.MISSING, expected="a value")


def _in_text(text: str, shape: Shape, path: Path) -> Iterator[Mistake]:
    if shape.words and text not in shape.words:
        words = tuple(word for word in shape.words if word)
        yield Mistake(path=path, kind=MistakeKind.WORD, expected=f"one of {', '.join(words)}", found=text, known=words)
    elif shape.form is not None and not re.fullmatch(shape.form.pattern, text, re.ASCII):
        yield Mistake(path=path, kind=MistakeKind.FORM, expected=shape.form.words)
    elif shape.is_cidr and not _is_cidr(text):
        yield Mistake(path=path, kind=MistakeKind.FORM, expected="a range of addresses such as 10.0.0.0/16")
    elif shape.longest is not None and len(text) > shape.longest:
        yield Mistake(path=path, kind=MistakeKind.FORM, expected=f"at most {shape.longest} characters")


def _in_number(value: int, shape: Shape, path: Path) -> Iterator[Mistake]:
    low, high = shape.lowest, shape.highest
    if (low is not None and value < low) or (high is not None and value > high):
        expected = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"
        yield Mistake(path=path, kind=MistakeKind.FORM, expected=expected)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, str) or (
        _is_list(value) and all(isinstance(item, str) for item in cast("Sequence[object]", value))
    )


_FITTING: Mapping[Type, Callable[[object], bool]] = {
    Type.TEXT: lambda value: isinstance(value, str),
    Type.SWITCH: lambda value: isinstance(value, bool),
    Type.NUMBER: _is_number,
    Type.QUANTITY: lambda value: isinstance(value, str) or _is_number(value),
    Type.WORD: lambda value: isinstance(value, str | bool),
    Type.LIST: _is_list,
    Type.TEXTS: _is_texts,
    Type.MAPPING: lambda value: isinstance(value, Mapping),
}


def _is_cidr(text: str) -> bool:
    """As `net.ParseCIDR` of Go, which lets bits be set behind the mask."""
    address, slash, bits = text.partition("/")
    try:
        longest = ip_address(address).max_prefixlen
    except ValueError:
        return False
    return slash == "/" and bits.isascii() and bits.isdigit() and int(bits) <= longest
