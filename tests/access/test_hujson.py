"""HuJSON: nothing lost on reading, the canonical form on writing, documents composed of others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.access import hujson
from tests.access.documents import DOCUMENTS, SAMPLES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


class TestParsing:
    @settings(deadline=None)
    @given(DOCUMENTS)
    def test_nothing_of_the_text_is_lost(self, text: str) -> None:
        assert hujson.pack(hujson.parse(text).root) == text

    @pytest.mark.parametrize("text", SAMPLES)
    def test_samples_come_back_as_they_were(self, text: str) -> None:
        assert hujson.pack(hujson.parse(text).root) == text

    @settings(deadline=None)
    @given(JSON)
    def test_plain_json_is_read_as_python_reads_it(self, data: hujson.Json) -> None:
        for text in (json.dumps(data), json.dumps(data, ensure_ascii=False, indent=2)):
            assert hujson.to_python(hujson.parse(text).root) == data

    def test_positions_count_lines_and_characters_from_one(self) -> None:
        document = hujson.parse('// é\n{"é": [1,\n\t true]} ')
        assert document.position(document.root) == (2, 1)
        array = hujson.find(document.root, "É")
        assert array is not None
        assert isinstance(array.node, hujson.Array)
        assert document.position(array) == (2, 7)
        assert [document.position(element) for element in array.node.elements] == [(2, 8), (3, 3)]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "line 1, column 1: parsing value: unexpected EOF"),
            ('{"a" 1}', "line 1, column 6: invalid character '1' after object name"),
            ('{"é": 1 2}', "line 1, column 10: invalid character '2' after object value (expecting ',' or '}')"),
            ("[1\n 2]", "line 2, column 2: invalid character '2' after array value (expecting ',' or ']')"),
            ("[1}", "line 1, column 3: invalid character '}' after array value (expecting ',' or ']')"),
            ("{1: 2}", "line 1, column 2: invalid character '1' at start of object name"),
            ("{} {}", "line 1, column 4: invalid character '{' after top-level value"),
            ('{"a"', "line 1, column 5: parsing object after name: unexpected EOF"),
            ('{"a":', "line 1, column 6: parsing value: unexpected EOF"),
            ('{"a": 1', "line 1, column 8: parsing object after value: unexpected EOF"),
            ("[1", "line 1, column 3: parsing array after value: unexpected EOF"),
            ('"a', "line 1, column 3: parsing string: unexpected EOF"),
            ('"\\q"', 'line 1, column 1: invalid literal: "\\q"'),
            ('"\n"', 'line 1, column 1: invalid literal: "\n"'),
            ("01", "line 1, column 1: invalid literal: 01"),
            ("nul", "line 1, column 1: invalid literal: nul"),
            ("[1,,2]", "line 1, column 4: invalid character ',' at start of value"),
            ("/ 1", "line 1, column 1: invalid character '/' at start of value"),
            ("'a'", "line 1, column 1: invalid character '\\'' at start of value"),
            ("\x00", "line 1, column 1: invalid character '\\u0000' at start of value"),
            ("\U000e0001", "line 1, column 1: invalid character '\\U000e0001' at start of value"),
            ("1 // no end", "line 1, column 3: parsing comment: unexpected EOF"),
            ("1 /* no end", "line 1, column 3: parsing comment: unexpected EOF"),
            ("1 // \u2028 no end", "line 1, column 6: invalid character '\\u2028' in line comment"),
            ("1 // \u2029\n", "line 1, column 6: invalid character '\\u2029' in line comment"),
            ("1 /* \u2028 \udcff */", "line 1, column 3: invalid UTF-8 in comment"),
            ("\udcff", "line 1, column 1: invalid character '\\xff' at start of value"),
            ('"\ud800"', "line 1, column 2: invalid UTF-8"),
            ("[" * 101, "line 1, column 101: nested deeper than 100 levels"),
        ],
    )
    def test_what_is_no_hujson_is_refused_with_its_place(self, text: str, message: str) -> None:
        with pytest.raises(hujson.HujsonError) as refused:
            hujson.parse(text)
        assert str(refused.value) == message

    def test_an_error_counts_characters_beside_the_bytes_of_its_message(self) -> None:
        with pytest.raises(hujson.HujsonError, match="line 2, column 7: invalid literal: x") as refused:
            hujson.parse('["a",\n"é", x]')
        assert (refused.value.line, refused.value.column) == (2, 6)
        assert refused.value.reason == "invalid literal: x"

    def test_a_comment_may_hold_a_line_separator_in_a_block(self) -> None:
        assert hujson.to_python(hujson.parse("/* \u2028 */ 1 // é\n").root) == 1

    def test_bytes_that_are_no_utf8_pass_inside_of_strings(self) -> None:
        text = b'["\xff",\n"\\t\xff"]'.decode("utf-8", "surrogateescape")
        assert hujson.format(text).encode("utf-8", "surrogateescape") == b'[\n\t"\xff",\n\t"\\t\xef\xbf\xbd"\n]\n'

    def test_a_number_of_any_length_is_read(self) -> None:
        assert hujson.to_python(hujson.parse("[" + "9" * 5000 + ", 12]").root) == [float("inf"), 12]

    def test_kinds(self) -> None:
        document = hujson.parse('[{}, [], "", -1, 2, true, false, null]')
        assert isinstance(document.root.node, hujson.Array)
        kinds = [value.kind for value in document.root.node.elements]
        assert kinds == ["object", "array", "string", "number", "number", "boolean", "boolean", "null"]

    def test_the_last_of_members_with_one_name_counts_and_both_are_found(self) -> None:
        document = hujson.parse('{"a": 1, "b": [{"c": 1, "\\u0063": 2}, 3], "a": 4, "a": 5}')
        assert hujson.to_python(document.root) == {"a": 5, "b": [{"c": 2}, 3]}
        found = [
            (first.key, document.position(first.name), document.position(second.name))
            for first, second in hujson.duplicate_members(document.root)
        ]
        assert found == [("a", (1, 2), (1, 43)), ("a", (1, 43), (1, 51)), ("c", (1, 17), (1, 25))]


class TestFormatting:
    @settings(deadline=None)
    @given(DOCUMENTS)
    def test_formatting_twice_changes_nothing_more(self, text: str) -> None:
        once = hujson.format(text)
        assert hujson.format(once) == once

    @settings(deadline=None)
    @given(DOCUMENTS)
    def test_the_canonical_form_means_the_same(self, text: str) -> None:
        assert hujson.to_python(hujson.parse(hujson.format(text)).root) == hujson.to_python(hujson.parse(text).root)

    @settings(deadline=None)
    @given(DOCUMENTS)
    def test_standardize_gives_json_of_the_same_meaning_length_and_lines(self, text: str) -> None:
        standard = hujson.standardize(text)
        assert json.loads(standard) == hujson.to_python(hujson.parse(text).root)
        assert len(standard.encode()) == len(text.encode())
        assert standard.count("\n") == text.count("\n")

    @settings(deadline=None)
    @given(JSON)
    def test_plain_json_stays_plain(self, data: hujson.Json) -> None:
        assert json.loads(hujson.format(json.dumps(data, indent=1))) == data

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"a":1,"b":[2,3,],}', '{"a": 1, "b": [2, 3]}\n'),
            ('{"a":1,\n"bcd":2}', '{\n\t"a":   1,\n\t"bcd": 2\n}\n'),
            ('{"a":1,//x\n"bcd":2}', '{\n\t"a":   1, //x\n\t"bcd": 2,\n}\n'),
            ("//x\r\n[1 /* y */ ,]", "//x\n[1 /* y */ ]\n"),
            ("[1 /* y */ , /* z */]", "[1 /* y */ , /* z */ ]\n"),
            ("[/*\n* a\n* b\n*/\n1]", "[ /*\n\t * a\n\t * b\n\t */\n\t1,\n]\n"),
            ('["' + "w" * 80 + '"]', '[\n\t"' + "w" * 80 + '"\n]\n'),
            ('"\\u0041\\u0001"', '"A\\u0001"\n'),
        ],
    )
    def test_the_canonical_form(self, text: str, expected: str) -> None:
        assert hujson.format(text) == expected

    @pytest.mark.parametrize("text", SAMPLES)
    def test_samples_are_stable_once_formatted(self, text: str) -> None:
        once = hujson.format(text)
        assert hujson.format(once) == once


class TestBuilding:
    BASE = '// base\n{\n"tagOwners": {\n"tag:a": [], // for a\n// the end\n},\n"grants": [{"src": ["*"]}]\n}\n'

    @settings(deadline=None)
    @given(JSON)
    def test_build_says_what_it_was_given(self, data: hujson.Json) -> None:
        assert hujson.to_python(hujson.parse(hujson.pack(hujson.build(data))).root) == data

    def test_entries_are_appended_behind_the_comments_that_stand(self) -> None:
        document = hujson.parse(self.BASE)
        owners = hujson.find(document.root, "TAGOWNERS")
        grants = hujson.find(document.root, "grants")
        assert owners is not None
        assert grants is not None
        root = hujson.with_member(
            document.root,
            "tagowners",
            hujson.append_members(
                owners,
                [hujson.member("tag:b", ["tag:a"], "blue\nand\u2028more"), hujson.member("tag:cc", ["tag:a"])],
            ),
        )
        new = hujson.build({"src": ["group:x"], "dst": ["tag:b"]})
        root = hujson.with_member(root, "grants", hujson.append_elements(grants, [hujson.commented(new, "platform")]))
        root = hujson.with_member(root, "ssh", hujson.spread(hujson.build([hujson.spread(hujson.build({"a": 1}))])))
        assert hujson.format_value(root) == (
            "// base\n{\n"
            '\t"tagOwners": {\n\t\t"tag:a": [], // for a\n\t\t// the end\n'
            '\t\t// blue\n\t\t// and\n\t\t// more\n\t\t"tag:b":  ["tag:a"],\n\t\t"tag:cc": ["tag:a"],\n\t},\n'
            '\t"grants": [\n\t\t{"src": ["*"]},\n'
            '\t\t// platform\n\t\t{"src": ["group:x"], "dst": ["tag:b"]},\n\t],\n'
            '\t"ssh": [\n\t\t{\n\t\t\t"a": 1,\n\t\t},\n\t],\n}\n'
        )

    @settings(deadline=None)
    @given(DOCUMENTS.map(lambda text: hujson.parse(f"[{text}]").root), st.lists(JSON, max_size=3))
    def test_appended_elements_come_after_the_others(self, array: hujson.Value, added: list[hujson.Json]) -> None:
        longer = hujson.append_elements(array, [hujson.commented(hujson.build(data), "x") for data in added])
        before = hujson.to_python(array)
        assert isinstance(before, list)
        assert hujson.to_python(hujson.parse(hujson.format_value(longer)).root) == before + added

    @settings(deadline=None)
    @given(
        DOCUMENTS.map(lambda text: hujson.parse(f'{{"k": {text}}}').root), st.dictionaries(st.text(), JSON, max_size=3)
    )
    def test_appended_members_come_after_the_others(self, value: hujson.Value, added: dict[str, hujson.Json]) -> None:
        longer = hujson.append_members(value, [hujson.member(name, data) for name, data in added.items()])
        before = hujson.to_python(value)
        assert isinstance(before, dict)
        assert hujson.to_python(hujson.parse(hujson.pack(longer)).root) == before | added

    def test_spread_leaves_a_literal_alone(self) -> None:
        assert hujson.spread(hujson.build(1)) == hujson.build(1)

    def test_only_objects_and_arrays_can_be_extended(self) -> None:
        with pytest.raises(TypeError, match="expected an object, not array"):
            hujson.append_members(hujson.build([]), [])
        with pytest.raises(TypeError, match="expected an array, not object"):
            hujson.append_elements(hujson.build({}), [])
        assert hujson.find(hujson.build({}), "a") is None


def test_texts_are_compared_by_their_canonical_form_and_what_is_none_as_it_is() -> None:
    assert hujson.comparable('{"groups":{}}') == hujson.comparable('{ "groups" :  {} }')
    assert hujson.comparable('{"groups":{}}') != hujson.comparable('{"hosts":{}}')
    assert hujson.comparable("{groups") == "{groups"
