"""A value against its shape: each mistake with its path, and near misses that are well."""

from __future__ import annotations

import pytest

from tailstack.charts.checking import Mistake, MistakeKind, mistakes_in
from tailstack.charts.shapes import ANYTHING, NUMBER, TEXT, Form, Shape, Type, each_of, fields_of, items, keys, word
from tailstack.charts.versions import SUPPORTED

NEWEST = SUPPORTED[0]
LATER = (NEWEST[0], NEWEST[1] + 2, 0)

SHAPE = keys(
    {
        "text": Shape(type=Type.TEXT, longest=3),
        "switch": Shape(type=Type.SWITCH),
        "word": word("", "auto", "off"),
        "mode": Shape(type=Type.WORD, words=("true", "noauth")),
        "number": Shape(type=Type.NUMBER, lowest=1, highest=9),
        "count": Shape(type=Type.NUMBER, lowest=0),
        "free": NUMBER,
        "quantity": Shape(type=Type.QUANTITY, form=Form(pattern="^[0-9]+m?$", words="a quantity")),
        "texts": Shape(type=Type.TEXTS),
        "routes": items(Shape(type=Type.TEXT, is_cidr=True), fewest=1),
        "open": ANYTHING,
        "labels": each_of(TEXT),
        "inner": keys({"name": TEXT, "other": TEXT}, "name"),
        "later": Shape(type=Type.TEXT, since=(1, 102, 0)),
        "outer": keys({"solo": TEXT, "text": TEXT, "idle": Shape(type=Type.TEXT, is_idle=True)}),
        "idle": TEXT,
        "parts": items(keys({"hidden": TEXT})),
    }
)


def found(value: object, version: tuple[int, int, int] | None = NEWEST) -> list[tuple[str, MistakeKind, str]]:
    return [(".".join(map(str, each.path)), each.kind, each.expected) for each in mistakes_in(value, SHAPE, version)]


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"text": "abc", "switch": False, "word": "auto", "mode": True, "number": 9, "count": 0, "free": -5},
        {"word": "", "mode": "noauth", "quantity": 5, "text": None},
        {"quantity": "100m", "texts": "tag:a", "routes": ["10.0.0.1/8", "fd00::/128"]},
        {"texts": ["tag:a", "tag:b"], "open": {"a": [1, {"b": None}]}, "labels": {"a": "b"}, "inner": {"name": "n"}},
        {"later": "x", "outer": {"solo": "x"}, "parts": [{"hidden": "x"}, {}]},
    ],
)
def test_what_is_well(value: object) -> None:
    assert found(value) == []


@pytest.mark.parametrize(
    ("value", "path", "kind", "expected"),
    [
        ("x", "", MistakeKind.TYPE, "a mapping"),
        ({"text": 5}, "text", MistakeKind.TYPE, "a text"),
        ({"text": "abcd"}, "text", MistakeKind.FORM, "at most 3 characters"),
        ({"switch": "true"}, "switch", MistakeKind.TYPE, "true or false"),
        ({"word": "on"}, "word", MistakeKind.WORD, "one of auto, off"),
        ({"mode": False}, "mode", MistakeKind.WORD, "one of true, noauth"),
        ({"mode": 1}, "mode", MistakeKind.TYPE, "a text, true or false"),
        ({"number": True}, "number", MistakeKind.TYPE, "a whole number"),
        ({"number": 0}, "number", MistakeKind.FORM, "a whole number from 1 to 9"),
        ({"number": 10}, "number", MistakeKind.FORM, "a whole number from 1 to 9"),
        ({"count": -1}, "count", MistakeKind.FORM, "a whole number of at least 0"),
        ({"quantity": 0.5}, "quantity", MistakeKind.TYPE, "a whole number or a text"),
        ({"quantity": "5m\n"}, "quantity", MistakeKind.FORM, "a quantity"),
        ({"quantity": "٣"}, "quantity", MistakeKind.FORM, "a quantity"),
        ({"texts": ["a", 5]}, "texts", MistakeKind.TYPE, "a list of texts"),
        ({"texts": 5}, "texts", MistakeKind.TYPE, "a list of texts"),
        ({"routes": []}, "routes", MistakeKind.FORM, "a list of at least 1"),
        ({"routes": "10.0.0.0/8"}, "routes", MistakeKind.TYPE, "a list"),
        ({"open": []}, "open", MistakeKind.TYPE, "a mapping"),
        ({"labels": {"a": 1}}, "labels.a", MistakeKind.TYPE, "a text"),
        ({"inner": {"other": "x"}}, "inner.name", MistakeKind.MISSING, "a value"),
        ({"inner": {"name": None}}, "inner.name", MistakeKind.MISSING, "a value"),
        ({"zzz": 1}, "zzz", MistakeKind.UNKNOWN, "a key of the chart 1.104.5"),
        ({"parts": [{}, {"zzz": 1}]}, "parts.1.zzz", MistakeKind.UNKNOWN, "a key of the chart 1.104.5"),
        ({"outer": {"idle": "x"}}, "outer.idle", MistakeKind.IDLE, "a key that has an effect"),
    ],
)
def test_a_mistake(value: object, path: str, kind: MistakeKind, expected: str) -> None:
    assert found(value) == [(path, kind, expected)]


@pytest.mark.parametrize(
    ("route", "is_well"),
    [
        ("10.0.0.0/33", False),
        ("10.0.0.0", False),
        ("10.0.0.0/", False),
        ("10.0.0.0/255.0.0.0", False),
        ("10.0.0.0/²", False),
        ("x/8", False),
        ("0.0.0.0/0", True),
    ],
)
def test_a_route(route: str, is_well: bool) -> None:
    assert (found({"routes": [route]}) == []) is is_well


def test_every_mistake_is_said_at_once_and_in_order() -> None:
    value = {"zzz": 1, "inner": {"other": 5}, "routes": ["x", 5]}
    assert [(path, kind) for path, kind, _ in found(value)] == [
        ("zzz", MistakeKind.UNKNOWN),
        ("inner.other", MistakeKind.TYPE),
        ("inner.name", MistakeKind.MISSING),
        ("routes.0", MistakeKind.FORM),
        ("routes.1", MistakeKind.TYPE),
    ]


def test_a_key_of_a_later_version() -> None:
    assert found({"later": "x"}, (1, 100, 9)) == [("later", MistakeKind.NOT_YET, "the chart 1.102.0 or newer")]
    assert found({"later": 5}, (1, 102, 0)) == [("later", MistakeKind.TYPE, "a text")]


@pytest.mark.parametrize("version", [None, LATER])
def test_of_a_version_that_was_not_read_no_key_is_unknown(version: tuple[int, int, int] | None) -> None:
    assert found({"zzz": 1, "later": "x"}, version) == []
    assert found({"text": 5}, version) != []


def test_a_correction_of_the_newest_version_knows_the_same_keys() -> None:
    assert found({"zzz": 1}, (*NEWEST[:2], 99)) != []


def only(value: object) -> Mistake:
    (mistake,) = mistakes_in(value, SHAPE, NEWEST)
    return mistake


def test_what_could_have_been_meant() -> None:
    assert only({"inner": {"name": "n", "nme": 1}}).known == ("name", "other")
    assert only({"inner": {"name": "n", "solo": 1}}).elsewhere == ("outer", "solo")
    assert only({"outer": {"idle": "x"}}).elsewhere == ("idle",)
    assert only({"inner": {"name": "n", "text": 1}}).elsewhere is None  # in two places
    assert only({"hidden": 1}).elsewhere is None  # within a list
    assert only({"word": "atuo"}).known == ("auto", "off")


def test_a_mistake_does_not_show_the_value() -> None:
    assert only({"text": 12345678}).found == 12345678
    assert "12345678" not in repr(only({"text": 12345678}))


def test_the_fields_of_a_shape() -> None:
    shape = keys({"a": items(keys({"b": TEXT})), "c": each_of(TEXT)})
    assert [path for path, _ in fields_of(shape)] == [("a",), ("a", "[]"), ("a", "[]", "b"), ("c",), ("c", "{}")]
