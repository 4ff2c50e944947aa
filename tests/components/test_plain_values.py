from __future__ import annotations

from types import MappingProxyType

from components.plain_values import merged, plain


def test_only_dicts_and_lists_are_left() -> None:
    frozen = MappingProxyType({"a": (1, MappingProxyType({"b": "text"})), "c": None, "d": True})
    assert plain(frozen) == {"a": [1, {"b": "text"}], "c": None, "d": True}
    assert type(plain(frozen)) is dict


def test_mappings_are_merged_and_anything_else_is_replaced() -> None:
    under = {"a": {"b": 1, "c": 2}, "d": [1, 2], "e": {"f": 1}, "g": 1}
    over = {"a": {"c": 3, "x": {"y": 1}}, "d": [3], "e": None, "h": (1,), "g": {"i": 1}}
    assert merged(under, over) == {
        "a": {"b": 1, "c": 3, "x": {"y": 1}},
        "d": [3],
        "e": None,
        "h": [1],
        "g": {"i": 1},
    }


def test_what_is_merged_stays_as_it_was() -> None:
    under = {"a": {"b": [1]}}
    merged(under, {"a": {"b": [2], "c": 3}})["a"]["d"] = 4
    assert under == {"a": {"b": [1]}}
