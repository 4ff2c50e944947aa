"""A client of the HTTP API v2, as `tailscale.com/client/tailscale/v2` is one: one minute per call, no retries.

It talks to the sandbox's stand-in of the API on loopback, and so goes past any proxy of the environment.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Protocol

from tailstack.engine.github_identity import GitHubJob, NoIdentityTokenError
from tailstack.sandbox.plugins.frame import PluginError

_TIMEOUT: Final = 60.0  # seconds
_EARLY: Final = 10.0  # seconds before its end at which a token is renewed, as golang.org/x/oauth2 does


class ApiError(PluginError):
    """The API refused a call; reads as the Go client's error does: message, then status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(f"{message} ({status})")
        self.status = status


class Credentials(Protocol):
    """What makes the Authorization header."""

    def header(self, base: str) -> str:
        """The header's value, with the API at `base`. Raises PluginError where no token can be had."""
        ...


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API access token, sent as the user of basic authentication."""

    key: str

    def header(self, base: str) -> str:  # noqa: ARG002  the key is good anywhere
        return _basic(self.key, "")

    def __repr__(self) -> str:
        return "ApiKey(…)"


class Exchanged:
    """An access token that a grant is exchanged for, kept until shortly before its end."""

    def __init__(self, path: str, form: Mapping[str, str], *, basic: str = "") -> None:
        self._path = path
        self._form = dict(form)
        self._basic = basic
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def header(self, base: str) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                headers = {"Content-Type": "application/x-www-form-urlencoded"}
                if self._basic:
                    headers["Authorization"] = self._basic
                body = urllib.parse.urlencode(self._form).encode()
                try:
                    answer = json.loads(_send("POST", base + self._path, headers=headers, body=body))
                except ApiError as error:
                    raise PluginError(f"oauth2: cannot fetch token: {error}") from error
                self._token = answer["access_token"]
                self._until = time.monotonic() + float(answer.get("expires_in", 3600)) - _EARLY
            return f"Bearer {self._token}"


def oauth_client(client: str, secret: str, scopes: list[str]) -> Credentials:
    """The client credentials of an OAuth client, for `scopes` or for all that it has."""
    form = {"grant_type": "client_credentials"} | ({"scope": " ".join(scopes)} if scopes else {})
    return Exchanged("/api/v2/oauth/token", form, basic=_basic(client, secret))


def federated(client: str, identity_token: str) -> Credentials:
    """The identity token of a federated identity, exchanged."""
    return Exchanged("/api/v2/oauth/token-exchange", {"client_id": client, "jwt": identity_token})


class JobIdentity:
    """The federated identity of a job of GitHub Actions. Its token is asked for when the first call needs it."""

    def __init__(self, client: str, audience: str, job: GitHubJob) -> None:
        self._client, self._audience, self._job = client, audience, job
        self._lock = threading.Lock()
        self._exchanged: Credentials | None = None

    def header(self, base: str) -> str:
        with self._lock:
            if self._exchanged is None:
                try:
                    self._exchanged = federated(self._client, self._job.identity_token(self._audience))
                except NoIdentityTokenError as error:
                    raise PluginError(str(error)) from error
            exchanged = self._exchanged
        return exchanged.header(base)


class Api:
    """The API of one tailnet."""

    def __init__(self, base: str, tailnet: str, credentials: Credentials) -> None:
        self._base = base.rstrip("/")
        self._tailnet = urllib.parse.quote(tailnet, safe="")
        self._credentials = credentials

    def tailnet(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        """A call below `/api/v2/tailnet/<tailnet>/`. Gives the JSON answer. Raises ApiError, PluginError."""
        return self.call(method, f"tailnet/{self._tailnet}/{path}", body)

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        """A call below `/api/v2/`, with a JSON body unless it is None."""
        data = None if body is None else json.dumps(body).encode()
        content = {"Accept": "application/json"} if body is None else {"Content-Type": "application/json"}
        answer = self._send(method, path, headers=content, body=data)
        return json.loads(answer) if answer.strip() else None

    def policy(self) -> str:
        """The policy file as it was saved."""
        path = f"tailnet/{self._tailnet}/acl"
        return self._send("GET", path, headers={"Accept": "application/hujson"}, body=None).decode()

    def set_policy(self, text: str, *, if_match: str = "") -> None:
        """Save the policy file; with `if_match` only over the version of that ETag."""
        headers = {"Content-Type": "application/hujson"} | ({"If-Match": f'"{if_match}"'} if if_match else {})
        self._send("POST", f"tailnet/{self._tailnet}/acl", headers=headers, body=text.encode())

    def _send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None) -> bytes:
        authorization = {"Authorization": self._credentials.header(self._base)}
        return _send(method, f"{self._base}/api/v2/{path}", headers={**headers, **authorization}, body=body)


def segment(value: str) -> str:
    """A value as one segment of a path; the colon of `svc:name` stays."""
    return urllib.parse.quote(value, safe=":")


def secret_value(value: str) -> str:
    """A secret as given, or what the file holds that `file:<path>` names."""
    return Path(value.removeprefix("file:")).read_text("utf-8").strip() if value.startswith("file:") else value


def environment(*names: str) -> str:
    """The first of these variables that is set and not empty."""
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _send(method: str, url: str, *, headers: Mapping[str, str], body: bytes | None) -> bytes:
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310  from the config
    try:
        with _OPENER.open(request, timeout=_TIMEOUT) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        with error:
            raise ApiError(_message(error.read(), error.code), error.code) from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise PluginError(f'{method} "{url}": {reason}') from error


def _message(body: bytes, status: int) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    match answer:
        case {"message": str(message)}:
            return message
        case {"error_description": str(message)} | {"error": str(message)}:
            return message
        case _:
            return HTTPStatus(status).phrase


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
