"""Which handler answers which path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

from tailstack.sandbox.api.answers import Answer, RefusedError
from tailstack.sandbox.api.calls import Call

Handler: TypeAlias = Callable[[Call], Answer]


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One operation. In `path`, `{name}` stands for one segment; all of `scopes` are needed to call it."""

    method: str
    path: str
    handler: Handler
    scopes: tuple[str, ...] = ()

    def match(self, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        """The variable segments by name, or None where the path is another."""
        parts = self.path.strip("/").split("/")
        if len(parts) != len(segments):
            return None
        found: dict[str, str] = {}
        for part, segment in zip(parts, segments, strict=True):
            if part.startswith("{"):
                found[part[1:-1]] = segment
            elif part != segment:
                return None
        return found


class Routes:
    """All operations of the stand-in."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_length: dict[int, list[Route]] = {}
        for route in routes:
            self._by_length.setdefault(route.path.strip("/").count("/") + 1, []).append(route)

    def find(self, method: str, segments: tuple[str, ...]) -> tuple[Route, Mapping[str, str]]:
        """The route for a request. Raises RefusedError: 404 for an unknown path, 405 for an unknown method."""
        matches = [
            (route, found)
            for route in self._by_length.get(len(segments), ())
            if (found := route.match(segments)) is not None
        ]
        if not matches:
            raise RefusedError(HTTPStatus.NOT_FOUND)
        for route, found in matches:
            if route.method == method:
                return route, found
        allowed = ", ".join(sorted({route.method for route, _ in matches}))
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": allowed})
