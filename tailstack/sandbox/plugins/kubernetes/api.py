"""An API server, spoken to in JSON: discovery, server-side apply, deletes. Calls come from many threads.

urllib3 is used directly: importing the official Python client takes longer than the rest of the plugin's start.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3 import exceptions

from tailstack.sandbox.plugins.frame import PluginError
from tailstack.sandbox.plugins.kubernetes.kinds import group_of
from tailstack.sandbox.plugins.kubernetes.kubeconfig import Connection
from tailstack.sandbox.plugins.values import Properties

# Seconds until a server that does not even refuse counts as unreachable.
_CONNECT_TIMEOUT: Final = 5.0
_READ_TIMEOUT: Final = 60.0
_BUSY_TRIES: Final = 5
# As many as the engine has resources under way, for the largest machines.
_CONNECTIONS: Final = 64

_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_BUSY: Final = (429, 503)
_ERRORS: Final = 400


class ApiError(PluginError):
    """What the API server refused, in its own words."""

    def __init__(self, status: int, message: str, *, reason: str = "", details: Properties | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.details = details or {}

    @property
    def conflict(self) -> bool:
        """Whether another field manager owns what was to be changed."""
        return self.reason == "Conflict"

    @property
    def forbidden(self) -> bool:
        return self.status in (_UNAUTHORIZED, _FORBIDDEN)

    @property
    def immutable(self) -> bool:
        """Whether the object was refused because a field of it cannot change."""
        return self.reason == "Invalid" and "field is immutable" in str(self)

    @property
    def missing(self) -> bool:
        return self.status == _NOT_FOUND

    @property
    def missing_namespace(self) -> bool:
        return self.missing and self.details.get("kind") == "namespaces"

    @property
    def required_field(self) -> str:
        """The field that was refused for being empty, where it was that."""
        causes = [cause for cause in self.details.get("causes", []) if cause.get("reason") == "FieldValueRequired"]
        return str(causes[0].get("field", "")) if causes else ""


class NoMatchError(PluginError):
    """The API server has no such kind. Its definition may come later."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')


class UnreachableError(PluginError):
    """The API server gave no answer."""


class _Pace:
    """At most `qps` requests a second, `burst` of them at once."""

    def __init__(self, qps: float, burst: int) -> None:
        self._qps, self._burst = qps, max(burst, 1)
        self._lock = threading.Lock()
        self._left, self._at = float(self._burst), time.monotonic()

    def take(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._left = min(self._burst, self._left + (now - self._at) * self._qps) - 1
            self._at = now
            wait = -self._left / self._qps
        if wait > 0:
            time.sleep(wait)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientSettings:
    """`kubeClientSettings` of the provider, with the official defaults."""

    qps: float = 50.0
    burst: int = 120
    timeout: float = field(default=_READ_TIMEOUT)
    """Seconds for one request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """Where the API server keeps one object."""

    path: str
    namespaced: bool


class Client:
    """One API server. Raises ApiError, UnreachableError; KubeconfigError when it is made."""

    def __init__(self, connection: Connection, settings: ClientSettings) -> None:
        url = urlsplit(connection.server)
        headers = {"Accept": "application/json", "User-Agent": "tailstack-sandbox", **connection.headers()}
        common: dict[str, Any] = {
            "maxsize": _CONNECTIONS,
            "headers": headers,
            "timeout": urllib3.Timeout(connect=_CONNECT_TIMEOUT, read=settings.timeout),
            # A connection that the server closed while it lay idle shows only when it is used again.
            "retries": urllib3.Retry(
                total=None, connect=0, read=1, other=1, status=0, redirect=0, allowed_methods=None
            ),
        }
        tls = connection.tls()
        host = url.hostname or ""
        if tls is None:
            self._pool = urllib3.HTTPConnectionPool(host, url.port or 80, **common)
        else:
            name = connection.cluster.get("tls-server-name")
            self._pool = urllib3.HTTPSConnectionPool(
                host, url.port or 443, ssl_context=tls, server_hostname=name, assert_hostname=name, **common
            )
        self._server, self._prefix = connection.server, url.path
        self._pace = _Pace(settings.qps, settings.burst)
        self._lock = threading.Lock()
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}

    def probe(self) -> None:
        """Ask for something that every authenticated user may read. Raises where the server is of no use."""
        if not self._resources("v1"):
            raise ApiError(_NOT_FOUND, "the server could not find the requested resource")

    def locate(self, api_version: str, kind: str, *, namespace: str = "", name: str = "") -> Location:
        """The place of an object, or of all objects of a kind where no name is given. Raises NoMatchError."""
        with self._lock:
            found = self._kinds.get(api_version, {}).get(kind)
            if found is None:
                self._kinds[api_version] = self._resources(api_version)
                found = self._kinds[api_version].get(kind)
        if found is None:
            raise NoMatchError(api_version, kind)
        plural, namespaced = found
        parts = [_root(api_version)]
        if namespaced:
            parts += ["namespaces", quote(namespace, safe="")]
        return Location(
            path="/".join([*parts, plural, *([quote(name, safe="")] if name else [])]), namespaced=namespaced
        )

    def get(self, path: str) -> Properties | None:
        """The object at a path, or None."""
        try:
            return self._request("GET", path)
        except ApiError as error:
            if error.missing:
                return None
            raise

    def labelled(self, api_version: str, kind: str, namespace: str, labels: str) -> list[Properties]:
        """The objects of a kind that wear the labels of a selector."""
        found = self._request(
            "GET", self.locate(api_version, kind, namespace=namespace).path, query={"labelSelector": labels}
        )
        return cast("list[Properties]", found.get("items") or [])

    def one(self, api_version: str, kind: str, namespace: str, name: str) -> Properties | None:
        """One object by its names, or None."""
        return self.get(self.locate(api_version, kind, namespace=namespace, name=name).path)

    def apply(self, path: str, wanted: Properties, *, manager: str, force: bool, dry_run: bool = False) -> Properties:
        """Server-side apply. The object as it is then."""
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Warn"}
        if dry_run:
            query["dryRun"] = "All"
        return self._request("PATCH", path, query=query, body=wanted, content="application/apply-patch+yaml")

    def patch(self, path: str, operations: list[Properties], *, manager: str = "") -> Properties:
        """JSON patch (RFC 6902). The object as it is then."""
        query = {"fieldManager": manager} if manager else None
        return self._request("PATCH", path, query=query, body=operations, content="application/json-patch+json")

    def delete(self, path: str, *, propagation: str) -> bool:
        """Ask for the end of an object. False where there is none."""
        try:
            self._request("DELETE", path, body={"propagationPolicy": propagation}, content="application/json")
        except ApiError as error:
            if error.missing:
                return False
            raise
        return True

    def _resources(self, api_version: str) -> dict[str, tuple[str, bool]]:
        try:
            found = self._request("GET", _root(api_version))
        except ApiError as error:
            if error.missing:
                return {}
            raise
        return {
            str(one["kind"]): (str(one["name"]), bool(one["namespaced"]))
            for one in found.get("resources", [])
            if "/" not in one["name"]
        }

    def _request(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: object = None, content: str = ""
    ) -> Properties:
        target = self._prefix + path + (f"?{urlencode(query)}" if query else "")
        sent = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {**self._pool.headers, "Content-Type": content} if content else None
        tries = _BUSY_TRIES
        while True:
            self._pace.take()
            tries -= 1
            try:
                response = self._pool.urlopen(method, target, body=sent, headers=headers)
            except exceptions.HTTPError as error:
                raise UnreachableError(f'{method.capitalize()} "{self._server}{path}": {_plain(error)}') from error
            if response.status < _ERRORS:
                return cast("Properties", json.loads(response.data))
            if not tries or response.status not in _BUSY or not response.headers.get("Retry-After", "").isdigit():
                raise _error(response.status, response.data)
            time.sleep(float(response.headers["Retry-After"]))


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if group_of(api_version) else f"/api/{api_version}"


def _error(status: int, data: bytes) -> ApiError:
    answer: Any = {}
    with contextlib.suppress(ValueError):
        answer = json.loads(data)  # a proxy's answer, for one, need not be one of its own
    known = cast("Properties", answer) if isinstance(answer, dict) else {}
    message = str(known.get("message") or f"the server answered {status}")
    if status == _UNAUTHORIZED:
        message = "the server has asked for the client to provide credentials"
    return ApiError(status, message, reason=str(known.get("reason", "")), details=known.get("details"))


def _plain(error: exceptions.HTTPError) -> str:
    """The reason below urllib3's wrappings, as client-go would put it."""
    cause: BaseException = error
    while isinstance(cause, exceptions.HTTPError):
        deeper = getattr(cause, "reason", None)
        inner = deeper if isinstance(deeper, BaseException) else cause.__cause__ or cause.__context__
        if inner is None or inner is cause:
            break
        cause = inner
    if isinstance(cause, exceptions.TimeoutError | TimeoutError):
        return "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
    if isinstance(cause, ssl.SSLError):
        return f"tls: {cause.reason or cause.strerror}"
    if isinstance(cause, OSError) and cause.strerror:
        return f"connect: {cause.strerror.lower()}"
    return str(cause)
