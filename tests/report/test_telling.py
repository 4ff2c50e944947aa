from __future__ import annotations

from tailstack.report.telling import Part, Told, fenced, told_as_markdown, told_as_text

EVIL = "<img src=x> `rm` [a](b) *b*\x1b[31m\n# c"
TOLD = Told(
    answer=f"{EVIL} does not reach it.",
    parts=(
        Part(title="Why", items=("tcp:80 by a", EVIL)),
        Part(title="Declaration", code='- "```"\n- \x1b\n', language="yaml"),
    ),
    is_good=False,
)


def test_as_text_every_line_is_plain() -> None:
    assert told_as_text(TOLD) == (
        "<img src=x> `rm` [a](b) *b*\ufffd[31m\ufffd# c does not reach it.\n"
        "\n"
        "Why\n"
        "  tcp:80 by a\n"
        "  <img src=x> `rm` [a](b) *b*\ufffd[31m\ufffd# c\n"
        "\n"
        "Declaration\n"
        '  - "```"\n'
        "  - \ufffd\n"
    )


def test_long_sentences_are_wrapped() -> None:
    told = Told(answer="a " * 12, parts=(Part(title="T", items=("b " * 12,)),))
    assert told_as_text(told, width=20) == "a a a a a a a a a a\na a\n\nT\n  b b b b b b b b b\n    b b b\n"


def test_colours() -> None:
    painted = [told_as_text(Told(answer="x", is_good=is_good), colour=True) for is_good in (True, False, None)]
    assert painted == ["\x1b[32;1mx\x1b[0m\n", "\x1b[31;1mx\x1b[0m\n", "\x1b[1mx\x1b[0m\n"]


def test_in_markdown_nothing_from_a_file_is_markup() -> None:
    text = told_as_markdown(TOLD)
    assert "<img" not in text
    assert "\n# c" not in text
    assert "[a](b)" not in text
    assert "\x1b" not in text.partition("````")[0]
    assert text.endswith('````yaml\n- "```"\n- \x1b\n````\n')


def test_markdown() -> None:
    told = Told(answer="a reaches b", parts=(Part(title="Why", items=("one", "two")), Part(title="Empty")))
    assert told_as_markdown(told) == "**a reaches b**\n\n### Why\n\n- one\n- two\n\n### Empty\n"


def test_a_fence_is_longer_than_any_inside() -> None:
    assert fenced("a\n", "") == "```\na\n```\n"
    assert fenced("`````\n", "x") == "``````x\n`````\n``````\n"
