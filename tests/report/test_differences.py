from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from tailstack.report.differences import differences

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def said(before: object, after: object) -> list[str]:
    return [str(difference) for difference in differences(before, after)]


def test_each_path_is_named_with_both_values() -> None:
    before = {"metadata": {"annotations": {"tailscale.com/tags": "tag:k8s", "old": "1"}}, "ports": [{"port": 80}]}
    after = {"metadata": {"annotations": {"tailscale.com/tags": "tag:x", "new": "2"}}, "ports": [{"port": 81}]}
    assert said(before, after) == [
        'metadata.annotations.new appeared: "2"',
        'metadata.annotations.old is gone, it was "1"',
        'metadata.annotations["tailscale.com/tags"] was "tag:k8s", is "tag:x"',
        "ports[0].port was 80, is 81",
    ]


def test_lists_of_another_length_differ_as_a_whole() -> None:
    assert said({"tags": ["a"]}, {"tags": ["a", "b"]}) == ['tags was ["a"], is ["a", "b"]']


def test_a_null_is_not_an_absent_key() -> None:
    assert said({"a": None}, {}) == ["a is gone, it was null"]


def test_a_long_value_is_cut_in_the_middle() -> None:
    (line,) = said("a" * 100, "b")
    assert line == f' was "{"a" * 28} … {"a" * 28}", is "b"'


@given(JSON)
def test_a_value_does_not_differ_from_its_copy(value: object) -> None:
    assert said(value, copy.deepcopy(value)) == []


@given(JSON, JSON)
def test_different_values_differ_somewhere(one: object, other: object) -> None:
    assert bool(said(one, other)) == (one != other)
