from __future__ import annotations

from typing import Any, cast

import pytest
import yaml

from tailstack.finding import Place
from tailstack.topology import document
from tailstack.topology.document import MAX_CHARACTERS, MAX_DEPTH, Document, read_document
from tailstack.topology.placed import PlacedList, PlacedMap, key_place, value_at, value_place
from tests.topology.marked import path_of, unmarked


def read(text: str) -> Document:
    return read_document("f.yaml", text)


def placed(text: str) -> PlacedMap:
    root = read(text).root
    assert root is not None
    return root


PLAIN: dict[str, object] = {
    "a: text": "text",
    "a: 'yes'": "yes",
    'a: "012"': "012",
    "a: |\n  on\n": "on\n",
    "a: >-\n  1.100\n": "1.100",
    "a: 0": 0,
    "a: 80": 80,
    "a: -5": -5,
    "a: 999999999999999999": 999999999999999999,
    "a: true": True,
    "a: True": True,
    "a: FALSE": False,
    "a: 1.102.3": "1.102.3",
    "a: 100.64.0.1": "100.64.0.1",
    "a: 10.0.0.0/8": "10.0.0.0/8",
    "a: tcp:80": "tcp:80",
    "a: 80:443": "80:443",
    "a: 7d": "7d",
    "a: -x": "-x",
    "a: .env": ".env",
    "a: ~user": "~user",
    "a: yess": "yess",
    "a: onward": "onward",
    "a: yEs": "yEs",
    "a: nothing": "nothing",
    "a: 2026-01": "2026-01",
    "a: node:os IN ['macos']": "node:os IN ['macos']",
    "a:\tb": "b",
    "a: äöü 漢字": "äöü 漢字",
    "a: {}": {},
    "a: []": [],
    "---\na: x": "x",
    "a: x\n...\n": "x",
}


@pytest.mark.parametrize(("text", "value"), PLAIN.items(), ids=repr)
def test_a_value_is_what_every_program_reads(text: str, value: object) -> None:
    read_text = read(text)
    assert read_text.findings == ()
    assert (read_text.doubled, read_text.thrown, read_text.unread) == ((), (), "")
    assert read_text.root is not None
    assert read_text.root["a"] == value
    assert type(read_text.root["a"]) in {type(value), PlacedMap, PlacedList}


TRAPS = [
    # words that are true or false in YAML 1.1
    *(
        (f"a: §{form}", "ambiguous-word", "quotes")
        for word in ("y", "yes", "n", "no", "on", "off")
        for form in (word, word.capitalize(), word.upper())
    ),
    ("a: {mode: §off}", "ambiguous-word", '"off"'),
    ("a: [x, §no]", "ambiguous-word", '"no"'),
    ("§on: x", "ambiguous-word", '"on"'),
    ("a: {§y: x}", "ambiguous-word", '"y"'),
    # numbers
    ("a: §012", "ambiguous-number", '"012"'),
    ("a: §0o12", "ambiguous-number", '"0o12"'),
    ("a: §0x1F", "ambiguous-number", '"0x1F"'),
    ("a: §0b11", "ambiguous-number", '"0b11"'),
    ("a: §1_000", "ambiguous-number", '"1_000"'),
    ("a: §+5", "ambiguous-number", '"+5"'),
    ("a: §-012", "ambiguous-number", '"-012"'),
    ("a: §1000000000000000000", "ambiguous-number", "decimal"),
    ("a: §1:20", "ambiguous-number", "base 60"),
    ("a: §190:20:30", "ambiguous-number", "base 60"),
    ("a: §1:20.5", "ambiguous-number", "base 60"),
    ("a: §1.100", "ambiguous-number", '"1.100"'),
    ("a: §1.", "ambiguous-number", '"1."'),
    ("a: §.5", "ambiguous-number", '".5"'),
    ("a: §1e3", "ambiguous-number", '"1e3"'),
    ("a: §-1.5E+3", "ambiguous-number", '"-1.5E+3"'),
    ("a: §.inf", "ambiguous-number", '".inf"'),
    ("a: §-.Inf", "ambiguous-number", '"-.Inf"'),
    ("a: §.NaN", "ambiguous-number", '".NaN"'),
    ("§1.5: x", "ambiguous-number", '"1.5"'),
    # times
    ("a: §2026-01-05", "unquoted-time", '"2026-01-05"'),
    ("a: §2026-1-5", "unquoted-time", "quotes"),
    ("a: §2026-01-05T09:00:00Z", "unquoted-time", '"2026-01-05T09:00:00Z"'),
    ("a: §2026-01-05 09:00:00 +1", "unquoted-time", "quotes"),
    # nothing
    ("a:§", "no-value", "{} or []"),
    ("a: §~", "no-value", "leave the key out"),
    ("a: §null", "no-value", "leave the key out"),
    ("a: §NULL", "no-value", "leave the key out"),
    ("a: {b: §, c: d}", "no-value", "leave the key out"),
    ("a:\n  -§\n  - b", "no-value", "leave the key out"),
    # keys
    ("§1: x", "key-not-text", "quotes"),
    ("§true: x", "key-not-text", "quotes"),
    ("§~: x", "key-not-text", "quotes"),
    ("?§\n: x", "key-not-text", "quotes"),
    ("? §[a]\n: x", "key-not-text", "cannot be a key"),
    ("? §{a: b}\n: {c: d}", "key-not-text", "cannot be a key"),
    ("a: {②b: 1, §b: 2}", "duplicate-key", '"b"'),
    # sharing, tags, directives
    ("a: §&x 1", "shared-value", '"x"'),
    ("a: §&x {b: c}", "shared-value", '"x"'),
    ("a: §*x", "shared-value", '"x"'),
    ("§*x : 1", "shared-value", '"x"'),
    ("a: {§<<: {b: c}}", "shared-value", "merge key"),
    ("a: §<<", "shared-value", "merge key"),
    ("a: §!!str 1.100", "yaml-tag", "!!str"),
    ("a: §!include x", "yaml-tag", "!include"),
    ("a: §!!python/object/apply:os.system [x]", "yaml-tag", "python"),
    ("§%YAML 1.2\n---\na: b", "several-documents", "directive"),
    ("§%TAG ! tag:x,1:\n---\na: b", "several-documents", "directive"),
    ("a: b\n§---\nc: d", "several-documents", "second"),
    ("a: b\n...\n§---\nc: d", "several-documents", "second"),
    # no sections
    ("§", "no-sections", "nothing"),
    ("§# only a comment\n", "no-sections", "nothing"),
    ("§---\n", "no-sections", "nothing"),
    ("§~", "no-sections", "nothing"),
    ("§{}", "no-sections", "nothing"),
    ("§text", "no-sections", "one value"),
    ("§42", "no-sections", "one value"),
    ("§'text'", "no-sections", "one value"),
    ("§- a", "no-sections", "list"),
    # syntax
    ("a: b§: c", "yaml-syntax", "quotes"),
    ("a: 1\n b§: 2", "yaml-syntax", "quotes"),
    ("a: §@x", "yaml-syntax", "quotes"),
    ("a:\n  - x\n §y", "yaml-syntax", "indentation"),
    (" a: 1\n§b: 2", "yaml-syntax", "indentation"),
    ("a: ②[1§", "yaml-syntax", "bracket"),
    ("a: §}", "yaml-syntax", "indentation"),
    ("§%YAML 3.1\n---\na: b", "yaml-syntax", "incompatible"),
    # characters
    ("§\ufeffa: b", "not-plain-text", "byte order mark"),
    ("a: x§\ufeffb", "not-plain-text", "U+FEFF"),
    ("a: §\x07", "not-plain-text", "U+0007"),
    ("a: b\r\nc: §\x85", "not-plain-text", "U+0085"),
    ("a: b\rc: §\u2028", "not-plain-text", "U+2028"),
    ("a: §\ud800", "not-plain-text", "U+D800"),
    ("a: §\x00", "not-plain-text", "U+0000"),
    # tabs
    ("a:\n§\tb: c", "tab-indentation", "spaces"),
    ("a:\n  b: c\n §\td: e", "tab-indentation", "spaces"),
    ("a: b\n c\n§\td: e", "tab-indentation", "spaces"),
]


@pytest.mark.parametrize(("text", "slug", "word"), TRAPS, ids=repr)
def test_what_programs_read_differently_is_refused_where_it_stands(text: str, slug: str, word: str) -> None:
    texts, places = unmarked({"f.yaml": text})
    (unmarked_text,) = texts.values()
    findings = read_document(path_of("f.yaml"), unmarked_text).findings
    assert [f.rule.slug for f in findings] == [slug], [f.message for f in findings]
    assert findings[0].places == places
    assert word in findings[0].message + findings[0].mend


def test_all_mistakes_of_a_file_are_found_at_once_and_the_rest_is_read() -> None:
    text = "a: off\nb: 012\nc: [1, no]\nd: {e: ~, f: g}\na: again\n<<: {h: i}\n"
    found = read(text)
    assert [(f.rule.slug, [(p.line, p.column) for p in f.places]) for f in found.findings] == [
        ("ambiguous-word", [(1, 4)]),
        ("ambiguous-number", [(2, 4)]),
        ("ambiguous-word", [(3, 8)]),
        ("no-value", [(4, 8)]),
        ("duplicate-key", [(5, 1), (1, 1)]),
        ("shared-value", [(6, 1)]),
    ]
    assert found.root == {"a": "off", "b": "012", "c": [1, "no"], "d": {"e": "", "f": "g"}}
    assert found.doubtful == {("f.yaml", *at) for at in [(1, 4), (2, 4), (3, 8), (4, 8), (6, 1)]}
    assert found.doubled == ()
    assert found.thrown == ({"h": "i"},)


@pytest.mark.parametrize(
    ("text", "root", "doubled", "thrown", "unread"),
    [
        ("a: off", {"a": "off"}, [], [], ""),
        ("a: 1\na: {b: c}", {"a": 1}, [("a", {"b": "c"})], [], ""),
        ("on: 1\non: [2]", {"on": 1}, [("on", [2])], [], ""),
        ("1: {a: b}\ntrue: c", {"1": {"a": "b"}, "true": "c"}, [], [], ""),
        ("~: {a: b}\nc: d", {"c": "d"}, [], [{"a": "b"}], ""),
        ("a: *x", {"a": ""}, [], [], ""),
        ("*x : {a: b}", {}, [], [{"a": "b"}], ""),
        ("? [a]\n: {b: c}\nd: e", {"d": "e"}, [], [{"b": "c"}], ""),
        ("a: b\n---\nc: d", {"a": "b"}, [], [], "---\nc: d"),
        ("a: [", None, [], [], "a: ["),
    ],
)
def test_what_is_not_taken_in_is_told(
    text: str,
    root: dict[str, object] | None,
    doubled: list[tuple[str, object]],
    thrown: list[object],
    unread: str,
) -> None:
    found = read(text)
    assert found.root == root
    assert [(key, value) for _, key, value in found.doubled] == doubled
    assert (list(found.thrown), found.unread) == (thrown, unread)


def test_an_anchor_and_its_aliases_are_one_finding() -> None:
    found = read("a: &x {b: c}\nd: *x\ne: [*x]\nf: &y 1\n")
    assert [[(p.line, p.column) for p in f.places] for f in found.findings] == [[(1, 4), (2, 4), (3, 5)], [(4, 4)]]
    assert found.root == {"a": {"b": "c"}, "d": "", "e": [""], "f": 1}


def test_an_alias_bomb_is_read_in_one_pass() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    assert {f.rule.slug for f in read(bomb).findings} == {"shared-value"}


def test_a_root_that_is_an_alias_or_only_an_anchor_declares_nothing() -> None:
    assert [f.rule.slug for f in read("*x").findings] == ["no-sections", "shared-value"]
    assert [f.rule.slug for f in read("&x").findings] == ["no-sections", "shared-value"]


def nested(depth: int, opening: str, closing: str) -> str:
    return "a: " + opening * depth + closing * depth


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_nesting_has_a_limit(opening: str, closing: str) -> None:
    inside = MAX_DEPTH - 1
    assert [f.rule.slug for f in read(nested(inside, opening, closing)).findings if f.rule.slug != "no-value"] == []
    found = read(nested(inside + 1, opening, closing))
    assert [f.rule.slug for f in found.findings] == ["too-large"]
    assert found.findings[0].places == (Place("f.yaml", 1, 4 + inside * len(opening)),)
    assert found.root is None


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "{a: " * 200_000, "- " * 200_000, "a: " + "[" * 200_000, "? " * 200_000]
)
def test_deep_nesting_neither_recurses_nor_hangs(text: str) -> None:
    assert {f.rule.slug for f in read(text).findings} <= {"too-large", "no-sections", "yaml-syntax", "key-not-text"}


def test_a_file_has_a_largest_size() -> None:
    assert [f.rule.slug for f in read("#" * MAX_CHARACTERS + "\na: b").findings] == ["too-large"]


def test_keys_and_values_know_where_they_stand() -> None:
    root = placed("# head\ntailnet:\n  dnsName: x\nlist:\n- {a: 1}\n- 'ä': b\n")
    places = {
        ("tailnet",): ((2, 1), (3, 3)),
        ("tailnet", "dnsName"): ((3, 3), (3, 12)),
        ("list",): ((4, 1), (5, 1)),
        ("list", 0): ((5, 3), (5, 3)),
        ("list", 0, "a"): ((5, 4), (5, 7)),
        ("list", 1, "ä"): ((6, 3), (6, 8)),
    }
    for path, (key, value) in places.items():
        assert key_place(root, path) == Place("f.yaml", *key)
        assert value_place(root, path) == Place("f.yaml", *value)
    assert value_at(root, ("list", 1, "ä")) == "b"


@pytest.mark.parametrize(
    "path", [("tailnet", "other"), ("tailnet", 0), ("tailnet", "dnsName", "x"), ("tailnet", "dnsName", 0)]
)
def test_where_a_path_leads_nowhere_the_nearest_place_is_that_above(path: tuple[str | int, ...]) -> None:
    root = placed("tailnet: {dnsName: x}")
    assert key_place(root, path).column in {1, 11}
    assert value_at(root, path) is None
    assert key_place(root, ("nowhere",)) == Place("f.yaml", 1, 1)


@pytest.mark.parametrize("path", [("list", 7), ("list", "x")])
def test_where_a_path_leads_out_of_a_list(path: tuple[str | int, ...]) -> None:
    assert value_place(placed("list: [a]"), path) == Place("f.yaml", 1, 7)


def test_a_map_drops_a_key_with_its_place() -> None:
    root = placed("a: 1\nb: 2")
    root.drop("a")
    root.drop("never there")
    assert (root, list(root.marks)) == ({"b": 2}, ["b"])


@pytest.mark.parametrize(("text", "slug", "word"), TRAPS, ids=repr)
def test_the_parser_in_python_says_the_same(text: str, slug: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "PARSER", cast("Any", yaml.SafeLoader))
    texts, places = unmarked({"f.yaml": text})
    ((path, unmarked_text),) = texts.items()
    findings = read_document(path, unmarked_text).findings
    assert [f.rule.slug for f in findings] == [slug]
    assert (findings[0].places[0].line, word != "") == (places[0].line, True)


def test_an_error_without_a_place_points_to_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, text: str) -> None:
            self.text = text

        def get_event(self) -> yaml.Event:
            raise yaml.YAMLError

        def dispose(self) -> None:
            self.text = ""

    monkeypatch.setattr(document, "PARSER", Broken)
    (finding,) = read("a: b").findings
    assert (finding.rule.slug, finding.places) == ("yaml-syntax", (Place("f.yaml", 1, 1),))


def test_nothing_that_looks_like_a_secret_is_shown() -> None:
    key = "tskey-client-" + "k" * 12
    found = read(f"a: &{key} 1\n{key}: 1\n{key}: 2\nb: 0x{'a1' * 12}\nc: {'1' * 25}e5\n")
    assert [f.rule.slug for f in found.findings] == [
        "duplicate-key",
        "ambiguous-number",
        "ambiguous-number",
        "shared-value",
    ]
    assert all("tskey" not in f.message + f.expected + f.mend for f in found.findings)
    assert all("a1a1" not in f.message + f.mend and "1111" not in f.message + f.mend for f in found.findings)
