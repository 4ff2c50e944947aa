"""Address sets behave as sets of addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailstack.access.addresses import AddressSet, Span, is_prefix, parse_span, spans_of


def small_span(family: int, low: int, size: int) -> Span:
    return Span(family, low, min(low + size, 31))


SMALL = st.builds(small_span, st.sampled_from([4, 6]), st.integers(0, 31), st.integers(0, 31))
SETS = st.lists(SMALL, max_size=4).map(AddressSet.of)


def members(addresses: AddressSet) -> set[tuple[int, int]]:
    return {(span.family, number) for span in addresses for number in range(span.low, span.high + 1)}


@given(SETS, SETS, SMALL)
def test_set_algebra_agrees_with_sets_of_single_addresses(one: AddressSet, other: AddressSet, span: Span) -> None:
    part = members(AddressSet((span,)))
    assert members(one.union(other)) == members(one) | members(other)
    assert members(one.minus(other)) == members(one) - members(other)
    assert (span in one) == (part <= members(one))
    assert one.overlaps(span) == bool(part & members(one))
    assert one.isdisjoint([span]) != one.overlaps(span)
    assert bool(one) == bool(members(one))


@given(SETS, SETS)
def test_equal_sets_are_equal_values(one: AddressSet, other: AddressSet) -> None:
    assert (one == other) == (members(one) == members(other))
    assert one.union(other) == other.union(one)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.0.0.0-10.0.0.255", "10.0.0.0/24"),
        ("10.0.0.1-10.0.0.4", "10.0.0.1-10.0.0.4"),
        ("fd7a:115c:a1e0::1", "fd7a:115c:a1e0::1"),
        ("2000::/3", "2000::/3"),
    ],
)
def test_spans_read_and_show(text: str, shown: str) -> None:
    span = parse_span(text)
    assert str(span) == shown
    assert span is not None
    assert span.is_single == ((shown == text and "-" not in text and "/" not in text) or text.endswith("/32"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "10.0.0",
        "10.0.0.0/33",
        "10.0.0.0/255.0.0.0",
        "10.0.0.2-10.0.0.1",
        "1.1.1.1-::1",
        "fe80::1%eth0",
        "1" * 65,
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_span(text) is None


def test_prefixes_are_told_from_addresses() -> None:
    assert is_prefix("10.0.0.0/8")
    assert is_prefix("10.0.0.1/32")
    assert not is_prefix("10.0.0.1")
    assert not is_prefix("10.0.0.0/99")


def test_spans_of_names_what_it_cannot_read() -> None:
    with pytest.raises(ValueError, match="no address, prefix or range: x, y"):
        spans_of("10.0.0.0/8", "x", "y")
