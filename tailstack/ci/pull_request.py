"""`python -m tailstack.ci.pull_request NUMBER --head SHA`: a pull request by its number, as the outputs `number` and `head`.

The number may come from an artifact that a stranger's code wrote, or from a form. So it must be a number, the pull request must be
open, and its last commit must be SHA: otherwise a run could have its report put on any other pull request, and what was pushed after
somebody looked at the files would be previewed with credentials.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tailstack.ci.outputs import refuse, tell
from tailstack.commands.exit_codes import ExitCode
from tailstack.engine.code_hosts import CodeHostError
from tailstack.engine.github import Repository

_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class StrangeError(Exception):
    """It is not the pull request that it should be."""


def expect(github: Repository, number: str, expected: str) -> None:
    """That the pull request is open and its last commit is `expected`. Raises StrangeError, and CodeHostError."""
    if _NUMBER.fullmatch(number) is None:
        raise StrangeError("That is not the number of a pull request.")
    if _COMMIT.fullmatch(expected) is None:
        raise StrangeError("That is not the name of a commit, which has 40 hexadecimal digits.")
    pull = github.get(f"pulls/{number}")
    if pull["state"] != "open":
        raise StrangeError(f"Pull request {number} is not open.")
    if pull["head"]["sha"] != expected:
        raise StrangeError(f"The last commit of pull request {number} is {pull['head']['sha']}, and not {expected}.")


def main(arguments: Sequence[str]) -> None:
    """Write the outputs. A file in place of the number holds it."""
    match arguments:
        case [given, "--head", expected]:
            pass
        case _:
            refuse("Usage: python -m tailstack.ci.pull_request NUMBER|FILE --head SHA", ExitCode.USAGE)
    try:
        file = Path(given)
        number = file.read_text(encoding="utf-8", errors="replace")[:100].strip() if file.is_file() else given
        expect(Repository.in_environment(os.environ), number, expected)
        tell(number=number, head=expected)
    except StrangeError as error:
        refuse(str(error))
    except (CodeHostError, OSError) as error:
        refuse(str(error), ExitCode.ERROR)


if __name__ == "__main__":
    main(sys.argv[1:])
