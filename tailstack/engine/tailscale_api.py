"""Reads and writes the live tailnet through Tailscale's HTTP API v2 (https://tailscale.com/api).

A small client for what the engine's plugin cannot tell: the policy file with its ETag, and whether a policy would be taken.
Credentials are never part of an error, a log or a repr. Reads are tried again when the service is busy; writes never are,
because one whose answer was lost may have been carried out.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.message import Message
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from tailstack.engine.github_identity import GitHubJob, NoIdentityTokenError
from tailstack.engine.https import NotHttpsError, opener_to
from tailstack.plain import entries, mapping, texts

DEFAULT_BASE_URL = "https://api.tailscale.com"
# What `If-Match` says where only the untouched default policy file may be replaced.
UNTOUCHED_DEFAULT = "ts-default"

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"

_USER_AGENT = "tailstack"
_ATTEMPTS = 3
_LONGEST_PAUSE_SECONDS = 30.0
_SPARE_TOKEN_SECONDS = 60.0
_SECRET = re.compile(r"tskey-[A-Za-z0-9-]+")


class Failure(StrEnum):
    """Why a call failed."""

    MISCONFIGURED = "misconfigured"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    CHANGED = "changed meanwhile"
    THROTTLED = "throttled"
    REFUSED = "refused"
    SERVER = "server error"
    UNREADABLE = "unreadable answer"


_FAILURES = {
    HTTPStatus.UNAUTHORIZED: Failure.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: Failure.FORBIDDEN,
    HTTPStatus.NOT_FOUND: Failure.NOT_FOUND,
    HTTPStatus.PRECONDITION_FAILED: Failure.CHANGED,
    HTTPStatus.TOO_MANY_REQUESTS: Failure.THROTTLED,
}
_SCOPE_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN)
"""`invalid_scope` is 400 by RFC 6749, and the service has answered 403."""
PASSING = frozenset({Failure.UNREACHABLE, Failure.TIMED_OUT, Failure.THROTTLED, Failure.SERVER})


@dataclass(frozen=True, kw_only=True, slots=True)
class Complaint:
    """What the service has against a policy: the source of the failing test or the entry meant (may be empty), and why."""

    subject: str
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class TailscaleApiError(Exception):
    """A call failed. `message` is fit to be shown; `status` is 0 where no answer came.

    `complaints` is filled where the service refuses a policy file because of its tests.
    """

    def __init__(
        self,
        failure: Failure,
        message: str,
        *,
        status: int = 0,
        complaints: tuple[Complaint, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        self.failure = failure
        self.message = _SECRET.sub("tskey-…", message)
        self.status = status
        self.complaints = complaints
        self.retry_after = retry_after
        super().__init__(f"{self.message} ({status})" if status else self.message)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """An API access token of a user."""

    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class OAuthClient:
    """An OAuth client; `scopes` narrows the tokens it is used for, empty leaves all of the client's."""

    client_id: str
    secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FederatedIdentity:
    """A federated identity with a token of the identity provider."""

    client_id: str
    identity_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobIdentity:
    """A federated identity that a job of GitHub Actions has, by an identity token for `audience`."""

    client_id: str
    audience: str
    job: GitHubJob


Credential: TypeAlias = ApiKey | OAuthClient | FederatedIdentity | JobIdentity


@dataclass(frozen=True, kw_only=True, slots=True)
class LivePolicy:
    """The tailnet's policy file: its text byte for byte (bytes that are not UTF-8 as surrogates), its ETag without quotes."""

    text: str
    etag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reply:
    body: bytes
    headers: Message


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    secret: str = field(repr=False)
    expires: float


class TailscaleApi:
    """One tailnet as one credential sees it.

    `timeout` is in seconds and holds for each read from the connection; `pause` waits between attempts. Raises
    TailscaleApiError (MISCONFIGURED) where a credential would go over a network in the clear.
    """

    def __init__(
        self,
        credential: Credential,
        *,
        base_url: str = DEFAULT_BASE_URL,
        tailnet: str = "-",
        timeout: float = 30.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credential = credential
        self._base_url = base_url.rstrip("/")
        self._tailnet = tailnet
        self._timeout = timeout
        self._pause = pause
        self._token: _Token | None = None
        try:
            self._opener = opener_to(self._base_url)
        except NotHttpsError:
            told = f"the API's address must be an https:// URL, not {self._base_url}"
            raise TailscaleApiError(Failure.MISCONFIGURED, told) from None

    @property
    def client_id(self) -> str:
        """The id of the OAuth client or of the federated identity, by which the API lists it; empty for an access token."""
        return "" if isinstance(self._credential, ApiKey) else self._credential.client_id

    def grants(self, scope: str) -> bool | None:
        """Whether an OAuth client has a scope: it is asked for a token with that alone, which is then used for nothing.

        None for any other credential, which cannot be asked. Raises TailscaleApiError where the client itself is refused.
        """
        if not isinstance(self._credential, OAuthClient):
            return None
        try:
            self._new_token(replace(self._credential, scopes=(scope,)))
        except TailscaleApiError as error:
            if error.status in _SCOPE_REFUSED:
                return False
            raise
        return True

    def policy(self) -> LivePolicy:
        """The policy file as it is now. Needs the scope `policy_file:read`. Raises TailscaleApiError."""
        reply = self._call("GET", self._tailnet_path("acl"), accept="application/hujson")
        etag = reply.headers.get("ETag", "").removeprefix("W/").strip('"')
        if not etag:
            raise TailscaleApiError(Failure.UNREADABLE, "the policy file came without an ETag")
        return LivePolicy(text=reply.body.decode("utf-8", "surrogateescape"), etag=etag)

    def set_policy(self, text: str, *, if_match: str = "") -> None:
        """Replace the policy file. Needs the scope `policy_file`.

        With `if_match` (an ETag, or UNTOUCHED_DEFAULT) only that version is replaced. Raises TailscaleApiError: CHANGED
        where it is another by now, REFUSED where the policy is not valid or its tests fail. Raises ValueError for an empty
        text, to which the service would answer with its default policy, and that lets everyone reach everything.
        """
        if not text:
            raise ValueError("an empty text would bring back the service's default policy file")
        headers = {"If-Match": f'"{if_match}"'} if if_match else {}
        body = text.encode("utf-8", "surrogateescape")
        self._call("POST", self._tailnet_path("acl"), body=body, content_type="application/hujson", headers=headers)

    def validate_policy(self, text: str) -> tuple[str, tuple[Complaint, ...]]:
        """What the service would say to this policy: a message, empty if it would be saved, and the complaints behind it.

        Needs the scope `policy_file:read`. Changes nothing. Raises TailscaleApiError.
        """
        body = text.encode("utf-8", "surrogateescape")
        path = self._tailnet_path("acl", "validate")
        reply = self._call("POST", path, body=body, content_type="application/hujson")
        said = mapping(_parsed(reply.body or b"{}"))
        message, complaints = str(said.get("message") or ""), _complaints(said)
        only_warnings = bool(complaints) and not any(one.errors for one in complaints)
        return ("" if only_warnings else message), complaints

    def get(self, *path: str, query: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 -- JSON of any shape
        """The JSON under a path below the tailnet, such as `get("dns", "preferences")`. Raises TailscaleApiError."""
        suffix = f"?{urlencode(query)}" if query else ""
        return _parsed(self._call("GET", self._tailnet_path(*path) + suffix).body)

    def send(self, method: str, *path: str, body: Json = None) -> Any:  # noqa: ANN401 -- JSON of any shape
        """Send JSON to a path below the tailnet, once; the answer's JSON, None if it is empty. Raises TailscaleApiError."""
        sent = b"" if body is None else json.dumps(body).encode()
        reply = self._call(method, self._tailnet_path(*path), body=sent, content_type="application/json")
        return _parsed(reply.body) if reply.body.strip() else None

    def _tailnet_path(self, *path: str) -> str:
        return "/".join(("/api/v2/tailnet", *(quote(part, safe="") for part in (self._tailnet, *path))))

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str = "",
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> _Reply:
        sent = {"Authorization": self._authorization(), "Accept": accept, **(headers or {})}
        if content_type:
            sent["Content-Type"] = content_type
        attempts = _ATTEMPTS if method == "GET" else 1
        return self._tried(method, path, body, sent, attempts)

    def _tried(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], attempts: int) -> _Reply:
        for attempt in range(1, attempts + 1):
            try:
                return self._once(method, path, body, headers)
            except TailscaleApiError as error:
                if error.failure not in PASSING or attempt == attempts:
                    raise
                wait = float(2 ** (attempt - 1)) if error.retry_after is None else error.retry_after
                self._pause(min(wait, _LONGEST_PAUSE_SECONDS))
        raise AssertionError  # pragma: no cover -- the loop returns or raises

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> _Reply:
        request = urllib.request.Request(  # noqa: S310 -- the scheme was checked in `opener_to`
            self._base_url + path, data=body, method=method, headers={"User-Agent": _USER_AGENT, **headers}
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                # Without a length given, an answer that breaks off is an error and not a shorter policy.
                reply = _Reply(body=response.read(), headers=response.headers)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            raise _no_answer(error, self._base_url, self._timeout) from None
        return reply

    def _authorization(self) -> str:
        credential = self._credential
        if isinstance(credential, ApiKey):
            return f"Basic {base64.b64encode(f'{credential.secret}:'.encode()).decode('ascii')}"
        if self._token is None or self._token.expires < time.monotonic():
            self._token = self._new_token(credential)
        return f"Bearer {self._token.secret}"

    def _new_token(self, credential: OAuthClient | FederatedIdentity | JobIdentity) -> _Token:
        if isinstance(credential, OAuthClient):
            path, form = "/api/v2/oauth/token", {"client_secret": credential.secret, "grant_type": "client_credentials"}
            form |= {"scope": " ".join(credential.scopes)} if credential.scopes else {}
        else:
            path, form = "/api/v2/oauth/token-exchange", {"jwt": _identity_token(credential)}
        body = urlencode({"client_id": credential.client_id, **form}).encode()
        reply = self._once("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = mapping(_parsed(reply.body))
        secret, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(secret, str) or not isinstance(seconds, int):
            raise TailscaleApiError(Failure.UNREADABLE, "the token endpoint's answer has no access token")
        return _Token(secret=secret, expires=time.monotonic() + seconds - _SPARE_TOKEN_SECONDS)


def from_environment(environment: Mapping[str, str]) -> TailscaleApi:
    """The API as the environment configures it, by the same variables as the engine's Tailscale plugin.

    `TAILSCALE_API_KEY`, else `TAILSCALE_OAUTH_CLIENT_ID` with `TAILSCALE_OAUTH_CLIENT_SECRET`, `TAILSCALE_IDENTITY_TOKEN`
    or, in a job of GitHub Actions, `TAILSCALE_AUDIENCE`, of which each may be `file:` and the path of a file that holds it;
    `TAILSCALE_TAILNET`; `TAILSCALE_BASE_URL`. Raises TailscaleApiError (MISCONFIGURED) where there is no credential.
    """
    return TailscaleApi(
        _credential_in(environment),
        base_url=environment.get("TAILSCALE_BASE_URL") or DEFAULT_BASE_URL,
        tailnet=environment.get("TAILSCALE_TAILNET") or "-",
    )


def _credential_in(environment: Mapping[str, str]) -> Credential:
    def given(name: str) -> str:
        return _from_file(environment.get(name, ""))

    if key := given("TAILSCALE_API_KEY"):
        return ApiKey(secret=key)
    client_id = given("TAILSCALE_OAUTH_CLIENT_ID")
    if client_id and (secret := given("TAILSCALE_OAUTH_CLIENT_SECRET")):
        return OAuthClient(client_id=client_id, secret=secret)
    if client_id and (token := given("TAILSCALE_IDENTITY_TOKEN")):
        return FederatedIdentity(client_id=client_id, identity_token=token)
    job = GitHubJob.in_environment(environment)
    if client_id and job is not None and (audience := given("TAILSCALE_AUDIENCE")):
        return JobIdentity(client_id=client_id, audience=audience, job=job)
    raise TailscaleApiError(
        Failure.MISCONFIGURED,
        "no credential for Tailscale's API: set TAILSCALE_API_KEY, or TAILSCALE_OAUTH_CLIENT_ID with "
        "TAILSCALE_OAUTH_CLIENT_SECRET or TAILSCALE_IDENTITY_TOKEN, or in a job of GitHub Actions with TAILSCALE_AUDIENCE",
    )


def _identity_token(credential: FederatedIdentity | JobIdentity) -> str:
    if isinstance(credential, FederatedIdentity):
        return credential.identity_token
    try:
        return credential.job.identity_token(credential.audience)
    except NoIdentityTokenError as error:
        raise TailscaleApiError(Failure.UNREACHABLE, str(error)) from None


def _from_file(value: str) -> str:
    if not value.startswith("file:"):
        return value
    path = Path(value.removeprefix("file:"))
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise TailscaleApiError(Failure.MISCONFIGURED, f"cannot read {path}, which the credential names") from None


def _refusal(error: urllib.error.HTTPError) -> TailscaleApiError:
    status = error.code
    default = Failure.SERVER if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Failure.REFUSED
    said = _said(error)
    message = said.get("message") or said.get("error_description") or error.reason
    return TailscaleApiError(
        _FAILURES.get(HTTPStatus(status), default) if status in list(HTTPStatus) else default,
        str(message),
        status=status,
        complaints=_complaints(said),
        retry_after=_seconds(error.headers.get("Retry-After", "")),
    )


def _said(error: urllib.error.HTTPError) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(error.read()))
    except (ValueError, OSError, http.client.HTTPException):
        return {}


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None


def _no_answer(error: Exception, base_url: str, timeout: float) -> TailscaleApiError:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return TailscaleApiError(Failure.TIMED_OUT, f"{base_url} did not answer within {timeout:g} s")
    return TailscaleApiError(Failure.UNREACHABLE, f"cannot reach {base_url}: {reason}")


def _parsed(body: bytes) -> Any:  # noqa: ANN401 -- JSON of any shape
    try:
        return json.loads(body)
    except ValueError:
        raise TailscaleApiError(Failure.UNREADABLE, "the API's answer is not JSON") from None


def _complaints(said: Mapping[str, Any]) -> tuple[Complaint, ...]:
    return tuple(
        Complaint(
            subject=str(entry.get("user", "")), errors=texts(entry.get("errors")), warnings=texts(entry.get("warnings"))
        )
        for entry in entries(said.get("data"))
    )
