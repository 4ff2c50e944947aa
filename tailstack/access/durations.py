"""Durations as Go writes and reads them (https://pkg.go.dev/time#ParseDuration), because the policy file's are Go's."""

from __future__ import annotations

import re

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")
SECOND, MINUTE, HOUR = _UNITS["s"], _UNITS["m"], _UNITS["h"]


class DurationError(ValueError):
    """The text is no duration; `str()` is what Go's time.ParseDuration says."""


def parse_duration(text: str) -> int:
    """Nanoseconds of a duration such as `1h30m` or `-1.5s`. Raises DurationError."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise DurationError(f'time: invalid duration "{text}"')
    total = 0
    while rest:
        found = _PART.match(rest)
        if not found or not (found[1] or found[2]):
            raise DurationError(f'time: invalid duration "{text}"')
        if not found[3]:
            raise DurationError(f'time: missing unit in duration "{text}"')
        if found[3] not in _UNITS:
            raise DurationError(f'time: unknown unit "{found[3]}" in duration "{text}"')
        unit = _UNITS[found[3]]
        total += int(found[1] or 0) * unit
        if found[2]:
            total += int(found[2]) * unit // 10 ** len(found[2])
        rest = rest[found.end() :]
    return -total if text.startswith("-") else total


def format_duration(nanoseconds: int) -> str:
    """As Go's Duration.String: `200h0m0s`, `1m30s`, `1.5ms`, `0s`."""
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if left == 0:
        return "0s"
    for unit in ("ns", "µs", "ms"):
        if left < _UNITS[unit] * 1000:
            return f"{sign}{_decimal(left, _UNITS[unit])}{unit}"
    hours, left = divmod(left, HOUR)
    minutes, left = divmod(left, MINUTE)
    start = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{start}{_decimal(left, SECOND)}s"


def _decimal(amount: int, unit: int) -> str:
    whole, part = divmod(amount, unit)
    digits = len(str(unit)) - 1
    return f"{whole}.{part:0{digits}d}".rstrip("0") if part else str(whole)
