"""Whose turn it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

MOMENT_VARIABLE = "TAILSTACK_AT"
"""In the environment of the Pulumi program: the moment at which rotations are read, as `--at` of a command hands it on."""

_MICROSECOND = timedelta(microseconds=1)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})\Z"
)


def read_time(text: str) -> datetime | None:
    """A moment with its time zone from RFC 3339 (https://www.rfc-editor.org/rfc/rfc3339#section-5.6), or None."""
    if not _RFC_3339.match(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None  # the form is right, and there is no such day or hour


def on_turn(members: Sequence[str], *, start: datetime, every: str, size: int, at: datetime) -> tuple[str, ...]:
    """The members whose turn it is at a time; nobody before the first turn.

    A turn lasts `every` (`12h`, `7d`, `2w`: exact hours, so that a change of daylight saving time moves the hour of the
    change). In turn n, counted from 0, they are the `size` members from number n on, in the order written and from the
    beginning again behind the last: with size 2 each hand-over changes one of the two.
    """
    if at < start:
        return ()
    turn = ((at - start) // _MICROSECOND) // (int(every[:-1]) * (_UNITS[every[-1]] // _MICROSECOND))
    return tuple(dict.fromkeys(members[(turn + offset) % len(members)] for offset in range(size)))
