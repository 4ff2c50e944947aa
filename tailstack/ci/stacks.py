"""`python -m tailstack.ci.stacks "dev production"`: the stacks that are applied, in their order, as the output `stacks`.

The list is a variable of the repository, so that no pull request can change it. Each must have its config in the checkout: a name
that is mistyped would otherwise be an empty stack of its own.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tailstack.ci.outputs import refuse, tell
from tailstack.commands.exit_codes import ExitCode
from tailstack.topology.loading import STACKS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def stacks_of(listed: str, project: Path) -> list[str]:
    """The names in a list that is separated by spaces, commas or lines. Raises ValueError naming all that are wrong."""
    names = [name for name in re.split(r"[\s,]+", listed) if name]
    wrong = [name for name in names if _NAME.fullmatch(name) is None]
    wrong += [name for name in names if name not in wrong and not (project / STACKS / f"Pulumi.{name}.yaml").is_file()]
    wrong += sorted({name for name in names if names.count(name) > 1} - set(wrong))
    if wrong:
        raise ValueError(
            f"TAILSTACK_STACKS names what is no stack here, or names it twice: {', '.join(wrong)}. "
            f"Each stack has its config in {STACKS}/Pulumi.NAME.yaml."
        )
    return names


def main(arguments: Sequence[str]) -> None:
    """Write the output `stacks`, a list in JSON."""
    try:
        names = stacks_of(" ".join(arguments), Path.cwd())
    except ValueError as error:
        refuse(str(error), ExitCode.USAGE)
    if not names:
        sys.stdout.write("There is nothing to do: the variable TAILSTACK_STACKS of the repository names no stack.\n")
    tell(stacks=json.dumps(names))


if __name__ == "__main__":
    main(sys.argv[1:])
