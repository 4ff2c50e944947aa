"""`tailstack schema`: the JSON Schema of the YAML language, for editors, and the pages that are made from the language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.project import find_project
from tailstack.report.coverage import coverage_page
from tailstack.topology.reference import with_reference
from tailstack.topology.schema import schema_text

SCHEMA = Path("docs/schema/tailnet.schema.json")
"""Where the first line of each YAML file finds the schema: `../../docs/schema/tailnet.schema.json`."""

GUIDE = Path("docs/language.md")
"""The guide of the language. A project without it gets the schema alone."""

COVERAGE = Path("docs/coverage.md")
"""The table of what of the operator is covered. It is written where there is one."""


@click.command("schema")
@click.option(
    "--write",
    is_flag=True,
    help="Write the project's schema, and where they are there the guide's reference and docs/coverage.md.",
)
@click.option("--check", is_flag=True, help="Exit with 3 if what --write would write differs from what is there.")
def command(*, write: bool, check: bool) -> int:
    """Print the JSON Schema of the YAML language.

    Editors with the YAML language server use it for completion and checks, because the first line of a file names it:

    \b
        # yaml-language-server: $schema=../../docs/schema/tailnet.schema.json
    """
    if write and check:
        raise click.UsageError("--write and --check exclude one another.")
    if not write and not check:
        click.echo(schema_text(), nl=False)
        return ExitCode.CLEAN
    project = find_project(Path.cwd())
    stale = [path for path, text in _generated(project) if _read(project / path) != text]
    if check:
        for path in stale:
            click.echo(f"{path} is not what `tailstack schema --write` writes.", err=True)
        return ExitCode.FINDINGS if stale else ExitCode.CLEAN
    for path, text in _generated(project):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"{path}: {'written' if path in stale else 'unchanged'}")
    return ExitCode.CLEAN


def _generated(project: Path) -> Iterator[tuple[Path, str]]:
    """What --write writes: paths relative to the project, and texts."""
    yield SCHEMA, schema_text()
    guide = _read(project / GUIDE)
    if guide is not None:
        try:
            yield GUIDE, with_reference(guide)
        except ValueError as error:
            raise click.ClickException(f"{GUIDE}: {error}") from error
    if (project / COVERAGE).is_file():
        yield COVERAGE, coverage_page()


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
