"""`tailstack preview`: is a change safe, who gains and loses access, and what becomes of the resources."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from tailstack.commands.environment import choose_environment
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.formats import Format, format_option, output_option, write_outputs
from tailstack.commands.moments import at_option_of_stack, moment_of
from tailstack.commands.packs import pack_options, policy_pack_options
from tailstack.commands.preview_offline import Question, preview_offline
from tailstack.commands.progress import Progress, progress_of
from tailstack.commands.project import find_project
from tailstack.commands.stacks import choose_stacks
from tailstack.commands.terminal import wants_colour
from tailstack.engine.plans import masking_of
from tailstack.report.masking import Masking
from tailstack.report.preview import Preview, Safety, Tier, asked_of_stack
from tailstack.report.preview_shown import preview_as_data, preview_as_json, preview_as_markdown, preview_as_text
from tailstack.report.roll_up import (
    RolledUp,
    gravest,
    read_report,
    roll_up_as_json,
    roll_up_as_markdown,
    roll_up_as_text,
)

_CODES = {
    Safety.NOTHING: ExitCode.CLEAN,
    Safety.SAFE: ExitCode.CHANGES,
    Safety.LOOK: ExitCode.CHANGES,
    Safety.REFUSED: ExitCode.REFUSED,
    Safety.FINDINGS: ExitCode.FINDINGS,
    Safety.FAILED: ExitCode.ERROR,
}

_Make = Callable[[Progress], tuple[Preview, bool]]
"""What makes a report, and says whether the stack is locked."""


@click.command("preview", short_help="Say whether a change is safe, and what it does, before it is applied.")
@click.argument("names", nargs=-1, metavar="[ENVIRONMENT]")
@click.option("--offline", is_flag=True, help="Compare the files of two git revisions; needs no secrets and no engine.")
@click.option("--base", metavar="REVISION", help="With --offline: the revision to compare with.  [default: HEAD]")
@click.option("--head", metavar="REVISION", help="With --offline: what is compared.  [default: the work tree]")
@click.option(
    "--merge-base", "from_ancestor", is_flag=True, help="With --offline: compare with the last commit that both share."
)
@click.option("--stack", help="Which stack, where the environment has several.")
@policy_pack_options
@format_option()
@output_option()
@click.option("--limit", type=click.IntRange(min=1), metavar="BYTES", help="Cut the Markdown that is printed to this.")
@at_option_of_stack
@click.option("--roll-up", is_flag=True, help="Make one report of several: the arguments are JSON files of previews.")
def command(
    *,
    names: tuple[str, ...],
    base: str | None,
    head: str | None,
    stack: str | None,
    packs: tuple[Path, ...],
    pack_configs: tuple[Path, ...],
    form: Format,
    outputs: tuple[Path, ...],
    limit: int | None,
    at: datetime | None,
    offline: bool,
    from_ancestor: bool,
    without_packs: bool,
    roll_up: bool,
) -> ExitCode:
    """Say whether a change of ENVIRONMENT is safe, who gains and loses access, and what becomes of the resources.

    Asks the engine for its plan, Tailscale for the live policy file, and the policy pack; nothing is written. That needs the
    stack's credentials. With --offline it compares the files of two git revisions, which needs none: a pull request of a fork
    gets that.

    Exits with 0 if nothing changes, 2 if something does, 3 if the environment has errors, 4 if a mandatory policy refuses it,
    5 if the stack is locked, 1 if the preview failed; there is a report then too, which says why.
    """
    if roll_up:
        return _roll_up(names, form, outputs, limit)
    if len(names) > 1:
        raise click.UsageError("One ENVIRONMENT at a time; --roll-up makes one report of several.")
    if not offline and (base, head, from_ancestor) != (None, None, False):
        raise click.UsageError(
            "--base, --head and --merge-base go with --offline: the engine compares with what is live."
        )
    if offline and (stack, packs, pack_configs, without_packs) != (None, (), (), False):
        raise click.UsageError("--stack and the policy packs go without --offline: they are the engine's.")
    project = find_project(Path.cwd())
    masking = masking_of(os.environ)

    def asked_for() -> tuple[Preview, _Make]:
        if offline:
            environment = names[0] if names else choose_environment(project, None)
            moment = at or datetime.now(UTC)
            question = Question(project=project, base=base or "HEAD", head=head, from_ancestor=from_ancestor, at=moment)
            asked = Preview(environment=environment, tier=Tier.OFFLINE, base=question.base)
            return asked, lambda _: (preview_offline(question, environment, masking), False)
        environment, stacks = choose_stacks(project, names[0] if names else None, () if stack is None else (stack,))
        only, *others = stacks
        if others:
            known = ", ".join(each.name for each in stacks)
            raise click.UsageError(f"{environment} has several stacks. Name one by --stack: {known}.")
        options = pack_options(project, environment, packs, pack_configs, without_packs=without_packs)
        moment = moment_of(project, only.name, at)
        asked = asked_of_stack(environment, only.name)
        return asked, lambda told: _online(project, asked, only.name, moment, options, masking=masking, progress=told)

    try:
        asked, make = asked_for()
        with progress_of(f"Previewing {asked.environment}", form=form) as progress:
            preview, locked = _reported(asked, masking, make, progress)
    except click.ClickException as error:
        # A pull request that drops an environment ends here: its report must not stay what it was.
        unmade = asked_of_stack(names[0] if names else stack or "this project", stack or "")
        failed = replace(unmade, failure=(masking.text(error.format_message()),))
        write_outputs(outputs, lambda ending: _shown(failed, ending, None, colour=False))
        raise
    write_outputs(outputs, lambda ending: _shown(preview, ending, None, colour=False))
    if form is Format.JSON:
        progress.result(preview_as_data(preview))
    else:
        click.echo(_shown(preview, form, limit, colour=wants_colour()), nl=False)
    return ExitCode.LOCKED if locked else _CODES[preview.safety]


def _reported(asked: Preview, masking: Masking, make: _Make, progress: Progress) -> tuple[Preview, bool]:
    """The report, and whether the stack is locked. Whatever fails is said in a report, which takes the place of an older one."""
    try:
        return make(progress)
    except (click.UsageError, click.Abort):
        raise
    except click.ClickException as error:
        told = [error.format_message()]
    except Exception as error:  # noqa: BLE001  whatever fails inside of us, the older report must not stand as if it held
        from tailstack.commands.main import own_failure  # noqa: PLC0415  it imports this module when it calls the command

        told = own_failure(error)
    return replace(asked, failure=tuple(masking.text(line) for line in told)), False


def _online(
    project: Path,
    asked: Preview,
    stack: str,
    at: datetime,
    options: Sequence[str],
    *,
    masking: Masking,
    progress: Progress,
) -> tuple[Preview, bool]:
    from tailstack.commands.engine_progress import following  # noqa: PLC0415  the offline tier does not pay for it
    from tailstack.commands.live import connect  # noqa: PLC0415  as above
    from tailstack.commands.preview_online import Request, preview_online  # noqa: PLC0415  as above
    from tailstack.engine.pulumi import Pulumi, PulumiMissingError  # noqa: PLC0415  as above
    from tailstack.topology.rotation import MOMENT_VARIABLE  # noqa: PLC0415  as above

    try:
        engine = Pulumi.found(project, {**os.environ, MOMENT_VARIABLE: at.isoformat()})
    except PulumiMissingError as error:
        told = f"{error} Without an engine there is `tailstack preview --offline`."
        return replace(asked, failure=(told,)), False
    request = Request(
        project=project,
        environment=asked.environment,
        stack=stack,
        at=at,
        engine=engine,
        connected=lambda: connect(project, stack, engine, os.environ),
        masking=masking,
        options=options,
    )
    with following(progress, (), is_plan=True) as on_event:
        previewed = preview_online(request, on_event)
    return previewed.preview, previewed.outcome is not None and previewed.outcome.is_locked


def _shown(preview: Preview, form: Format, limit: int | None, *, colour: bool) -> str:
    match form:
        case Format.JSON:
            return preview_as_json(preview)
        case Format.MARKDOWN:
            return preview_as_markdown(preview, limit=limit)
        case Format.TEXT:
            return preview_as_text(preview, colour=colour)


def _roll_up(names: tuple[str, ...], form: Format, outputs: tuple[Path, ...], limit: int | None) -> ExitCode:
    if not names:
        raise click.UsageError("--roll-up needs the JSON files of the previews.")
    rows = [read_report(_read(Path(name)), Path(name).stem) for name in names]
    write_outputs(outputs, lambda ending: _rolled_up(rows, ending, None, colour=False))
    click.echo(_rolled_up(rows, form, limit, colour=wants_colour()), nl=False)
    return _CODES[gravest(rows)]


def _rolled_up(rows: list[RolledUp], form: Format, limit: int | None, *, colour: bool) -> str:
    match form:
        case Format.JSON:
            return roll_up_as_json(rows)
        case Format.MARKDOWN:
            return roll_up_as_markdown(rows, limit=limit)
        case Format.TEXT:
            return roll_up_as_text(rows, colour=colour)


def _read(file: Path) -> str:
    """The text of a report; an empty one, which is a failed preview, where a job left none."""
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
