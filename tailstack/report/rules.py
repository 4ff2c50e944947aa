"""The rules themselves: one explained, all listed, and the reference page in the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tailstack.finding import Needs, Rule
from tailstack.report.findings import JSON_VERSION, WIDTH
from tailstack.report.style import Style, wrapped
from tailstack.report.telling import fenced

_NEEDS = {
    Needs.TAILNET: "",
    Needs.MANIFESTS: "manifests (`tailstack check --manifests`)",
    Needs.FACTS: "facts of the live tailnet (`tailstack check --facts`)",
}

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


def rule_as_text(rule: Rule, *, colour: bool = False) -> str:
    """One rule explained: what it finds, why that matters, how to mend it, where the fact comes from, and its examples."""
    style = Style(colour=colour)
    paint = style.bad if rule.severity == "error" else style.doubtful
    parts = {"what": rule.what, "why": rule.why, "mend": rule.mend, "needs": _needs(rule), "source": rule.source}
    lines = [f"{style.strong(rule.code)} {rule.slug} ({paint(rule.severity)})"]
    for name, text in parts.items():
        if text:
            lines += wrapped(text, f"  {name + ':':<8}", " " * 10, WIDTH)
    for name, example in (("bad", rule.bad), ("good", rule.good)):
        if example:
            lines += [f"  {name}:", *(f"    {line}".rstrip() for line in example.strip("\n").split("\n"))]
    return "\n".join(lines) + "\n"


def _needs(rule: Rule) -> str:
    """What has to be shown beside the tailnet and its policy; nothing for most rules."""
    return _NEEDS[rule.needs]


def rules_as_json(rules: Sequence[Rule]) -> str:
    """`{"version", "rules": [{"code", "slug", "severity", "what", "why", "mend", "source", "needs", "bad", "good"}]}`.

    `needs` is `tailnet`, `manifests` or `facts`; `bad` and `good` are examples, empty where there are none.
    """
    data = [
        {
            "code": rule.code,
            "slug": rule.slug,
            "severity": str(rule.severity),
            "what": rule.what,
            "why": rule.why,
            "mend": rule.mend,
            "source": rule.source,
            "needs": str(rule.needs),
            "bad": rule.bad,
            "good": rule.good,
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
    if needs := _needs(rule):
        lines.append(f"- Needs: {needs}")
    examples = example_as_markdown(rule)
    return "\n".join(lines) + "\n" + (f"\n{examples}" if examples else "")


def example_as_markdown(rule: Rule) -> str:
    """What gives the finding and what does not, each as a block of code. Empty for a rule without examples."""
    blocks = [
        f"{name}:\n\n{fenced(example.strip(chr(10)) + chr(10), 'yaml')}"
        for name, example in (("Bad", rule.bad), ("Good", rule.good))
        if example
    ]
    return "\n".join(blocks)
