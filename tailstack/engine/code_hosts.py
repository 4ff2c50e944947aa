"""The comments of a pull request on GitHub, and the notes of a merge request on GitLab: found by a marker, written anew or replaced.

https://docs.github.com/rest/issues/comments and https://docs.gitlab.com/api/notes. A token is sent to the address that the
environment names and nowhere else, and is part of no error, log or repr.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit

from tailstack.engine.https import NotHttpsError, opener_to
from tailstack.plain import mapping

GITHUB_LIMIT = 65_536
"""Characters in a comment; https://github.com/orgs/community/discussions/27190."""
GITLAB_LIMIT = 1_000_000
"""Characters in a note; https://docs.gitlab.com/administration/instance_limits."""

_T = TypeVar("_T")
_GITHUB = "https://api.github.com"
_PER_PAGE = 100
_SECONDS = 30.0
_ATTEMPTS = 3
_SERVER_ERROR = 500
_TOO_MANY = 429


class CodeHostError(Exception):
    """A call failed. The text is fit to be shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """One comment. `author` is a login."""

    id: int
    author: str
    body: str
    url: str = ""


class CodeHost(Protocol):
    """Where comments are. `limit` is how many characters one may have; `author` is who we are there."""

    @property
    def limit(self) -> int: ...
    @property
    def author(self) -> str: ...
    def comments(self, number: int) -> Iterator[Comment]: ...
    def create(self, number: int, body: str) -> Comment: ...
    def update(self, number: int, comment: Comment, body: str) -> Comment: ...


def marker_line(name: str) -> str:
    """The first line of a comment of ours, which nobody sees. Raises ValueError for a name that would end it early."""
    if not name or not all(c.isalnum() or c in "-_./" for c in name) or "--" in name:
        raise ValueError("a marker has letters, digits, dots, slashes and single hyphens")
    return f"<!-- tailstack:{name} -->"


def put_comment(host: CodeHost, number: int, marker: str, body: str) -> Comment:
    """The comment with the marker that is ours, with another body; a new one where there is none. Others are left alone.

    All pages are looked through. A comment of somebody else with our marker is not ours. Raises CodeHostError.
    """
    text = f"{marker_line(marker)}\n{body}"
    try:
        author = host.author
        for comment in host.comments(number):
            lines = comment.body.splitlines()
            if comment.author == author and lines and lines[0].strip() == marker_line(marker):
                return comment if comment.body == text else host.update(number, comment, text)
        return host.create(number, text)
    except (AttributeError, KeyError, TypeError) as error:
        raise CodeHostError(f"An answer has another shape than the API's: {error!r}.") from None


@dataclass(frozen=True, kw_only=True)
class Api:
    """JSON over HTTP with one header that says who calls."""

    base: str
    header: str
    secret: str = field(repr=False)

    def get(self, path: str) -> Any:  # noqa: ANN401  JSON of any shape
        """An answer; asked for again where the service is busy."""
        return self._patiently("GET", path, None)

    def ask(self, query: str) -> Any:  # noqa: ANN401  JSON of any shape
        """The answer of GraphQL to a query, which changes nothing either."""
        return self._patiently("POST", "", {"query": query})

    def send(self, method: str, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401  JSON of any shape
        """An answer to something that is written. Never tried twice: it may have been carried out."""
        return self._once(method, path, body)

    def _patiently(self, method: str, path: str, body: Mapping[str, object] | None) -> Any:  # noqa: ANN401  JSON of any shape
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._once(method, path, body)
            except _BusyError:
                time.sleep(2**attempt)
        return self._once(method, path, body)

    def _once(self, method: str, path: str, body: Mapping[str, object] | None) -> Any:  # noqa: ANN401  JSON of any shape
        request = urllib.request.Request(  # noqa: S310  the scheme is checked in `opener_to`
            self.base + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                self.header: self.secret,
                "Accept": "application/json",
                "Content-Type": "application/json",
                "User-Agent": "tailstack",
            },
        )
        what = f"{method} {urlsplit(self.base).netloc}{path}"
        try:
            with _opener(self.base).open(request, timeout=_SECONDS) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                busy = error.code >= _SERVER_ERROR or error.code == _TOO_MANY
                raise (_BusyError if busy else CodeHostError)(f"{what}: {error.code} {_said(error)}") from None
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            raise _BusyError(f"{what}: {getattr(error, 'reason', error)}") from None
        except ValueError:
            raise CodeHostError(f"{what}: the answer is not JSON") from None


class _BusyError(CodeHostError):
    """The call may go through another time."""


def _opener(base: str) -> urllib.request.OpenerDirector:
    try:
        return opener_to(base)
    except NotHttpsError:
        raise CodeHostError(f"the API's address must be an https:// URL, not {base}") from None


def _said(error: urllib.error.HTTPError) -> str:
    try:
        said: object = json.loads(error.read())
    except (ValueError, OSError, http.client.HTTPException):
        said = None
    return str(mapping(said).get("message") or error.reason)


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """Pull requests of one repository."""

    api: Api
    graphql: Api
    repository: str
    author_asked: str = ""
    limit: int = GITHUB_LIMIT

    @property
    def author(self) -> str:
        """Who the token belongs to: `github-actions[bot]` for that of a job, `NAME[bot]` for one of an app.

        Only GraphQL tells these: https://github.com/marocchino/sticky-pull-request-comment/pull/332.
        """
        return self.author_asked or str(self.graphql.ask("query { viewer { login } }")["data"]["viewer"]["login"])

    def comments(self, number: int) -> Iterator[Comment]:
        """All comments, the oldest first."""
        yield from every(self.api, f"/repos/{self.repository}/issues/{number}/comments", _of_github)

    def create(self, number: int, body: str) -> Comment:
        """A new comment at the end."""
        path = f"/repos/{self.repository}/issues/{number}/comments"
        return _of_github(self.api.send("POST", path, {"body": body}))

    def update(self, number: int, comment: Comment, body: str) -> Comment:
        """The same comment with another body."""
        del number
        path = f"/repos/{self.repository}/issues/comments/{comment.id}"
        return _of_github(self.api.send("PATCH", path, {"body": body}))


@dataclass(frozen=True, kw_only=True)
class GitLab:
    """Merge requests of one project, by its number or its path."""

    api: Api
    project: str
    author_asked: str = ""
    limit: int = GITLAB_LIMIT

    @property
    def author(self) -> str:
        """Who the token belongs to."""
        return self.author_asked or str(self.api.get("/user")["username"])

    def comments(self, number: int) -> Iterator[Comment]:
        """All notes, the oldest first."""
        yield from every(self.api, f"{self._notes(number)}?sort=asc&order_by=created_at", _of_gitlab)

    def create(self, number: int, body: str) -> Comment:
        """A new note at the end."""
        return _of_gitlab(self.api.send("POST", self._notes(number), {"body": body}))

    def update(self, number: int, comment: Comment, body: str) -> Comment:
        """The same note with another body."""
        return _of_gitlab(self.api.send("PUT", f"{self._notes(number)}/{comment.id}", {"body": body}))

    def _notes(self, number: int) -> str:
        return f"/projects/{quote(self.project, safe='')}/merge_requests/{number}/notes"


def every(api: Api, path: str, read: Callable[[Any], _T]) -> Iterator[_T]:
    """What a list has, over all its pages."""
    page, separator = 1, "&" if "?" in path else "?"
    while True:
        found = api.get(f"{path}{separator}per_page={_PER_PAGE}&page={page}")
        yield from map(read, found)
        if len(found) < _PER_PAGE:
            return
        page += 1


def _of_github(data: Any) -> Comment:  # noqa: ANN401  JSON of any shape
    user: Any = data["user"] or {"login": ""}  # of an account that is gone nothing is left
    return Comment(id=data["id"], author=user["login"], body=data.get("body") or "", url=data.get("html_url") or "")


def _of_gitlab(data: Any) -> Comment:  # noqa: ANN401  JSON of any shape
    return Comment(id=data["id"], author=data["author"]["username"], body=data.get("body") or "")


def github_in(variables: Mapping[str, str], author: str | None) -> GitHub:
    """GitHub as a job of GitHub Actions knows it: GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_GRAPHQL_URL. Raises
    CodeHostError."""
    token, repository = _needed(variables, "GITHUB_TOKEN"), _needed(variables, "GITHUB_REPOSITORY")
    base = (variables.get("GITHUB_API_URL") or _GITHUB).rstrip("/")
    # https://docs.github.com/enterprise-server/graphql/guides/forming-calls-with-graphql: beside /api/v3.
    graphql = variables.get("GITHUB_GRAPHQL_URL") or f"{base.removesuffix('/v3')}/graphql"
    rest, other = (Api(base=url, header="Authorization", secret=f"Bearer {token}") for url in (base, graphql))
    return GitHub(api=rest, graphql=other, repository=repository, author_asked=author or "")


def gitlab_in(variables: Mapping[str, str], author: str | None) -> GitLab:
    """GitLab as a job of GitLab CI knows it: CI_API_V4_URL, CI_PROJECT_ID, and GITLAB_TOKEN, which must be given, because
    the job's own token may write no notes. Raises CodeHostError."""
    token, project = _needed(variables, "GITLAB_TOKEN"), _needed(variables, "CI_PROJECT_ID")
    base = _needed(variables, "CI_API_V4_URL")
    api = Api(base=base.rstrip("/"), header="PRIVATE-TOKEN", secret=token)
    return GitLab(api=api, project=project, author_asked=author or "")


def _needed(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "")
    if not value:
        raise CodeHostError(f"{name} is not set in the environment.")
    return value
