"""A request as the endpoints see it: who calls, which parts the path has, what the body says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, cast

from tailstack.sandbox.api.answers import RefusedError
from tailstack.sandbox.api.scopes import Actor
from tailstack.sandbox.api.tailnet import Tailnet


class Fields:
    """The members of a JSON object, read with their types; what has another type is refused with 400 and its name.

    `null` counts as absent, as the API's clients send it for what they leave alone.
    """

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def names(self) -> tuple[str, ...]:
        """The names of all members, those with `null` too."""
        return tuple(self._values)

    def value(self, name: str) -> object:
        """The member as it was parsed."""
        return self._values.get(name)

    def text(self, name: str, default: str = "") -> str:
        """A string."""
        return cast("str", self._of(str, "a string", name, default))

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean."""
        return cast("bool", self._of(bool, "true or false", name, default))

    def required_flag(self, name: str) -> bool:
        """A boolean that must be there."""
        if name not in self:
            raise _refused(f'"{name}" is required and must be true or false')
        return self.flag(name)

    def number(self, name: str, default: int = 0) -> int:
        """A whole number."""
        value = self._of(int, "a whole number", name, default)
        if isinstance(value, bool):
            raise _refused(f'"{name}" must be a whole number')
        return cast("int", value)

    def texts(self, name: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """A list of strings."""
        values = cast("Sequence[object]", self._of(list, "a list of strings", name, list(default)))
        if not all(isinstance(value, str) for value in values):
            raise _refused(f'"{name}" must be a list of strings')
        return tuple(cast("Sequence[str]", values))

    def text_map(self, name: str) -> dict[str, str]:
        """An object whose values are strings."""
        values = cast("dict[str, object]", self._of(dict, "an object of strings", name, {}))
        if not all(isinstance(value, str) for value in values.values()):
            raise _refused(f'"{name}" must be an object of strings')
        return cast("dict[str, str]", values)

    def inner(self, name: str) -> Fields:
        """An object; one that is absent reads as empty."""
        return Fields(cast("dict[str, object]", self._of(dict, "an object", name, {})))

    def inners(self, name: str) -> tuple[Fields, ...]:
        """A list of objects."""
        values = cast("list[object]", self._of(list, "a list of objects", name, []))
        if not all(isinstance(value, dict) for value in values):
            raise _refused(f'"{name}" must be a list of objects')
        return tuple(Fields(cast("dict[str, object]", value)) for value in values)

    def _of(self, kind: type, expected: str, name: str, default: object) -> object:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise _refused(f'"{name}" must be {expected}')
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One authorised request. `path` holds the variable parts by name, headers have lower-case names.

    `now` is the server's time in UTC, in whole seconds.
    """

    tailnet: Tailnet
    actor: Actor
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes
    now: datetime

    def json(self) -> Fields:
        """The body as a JSON object. Raises RefusedError (400) for anything else; an empty body is an empty object."""
        if not self.body.strip():
            return Fields({})
        try:
            value: Any = json.loads(self.body)
        except ValueError as error:
            raise _refused(f"the request body is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise _refused("the request body must be a JSON object")
        return Fields(cast("dict[str, object]", value))

    def asks(self, name: str) -> str:
        """The first value of a query parameter, empty if there is none."""
        return next(iter(self.query.get(name, ())), "")

    def accepts_json(self) -> bool:
        """Whether the Accept header asks for plain JSON rather than HuJSON."""
        return "application/json" in self.headers.get("accept", "")


def _refused(message: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, message)
