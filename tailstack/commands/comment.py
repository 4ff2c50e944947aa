"""`tailstack comment`: keep one comment of a pull request up to date, found by its marker."""

from __future__ import annotations

import os

import click

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.files import read_text
from tailstack.engine.code_hosts import CodeHost, CodeHostError, github_in, gitlab_in, marker_line, put_comment
from tailstack.report.preview_shown import cut

_LINE = "\n"
_HOSTS = {"github": github_in, "gitlab": gitlab_in}


def _marker(ctx: click.Context, parameter: click.Parameter, name: str) -> str:
    try:
        marker_line(name)
    except ValueError as error:
        raise click.BadParameter(f"{name!r}: {error}.", ctx=ctx, param=parameter) from error
    return name


@click.command("comment", short_help="Write a report as one comment of a pull request, or replace it.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--pull-request", type=click.IntRange(min=1), required=True, metavar="NUMBER", help="Where to comment.")
@click.option(
    "--marker",
    callback=_marker,
    default="preview",
    show_default=True,
    help="Tells our comments apart: there is one with each marker.",
)
@click.option(
    "--host", type=click.Choice(list(_HOSTS)), help="Where the pull request is.  [default: where the job runs]"
)
@click.option("--author", metavar="LOGIN", help="Whose comment it is.  [default: who the token belongs to]")
def command(file: str, pull_request: int, marker: str, host: str | None, author: str | None) -> ExitCode:
    """Write the Markdown of FILE (- for the standard input) as a comment of a pull request, or of a merge request.

    The comment that has the marker is replaced, on whatever page it stands; no other is touched. On GitHub it needs
    GITHUB_TOKEN and GITHUB_REPOSITORY, on GitLab GITLAB_TOKEN, CI_API_V4_URL and CI_PROJECT_ID.
    """
    text, _ = read_text(file)
    chosen = host or ("gitlab" if os.environ.get("GITLAB_CI") else "github")
    try:
        found: CodeHost = _HOSTS[chosen](os.environ, author)
        room = found.limit - len(marker_line(marker)) - len(_LINE)
        body = text if len(text) <= room else cut(text, room)
        if body != text:
            click.echo(f"The text has {len(text)} characters, of which {found.limit} can be shown.", err=True)
        comment = put_comment(found, pull_request, marker, body)
    except CodeHostError as error:
        raise click.ClickException(str(error)) from error
    click.echo(comment.url or f"note {comment.id}")
    return ExitCode.CLEAN
