"""From a place in one document to the same part of another."""

from __future__ import annotations

import pytest

from tailstack.access import hujson
from tailstack.access.places import Path, Way, place_at, way_to
from tailstack.finding import Place

TEXT = """// A comment.
{
	"grants": [ // all
		{"src": ["a", "b"], "dst": ["c"]},
	],
	"tests": [],
}
"""
DOCUMENT = hujson.parse(TEXT)


def marked(needle: str) -> Place:
    before = TEXT[: TEXT.index(needle)]
    return Place("x", before.count("\n") + 1, len(before) - before.rfind("\n"))


@pytest.mark.parametrize(
    ("needle", "path", "to_name"),
    [
        ("// A", (), False),
        ('"grants"', ("grants",), True),
        ("[ // all", ("grants",), False),
        ('{"src"', ("grants", 0), False),
        ('"src"', ("grants", 0, "src"), True),
        ('["a"', ("grants", 0, "src"), False),
        ('"a"', ("grants", 0, "src", 0), False),
        ('"b"', ("grants", 0, "src", 1), False),
        ('"c"', ("grants", 0, "dst", 0), False),
        ("[],", ("tests",), False),
    ],
)
def test_a_place_leads_to_a_path_and_back(needle: str, path: Path, *, to_name: bool) -> None:
    way = way_to(DOCUMENT, marked(needle))
    assert way == Way(path=path, to_name=to_name)
    if path:
        assert place_at(DOCUMENT, "x", way) == marked(needle)


@pytest.mark.parametrize(
    ("path", "needle"),
    [
        (("grants", 7, "src", 0), "[ // all"),
        (("grants", 0, "via"), '{"src"'),
        (("grants", 0, "src", "name"), '["a"'),
        (("grants", 0, "src", 0, "deeper"), '"a"'),
        (("nothing",), "{\n\t"),
    ],
)
def test_a_way_that_another_document_does_not_have_ends_where_it_stops(path: Path, needle: str) -> None:
    assert place_at(DOCUMENT, "x", Way(path=path)) == marked(needle)
    assert place_at(DOCUMENT, "x", Way(path=path, to_name=True)) == marked(needle)


def test_the_last_of_several_members_with_one_name_counts() -> None:
    document = hujson.parse('{"a": 1, "a": 2}')
    assert place_at(document, "x", Way(path=("a",))) == Place("x", 1, 15)
