"""`tailstack diff`: who gains and who loses access between two revisions of the project."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tailstack.access.compare import NOTHING_CHANGED, compare
from tailstack.allocation import without_garbage_collection
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.formats import Format, format_option
from tailstack.commands.moments import at_option
from tailstack.commands.project import find_project
from tailstack.commands.revisions import commit_of, common_ancestor
from tailstack.commands.sides import Side, at_commit, declared, in_work_tree, is_same
from tailstack.commands.terminal import wants_colour
from tailstack.finding import InvalidTailnetError
from tailstack.report.compared import (
    Compared,
    Revisions,
    State,
    compared_as_json,
    compared_as_markdown,
    compared_as_text,
)
from tailstack.topology.sharing import load_shared

WORK_TREE = "the work tree"


@click.command("diff", short_help="Say who gains and who loses access between two revisions.")
@click.argument("base")
@click.argument("head", required=False)
@click.option("--environment", "-e", "chosen", multiple=True, help="Compare this one only. May be given several times.")
@click.option(
    "--merge-base", "from_ancestor", is_flag=True, help="Compare with the last commit that BASE and HEAD share."
)
@format_option()
@at_option
def command(
    base: str, head: str | None, chosen: tuple[str, ...], form: Format, at: datetime, *, from_ancestor: bool
) -> ExitCode:
    """Say who gains and who loses access to what from the git revision BASE to HEAD, by default the work tree.

    Compares every environment, offline and without secrets. Rotations are read for the same moment on both sides. What
    changes for the guests of a tailnet is told with its owner.

    Exits with 2 if access changes, with 3 if HEAD has errors, with 0 if nobody gains or loses anything.
    """
    project = find_project(Path.cwd())
    old = commit_of(project, base)
    new = commit_of(project, head) if head is not None else None
    if from_ancestor:
        old = common_ancestor(project, old, new or "HEAD")
    before = at_commit(project, old, at)
    after = at_commit(project, new, at) if new is not None else in_work_tree(project, at)
    known = sorted({*before, *after})
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise click.UsageError(f"No environment called {', '.join(unknown)}. There are: {', '.join(known)}.")
    with without_garbage_collection():
        found = [_compared(name, before.get(name), after.get(name)) for name in chosen or known]
    revisions = Revisions(base=base, head=head or WORK_TREE)
    match form:
        case Format.JSON:
            text = compared_as_json(found, revisions)
        case Format.MARKDOWN:
            text = compared_as_markdown(found, revisions)
        case Format.TEXT:
            text = compared_as_text(found, revisions, colour=wants_colour())
    click.echo(text, nl=False)
    if any(one.state is State.HEAD_UNREADABLE for one in found):
        return ExitCode.FINDINGS
    return ExitCode.CHANGES if any(one.has_changed for one in found) else ExitCode.CLEAN


def _compared(environment: str, before: Side | None, after: Side | None) -> Compared:
    if after is None:
        return Compared(environment=environment, state=State.GONE)
    if before is not None and is_same(environment, before, after):
        return Compared(environment=environment, state=State.COMPARED, comparison=NOTHING_CHANGED)
    try:
        shared = load_shared(environment, after.load)
        if shared.own.guest_of is not None:
            return Compared(environment=environment, state=State.GUEST, owner=shared.own.guest_of)
        new = declared(shared.whole)
    except InvalidTailnetError as error:
        return Compared(environment=environment, state=State.HEAD_UNREADABLE, findings=error.findings)
    if before is None:
        return Compared(environment=environment, state=State.NEW, comparison=compare(None, new))
    try:
        old = declared(load_shared(environment, before.load).whole)
    except InvalidTailnetError as error:
        return Compared(environment=environment, state=State.BASE_UNREADABLE, findings=error.findings)
    return Compared(environment=environment, state=State.COMPARED, comparison=compare(old, new))
