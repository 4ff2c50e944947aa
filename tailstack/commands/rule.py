"""`tailstack rule`: explain a rule, or list all of them."""

from __future__ import annotations

import click

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.formats import Format, format_option
from tailstack.commands.terminal import wants_colour
from tailstack.report.rules import rule_as_text, rules_as_json, rules_as_markdown, rules_as_text
from tailstack.rules.registry import FAMILIES, RULES, find_rule
from tailstack.topology.wording import did_you_mean


@click.command("rule", short_help="Explain a rule, or list all of them.")
@click.argument("code", required=False)
@format_option()
def command(code: str | None, form: Format) -> ExitCode:
    """Explain the rule CODE (TS101 or duplicate-hostname), or list all rules."""
    rules = RULES
    if code is not None:
        rule = find_rule(code)
        if rule is None:
            known = [name for r in RULES for name in (r.code, r.slug)]
            raise click.UsageError(f"There is no rule {code}. {did_you_mean(code, known)}".strip())
        rules = (rule,)
    match form:
        case Format.JSON:
            text = rules_as_json(rules)
        case Format.MARKDOWN:
            text = rules_as_markdown(rules, FAMILIES)
        case Format.TEXT if code is None:
            text = rules_as_text(rules, colour=wants_colour())
        case Format.TEXT:
            text = rule_as_text(rules[0], colour=wants_colour())
    click.echo(text, nl=False)
    return ExitCode.CLEAN
