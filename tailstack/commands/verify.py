"""`tailstack verify`: whether everything that an environment declares is live. It writes nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.findings import say_findings
from tailstack.commands.formats import Format, format_option
from tailstack.commands.live import Looking, looking_at
from tailstack.commands.progress import TAILNET, Progress, State, progress_of
from tailstack.commands.project import find_project
from tailstack.commands.stacks import choose_stacks
from tailstack.commands.terminal import wants_colour
from tailstack.engine.pulumi import Pulumi, PulumiMissingError
from tailstack.live.declared import Scope
from tailstack.live.verification import Outcome, hosted_services, verify
from tailstack.report.findings import findings_as_data
from tailstack.report.verified import Verified
from tailstack.rules.check import check_environment
from tailstack.topology.tailnet import Tailnet

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?\Z")
_CHECKS = "checks"
_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 15.0


def read_duration(ctx: click.Context, parameter: click.Parameter, text: str | None) -> float:
    """Seconds of `90`, `90s`, `5m` or `1h30m`; none where nothing is said."""
    if text is None:
        return 0.0
    match = _DURATION.match(text)
    if match is None or not text:
        raise click.BadParameter(f"{text} is no duration, such as 90s, 5m or 1h30m.", ctx=ctx, param=parameter)
    hours, minutes, seconds = (int(number or 0) for number in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


@click.command("verify", short_help="Say whether everything that is declared is live.")
@click.argument("environment", required=False)
@click.option(
    "--stack",
    "named",
    multiple=True,
    metavar="STACK",
    help="Only what this stack holds. May be given several times.  [default: all stacks of the environment]",
)
@click.option(
    "--wait",
    "seconds",
    callback=read_duration,
    metavar="DURATION",
    help="Look again until everything holds, at most for so long: 90s, 5m, 1h30m.",
)
@format_option()
def command(environment: str | None, form: Format, *, named: tuple[str, ...], seconds: float) -> ExitCode:
    """Say whether everything that ENVIRONMENT declares is live: in the tailnet, and in every cluster. Change nothing.

    Each node is there once, under its name, with its tags and addresses; routes and Tailscale Services are approved and
    advertised; every object has the conditions by which the operator says that it is done; every HTTPS name has its
    certificate; every egress leads somewhere. Credentials that may only read suffice: docs/verify.md names their scopes.

    Exits with 0 if everything holds, with 3 if something does not, and with 1 if nothing fails but not everything could be
    looked at.
    """
    project = find_project(Path.cwd())
    chosen, stacks = choose_stacks(project, environment, named)
    checked = check_environment(project, chosen, datetime.now(UTC))
    title = f"Verifying {chosen}"
    if checked.tailnet is None:
        if form is not Format.JSON:
            return say_findings(checked.findings, form)
        with progress_of(title, form=form) as progress:
            pass
        progress.result(findings_as_data(checked.findings))
        return ExitCode.FINDINGS
    try:
        engine = Pulumi.found(project)
    except PulumiMissingError:
        engine = None
    scope = Scope.of(checked.tailnet, [stack.shard for stack in stacks])
    looking = looking_at(project, stacks, scope, engine)
    with progress_of(title, [cluster.name for cluster in scope.clusters], form=form) as progress:
        verified = verified_within(checked.tailnet, scope, looking, progress, seconds=seconds)
    match form:
        case Format.JSON:
            progress.result(verified.as_data())
        case Format.MARKDOWN:
            click.echo(verified.as_markdown(), nl=False)
        case Format.TEXT:
            click.echo(verified.as_text(colour=wants_colour()), nl=False)
    if verified.failed:
        return ExitCode.FINDINGS
    return ExitCode.CLEAN if verified.holds else ExitCode.ERROR


def verified_within(
    tailnet: Tailnet,
    scope: Scope,
    looking: Looking,
    progress: Progress,
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Verified:
    """Look until everything holds, or `seconds` have passed; once at least. Pauses grow, so that nobody is asked too often."""
    deadline = clock() + seconds
    wait = _PAUSE_SECONDS
    hosted = hosted_services(tailnet, scope)
    for cluster in scope.clusters:
        progress.step(cluster.name, _CHECKS, State.RUNNING)
    while True:
        found = Verified(environment=tailnet.environment, checks=verify(tailnet, looking.look(hosted), scope))
        left = deadline - clock()
        is_last = found.holds or left <= 0
        _tell(found, scope, progress, is_last=is_last)
        if is_last:
            return found
        pause(min(wait, left))
        wait = min(wait * 1.5, _LONGEST_PAUSE_SECONDS)


def _tell(found: Verified, scope: Scope, progress: Progress, *, is_last: bool) -> None:
    """How many checks hold, of each cluster and of the rest; a check belongs to the cluster that its declaration names."""
    rows: dict[str, list[Outcome]] = {TAILNET: [], **{cluster.name: [] for cluster in scope.clusters}}
    for check in found.checks:
        of = check.who.rpartition(" ")[2].partition(".")[0]
        rows[of if of in rows else TAILNET].append(check.outcome)
    for row, outcomes in rows.items():
        if outcomes:
            holding = sum(outcome is Outcome.HOLDS for outcome in outcomes)
            is_done = holding == len(outcomes)
            state = State.DONE if is_done else State.FAILED if is_last else State.RUNNING
            progress.step(row, _CHECKS, state, f"{holding} of {len(outcomes)} hold")
