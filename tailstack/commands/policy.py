"""`tailstack policy`: anybody's policy file, without a project: shown, checked, tested, and compared with another."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import click

from tailstack.commands.asking import (
    answer,
    file_option,
    only_one_stdin,
    question_options,
    read_facts_file,
    read_policy_file,
    say_findings,
)
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.formats import Format, FormatWithGithub, format_option
from tailstack.commands.terminal import wants_colour
from tailstack.finding import Finding, InvalidTailnetError, in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailstack.access.inventory import Inventory
    from tailstack.access.policy import Policy
    from tailstack.access.ports import Ports

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)
_FACTS = "What is known of the live tailnet, as docs/access.md shows it."


@click.group("policy", short_help="Show, check, test and compare plain policy files.")
def command() -> None:
    """Show, check, test and compare policy files as they are, without a project. A file may be - for the standard input."""


@command.command("check")
@click.argument("file", type=_FILE)
@file_option("--facts", _FACTS)
@format_option(FormatWithGithub)
def check(file: str, facts: str | None, form: FormatWithGithub) -> ExitCode:
    """Find everything wrong with the policy FILE: what the service would refuse, and what it would take without a word.

    Exits with 3 if there are errors; warnings are shown and change nothing.
    """
    from tailstack.access.doubts import doubts  # noqa: PLC0415  only where it is asked for
    from tailstack.access.parties import directory_of_policy  # noqa: PLC0415

    only_one_stdin(file, facts)
    policy, findings = read_policy_file(file)
    try:
        inventory = read_facts_file(facts).inventory
    except InvalidTailnetError as error:
        return say_findings((*findings, *error.findings), form)
    if not _has_errors(findings):
        findings = in_order((*findings, *doubts(directory_of_policy(policy, inventory))))
    return say_findings(_without_suppressed(policy, findings), form)


def _without_suppressed(policy: Policy, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Without the warnings that comments of the file call meant. Rules of other commands are theirs to judge."""
    from tailstack.access import doubts, mistakes  # noqa: PLC0415  only where it is asked for
    from tailstack.rules.suppress import apply  # noqa: PLC0415
    from tailstack.rules.suppress_comments import suppressions_in_policy  # noqa: PLC0415
    from tailstack.topology.tailnet import BasePolicy  # noqa: PLC0415

    if policy.document is None:
        return tuple(findings)
    rules = (*mistakes.RULES, *doubts.RULES)
    known = {name for rule in rules for name in (rule.code, rule.slug)}
    written = suppressions_in_policy(BasePolicy(file=policy.file, text=policy.document.text))
    kept = apply(findings, (one for one in written.suppressions if one.rule in known), rules).kept
    return in_order((*kept, *written.findings))


@command.command("test")
@click.argument("file", type=_FILE)
@file_option("--facts", _FACTS)
@format_option(FormatWithGithub)
def test(file: str, facts: str | None, form: FormatWithGithub) -> ExitCode:
    """Run the tests and sshTests of the policy FILE, as the service does on every save.

    Exits with 3 if one does not hold, or if the file has errors.
    """
    from tailstack.access.policy_tests import run_tests  # noqa: PLC0415  only where it is asked for
    from tailstack.report.policy_outcome import (  # noqa: PLC0415
        outcome_as_github,
        outcome_as_json,
        outcome_as_text,
        tell_outcome,
    )
    from tailstack.report.telling import told_as_markdown  # noqa: PLC0415

    only_one_stdin(file, facts)
    read = _read(form, (file, facts))
    if isinstance(read, ExitCode):
        return read
    ((policy, inventory),) = read
    failures = run_tests(policy, inventory)
    match form:
        case FormatWithGithub.JSON:
            text = outcome_as_json(policy, failures)
        case FormatWithGithub.GITHUB:
            text = outcome_as_github(failures)
        case FormatWithGithub.MARKDOWN:
            text = told_as_markdown(tell_outcome(policy, failures))
        case FormatWithGithub.TEXT:
            text = outcome_as_text(policy, failures, colour=wants_colour())
    click.echo(text, nl=False)
    return ExitCode.FINDINGS if failures else ExitCode.CLEAN


@command.command("show")
@click.argument("file", type=_FILE)
@question_options
@file_option("--facts", _FACTS)
@format_option()
def show(
    file: str, source: str | None, target: str | None, *, ports: Ports | None, facts: str | None, form: Format
) -> ExitCode:
    """Say in words what the policy FILE allows; with --from or --to, answer as `tailstack access` does.

    Exits with 3 if the file has errors.
    """
    from tailstack.access.listing import everything  # noqa: PLC0415  only where it is asked for
    from tailstack.access.parties import directory_of_policy  # noqa: PLC0415
    from tailstack.report.policy_shown import policy_as_json, tell_policy  # noqa: PLC0415
    from tailstack.report.telling import told_as_markdown, told_as_text  # noqa: PLC0415

    only_one_stdin(file, facts)
    read = _read(form, (file, facts))
    if isinstance(read, ExitCode):
        return read
    ((policy, inventory),) = read
    directory = directory_of_policy(policy, inventory)
    if source is not None or target is not None:
        return answer(directory, source, target, ports, form)
    if ports is not None:
        raise click.UsageError("--port asks about one end: name it with --from or --to.")
    whole = everything(directory)
    match form:
        case Format.JSON:
            text = policy_as_json(policy, whole)
        case Format.MARKDOWN:
            text = told_as_markdown(tell_policy(policy, whole))
        case Format.TEXT:
            text = told_as_text(tell_policy(policy, whole), colour=wants_colour())
    click.echo(text, nl=False)
    return ExitCode.CLEAN


@command.command("diff")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@file_option("--facts", f"{_FACTS} For both sides.")
@file_option("--old-facts", "The same for the old side alone.")
@file_option("--new-facts", "The same for the new side alone.")
@click.option("--old-name", metavar="NAME", help="How to speak of OLD, such as policy.hujson@main.")
@format_option()
def diff(
    old: str,
    new: str,
    *,
    facts: str | None,
    old_facts: str | None,
    new_facts: str | None,
    old_name: str | None,
    form: Format,
) -> ExitCode:
    """Say who gains and who loses which access when the policy file NEW takes the place of OLD.

    Exits with 2 if anybody does, with 0 if nobody does, and with 3 if one of the files has errors.
    """
    from tailstack.access.diff import difference  # noqa: PLC0415  only where it is asked for
    from tailstack.report.changes import changes_as_json, changes_as_markdown, changes_as_text  # noqa: PLC0415

    if facts is not None and (old_facts is not None or new_facts is not None):
        raise click.UsageError("--facts is for both sides: give it, or --old-facts and --new-facts.")
    only_one_stdin(old, new, facts, old_facts, new_facts)
    # Read once, because the standard input can be read only once.
    shared = _read_facts_of_both(facts, old_facts, new_facts, form)
    if isinstance(shared, ExitCode):
        return shared
    read = _read(form, (old, None), (new, None), names=(old_name, None))
    if isinstance(read, ExitCode):
        return read
    (before, _), (after, _) = read
    found = difference(before, after, old_inventory=shared[0], new_inventory=shared[1])
    match form:
        case Format.JSON:
            text = changes_as_json(found)
        case Format.MARKDOWN:
            text = changes_as_markdown(found)
        case Format.TEXT:
            text = changes_as_text(found, colour=wants_colour())
    click.echo(text, nl=False)
    return ExitCode.CLEAN if found.is_empty else ExitCode.CHANGES


def _read_facts_of_both(
    facts: str | None, old_facts: str | None, new_facts: str | None, form: StrEnum
) -> tuple[Inventory, Inventory] | ExitCode:
    try:
        if facts is not None:
            both = read_facts_file(facts).inventory
            return both, both
        return read_facts_file(old_facts).inventory, read_facts_file(new_facts).inventory
    except InvalidTailnetError as error:
        return say_findings(error.findings, form)


def _read(
    form: StrEnum, *files: tuple[str, str | None], names: tuple[str | None, ...] = (None,)
) -> list[tuple[Policy, Inventory]] | ExitCode:
    """Each policy with what is known of its tailnet; or the exit code, with all errors of all files said."""
    found: list[tuple[Policy, Inventory]] = []
    errors: list[Finding] = []
    for (file, facts), name in zip(files, names, strict=True):
        policy, findings = read_policy_file(file, name)
        errors += [finding for finding in findings if finding.is_error]
        try:
            found.append((policy, read_facts_file(facts).inventory))
        except InvalidTailnetError as error:
            errors += error.findings
    return say_findings(errors, form) if errors else found


def _has_errors(findings: tuple[Finding, ...]) -> bool:
    return any(finding.is_error for finding in findings)
