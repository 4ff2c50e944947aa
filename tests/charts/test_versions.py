"""Versions as texts and as numbers."""

from __future__ import annotations

import pytest

from tailstack.charts.versions import OLDEST, SUPPORTED, is_read, version_of, version_text


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.104.5", (1, 104, 5)),
        ("v1.2.3", (1, 2, 3)),
        ("1.104", None),
        ("1.104.5-rc1", None),
        ("", None),
        ("1.*", None),
    ],
)
def test_a_text_as_a_version(text: str, version: tuple[int, int, int] | None) -> None:
    assert version_of(text) == version
    if version is not None:
        assert version_text(version) == text.removeprefix("v")


def test_the_newest_minor_version_and_the_two_before_it_are_supported() -> None:
    assert [version[:2] for version in SUPPORTED] == [(1, 104), (1, 102), (1, 100)]
    assert OLDEST == (1, 100, 0)
    assert is_read((1, 104, 99))
    assert not is_read((1, 106, 0))
