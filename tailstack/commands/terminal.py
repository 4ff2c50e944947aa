"""What the terminal that a command writes to can show."""

from __future__ import annotations

import os
import sys

NO_COLOUR_VARIABLE = "NO_COLOR"
"""https://no-color.org: any value but the empty one switches colours off."""


def wants_colour() -> bool:
    """Whether to write colours: to a terminal, unless NO_COLOR says otherwise."""
    return sys.stdout.isatty() and not os.environ.get(NO_COLOUR_VARIABLE)
