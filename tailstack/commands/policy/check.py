"""`tailstack policy check`: what the service would refuse, and what it would take without a word."""

from __future__ import annotations

from collections.abc import Sequence

import click

from tailstack.access import doubts, mistakes
from tailstack.access.parties import directory_of_policy
from tailstack.access.policy import Policy
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.files import FACTS_HELP, file_option, only_one_stdin, read_facts_file, read_policy_file
from tailstack.commands.findings import say_findings
from tailstack.commands.formats import FormatWithGithub, format_option
from tailstack.commands.policy.reading import FILE
from tailstack.finding import Finding, InvalidTailnetError, in_order
from tailstack.rules.suppress import apply
from tailstack.rules.suppress_comments import suppressions_in_policy
from tailstack.topology.tailnet import BasePolicy


@click.command()
@click.argument("file", type=FILE)
@file_option("--facts", FACTS_HELP)
@format_option(FormatWithGithub)
def command(file: str, facts: str | None, form: FormatWithGithub) -> ExitCode:
    """Find everything wrong with the policy FILE: what the service would refuse, and what it would take without a word.

    Exits with 3 if there are errors; warnings are shown and change nothing.
    """
    only_one_stdin(file, facts)
    policy, findings = read_policy_file(file)
    try:
        inventory = read_facts_file(facts).inventory
    except InvalidTailnetError as error:
        return say_findings((*findings, *error.findings), form)
    if not any(finding.is_error for finding in findings):
        findings = in_order((*findings, *doubts.doubts(directory_of_policy(policy, inventory))))
    return say_findings(_without_suppressed(policy, findings), form)


def _without_suppressed(policy: Policy, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Without the warnings that comments of the file call meant. Rules of other commands are theirs to judge."""
    if policy.document is None:
        return tuple(findings)
    rules = (*mistakes.RULES, *doubts.RULES)
    known = {name for rule in rules for name in (rule.code, rule.slug)}
    written = suppressions_in_policy(BasePolicy(file=policy.file, text=policy.document.text))
    kept = apply(findings, (one for one in written.suppressions if one.rule in known), rules).kept
    return in_order((*kept, *written.findings))
