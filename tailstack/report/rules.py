"""The rules themselves: one explained, all listed, and the reference page in the documentation."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence

from tailstack.finding import Rule
from tailstack.report.findings import JSON_VERSION, WIDTH
from tailstack.report.style import Style

_PAGE = """\
# Rules

What `tailstack check`, `pulumi preview` and `pulumi up` find before anything is applied. An error stops them; a warning is
shown and does not. Codes never change their meaning. This page is made by `tailstack rule --format markdown`.
"""


def rules_as_text(rules: Sequence[Rule], *, colour: bool = False) -> str:
    """One line for each rule: code, severity, slug, what it finds."""
    style = Style(colour=colour)
    wide = max((len(rule.slug) for rule in rules), default=0)
    return "".join(
        f"{style.strong(rule.code)}  {rule.severity:<7}  {rule.slug:<{wide}}  {rule.what}\n" for rule in rules
    )


def rule_as_text(rule: Rule, *, colour: bool = False, width: int = WIDTH) -> str:
    """One rule explained: what it finds, why that matters, how to mend it, where the fact comes from."""
    style = Style(colour=colour)
    paint = style.bad if rule.severity == "error" else style.doubtful
    parts = {"what": rule.what, "why": rule.why, "mend": rule.mend, "source": rule.source}
    lines = [f"{style.strong(rule.code)} {rule.slug} ({paint(rule.severity)})"]
    for name, text in parts.items():
        if text:
            lines += textwrap.wrap(
                text,
                width=width,
                initial_indent=f"  {name + ':':<8}",
                subsequent_indent=" " * 10,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines) + "\n"


def rules_as_json(rules: Sequence[Rule]) -> str:
    """`{"version", "rules": [{"code", "slug", "severity", "what", "why", "mend", "source"}]}`."""
    data = [
        {
            "code": rule.code,
            "slug": rule.slug,
            "severity": str(rule.severity),
            "what": rule.what,
            "why": rule.why,
            "mend": rule.mend,
            "source": rule.source,
        }
        for rule in rules
    ]
    return json.dumps({"version": JSON_VERSION, "rules": data}, indent=2, ensure_ascii=False) + "\n"


def rules_as_markdown(rules: Sequence[Rule], families: Mapping[str, str]) -> str:
    """The reference page: a section for each family, by the first digit of the codes."""
    parts = [_PAGE]
    for digit, title in families.items():
        members = [rule for rule in rules if rule.code.startswith(f"TS{digit}")]
        if members:
            parts += [f"## {title}\n", *map(_in_markdown, members)]
    return "\n".join(parts)


def _in_markdown(rule: Rule) -> str:
    lines = [
        f"### {rule.code} {rule.slug}",
        "",
        f"{rule.what} ({rule.severity.capitalize()}.)",
        "",
        f"- Why: {rule.why}",
        f"- Mend: {rule.mend}",
    ]
    if rule.source:
        source = f"<{rule.source}>" if rule.source.startswith("https://") else rule.source
        lines.append(f"- Source: {source}")
    return "\n".join(lines) + "\n"
