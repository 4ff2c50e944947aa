"""`python -m tailstack.ci.plan FILE`: of the JSON of a preview, what an apply is bound to, as the outputs `digest` and `changes`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tailstack.ci.outputs import refuse, tell
from tailstack.commands.exit_codes import ExitCode
from tailstack.report.plan import is_digest


def read(text: str) -> tuple[str, bool]:
    """The digest of a plan, and whether it changes anything. Raises ValueError where there is none."""
    try:
        data: Any = json.loads(text)
        digest, counts = str(data["plan"]["digest"]), data["plan"]["counts"]
        changes = any(int(number) for number in counts.values())
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"it lacks {error}") from error
    if not is_digest(digest):
        raise ValueError("its digest is none")
    return digest, changes


def main(arguments: Sequence[str]) -> None:
    """Write the outputs."""
    if len(arguments) != 1:
        refuse("Usage: python -m tailstack.ci.plan FILE", ExitCode.USAGE)
    try:
        digest, changes = read(Path(arguments[0]).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        refuse(f"The plan cannot be read: {error}", ExitCode.ERROR)
    tell(digest=digest, changes=str(changes).lower())


if __name__ == "__main__":
    main(sys.argv[1:])
