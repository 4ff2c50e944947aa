"""What is certainly wrong with the tailnet that a stack makes, by the rules of `tailstack check`.

A stack is a part of what there is: others annotate Services, apply manifests, make groups. So only those rules are asked
that look at what is there, and never those that miss something. `tailstack check` comes first; this is the second line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pulumi_policy import EnforcementLevel, PolicyResource, ReportViolation, StackValidationArgs, StackValidationPolicy
from pulumi_policy import Policy as PackPolicy
from pulumi_policy.proxy import UnknownValueError

from policies.objects import objects_in
from policies.resources import POLICY_FILE
from tailstack.finding import Finding, Place
from tailstack.manifests.reading import Read
from tailstack.rules.check import check_manifests
from tailstack.topology.tailnet import BasePolicy

CERTAIN = frozenset(
    {
        *("duplicate-hostname", "label-invalid", "svc-vs-device", "svc-merge-conflict", "apiserver-svc-dup"),
        *("svc-dup-in-cluster", "reserved-k8s-name", "svc-merge-unintended"),
        *("proxy-tag-not-owned", "tag-syntax", "default-tags-type", "implicit-default-tag", "operator-tag-reuse"),
        *("egress-suffix", "egress-target-count", "tls-shape", "rule-host", "no-backend", "rule-without-http"),
        *("funnel-on-pg", "annotation-value", "externalname-on-pg", "headless", "mode-value"),
    }
)
"""Slugs of the rules that what is there decides, whatever else there may be."""

Validation = Callable[[StackValidationArgs, ReportViolation], None]


def wrong(resources: Iterable[PolicyResource]) -> Iterator[Finding]:
    """What is certainly wrong, as far as all that it takes is known; nothing without a policy file in the stack."""
    every = list(resources)
    policy = _policy(every)
    if policy is None:
        return
    checked = check_manifests(Read(objects=objects_in(every), findings=()), policy)
    yield from (finding for finding in checked.findings if finding.rule.slug in CERTAIN)


def _policy(resources: Iterable[PolicyResource]) -> BasePolicy | None:
    for resource in resources:
        if resource.resource_type == POLICY_FILE:
            try:
                return BasePolicy(file=resource.urn, text=str(resource.props["acl"]))
            except UnknownValueError:
                return None
    return None


def _reporting(*, errors: bool) -> Validation:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for finding in wrong(args.resources):
            if finding.is_error == errors:
                report(said(finding), finding.places[0].file)

    return validate


def said(finding: Finding) -> str:
    """One line: the rule, this case, the mend, and what else is involved by the names of its resources."""
    others = dict.fromkeys(_resource(place) for place in finding.places[1:])
    also = f" Also: {', '.join(others)}." if others else ""
    return f"{finding.rule.code} {finding.rule.slug}: {finding.message} {finding.mend}{also}"


def _resource(place: Place) -> str:
    return place.file.rpartition("::")[2]


POLICIES: list[PackPolicy] = [
    StackValidationPolicy(
        name="tailnet-without-mistakes",
        description="Nothing that the operator or Tailscale refuses, renames or ignores.",
        validate=_reporting(errors=True),
    ),
    StackValidationPolicy(
        name="tailnet-without-doubts",
        description="Nothing that works and is seldom meant.",
        validate=_reporting(errors=False),
        enforcement_level=EnforcementLevel.ADVISORY,
    ),
]
