"""`tailstack up`: check, look at what is live, preview, hold it against the limits, apply, verify."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import click

from tailstack.commands.environment import config_of_stack
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.formats import FormatWithoutMarkdown, format_option
from tailstack.commands.moments import at_option_of_stack, moment_of
from tailstack.commands.packs import pack_options, policy_pack_options
from tailstack.commands.project import find_project
from tailstack.commands.stacks import Stack, choose_stacks
from tailstack.commands.up_run import Wanted, run_up
from tailstack.commands.verify import read_duration
from tailstack.report.plan import is_digest
from tailstack.report.safety import FORMS, is_name


def _read_allowed(ctx: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not is_name(name):
            raise click.BadParameter(f"{name} is none of {FORMS}.", ctx=ctx, param=parameter)
    return names


def _read_digest(ctx: click.Context, parameter: click.Parameter, digest: str | None) -> str | None:
    if digest is not None and not is_digest(digest):
        raise click.BadParameter(
            f"{digest!r} is no digest of a plan, such as sha256:675eb6….", ctx=ctx, param=parameter
        )
    return digest


@click.command("up", short_help="Apply an environment: preview, safety limits, apply, verify.")
@click.argument("environment", required=False)
@click.option("--stack", metavar="STACK", help="Which stack, where the environment has several.")
@click.option("--yes", "is_agreed", is_flag=True, help="Apply without asking.")
@click.option(
    "--plan-digest",
    "digest",
    metavar="DIGEST",
    callback=_read_digest,
    help="Apply only the plan that was reviewed, by the digest that `tailstack preview` gives; asks nothing more.",
)
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    callback=_read_allowed,
    metavar="WHAT",
    help="Go beyond a safety limit, as the refusal names it. May be given several times.",
)
@at_option_of_stack
@policy_pack_options
@click.option(
    "--narrow-at-once",
    is_flag=True,
    help="Take access away in one pass, before the nodes that use it are brought over.",
)
@click.option(
    "--verify/--no-verify",
    "must_verify",
    default=None,
    help="Look afterwards whether everything is live.  [default: the stack's tailstack:verify, else yes]",
)
@click.option(
    "--wait",
    "seconds",
    default="5m",
    show_default=True,
    callback=read_duration,
    metavar="DURATION",
    help="How long to wait until everything is live: 90s, 5m, 1h30m.",
)
@format_option(FormatWithoutMarkdown)
def command(
    environment: str | None,
    *,
    stack: str | None,
    is_agreed: bool,
    digest: str | None,
    allowed: tuple[str, ...],
    at: datetime | None,
    packs: tuple[Path, ...],
    pack_configs: tuple[Path, ...],
    without_packs: bool,
    narrow_at_once: bool,
    must_verify: bool | None,
    seconds: float,
    form: FormatWithoutMarkdown,
) -> ExitCode:
    """Apply ENVIRONMENT: show what would change, hold it against the safety limits, apply it, and verify that it is live.

    On a terminal it asks once; elsewhere it needs --yes, or --plan-digest with the digest of the plan that was reviewed.
    Where nodes still use access that goes, it is taken away last, when the clusters have been brought over: docs/up.md.

    Exits with 3 if the environment has errors, with 4 if a safety limit, a policy or another plan than the reviewed one
    refuses, with 5 if the stack is locked, with 1 if it failed or is not live afterwards. It can be run again each time.
    """
    project = find_project(Path.cwd())
    chosen, stacks = choose_stacks(project, environment, [stack] if stack is not None else [])
    can_ask = form is FormatWithoutMarkdown.TEXT and sys.stdin.isatty() and sys.stdout.isatty()
    if not (is_agreed or digest is not None or can_ask):
        raise click.UsageError("There is nobody to ask: give --yes, or --plan-digest with what was reviewed.")
    one = _only(stacks, chosen)
    config = config_of_stack(project, one.name)
    return run_up(
        Wanted(
            project=project,
            environment=chosen,
            stack=one,
            limits=config.limits,
            at=moment_of(project, one.name, at),
            options=pack_options(project, chosen, packs, pack_configs, without_packs=without_packs),
            allowed=frozenset(allowed),
            digest=digest,
            must_ask=not is_agreed and digest is None,
            narrow_at_once=narrow_at_once,
            must_verify=config.must_verify if must_verify is None else must_verify,
            seconds=seconds,
            is_json=form is FormatWithoutMarkdown.JSON,
            variables=dict(os.environ),
        )
    )


def _only(stacks: tuple[Stack, ...], environment: str) -> Stack:
    one, *others = stacks
    if others:
        names = ", ".join(stack.name for stack in stacks)
        raise click.UsageError(f"{environment} has several stacks. Name one with --stack: {names}.")
    return one
