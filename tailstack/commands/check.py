"""`tailstack check`: find mistakes in an environment before anything is applied."""

from __future__ import annotations

import os
import re
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import click

from tailstack.access.facts import Facts
from tailstack.commands.environment import choose_environment
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.files import FACTS_HELP, file_option, only_one_stdin, read_facts_file, read_text
from tailstack.commands.findings import say_findings
from tailstack.commands.formats import format_option
from tailstack.commands.moments import at_option
from tailstack.commands.project import find_project
from tailstack.commands.terminal import wants_colour
from tailstack.finding import InvalidTailnetError
from tailstack.manifests.reading import read_manifests
from tailstack.report.checked import (
    checked_as_github,
    checked_as_json,
    checked_as_sarif,
    checked_as_text,
    tell_checked,
)
from tailstack.report.sarif import as_sarif
from tailstack.report.telling import told_as_markdown
from tailstack.rules.check import Checked, check_environment, check_manifests
from tailstack.rules.registry import RULES
from tailstack.topology.tailnet import BasePolicy

_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+\Z")
_ENDINGS = (".yaml", ".yml", ".json")
_MANY = 1000
"""Files that take so long that a person should see that something goes on."""


class Format(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def read_dns_name(ctx: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """The domain in the option `--dns-name`, in small letters and without a dot at its end."""
    if text is None:
        return None
    name = text.lower().removesuffix(".")
    if not _DNS_NAME.match(name):
        raise click.BadParameter(f"{text} is no domain such as tail1a2b.ts.net.", ctx=ctx, param=parameter)
    return name


@click.command("check", short_help="Find mistakes in an environment before anything is applied.")
@click.argument("environment", required=False)
@format_option(Format)
@at_option
@click.option(
    "--links", "with_links", is_flag=True, help="Show every step of every link, also of those that are complete."
)
@click.option("--strict", is_flag=True, help="Exit with 3 for warnings too, but not for those that are suppressed.")
@click.option(
    "--manifests",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Check rendered Kubernetes manifests instead: a folder for each cluster, called as it is. Needs --policy.",
)
@file_option("--policy", "The tailnet's policy file, with --manifests.")
@click.option(
    "--dns-name",
    callback=read_dns_name,
    metavar="NAME",
    help="The tailnet's domain, with --manifests; by default the one that most of them name.",
)
@file_option("--facts", f"{FACTS_HELP} Some rules need it.")
def command(
    environment: str | None,
    form: Format,
    *,
    at: datetime,
    manifests: Path | None,
    policy: str | None,
    dns_name: str | None,
    facts: str | None,
    with_links: bool,
    strict: bool,
) -> ExitCode:
    """Find mistakes in ENVIRONMENT before anything is applied.

    Reads the YAML files of stacks/ENVIRONMENT, compiles the tailnet's policy, and applies every rule. Needs no network and
    no secrets. By default the environment of the current stack (PULUMI_STACK), or the only one there is.

    With --manifests and --policy it checks what Argo CD, Flux or kubectl would apply, without a project: docs/manifests.md.

    Exits with 3 if there are errors; warnings are shown and change nothing, unless --strict. A warning that is meant is
    suppressed beside what it is about: docs/findings.md.
    """
    only_one_stdin(policy, facts)
    try:
        known = read_facts_file(facts) if facts is not None else None
    except InvalidTailnetError as error:
        if form is Format.SARIF:
            click.echo(as_sarif(error.findings, (), RULES), nl=False)
            return ExitCode.FINDINGS
        return say_findings(error.findings, form)
    if manifests is not None:
        if environment is not None or policy is None:
            raise click.UsageError("--manifests goes with --policy, and in place of an ENVIRONMENT.")
        checked = _check_manifests(manifests, policy, known, dns_name)
    elif policy is not None or dns_name is not None:
        raise click.UsageError("--policy and --dns-name go with --manifests: an environment names its own.")
    else:
        project = find_project(Path.cwd())
        checked = check_environment(project, choose_environment(project, environment), at, known)
    match form:
        case Format.JSON:
            text = checked_as_json(checked)
        case Format.GITHUB:
            text = checked_as_github(checked)
        case Format.SARIF:
            text = checked_as_sarif(checked)
        case Format.MARKDOWN:
            text = told_as_markdown(tell_checked(checked))
        case Format.TEXT:
            text = checked_as_text(checked, with_links=with_links, colour=wants_colour())
    click.echo(text, nl=False)
    return ExitCode.FINDINGS if checked.has_errors or (strict and checked.findings) else ExitCode.CLEAN


def _check_manifests(folder: Path, policy: str, facts: Facts | None, dns_name: str | None) -> Checked:
    files = _manifest_files(folder)
    if not files:
        raise click.UsageError(
            f"No file with manifests in {folder}: it holds a folder with YAML files for each cluster."
        )
    if len(files) > _MANY:
        click.echo(f"Reading {len(files):,} files of manifests …", err=True)
    below = folder.as_posix()
    read = read_manifests(
        {str(file.relative_to(folder).as_posix()): _text_of(file) for file in files},
        below="" if below == "." else below,
    )
    text, name = read_text(policy)
    return check_manifests(read, BasePolicy(file=name, text=text), facts=facts, dns_name=dns_name)


def _manifest_files(folder: Path) -> list[Path]:
    """Every YAML and JSON file, but for hidden ones and those in hidden folders (.git)."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found.extend(
            Path(place) / name for name in sorted(names) if name.endswith(_ENDINGS) and not name.startswith(".")
        )
    return found


def _text_of(file: Path) -> str:
    """Bytes that are not UTF-8 are kept, so that a finding can say where they stand."""
    try:
        return file.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
