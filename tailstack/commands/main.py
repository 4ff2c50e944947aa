"""The command line `tailstack`: which commands there are, and how every one of them ends.

A command lives in `tailstack.commands.<module>` as the attribute `command`, and is imported only when it is called, so
that `tailstack --help` and shell completion stay fast. To add one: write the module, and name it in COMMANDS.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import click

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.lazy import CommandSource, LazyGroup

DEBUG_VARIABLE = "TAILSTACK_DEBUG"
ISSUES = "the project's issue tracker"


COMMANDS: Mapping[str, CommandSource] = MappingProxyType(
    {
        "check": CommandSource(
            "tailstack.commands.check", "Find mistakes in an environment before anything is applied."
        ),
        "diff": CommandSource("tailstack.commands.diff", "Say who gains and who loses access between two revisions."),
        "preview": CommandSource(
            "tailstack.commands.preview", "Say whether a change is safe, and what it does, before it is applied."
        ),
        "comment": CommandSource(
            "tailstack.commands.comment", "Write a report as one comment of a pull request, or replace it."
        ),
        "access": CommandSource("tailstack.commands.access", "Say who reaches what, why, and what is missing if not."),
        "policy": CommandSource("tailstack.commands.policy", "Show, check, test and compare plain policy files."),
        "drift": CommandSource("tailstack.commands.drift", "Say what was changed behind an environment's stacks."),
        "up": CommandSource("tailstack.commands.up", "Apply an environment: preview, safety limits, apply, verify."),
        "verify": CommandSource("tailstack.commands.verify", "Say whether everything that is declared is live."),
        "kubeconfig": CommandSource(
            "tailstack.commands.kubeconfig", "Print a kubeconfig for an environment, or merge it into yours."
        ),
        "move": CommandSource(
            "tailstack.commands.move", "Move resources between the stacks of an environment, without touching them."
        ),
        "doctor": CommandSource(
            "tailstack.commands.doctor", "Say what is missing on this machine, in the tailnet and in the clusters."
        ),
        "rule": CommandSource("tailstack.commands.rule", "Explain a rule, or list all of them."),
        "schema": CommandSource("tailstack.commands.schema", "Print the JSON Schema of the YAML language."),
        "sandbox": CommandSource(
            "tailstack.commands.sandbox", "Run a whole tailnet on this machine, without an account."
        ),
    }
)


@click.group(
    cls=LazyGroup, sources=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="tailstack", message="%(prog)s %(version)s")
def tailstack() -> None:
    """Describe a whole tailnet and its Kubernetes clusters; know who reaches what before anything changes."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line with these arguments and return its exit code (see ExitCode). Nothing escapes but the code.

    What a command returns is its exit code; None is 0. A click.ClickException is a failure said in one line.
    """
    try:
        result: object = tailstack.main(args=list(arguments), prog_name="tailstack", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return ExitCode.USAGE
    except click.ClickException as error:
        error.show()
        return ExitCode.ERROR
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (a pager, head) has gone; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.ERROR
    except Exception as error:  # noqa: BLE001  whatever fails inside us, a user sees one line and never a traceback
        for line in own_failure(error):
            click.echo(line, err=True)
        return ExitCode.ERROR
    return result if isinstance(result, int) else ExitCode.CLEAN


def own_failure(error: Exception) -> tuple[str, str]:
    """What is said of a failure of ours: what it is, and what to do. The traceback is printed where somebody asked for it."""
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    reason = " ".join(str(error).split()) or "no message"
    what_to_do = (
        f"This is a fault of tailstack, not of your files. Set {DEBUG_VARIABLE}=1 to see where it happened, and report "
        f"it with that to {ISSUES}."
    )
    return f"tailstack failed: {type(error).__name__}: {reason}", what_to_do


def main() -> None:
    """Entry point of the `tailstack` script."""
    sys.exit(run(sys.argv[1:]))
