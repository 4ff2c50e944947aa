"""One repository on GitHub as a job sees it: its pull requests and issues. https://docs.github.com/rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from tailstack.engine.code_hosts import Api, every, github_in

LONGEST_BODY = 65_536
"""Characters of an issue's text; GitHub refuses more with 422."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """`owner/name`. Every call raises CodeHostError."""

    api: Api
    name: str

    @classmethod
    def in_environment(cls, environment: Mapping[str, str]) -> Repository:
        """By GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL. Raises CodeHostError where one is missing."""
        found = github_in(environment, None)
        return cls(api=found.api, name=found.repository)

    def get(self, path: str) -> Mapping[str, Any]:
        """The object at a path, such as `pulls/7`."""
        return cast("Mapping[str, Any]", self.api.get(self._path(path)))

    def every(self, path: str, **query: str) -> Iterator[Mapping[str, Any]]:
        """The objects of a list, over all its pages."""
        return every(self.api, f"{self._path(path)}?{urlencode(query)}", lambda data: cast("Mapping[str, Any]", data))

    def send(self, method: str, path: str, body: Mapping[str, object]) -> Mapping[str, Any]:
        """Send JSON once; the answer."""
        return cast("Mapping[str, Any]", self.api.send(method, self._path(path), body))

    def _path(self, path: str) -> str:
        return f"/repos/{self.name}/{path}"
