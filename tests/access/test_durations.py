"""Durations as Go has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailstack.access.durations import DurationError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0", "0s"),
        ("200h", "200h0m0s"),
        ("-1m", "-1m0s"),
        ("+1h30m", "1h30m0s"),
        ("90s", "1m30s"),
        ("1.5s", "1.5s"),
        (".5s", "500ms"),
        ("1.5ms", "1.5ms"),
        ("10us", "10µs"),
        ("3ns", "3ns"),
        ("168h0m1s", "168h0m1s"),
        ("0s", "0s"),
    ],
)
def test_durations_read_and_show_as_in_go(text: str, shown: str) -> None:
    assert format_duration(parse_duration(text)) == shown


@given(st.integers(-(10**18), 10**18))
def test_what_is_shown_is_read_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("abc", 'time: invalid duration "abc"'),
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        (".s", 'time: invalid duration ".s"'),
        ("5", 'time: missing unit in duration "5"'),
        ("5d", 'time: unknown unit "d" in duration "5d"'),
    ],
)
def test_what_is_no_duration_is_refused_in_gos_words(text: str, reason: str) -> None:
    with pytest.raises(DurationError) as refused:
        parse_duration(text)
    assert str(refused.value) == reason
