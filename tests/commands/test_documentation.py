"""What the documentation names is there: commands with their options, files, and headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tailstack.commands.main import tailstack

PROJECT = Path(__file__).parents[2]
PAGES = sorted(
    str(page.relative_to(PROJECT))
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md")
    for page in PROJECT.glob(pattern)
)

_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^    (.+)$", re.MULTILINE)
_CALL = re.compile(r"(?:- |\$ |run: |\w+=\S+ )*(tailstack [a-z].*)")
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"<[\w-]+>")
_OPERATORS = frozenset({"|", ">", ">>", "<", "&&", "||", ";", ")", ">&"})


def code_of(text: str) -> Iterator[tuple[str, bool]]:
    """Lines and spans of code that call tailstack, and whether one is to be run as it stands; spans often name a part."""
    blocks = [*_FENCED.findall(text), "\n".join(_INDENTED.findall(text))]
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            found = _CALL.match(line.strip())
            if found:
                yield found[1], True
    for span in _SPAN.findall(_FENCED.sub("", text)):
        if re.match(r"tailstack [a-z]", span):
            yield " ".join(span.split()), False


COMMANDS = sorted({(code, runs, page) for page in PAGES for code, runs in code_of((PROJECT / page).read_text("utf-8"))})


def words_of(code: str) -> list[str]:
    """The words of one command: up to a comment, a pipe or a redirection."""
    lexer = shlex.shlex(_PLACEHOLDER.sub("NAME", code), posix=True, punctuation_chars=True)
    lexer.wordchars += "$[]…{}@:,^%!"
    words: list[str] = []
    for word in lexer:
        if word in _OPERATORS:
            break
        words.append(word)
    return words[1:]


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the first of the words name, and the others."""
    command: click.Command = tailstack
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize(("code", "runs", "page"), COMMANDS, ids=lambda value: str(value) if value else "")
def test_every_command_line_is_one(code: str, runs: bool, page: str) -> None:
    del page
    command, words = command_of(words_of(code.replace("]...", "]")))
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
    if "[" in code:
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", code)) <= options
        return
    if isinstance(command, click.Group):
        assert not [word for word in words if word not in options]
        return
    context = click.Context(command)
    try:
        values, rest, _ = command.make_parser(context).parse_args(words)
    except click.BadOptionUsage:
        assert not runs, "an option lacks its value"
        return
    assert rest == []
    for param in command.params:
        value = values.get(str(param.name))
        if isinstance(param.type, click.Choice) and isinstance(value, str):
            param.type.convert(value, param, context)
        if runs and param.required and "--help" not in words:
            assert isinstance(value, str | list | tuple), f"{param.name} is missing"


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        text = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        number = sum(re.fullmatch(rf"{re.escape(text)}(-\d+)?", one) is not None for one in found)
        found.add(f"{text}-{number}" if number else text)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = PROJECT / name
    for link in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors_of(target), f"{link}: no such heading"


def test_every_page_is_named_in_the_readme() -> None:
    named = _LINK.findall((PROJECT / "README.md").read_text(encoding="utf-8"))
    assert {page for page in PAGES if re.fullmatch(r"docs/[\w-]+\.md", page)} <= set(named)
