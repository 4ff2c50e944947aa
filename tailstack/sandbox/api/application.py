"""One request after another against the tailnet's state: faults, authentication, the operation, then the state is saved."""

from __future__ import annotations

import hmac
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from tailstack.sandbox.api import control, endpoints, faults
from tailstack.sandbox.api.answers import Answer, OAuthError, RefusedError
from tailstack.sandbox.api.calls import Call
from tailstack.sandbox.api.control import Seen
from tailstack.sandbox.api.faults import Fault, Silence
from tailstack.sandbox.api.federation import token_exchange
from tailstack.sandbox.api.routes import Routes
from tailstack.sandbox.api.scopes import Actor
from tailstack.sandbox.api.store import Store
from tailstack.sandbox.api.tokens import actor_of, client_credentials

Clock: TypeAlias = Callable[[], datetime]

_API, _SANDBOX = ("api", "v2"), "sandbox"
_REMEMBERED = 10_000
_CONTROLLER = Actor(key_id="sandbox-control", user_id="", scopes=frozenset(), tags=frozenset())
_NOT_COVERED = frozenset(
    {"aws-external-id", "logging", "oauth-apps", "posture", "preview", "user-invites", "device-invites"}
)


def system_clock() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """An HTTP request as it came in; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path without the query, as it was sent."""
        return urlsplit(self.target).path

    @property
    def segments(self) -> tuple[str, ...]:
        """The decoded parts of the path: `svc%3Aweb` is `svc:web`."""
        return tuple(unquote(part) for part in self.path.strip("/").split("/"))

    @property
    def query(self) -> Mapping[str, Sequence[str]]:
        """Query parameters, those with an empty value too."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)


class Application:
    """The stand-in without its sockets. `respond` may be called from many threads; requests are served one at a time."""

    def __init__(self, store: Store, clock: Clock = system_clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._routes = Routes(endpoints.ROUTES)
        self._control = Routes(control.routes(self))
        self.faults: tuple[Fault, ...] = ()
        self.seen: deque[Seen] = deque(maxlen=_REMEMBERED)

    def respond(self, request: Request) -> Answer | Silence:
        """The answer to a request, or how to keep silent."""
        with self._lock:
            if request.segments[0] == _SANDBOX:
                return self._guarded(self._answer_control, request, now=self._now())
            return self._respond_as_service(request)

    @property
    def latency_milliseconds(self) -> int:
        """By how much the service's answers are to be late."""
        return self._store.tailnet.behaviour.latency_milliseconds

    def start_afresh(self) -> None:
        """Forget everything but the tailnet's names and the admin's key."""
        self._store.save_fresh()
        self.faults = ()
        self.seen.clear()

    def _respond_as_service(self, request: Request) -> Answer | Silence:
        now = self._now()
        fault, self.faults = faults.meet(self.faults, request.method, unquote(request.path))
        outcome: Answer | Silence
        if fault is None or fault.applied:
            outcome = self._guarded(self._answer_api, request, now=now)
        else:
            outcome = _withheld(fault)
        if fault is not None and fault.applied:
            outcome = _withheld(fault)
        status = outcome.status if isinstance(outcome, Answer) else 0
        self.seen.append(Seen(method=request.method, path=request.path, status=status, time=now))
        return outcome

    def _guarded(self, operation: Callable[[Request, datetime], Answer], request: Request, *, now: datetime) -> Answer:
        """The operation's answer with its state saved; a refusal as the API words it; our own failure as a 500."""
        try:
            answer = operation(request, now)
            if answer.tailnet is not None:
                self._store.save(answer.tailnet)
        except (RefusedError, OAuthError) as error:
            return error.answer()
        except Exception:  # noqa: BLE001 -- a server answers whatever happens; the trace goes to its log
            traceback.print_exc()
            return RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR).answer()
        return answer

    def _answer_api(self, request: Request, now: datetime) -> Answer:
        segments = request.segments
        if segments[:2] != _API:
            raise RefusedError(HTTPStatus.NOT_FOUND)
        segments = segments[2:]
        if segments[:1] == ("oauth",):
            return self._answer_oauth(segments, request, now)
        method = "GET" if request.method == "HEAD" else request.method
        try:
            route, path = self._routes.find(method, segments)
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND and not _NOT_COVERED.isdisjoint(segments):
                raise RefusedError(
                    HTTPStatus.NOT_IMPLEMENTED, "the sandbox's stand-in does not cover this operation"
                ) from None
            raise
        actor = actor_of(self._store.tailnet, request.headers, now)
        if path.get("tailnet", "-") not in ("-", self._store.tailnet.name):
            raise RefusedError(HTTPStatus.NOT_FOUND, "tailnet not found")
        actor.need(*route.scopes)
        answer = route.handler(self._call(request, actor, path, now))
        if request.method == "HEAD":
            return replace(answer, headers={name: value for name, value in answer.headers.items() if name != "ETag"})
        return answer

    def _answer_oauth(self, segments: tuple[str, ...], request: Request, now: datetime) -> Answer:
        if segments not in (("oauth", "token"), ("oauth", "token-exchange")):
            raise RefusedError(HTTPStatus.NOT_FOUND)
        if request.method != "POST":
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
        form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        if segments[1] == "token":
            return client_credentials(self._store.tailnet, request.headers, form, now)
        return token_exchange(self._store.tailnet, form, now)

    def _answer_control(self, request: Request, now: datetime) -> Answer:
        route, path = self._control.find(request.method, request.segments[1:])
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        expected = self._store.control_token.encode()
        if kind.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), expected):
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "the sandbox's control token is needed")
        return route.handler(self._call(request, _CONTROLLER, path, now))

    def _call(self, request: Request, actor: Actor, path: Mapping[str, str], now: datetime) -> Call:
        return Call(
            tailnet=self._store.tailnet,
            actor=actor,
            path=path,
            query=request.query,
            headers=request.headers,
            body=request.body,
            now=now,
        )

    def _now(self) -> datetime:
        offset = self._store.tailnet.behaviour.clock_offset_seconds
        return (self._clock() + timedelta(seconds=offset)).replace(microsecond=0)


def _withheld(fault: Fault) -> Answer | Silence:
    return fault.outcome if isinstance(fault.outcome, Silence) else faults.answer(fault)
