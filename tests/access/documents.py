"""HuJSON documents for the tests: samples, and a strategy that writes every kind of value, comment and line break."""

from __future__ import annotations

from hypothesis import strategies as st

SAMPLES: tuple[str, ...] = (
    "null",
    "[]",
    "{ \t\n }",
    "{/* empty */}",
    "[//\n]",
    '{"name" \t:"value" \t,"name":"value"}',
    '{"a"/**/:/* b */1/**/,"c":2}',
    "[0//\n,]",
    "[1 /**/ , /**/]",
    "[1 /**/ ,]",
    "[/*\n*/\n]",
    "[/*\n\n*/\n]",
    "[\n\t\t/*\n\n\t\tline1\n  line2\n\n\t\t*/\n\n]",
    "[\n/*\n* line1\n* line2\n*/\n\t]",
    "[\n/*\n\t* line1\n* line2\n*/\n]",
    "[/* a\r\n b */ 1\r]",
    '"\\u000F\\u000a\\/\\ud83d\\ude02\\ud800"',
    '{"name": "value",\n"a longer name": "value",\n\n\n"x": 1,\n"yy": [\n1]}',
    '{"é": 1,\n"ee": 2,\n"eee": 3}',
    '{\n/* a */ "x": 1, /* b */\n"long"/* c */: 2,\n"k"://v\n3}',
    '{"foo": "bar",\n// one\n"fizz":"buzz"\n// two\n,}',
    '{"width": ["' + "w" * 70 + '", "x"]}',
    '{"width": ["' + "w" * 30 + '", "' + "x" * 30 + '"], "more": {"a": [1, 2, 3]}}',
    "// first\n\n\n/* second */ {} // third\n\n\n/* fourth */\n",
    '{"k"\n// before the colon\n:\n// after the colon\n[1,\n2]}',
    "[1, /* a\nb */ 2, /* c */ /* d\ne */ 3 /* f */ // g\n, 4]",
)

_SPACES = st.sampled_from(["", "", "", "", " ", "\n", "\t", "\r\n", "\n\n\n"])
_COMMENTS = st.sampled_from(
    [
        "// x\n",
        "// é \t\n",
        "/* a */",
        "/**/",
        "/* a\n\t  b\n\n   */",
        "/*\n* x\n* y\n */",
        "/*\n\t* x\n\t\t* y\n*/",
        "\r",
    ]
)
EXTRAS: st.SearchStrategy[str] = st.tuples(_SPACES, st.just("") | _COMMENTS, _SPACES).map("".join)
_LITERALS = st.sampled_from(
    [
        "null",
        "true",
        "false",
        "0",
        "-0.5e3",
        "12",
        '"a"',
        '"bcd\\u00e9\\n"',
        '"é😊"',
        '"\\/"',
        f'"{"w" * 38}"',
        f'"{"é" * 20}"',
    ]
)


def _around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(EXTRAS, inner, EXTRAS).map("".join)


def _composites(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = _around(st.text("nmé", min_size=1, max_size=9).map(lambda name: f'"{name}"'))
    members = st.tuples(names, values).map(":".join)

    def joined(brackets: str, parts: list[str], end: str, *, comma: bool) -> str:
        return f"{brackets[0]}{','.join(parts)}{',' if comma and parts else ''}{end}{brackets[1]}"

    arrays = st.builds(joined, st.just("[]"), st.lists(values, max_size=4), EXTRAS, comma=st.booleans())
    objects = st.builds(joined, st.just("{}"), st.lists(members, max_size=4), EXTRAS, comma=st.booleans())
    return _around(arrays | objects)


DOCUMENTS: st.SearchStrategy[str] = st.recursive(_around(_LITERALS), _composites, max_leaves=12)
