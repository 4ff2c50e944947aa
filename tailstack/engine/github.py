"""GitHub's API as a job sees it: one repository, with the token and the address that its environment names.

https://docs.github.com/rest, version 2022-11-28. Reads go over all pages. The token is part of no error, log or repr.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

DEFAULT_URL = "https://api.github.com"
LONGEST_BODY = 65_536
"""Characters of a comment or of an issue's text; GitHub refuses more with 422."""
_PAGE = 100
_MOST_PAGES = 100
_SECONDS = 30.0


class GitHubError(Exception):
    """A call failed. Its text is fit to be shown; `status` is 0 where no answer came."""

    def __init__(self, message: str, status: int = 0) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHub:
    """One repository, `owner/name`, as one token sees it. `url` is the API's address."""

    repository: str
    token: str = field(repr=False)
    url: str = DEFAULT_URL

    @classmethod
    def in_environment(cls, environment: Mapping[str, str]) -> GitHub:
        """`GITHUB_TOKEN`, `GITHUB_REPOSITORY` and `GITHUB_API_URL`. Raises GitHubError where one is missing."""
        missing = [name for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY") if not environment.get(name)]
        if missing:
            raise GitHubError(f"{' and '.join(missing)} must be in the environment to reach GitHub")
        url = environment.get("GITHUB_API_URL") or DEFAULT_URL
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")):
            raise GitHubError("GITHUB_API_URL must be an https:// URL")
        return cls(repository=environment["GITHUB_REPOSITORY"], token=environment["GITHUB_TOKEN"], url=url.rstrip("/"))

    def get(self, path: str) -> Mapping[str, Any]:
        """The object at a path below the repository, such as `pulls/7`. Raises GitHubError."""
        return cast("Mapping[str, Any]", self._send("GET", path))

    def every(self, path: str, **query: str) -> Iterator[Mapping[str, Any]]:
        """The objects of a list, all pages of it. Raises GitHubError."""
        for page in range(1, _MOST_PAGES + 1):
            found = self._send("GET", f"{path}?{urlencode({**query, 'per_page': str(_PAGE), 'page': str(page)})}")
            items = cast("list[Mapping[str, Any]]", found)
            yield from items
            if len(items) < _PAGE:
                return

    def send(self, method: str, path: str, body: Mapping[str, object]) -> Mapping[str, Any]:
        """Send JSON once; the answer. Raises GitHubError."""
        return cast("Mapping[str, Any]", self._send(method, path, body))

    def _send(self, method: str, path: str, body: Mapping[str, object] | None = None) -> object:
        request = urllib.request.Request(  # noqa: S310 -- the scheme was checked when it was made
            f"{self.url}/repos/{self.repository}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "User-Agent": "tailstack",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        local = self.url.startswith("http://")
        opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
        try:
            with opener.open(request, timeout=_SECONDS) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                said = _message(error)
            raise GitHubError(f"GitHub refused {method} {path.partition('?')[0]}: {said}", error.code) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise GitHubError(f"GitHub gave no answer to {method} {path.partition('?')[0]}: {error}") from None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        answer: object = json.loads(error.read())
    except (ValueError, OSError, http.client.HTTPException):
        answer = None
    said = cast("dict[str, Any]", answer).get("message") if isinstance(answer, dict) else None
    return f"{said or error.reason} ({error.code})"
