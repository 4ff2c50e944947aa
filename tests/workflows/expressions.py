"""The expressions of GitHub's workflows, as far as ours use them: contexts, comparisons, `&&`, `||`, `!`, and some functions.

https://docs.github.com/actions/reference/workflows-and-actions/expressions. What is not known here raises, so that a test
cannot pass by an expression that was not understood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>&&|\|\||==|!=|[!().,\[\]*]))"
)
_PART = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


class UnknownExpressionError(Exception):
    """An expression, or a part of one, that this reader does not know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What names mean. `status` is how the job or the steps before went: success, failure or cancelled."""

    contexts: Mapping[str, Any]
    status: str = "success"

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 -- any value of JSON
        """The value of an expression without its braces. Raises UnknownExpressionError."""
        reader = _Reader(expression, self)
        value = reader.either()
        reader.end()
        return value

    def text(self, value: object) -> str:
        """A value of a workflow with each `${{ }}` in it replaced."""
        if not isinstance(value, str):
            return _as_text(value)
        return _PART.sub(lambda found: _as_text(self.evaluate(found[1])), value)

    def value(self, value: object) -> Any:  # noqa: ANN401 -- any value of JSON
        """The same, where one expression alone keeps its type."""
        if isinstance(value, str) and (found := re.fullmatch(r"\s*\$\{\{(.*?)\}\}\s*", value, re.DOTALL)):
            return self.evaluate(found[1])
        if isinstance(value, list):
            return [self.value(item) for item in cast("list[object]", value)]
        return self.text(value) if isinstance(value, str) else value

    def holds(self, condition: object) -> bool:
        """An `if`: without a status function it asks for success as well."""
        if condition is None:
            return self.status == "success"
        if isinstance(condition, bool):
            return condition and self.status == "success"
        text = str(condition)
        inner = found[1] if (found := re.fullmatch(r"\s*\$\{\{(.*?)\}\}\s*", text, re.DOTALL)) else text
        met = _truth(self.evaluate(inner))
        asks = re.search(r"\b(?:success|failure|always|cancelled)\(", inner)
        return met if asks else met and self.status == "success"


class _Reader:
    """Recursive descent, loosest first."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._scope = scope
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise UnknownExpressionError(text)
            self._tokens.append((str(found.lastgroup), found[0].strip()))
            at = found.end()
        self._text = text
        self._at = 0

    def end(self) -> None:
        if self._at != len(self._tokens):
            raise UnknownExpressionError(self._text)

    def _is(self, sign: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] == ("sign", sign)

    def _take(self, sign: str) -> bool:
        taken = self._is(sign)
        self._at += taken
        return taken

    def either(self) -> Any:  # noqa: ANN401 -- any value of JSON
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value if _truth(value) else other
        return value

    def _both(self) -> Any:  # noqa: ANN401 -- any value of JSON
        value = self._equal()
        while self._take("&&"):
            other = self._equal()
            value = other if _truth(value) else value
        return value

    def _equal(self) -> Any:  # noqa: ANN401 -- any value of JSON
        value = self._not()
        while self._is("==") or self._is("!="):
            wanted = self._take("==") or not self._take("!=")
            value = _same(value, self._not()) == wanted
        return value

    def _not(self) -> Any:  # noqa: ANN401 -- any value of JSON
        return not _truth(self._not()) if self._take("!") else self._path()

    def _path(self) -> Any:  # noqa: ANN401 -- any value of JSON
        value = self._first()
        while True:
            if self._take("."):
                kind, name = self._next()
                if kind != "name":
                    raise UnknownExpressionError(self._text)
                value = _member(value, name)
            elif self._take("["):
                value = _member(value, self.either())
                if not self._take("]"):
                    raise UnknownExpressionError(self._text)
            else:
                return value

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise UnknownExpressionError(self._text)
        self._at += 1
        return self._tokens[self._at - 1]

    def _first(self) -> Any:  # noqa: ANN401 -- any value of JSON
        if self._take("("):
            value = self.either()
            if not self._take(")"):
                raise UnknownExpressionError(self._text)
            return value
        kind, token = self._next()
        match kind:
            case "text":
                return token[1:-1].replace("''", "'")
            case "number":
                return float(token)
            case "name" if token in ("true", "false", "null"):
                return {"true": True, "false": False, "null": None}[token]
            case "name" if self._take("("):
                return self._call(token)
            case "name" if token in self._scope.contexts:
                return self._scope.contexts[token]
            case _:
                raise UnknownExpressionError(f"{token} in {self._text}")

    def _call(self, name: str) -> Any:  # noqa: ANN401 -- any value of JSON
        arguments: list[Any] = []
        while not self._take(")"):
            arguments.append(self.either())
            self._take(",")
        status = {"success": "success", "failure": "failure", "cancelled": "cancelled"}
        if name == "always":
            return True
        if name in status:
            return self._scope.status == status[name]
        if name not in _FUNCTIONS:
            raise UnknownExpressionError(f"{name}() in {self._text}")
        return _FUNCTIONS[name](*arguments)


def _format(text: str, *values: object) -> str:
    return re.sub(r"\{(\d+)\}", lambda found: _as_text(values[int(found[1])]), text)


def _contains(where: object, what: object) -> bool:
    if isinstance(where, list):
        return any(_same(item, what) for item in cast("list[object]", where))
    return _as_text(what).lower() in _as_text(where).lower()


def _starts_with(text: object, start: object) -> bool:
    return _as_text(text).lower().startswith(_as_text(start).lower())


def _join(items: list[object], separator: str = ",") -> str:
    return separator.join(map(_as_text, items))


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "fromJSON": json.loads,
    "toJSON": json.dumps,
    "format": _format,
    "contains": _contains,
    "join": _join,
    "startsWith": _starts_with,
    "hashFiles": lambda *_: "0",
}


def _member(value: object, name: object) -> Any:  # noqa: ANN401 -- any value of JSON
    """What is not there is null."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value).get(_as_text(name))
    if isinstance(value, list) and isinstance(name, float):
        items = cast("list[Any]", value)
        return items[int(name)] if 0 <= int(name) < len(items) else None
    return None


def _truth(value: object) -> bool:
    return value not in (None, False, "", 0)


def _same(one: object, other: object) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if type(one) is type(other):
        return one == other
    return _number(one) == _number(other)


def _number(value: object) -> float | None:
    try:
        return float(cast("Any", value if value is not None else 0) or 0)
    except (TypeError, ValueError):
        return None


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
