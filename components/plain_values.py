"""Values of other programs, as plain data: what somebody wrote, and what we write over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast


def plain(value: object) -> Any:  # noqa: ANN401  JSON of any shape
    """The same with dicts and lists only, which are what the SDK takes."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in cast("Sequence[object]", value)]
    return value


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both in one, as Helm merges values: mappings key by key, anything else as `over` has it."""
    both: dict[str, Any] = plain(under)
    for key, value in over.items():
        below: object = both.get(key)
        if isinstance(value, Mapping) and isinstance(below, dict):
            both[key] = merged(cast("dict[str, Any]", below), cast("Mapping[str, Any]", value))
        else:
            both[key] = plain(cast("object", value))
    return both
