"""Calls that wait for the network, made at the same time, each with a deadline. None can hold up the others or the program."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """A call that gave no answer: the exception that it raised, or TimeoutError."""

    error: Exception


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ended(Generic[_Answer]):
    name: str
    answer: _Answer | Failed


def side_by_side(
    calls: Mapping[str, Callable[[], _Answer]],
    *,
    seconds: float,
    most: int = 16,
    on_end: Callable[[str, _Answer | Failed], None] = lambda _name, _answer: None,
) -> dict[str, _Answer | Failed]:
    """The answer of each call by its name, in the order of the calls. Raises nothing.

    `seconds` counts from when a call begins; no more than `most` run at once. One that is late is given up and its thread
    left behind, which ends with the program. `on_end` is called in this thread, as answers come.
    """
    waiting = deque(calls.items())
    ended: SimpleQueue[_Ended[_Answer]] = SimpleQueue()
    deadlines: dict[str, float] = {}
    answers: dict[str, _Answer | Failed] = {}

    def settle(name: str, answer: _Answer | Failed) -> None:
        del deadlines[name]
        answers[name] = answer
        on_end(name, answer)

    while waiting or deadlines:
        while waiting and len(deadlines) < most:
            name, call = waiting.popleft()
            deadlines[name] = time.monotonic() + seconds
            threading.Thread(target=_make, args=(name, call, ended), daemon=True, name=name).start()
        try:
            one = ended.get(timeout=max(0.0, min(deadlines.values()) - time.monotonic()))
            if one.name in deadlines:
                settle(one.name, one.answer)
        except Empty:
            now = time.monotonic()
            for name in [name for name, deadline in deadlines.items() if deadline <= now]:
                settle(name, Failed(error=TimeoutError(f"no answer within {seconds:g} s")))
    return {name: answers[name] for name in calls}


def _make(name: str, call: Callable[[], _Answer], ended: SimpleQueue[_Ended[_Answer]]) -> None:
    try:
        answer: _Answer | Failed = call()
    except Exception as error:  # noqa: BLE001  whatever fails in a thread must reach who waits for it
        answer = Failed(error=error)
    ended.put(_Ended(name=name, answer=answer))
