"""Times as the API writes and reads them."""

from __future__ import annotations

from datetime import UTC, datetime

# Go's zero time, which the API gives where a device's key has no expiry.
NEVER = datetime(1, 1, 1, tzinfo=UTC)


def written(time: datetime) -> str:
    """RFC 3339 in UTC, as `2026-01-05T09:00:00Z`."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read(text: str) -> datetime | None:
    """A time from RFC 3339 text; None where the text is empty, Go's zero time, or no time at all."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None and time != NEVER else None
