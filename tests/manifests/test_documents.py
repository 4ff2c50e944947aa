"""Files of manifests as values with places: YAML as it is in the wild, and every way in which it can be broken."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.finding import Place
from tailstack.manifests import documents
from tailstack.manifests.documents import Documents, read_documents
from tailstack.manifests.rules import DUPLICATE_KEY, SYNTAX, TOO_LARGE
from tailstack.manifests.values import ManifestList, ManifestMap, Value, follow

FILE = "blue/app.yaml"


def read(text: str, file: str = FILE) -> Documents:
    return read_documents(file, text)


def only(text: str, file: str = FILE) -> Value:
    found = read(text, file)
    assert found.findings == ()
    (root,) = found.roots
    return root


def test_every_document_is_read_and_empty_ones_are_left_out() -> None:
    found = read("# first\n---\na: 1\n---\n# nothing\n---\n- x\n...\n---\nb\n--- ~\n")
    assert found.roots == ({"a": 1}, ["x"], "b")
    assert found.places == ((3, 1), (7, 1), (10, 1))
    assert found.findings == ()
    assert read("") == Documents(roots=(), places=(), findings=())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_places_are_those_of_keys_values_and_items(end: str) -> None:
    root = only(f"a:{end}  - b: c{end}    d: [1, 2]{end}")
    assert isinstance(root, ManifestMap)
    assert follow(root, ("a", 0, "d", 1)) == (((3, 12), (3, 12)), 2, True)
    assert follow(root, ("a", 0, "b")) == (((2, 5), (2, 8)), "c", True)
    assert follow(root, ("a", 0, "b", "x")) == (((2, 5), (2, 8)), "c", False)
    assert follow(root, ("a", 1))[2] is False
    assert follow(root, ("a", -1))[2] is False
    assert follow(root, ("a", 0, 0))[2] is False
    assert follow(root, ("x",)) == (((1, 1), (1, 1)), root, False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, True) for text in ("true", "True", "TRUE", "yes", "Yes", "on", "ON", "y", "Y")),
        *((text, False) for text in ("false", "no", "NO", "off", "n", "N")),
        ("0", 0),
        ("-17", -17),
        ("+5", 5),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0b101", 5),
        ("017", 15),
        ("0o17", 15),
        ("08", 8.0),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("1" * 41, "1" * 41),
        (".inf", ".inf"),
        ("1.102.3", "1.102.3"),
        ("2026-01-05", "2026-01-05"),
        ("12:30", "12:30"),
        ("100m", "100m"),
        ("nginx", "nginx"),
        ("'true'", "true"),
        ('"80"', "80"),
        ("!!str 80", "80"),
        ("! 80", "80"),
        ("!!int 80", 80),
        ("|-\n  80", "80"),
        (">-\n  a\n  b", "a b"),
    ],
)
def test_unquoted_texts_mean_what_kubernetes_reads(text: str, value: Value) -> None:
    root = only(f"a: {text}\n")
    assert root == {"a": value}
    assert isinstance(root, dict)
    assert type(root["a"]) is type(value)


def test_anchors_and_merge_keys_are_followed() -> None:
    text = (
        "base: &base {a: 1, b: 2}\n"
        "more: &more {b: 3, c: 4}\n"
        "one: {<<: *base, b: 5}\n"
        "all: {<<: [*base, *more, 7]}\n"
        "none: {<<: 7}\n"
        "text: {'<<': 1}\n"
        "name: &name app\n"
        "again: *name\n"
        "? *name\n"
        ": 1\n"
        "? &key k\n"
        ": *key\n"
        "list: &list [1]\n"
        "shared: [*list, *list]\n"
    )
    root = only(text)
    assert isinstance(root, ManifestMap)
    assert root["one"] == {"a": 1, "b": 5}
    assert root["all"] == {"a": 1, "b": 2, "c": 4}
    assert root["none"] == {}
    assert root["text"] == {"<<": 1}
    assert (root["again"], root["app"], root["k"]) == ("app", 1, "k")
    assert root["shared"] == [[1], [1]]
    # The value of an alias stands where the alias does, and what it holds where the anchor is.
    assert follow(root, ("shared", 1))[0] == ((14, 17), (14, 17))
    assert follow(root, ("shared", 1, 0))[0] == ((13, 14), (13, 14))
    assert follow(root, ("all", "c"))[0] == ((2, 20), (2, 23))


def test_anchors_hold_within_their_document_only() -> None:
    found = read("a: &x 1\n---\nb: *x\n")
    assert found.roots == ({"a": 1},)
    (finding,) = found.findings
    assert finding.rule is SYNTAX
    assert finding.places == (Place(FILE, 3, 4),)
    assert "*x" in finding.message


def test_json_is_read_with_its_own_escapes_and_tabs() -> None:
    value: dict[str, object] = {
        "a": 'tab\tand "quotes"',
        "face": "😀",
        "slash": "\\ud83d",
        "list": [1, 2.5, True, None, {}],
    }
    assert only(json.dumps(value, indent="\t"), "blue/app.json") == value
    assert only('{"a": "http:\\/\\/b"}', "blue/app.json") == {"a": "http://b"}


def test_json_escapes_mean_nothing_in_yaml() -> None:
    assert only("a: '\\ud83d\\ude00'\n") == {"a": "\\ud83d\\ude00"}


@pytest.mark.parametrize(
    ("text", "line", "column", "said", "mend"),
    [
        ("a: b: c\n", 1, 5, "mapping values are not allowed", "use quotes"),
        ("a: 'b\n", 1, 6, "unexpected end of stream", "Close the quote"),
        ("a: [1\nb: 2\n", 2, 2, "did not find expected ',' or ']'", "Close the bracket"),
        ("a:\n\t- b\n", 2, 1, "cannot start any token", "indent with spaces"),
        ("a: @b\n", 1, 4, "cannot start any token", "put it in quotes"),
        ("a: 1\n b: 2\n", 2, 3, "mapping values are not allowed", "use quotes"),
        ("- a\nb: 1\n", 2, 1, "did not find expected '-' indicator", "same indentation"),
        ("name: {{ .Values.name }}\n", 1, 8, "cannot be a key", "must be rendered first"),
        ("? [a]\n: b\n", 1, 3, "cannot be a key", "must be rendered first"),
        ("a: &x {b: 1}\n*x : 2\n", 2, 1, "cannot be a key", "must be rendered first"),
        ("a: &x [*x]\n", 1, 8, "names nothing that stands whole before it", "Write the value out"),
        ("a: \x07\n", 1, 4, "U+0007 is not allowed", "Take it out"),
        ("a: 1\r\nb: \udcff\n", 2, 4, "The byte 0xFF is not UTF-8 here", "Take it out"),
        ("a: \ud800\n", 1, 4, "U+D800 is not allowed", "Take it out"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_place(text: str, line: int, column: int, said: str, mend: str) -> None:
    found = read(f"kept: 1\n---\n{text}")
    is_foreign = "U+" in said or "UTF-8" in said
    assert found.roots[:1] == (() if is_foreign else ({"kept": 1},))
    (finding,) = found.findings
    assert finding.rule is SYNTAX
    assert finding.places == (Place(FILE, line + 2, column),)
    assert said in finding.message
    assert mend in finding.mend


def test_a_byte_order_mark_is_passed_over() -> None:
    assert only("\ufeffa: 1\n") == {"a": 1}


def test_a_key_that_stands_twice_is_told_and_the_last_one_counts() -> None:
    found = read("a: 1\nb: 2\na: 3\n")
    assert found.roots == ({"a": 3, "b": 2},)
    (finding,) = found.findings
    assert finding.rule is DUPLICATE_KEY
    assert finding.places == (Place(FILE, 3, 1), Place(FILE, 1, 1))
    assert finding.message == 'The key "a" stands here twice.'


def bomb(levels: int) -> str:
    names = [chr(ord("a") + number) for number in range(levels)]
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in itertools.pairwise(names)]
    return "\n".join(lines) + "\n"


def test_aliases_that_multiply_have_an_end() -> None:
    assert read(bomb(5)).findings == ()
    found = read(bomb(26))
    (finding,) = found.findings
    assert finding.rule is TOO_LARGE
    assert "2,000,000 values" in finding.message
    assert finding.places[0].line == 7


@pytest.mark.parametrize("text", ["[" * 201, "a: " + "[" * 200, '{"a": ' * 250])
def test_depth_has_an_end(text: str) -> None:
    (finding,) = read(text).findings
    assert finding.rule is TOO_LARGE
    assert "nested deeper than 200" in finding.message


def test_aliases_cannot_go_deeper_either() -> None:
    deep = f"a: &a {'[' * 150}{']' * 150}\nb: {'[' * 60}*a{']' * 60}\n"
    (finding,) = read(deep).findings
    assert finding.rule is TOO_LARGE
    assert finding.places == (Place(FILE, 2, 64),)
    assert read(f"{'[' * 200}{']' * 200}").findings == ()


def test_a_file_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_CHARACTERS", 4)
    (finding,) = read("a: 12").findings
    assert finding.rule is TOO_LARGE
    assert finding.places == (Place(FILE, 1, 1),)


STRUCTURES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(STRUCTURES)
def test_any_json_is_read_as_it_is(value: object) -> None:
    text = json.dumps(value)
    found = read(text, "blue/app.json")
    if not found.findings:
        assert found.roots == ((value,) if value is not None else ())
    assert all(finding.places[0].line >= 1 for finding in found.findings)


PIECES = st.sampled_from(
    [
        *"[]{},:-?&*!|>'\"%@`#~ \n\t\r",
        "a",
        "1",
        "<<: ",
        "&a ",
        "*a",
        "- ",
        ": ",
        "---\n",
        "...\n",
        "? ",
        "!!str ",
        "\ufeff",
        "\x00",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join) | st.text())
def test_any_text_is_read_or_told(text: str) -> None:
    found = read(text)
    assert len(found.roots) == len(found.places)
    assert all(finding.places[0].file == FILE and finding.places[0].line >= 1 for finding in found.findings)
    assert all(isinstance(root, ManifestMap | ManifestList | str | int | float | bool) for root in found.roots)
