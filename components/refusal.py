"""How the program says no: one readable error, no traceback, nothing changed."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import NoReturn

import pulumi

SHOWN = 32
"""The exit code by which a Python program tells its language host that the user has seen the error already; the host then
adds none of its own (`pulumi-language-python-exec` of the SDK, 3.250.0)."""


class RefusedError(Exception):
    """The program will not go on. The text is for the person at the keyboard: what is wrong, and how to mend it."""


@contextmanager
def refusals_shown() -> Generator[None]:
    """Turn a RefusedError, or a RunError of the SDK such as a wrongly typed config value, into an error and an exit."""
    try:
        yield
    except (RefusedError, pulumi.RunError) as refusal:
        refuse(str(refusal))


def refuse(text: str) -> NoReturn:
    """Show `text` as an error of the stack and end the program before anything is changed."""
    pulumi.log.error(text)
    # The SDK has begun to register the stack's outputs, which nobody will wait for now; Python would say so on stderr.
    warnings.filterwarnings("ignore", message="coroutine .* was never awaited", category=RuntimeWarning)
    sys.exit(SHOWN)
