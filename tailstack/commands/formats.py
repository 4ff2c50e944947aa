"""What a report is printed as and written to files as: the options `--format` and `--output`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


class FormatWithoutMarkdown(StrEnum):
    TEXT = "text"
    JSON = "json"


class Format(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


class FormatWithGithub(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    GITHUB = "github"


def format_option(formats: type[StrEnum] = Format) -> Callable[[_Command], _Command]:
    """The option `--format`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats, case_sensitive=False),
        default="text",
        show_default=True,
        help="What to print.",
    )


_BY_ENDING = {".md": Format.MARKDOWN, ".json": Format.JSON}


def output_option() -> Callable[[_Command], _Command]:
    """The option `--output`, which gives `outputs` for `write_outputs`."""
    return click.option(
        "--output",
        "outputs",
        multiple=True,
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write the whole report there too: Markdown (.md), JSON (.json), else text. May be given several times.",
    )


def write_outputs(outputs: Iterable[Path], shown: Callable[[Format], str]) -> None:
    """Write a report to files, to each in the form that its ending says. Raises click.ClickException."""
    for file in outputs:
        text = shown(_BY_ENDING.get(file.suffix.lower(), Format.TEXT))
        try:
            file.write_text(text, encoding="utf-8", errors="replace")
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
