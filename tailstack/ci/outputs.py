"""What a step tells the steps and jobs after it, and the person who reads its log."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from tailstack.commands.exit_codes import ExitCode

OUTPUT_VARIABLE = "GITHUB_OUTPUT"


def tell(**outputs: str) -> None:
    """Outputs of the step, one line each; on the standard output where this is no step. Raises ValueError for a line break,
    which would end one value and begin another output."""
    for name, value in outputs.items():
        if "\n" in value or "\r" in value:
            raise ValueError(f"the output {name} has several lines")
    lines = "".join(f"{name}={value}\n" for name, value in outputs.items())
    file = os.environ.get(OUTPUT_VARIABLE)
    if file:
        with Path(file).open("a", encoding="utf-8") as opened:
            opened.write(lines)
    else:
        sys.stdout.write(lines)


def warn(message: str) -> None:
    """A warning that GitHub shows beside the job."""
    sys.stdout.write(f"::warning title=tailstack::{_escaped(message)}\n")


def refuse(message: str, code: ExitCode = ExitCode.REFUSED) -> NoReturn:
    """End with a message that GitHub shows beside the job."""
    sys.stdout.write(f"::error title=tailstack::{_escaped(message)}\n")
    sys.exit(code)


def _escaped(message: str) -> str:
    """https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands."""
    return message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
