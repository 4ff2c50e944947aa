"""What is taken from plain data of any shape."""

from __future__ import annotations

import pytest

from tailstack.plain import elements, entries, mapping, texts


@pytest.mark.parametrize("value", [None, True, 7, "text", ["a"]])
def test_what_is_no_mapping_is_an_empty_one(value: object) -> None:
    assert mapping(value) == {}
    assert mapping({"a": value}) == {"a": value}


@pytest.mark.parametrize("value", [None, True, 7, "text", {"a": 1}])
def test_what_is_no_list_is_an_empty_one(value: object) -> None:
    assert elements(value) == []
    assert list(entries(value)) == []
    assert texts(value) == ()
    assert elements([value]) == [value]


def test_of_a_list_only_what_has_the_shape_is_taken() -> None:
    mixed = ["a", {"b": 1}, None, 7, ["c"], "d"]
    assert list(entries(mixed)) == [{"b": 1}]
    assert texts(mixed) == ("a", "d")
