from __future__ import annotations

import pytest

from tailstack.report.markdown import code, escaped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("group:dev gains tcp:80.", "group:dev gains tcp:80."),
        ("*bold* _it_ `x` [a](b) # | ~ \\", "\\*bold\\* \\_it\\_ \\`x\\` \\[a\\](b) \\# \\| \\~ \\\\"),
        ("<img src=x> & more", "&lt;img src=x&gt; &amp; more"),
        ("ana@example.com", "ana@\u2060example.com"),
        ("https://x www.x", "https:\u2060//x www\u2060.x"),
        ("two\n\n# lines", "two \\# lines"),
    ],
)
def test_text_stays_text(text: str, expected: str) -> None:
    assert escaped(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("a b", "`a b`"), ("a`b", "``a`b``"), ("`a`", "`` `a` ``"), ("a``\nb", "```a`` b```")],
)
def test_code(text: str, expected: str) -> None:
    assert code(text) == expected
