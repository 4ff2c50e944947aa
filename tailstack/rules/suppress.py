"""Which findings are shown, and which are meant: warnings with a suppression beside what they are about.

A suppression is itself checked: it must name a rule that is a warning, and a warning must match it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tailstack.finding import Finding, Needs, Rule, Severity, in_order
from tailstack.manifests.objects import Objects
from tailstack.rules.registry import RULES
from tailstack.rules.suppress_annotations import suppressions_in_objects
from tailstack.rules.suppress_comments import suppressions_in_policy
from tailstack.topology.suppressions import CANNOT_SUPPRESS, STALE_SUPPRESSION, UNKNOWN_RULE
from tailstack.topology.tailnet import Suppression, Tailnet
from tailstack.topology.wording import did_you_mean, quoted


@dataclass(frozen=True, kw_only=True, slots=True)
class SuppressedFinding:
    """A warning that is meant, and what says so."""

    finding: Finding
    suppression: Suppression


@dataclass(frozen=True, kw_only=True, slots=True)
class Suppressed:
    """`kept` are the findings to be shown, with what is wrong with the suppressions themselves."""

    kept: tuple[Finding, ...]
    suppressed: tuple[SuppressedFinding, ...] = ()


def suppressed(findings: Sequence[Finding], tailnet: Tailnet, objects: Objects | None = None) -> Suppressed:
    """Apply what is suppressed in the declarations, in the comments of the policy file, and in annotations of manifests."""
    in_policy = suppressions_in_policy(tailnet.base_policy)
    in_objects = suppressions_in_objects(objects)
    every = (*tailnet.suppressions, *in_policy.suppressions, *in_objects.suppressions)
    result = apply(findings, every, RULES)
    return replace(result, kept=in_order((*result.kept, *in_policy.findings, *in_objects.findings)))


def apply(findings: Sequence[Finding], suppressions: Iterable[Suppression], rules: Iterable[Rule]) -> Suppressed:
    """Part the findings. One is suppressed if any of its places lies within the thing that a suppression stands at.

    A suppression of a rule that needs live facts is never stale: a run that is not told them finds nothing.
    Both parts come in the order of places.
    """
    judged = [(one, rule) for one, rule in _with_rules(suppressions, rules)]
    by_code: dict[str, list[Suppression]] = {}
    for one, rule in judged:
        if isinstance(rule, Rule):
            by_code.setdefault(rule.code, []).append(one)
    kept: list[Finding] = []
    meant: list[SuppressedFinding] = []
    used: set[int] = set()
    for finding in in_order(findings):
        matching = [one for one in by_code.get(finding.rule.code, ()) if one.covers(finding.places)]
        used |= {id(one) for one in matching}
        if matching:
            meant.append(SuppressedFinding(finding=finding, suppression=matching[0]))
        else:
            kept.append(finding)
    for one, rule in judged:
        if isinstance(rule, Finding):
            kept.append(rule)
        elif id(one) not in used and rule.needs is not Needs.FACTS:
            message = f"No warning of {rule.code} {rule.slug} is about what this stands at."
            kept.append(STALE_SUPPRESSION.at(one.place, message=message))
    return Suppressed(kept=in_order(kept), suppressed=tuple(meant))


def _with_rules(
    suppressions: Iterable[Suppression], rules: Iterable[Rule]
) -> Iterable[tuple[Suppression, Rule | Finding]]:
    """Each suppression with its rule, or with the finding why it can have none."""
    by_name = {name: rule for rule in rules for name in (rule.code.lower(), rule.slug)}
    for one in suppressions:
        rule = by_name.get(one.rule.lower())
        if rule is None:
            known = [name for rule in by_name.values() for name in (rule.code, rule.slug)]
            message = f"There is no rule called {quoted(one.rule)}."
            yield one, UNKNOWN_RULE.at(one.place, message=message, mend=did_you_mean(one.rule, known))
        elif rule is STALE_SUPPRESSION:
            message = "A suppression that is stale cannot be suppressed itself."
            yield one, CANNOT_SUPPRESS.at(one.place, message=message, mend="Take the stale suppression out.")
        elif rule.severity is Severity.ERROR:
            message = f"{rule.code} {rule.slug} is an error, and cannot be suppressed."
            yield one, CANNOT_SUPPRESS.at(one.place, message=message, expected="a rule that is a warning")
        else:
            yield one, rule
