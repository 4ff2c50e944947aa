"""Plain data of any shape, as it comes from JSON and YAML: what is expected there, and nothing where it is something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def elements(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def entries(value: object) -> Iterator[Mapping[str, Any]]:
    """The mappings in a list."""
    return (cast("Mapping[str, Any]", each) for each in elements(value) if isinstance(each, Mapping))


def texts(value: object) -> tuple[str, ...]:
    """The texts in a list."""
    return tuple(each for each in elements(value) if isinstance(each, str))
