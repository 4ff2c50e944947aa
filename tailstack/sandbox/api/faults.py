"""Faults on demand: answers that the service gives on a bad day, for the requests that a test names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus

from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError
from tailstack.sandbox.api.calls import Fields

_STATUSES = frozenset({400, 401, 403, 404, 409, 412, 429, 500, 501, 502, 503, 504})


class Silence(StrEnum):
    """Faults that are no answer: the connection is held open until the client gives up, or closed at once."""

    TIMEOUT = "timeout"
    DROP = "drop"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One fault: which requests it meets, what they get, for how many of them, and how many are let through before.

    `times` 0 stands for all. With `applied` the request is carried out first and its answer withheld: what a client sees
    when the connection breaks after the service has done its work.
    """

    path: re.Pattern[str]
    method: str
    outcome: int | Silence
    times: int
    after: int
    applied: bool
    retry_after: int
    met: int = 0

    def shown(self) -> Mapping[str, JsonValue]:
        """The fault with the number of requests that it has met."""
        return {
            "path": self.path.pattern,
            "method": self.method,
            "status": self.outcome,
            "times": self.times,
            "after": self.after,
            "applied": self.applied,
            "retryAfter": self.retry_after,
            "met": self.met,
        }


def read(body: Fields) -> Fault:
    """A fault from a request. Raises RefusedError (400) where it cannot be one."""
    try:
        pattern = re.compile(body.text("path", ".*"))
    except re.error as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"path" is no regular expression: {error}') from None
    wanted = body.value("status")
    outcome = next((one for one in (*Silence, *_STATUSES) if one == wanted), None)
    if outcome is None or isinstance(wanted, bool):
        choices = ", ".join((*Silence, *map(str, sorted(_STATUSES))))
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"status" must be one of {choices}')
    return Fault(
        path=pattern,
        method=body.text("method").upper(),
        outcome=outcome,
        times=body.number("times", 1),
        after=body.number("after"),
        applied=body.flag("applied"),
        retry_after=body.number("retryAfter"),
    )


def meet(faults: Sequence[Fault], method: str, path: str) -> tuple[Fault | None, tuple[Fault, ...]]:
    """The fault that this request meets, if any, and all faults as they stand after it. Used up ones are gone."""
    left: list[Fault] = []
    hit: Fault | None = None
    for fault in faults:
        if hit or fault.method not in ("", method) or not fault.path.search(path):
            left.append(fault)
            continue
        counted = replace(fault, met=fault.met + 1)
        if counted.met > fault.after:
            hit = counted
        if not fault.times or counted.met < fault.after + fault.times:
            left.append(counted)
    return hit, tuple(left)


def answer(fault: Fault) -> Answer:
    """The answer of a fault that gives one."""
    if isinstance(fault.outcome, Silence):
        raise TypeError("a fault without an answer")
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
    return RefusedError(fault.outcome, headers=headers).answer()
