from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.topology.rotation import on_turn, read_time

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
THREE = ("ana", "li", "sam")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(microseconds=-1), ()),
        (timedelta(0), ("ana",)),
        (timedelta(days=7, microseconds=-1), ("ana",)),
        (timedelta(days=7), ("li",)),
        (timedelta(days=14), ("sam",)),
        (timedelta(days=21), ("ana",)),
        (timedelta(days=7 * 3000 + 8), ("li",)),
    ],
)
def test_members_take_turns_in_the_order_written(after: timedelta, expected: tuple[str, ...]) -> None:
    assert on_turn(THREE, start=START, every="7d", size=1, at=START + after) == expected


@pytest.mark.parametrize(("every", "hours"), [("1h", 1), ("36h", 36), ("1d", 24), ("2d", 48), ("1w", 168), ("2w", 336)])
def test_the_length_of_a_turn(every: str, hours: int) -> None:
    turn = timedelta(hours=hours)
    at = START + turn
    assert on_turn(THREE, start=START, every=every, size=1, at=at) == ("li",)
    assert on_turn(THREE, start=START, every=every, size=1, at=at - timedelta(seconds=1)) == ("ana",)


def test_with_two_on_turn_each_hand_over_changes_one() -> None:
    turns = [on_turn(THREE, start=START, every="1d", size=2, at=START + timedelta(days=n)) for n in range(4)]
    assert turns == [("ana", "li"), ("li", "sam"), ("sam", "ana"), ("ana", "li")]


def test_a_member_listed_twice_is_on_turn_once_at_a_time() -> None:
    assert on_turn(("ana", "ana", "li"), start=START, every="1d", size=2, at=START) == ("ana",)


def test_time_zones_do_not_matter() -> None:
    east = timezone(timedelta(hours=9))
    at = START.astimezone(east) + timedelta(days=7)
    assert on_turn(THREE, start=START.astimezone(timezone(timedelta(hours=-11))), every="7d", size=1, at=at) == ("li",)


@settings(deadline=None)
@given(
    start=st.datetimes(timezones=st.timezones()),
    at=st.datetimes(timezones=st.timezones()),
    every=st.from_regex(r"[1-9][0-9]{0,4}[hdw]", fullmatch=True),
    members=st.lists(st.text(min_size=1), min_size=1, unique=True),
    size=st.integers(min_value=1),
)
def test_somebody_is_on_turn_at_any_time_after_the_start(
    start: datetime, at: datetime, every: str, members: list[str], size: int
) -> None:
    size = min(size, len(members))
    on = on_turn(members, start=start, every=every, size=size, at=at)
    assert len(on) == (0 if at < start else size)
    assert set(on) <= set(members)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-05T09:00:00Z", START),
        ("2026-01-05t09:00:00z", START),
        ("2026-01-05T10:00:00+01:00", START),
        ("2026-01-05T09:00:00.000000Z", START),
        ("2026-01-05T09:00:00.5Z", START.replace(microsecond=500_000)),
        ("0001-01-01T00:00:00+23:59", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23, minutes=59)))),
        *((text, None) for text in ("", "soon", "2026-01-05", "2026-01-05 09:00:00Z", "2026-01-05T09:00:00")),
        *((text, None) for text in ("2026-13-05T09:00:00Z", "2026-01-05T24:30:00Z", "2026-01-05T09:00:00+0100")),
        ("2026-01-05T09:00:00Z\n", None),
    ],
)
def test_a_moment_is_read_with_its_time_zone(text: str, moment: datetime | None) -> None:
    assert read_time(text) == moment


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_moment_or_none(text: str) -> None:
    moment = read_time(text)
    assert moment is None or moment.utcoffset() is not None
