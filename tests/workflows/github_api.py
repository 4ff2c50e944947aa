"""A stand-in of GitHub's API on loopback: comments, issues, pull requests and identity tokens, each with the permission it asks.

Paths and fields: https://docs.github.com/rest (version 2022-11-28). Tokens are made by `GitHub.token` for the permissions of a
job, so that a job that lacks one is refused as it would be.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "example/tailnet"
ISSUER = "https://token.actions.githubusercontent.com"
LONGEST_BODY = 65_536
"""Characters of a comment or of an issue: https://github.com/orgs/community/discussions/41331."""
LARGEST_PAGE = 100
BOT = "github-actions[bot]"
"""Whom the token of a job belongs to."""

Json: TypeAlias = dict[str, Any]


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Json
    token: str


@dataclass(kw_only=True)
class GitHub:
    """What the stand-in knows, and what was asked of it."""

    url: str = ""
    comments: dict[int, list[Json]] = field(default_factory=dict[int, list[Json]])
    """By the number of an issue or pull request."""
    issues: dict[int, Json] = field(default_factory=dict[int, Json])
    pulls: dict[int, Json] = field(default_factory=dict[int, Json])
    calls: list[Call] = field(default_factory=list[Call])
    permissions: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    subjects: dict[str, str] = field(default_factory=dict[str, str])
    """By token: whom an identity token speaks of."""
    _ids: int = 1000

    def token(self, permissions: Mapping[str, str]) -> str:
        """A token of a job that has these permissions."""
        made = f"ghs_{self._next():04d}"
        self.permissions[made] = permissions
        return made

    def identity_environment(self, subject: str) -> dict[str, str]:
        """What a job with `id-token: write` has in its environment."""
        token = f"oidc-{self._next()}"
        self.subjects[token] = subject
        url = f"{self.url}/identity?api-version=2.0"
        return {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token}

    def pull(self, number: int, *, head: str, fork: bool = False) -> None:
        """Open a pull request whose last commit is `head`."""
        owner = "stranger/tailnet" if fork else REPOSITORY
        self.pulls[number] = {
            "number": number,
            "state": "open",
            "head": {"sha": head, "repo": {"full_name": owner}},
            "base": {"ref": "main", "repo": {"full_name": REPOSITORY}},
        }

    def comment(self, number: int, body: str, login: str = "ana") -> None:
        """A comment of somebody."""
        self.comments.setdefault(number, []).append({"id": self._next(), "body": body, "user": {"login": login}})

    def open_issues(self) -> list[Json]:
        return [issue for issue in self.issues.values() if issue["state"] == "open"]

    def writes(self) -> list[str]:
        """The calls that changed something, as `POST /path`."""
        return [f"{call.method} {call.path}" for call in self.calls if call.method != "GET" and call.path != "/graphql"]

    def _next(self) -> int:
        self._ids += 1
        return self._ids

    def answer(self, call: Call) -> tuple[object, int]:
        """The answer and, for a list, how many there are in all. Raises RefusedError."""
        self.calls.append(call)
        if call.path == "/identity":
            return self._identity(call), 0
        if call.path == "/graphql":
            return self._viewer(call), 0
        prefix = f"/repos/{REPOSITORY}/"
        if not call.path.startswith(prefix):
            raise RefusedError(404, "Not Found")
        for (method, pattern), handle in _ROUTES.items():
            found = re.fullmatch(pattern, call.path.removeprefix(prefix))
            if found is not None and method == call.method:
                given = handle(self, call, *map(int, found.groups()))
                return (_page(given, call.query), len(given)) if isinstance(given, list) else (given, 0)
        raise RefusedError(404, "Not Found")

    def _identity(self, call: Call) -> Json:
        if call.token not in self.subjects:
            raise RefusedError(401, "no such token")
        claims = {
            "iss": ISSUER,
            "sub": self.subjects[call.token],
            "aud": call.query.get("audience", ""),
            "exp": int(time.time()) + 300,
        }
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return {"value": f"e30.{payload}.c2ln"}

    def _viewer(self, call: Call) -> Json:
        """The one query that is asked here: whose token it is."""
        self._granted(call)
        if call.body != {"query": "query { viewer { login } }"}:
            raise RefusedError(400, "no such query")
        return {"data": {"viewer": {"login": BOT}}}

    def needs(self, call: Call, level: str, *names: str) -> None:
        """Raise RefusedError unless the token of the call has one of the permissions at this level."""
        granted = self._granted(call)
        if not any(granted.get(name) in ({"write"} if level == "write" else {"read", "write"}) for name in names):
            raise RefusedError(403, "Resource not accessible by integration")

    def _granted(self, call: Call) -> Mapping[str, str]:
        if call.token not in self.permissions:
            raise RefusedError(401, "Bad credentials")
        return self.permissions[call.token]

    def list_comments(self, call: Call, number: int) -> list[Json]:
        self.needs(call, "read", "issues", "pull-requests")
        return self.comments.get(number, [])

    def create_comment(self, call: Call, number: int) -> Json:
        # A pull request's conversation is open to either permission.
        self.needs(call, "write", *(("issues", "pull-requests") if number in self.pulls else ("issues",)))
        made = {"id": self._next(), "body": _body(call), "user": {"login": BOT, "type": "Bot"}}
        self.comments.setdefault(number, []).append(made)
        return made

    def _comment(self, comment_id: int) -> tuple[int, Json]:
        for number, comments in self.comments.items():
            for comment in comments:
                if comment["id"] == comment_id:
                    return number, comment
        raise RefusedError(404, "Not Found")

    def edit_comment(self, call: Call, comment_id: int) -> Json:
        number, comment = self._comment(comment_id)
        self.needs(call, "write", *(("issues", "pull-requests") if number in self.pulls else ("issues",)))
        comment["body"] = _body(call)
        return comment

    def delete_comment(self, call: Call, comment_id: int) -> Json:
        number, comment = self._comment(comment_id)
        self.needs(call, "write", "issues", "pull-requests")
        self.comments[number].remove(comment)
        return {}

    def get_pull(self, call: Call, number: int) -> Json:
        self.needs(call, "read", "pull-requests")
        if number not in self.pulls:
            raise RefusedError(404, "Not Found")
        return self.pulls[number]

    def list_issues(self, call: Call) -> list[Json]:
        self.needs(call, "read", "issues")
        state, labels = call.query.get("state", "open"), set(filter(None, call.query.get("labels", "").split(",")))
        return [
            issue
            for issue in self.issues.values()
            if state in ("all", issue["state"]) and labels <= {label["name"] for label in issue["labels"]}
        ]

    def create_issue(self, call: Call) -> Json:
        self.needs(call, "write", "issues")
        number = 1 + max([0, *self.issues, *self.pulls])
        labels = [{"name": name} for name in call.body.get("labels", [])]
        self.issues[number] = {
            "number": number,
            "title": call.body["title"],
            "body": _body(call),
            "state": "open",
            "labels": labels,
            "user": {"login": BOT, "type": "Bot"},
        }
        return self.issues[number]

    def edit_issue(self, call: Call, number: int) -> Json:
        self.needs(call, "write", "issues")
        if number not in self.issues:
            raise RefusedError(404, "Not Found")
        if "body" in call.body:
            _body(call)
        self.issues[number] |= {key: value for key, value in call.body.items() if key in ("title", "body", "state")}
        return self.issues[number]


_Handle: TypeAlias = Callable[..., "Json | list[Json]"]
_ROUTES: dict[tuple[str, str], _Handle] = {
    ("GET", r"issues/(\d+)/comments"): GitHub.list_comments,
    ("POST", r"issues/(\d+)/comments"): GitHub.create_comment,
    ("PATCH", r"issues/comments/(\d+)"): GitHub.edit_comment,
    ("DELETE", r"issues/comments/(\d+)"): GitHub.delete_comment,
    ("GET", r"pulls/(\d+)"): GitHub.get_pull,
    ("GET", r"issues"): GitHub.list_issues,
    ("POST", r"issues"): GitHub.create_issue,
    ("PATCH", r"issues/(\d+)"): GitHub.edit_issue,
}


def _body(call: Call) -> str:
    text = str(call.body.get("body", ""))
    if len(text) > LONGEST_BODY:
        raise RefusedError(422, f"body is too long (maximum is {LONGEST_BODY} characters)")
    return text


def _page(items: Sequence[Json], query: Mapping[str, str]) -> list[Json]:
    size, page = min(int(query.get("per_page", "30")), LARGEST_PAGE), int(query.get("page", "1"))
    return list(items[(page - 1) * size : page * size])


def _link(url: str, call: Call, total: int) -> str:
    """The header by which a client finds the next page."""
    size, page = min(int(call.query.get("per_page", "30")), LARGEST_PAGE), int(call.query.get("page", "1"))
    if page * size >= total:
        return ""
    others = "".join(f"&{key}={value}" for key, value in call.query.items() if key != "page")
    return f'<{url}{call.path}?page={page + 1}{others}>; rel="next"'


def _handler(github: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            call = Call(
                method=self.command,
                path=parts.path,
                query={key: values[0] for key, values in parse_qs(parts.query).items()},
                body=json.loads(self.rfile.read(length)) if length else {},
                token=self.headers.get("Authorization", "").partition(" ")[2],
            )
            try:
                given, total = github.answer(call)
                status, link = 200, _link(github.url, call, total)
            except RefusedError as error:
                given, status, link = {"message": str(error)}, error.status, ""
            sent = json.dumps(given).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            if link:
                self.send_header("Link", link)
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 -- as the base class has it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as the base class has it
            pass

    return Handler


@contextmanager
def github_serving() -> Generator[GitHub]:
    """A stand-in that listens on a free port of loopback as long as the block."""
    github = GitHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(github))
    github.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
