"""Which findings are shown, and which are meant: warnings with a suppression beside what they are about.

A suppression is itself checked: it must name a rule that is a warning, and a warning must match it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tailstack.finding import Finding, Needs, Rule, Severity, in_order
from tailstack.manifests.objects import Objects
from tailstack.rules.registry import RULES
from tailstack.rules.suppress_annotations import suppressions_in_objects
from tailstack.rules.suppress_comments import suppressions_in_policy
from tailstack.topology.suppressions import CANNOT_SUPPRESS, STALE_SUPPRESSION, UNKNOWN_RULE
from tailstack.topology.tailnet import Stretch, Suppression, Tailnet
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
    index = _Index((rule.code, one) for one, rule in judged if isinstance(rule, Rule))
    kept: list[Finding] = []
    meant: list[SuppressedFinding] = []
    used: set[int] = set()
    for finding in in_order(findings):
        matching = index.matching(finding)
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


_Key = tuple[str, str]
"""The code of a rule and a file."""


class _Index:
    """Suppressions by where they hold, so that ten thousand of them are not compared with ten thousand findings.

    Of each rule and file the stretches are kept in the order of their beginnings, each with the one around it.
    """

    def __init__(self, suppressions: Iterable[tuple[str, Suppression]]) -> None:
        self._stretches: dict[_Key, list[tuple[Stretch, Suppression]]] = {}
        for code, one in suppressions:
            for stretch in one.stretches:
                self._stretches.setdefault((code, stretch.file), []).append((stretch, one))
        self._firsts: dict[_Key, list[tuple[int, int]]] = {}
        self._around: dict[_Key, list[int]] = {}
        for key, stretches in self._stretches.items():
            stretches.sort(key=lambda each: (each[0].first, [-number for number in each[0].last]))
            self._firsts[key] = [stretch.first for stretch, _ in stretches]
            self._around[key] = list(_around([stretch for stretch, _ in stretches]))

    def matching(self, finding: Finding) -> tuple[Suppression, ...]:
        """The suppressions in whose thing one of the places lies, of the first such place and the narrowest thing first."""
        found: list[Suppression] = []
        for place in finding.places:
            key = (finding.rule.code, place.file)
            if key in self._firsts:
                at = bisect_right(self._firsts[key], (place.line, place.column)) - 1
                while at >= 0:
                    stretch, one = self._stretches[key][at]
                    if stretch.holds(place):
                        found.append(one)
                    at = self._around[key][at]
        return tuple(found)


def _around(stretches: Sequence[Stretch]) -> Iterator[int]:
    """For each stretch the index of the one before it that goes on beyond its beginning; -1 where there is none."""
    open_ones: list[int] = []
    for index, stretch in enumerate(stretches):
        while open_ones and stretches[open_ones[-1]].last < stretch.first:
            open_ones.pop()
        yield open_ones[-1] if open_ones else -1
        open_ones.append(index)


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
