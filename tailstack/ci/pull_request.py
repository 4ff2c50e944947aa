"""`python -m tailstack.ci.pull_request NUMBER [--head SHA]`: a pull request by its number, as the outputs `number` and `head`.

The number may come from an artifact that a stranger's code wrote, or from a form. So it must be a number, the pull request must be
open, and with --head its last commit must be that one: otherwise a run could have its report put on any other pull request.
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


def head_of(github: Repository, number: str, expected: str = "") -> str:
    """The last commit of an open pull request. Raises StrangeError, and CodeHostError."""
    if _NUMBER.fullmatch(number) is None:
        raise StrangeError("That is not the number of a pull request.")
    pull = github.get(f"pulls/{number}")
    head = str(pull["head"]["sha"])
    if pull["state"] != "open" or _COMMIT.fullmatch(head) is None:
        raise StrangeError(f"Pull request {number} is not open.")
    if expected and head != expected:
        raise StrangeError(f"The last commit of pull request {number} is {head}, and not {expected}.")
    return head


def main(arguments: Sequence[str]) -> None:
    """Write the outputs. A file in place of the number holds it."""
    match arguments:
        case [given]:
            expected = ""
        case [given, "--head", expected]:
            pass
        case _:
            refuse("Usage: python -m tailstack.ci.pull_request NUMBER|FILE [--head SHA]", ExitCode.USAGE)
    try:
        file = Path(given)
        number = file.read_text(encoding="utf-8", errors="replace")[:100].strip() if file.is_file() else given
        tell(number=number, head=head_of(Repository.in_environment(os.environ), number, expected))
    except StrangeError as error:
        refuse(str(error))
    except (CodeHostError, OSError) as error:
        refuse(str(error), ExitCode.ERROR)


if __name__ == "__main__":
    main(sys.argv[1:])
