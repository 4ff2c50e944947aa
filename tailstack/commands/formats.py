"""The option `--format`, and what it can be."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
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
