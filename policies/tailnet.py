"""What is certainly wrong with the tailnet that a stack makes, by the rules of `tailstack check`: a policy for each kind.

A stack is a part of what there is: others annotate Services, apply manifests, make groups. So only those rules are asked
that look at what is there, and never those that miss something. `tailstack check` comes first; this is the second line, and
the only one for a program that is not written with tailstack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pulumi_policy import EnforcementLevel, PolicyResource, ReportViolation, StackValidationArgs, StackValidationPolicy
from pulumi_policy import Policy as PackPolicy

from policies.judged import Judge
from policies.resources import guarded
from policies.secrets import without_secrets
from tailstack.finding import Finding, Place

Validation = Callable[[StackValidationArgs, ReportViolation], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class StackPolicy:
    """A policy, and the rules of the registry that it is made of, by their slugs.

    `needs_operator` where a rule must know what the operator of the cluster is called, or which tags it gives;
    `needs_policy_file` where it reads the tailnet's policy file. Where these are not in the stack, the policy is silent.
    """

    name: str
    description: str
    rules: tuple[str, ...]
    level: EnforcementLevel = EnforcementLevel.MANDATORY
    needs_operator: bool = False
    needs_policy_file: bool = False


ADVISORY = EnforcementLevel.ADVISORY

STACK_POLICIES: tuple[StackPolicy, ...] = (
    StackPolicy(
        name="names-are-unique",
        description="Nothing asks for a name that something else has, or that is none: Tailscale would give it another.",
        rules=("duplicate-hostname", "svc-vs-device", "reserved-k8s-name", "label-invalid"),
        needs_operator=True,
    ),
    StackPolicy(
        name="services-are-unique",
        description="No Tailscale Service is asked for twice, or by clusters that say different things of it.",
        rules=("svc-merge-conflict", "apiserver-svc-dup", "svc-dup-in-cluster"),
        needs_operator=True,
    ),
    StackPolicy(
        name="services-are-shared-on-purpose",
        description="Clusters share a Tailscale Service only where somebody wrote its name.",
        rules=("svc-merge-unintended",),
        level=ADVISORY,
        needs_operator=True,
    ),
    StackPolicy(
        name="tags-are-owned",
        description="Each operator may give the tags that its proxies are to wear.",
        rules=("proxy-tag-not-owned", "implicit-default-tag"),
        needs_operator=True,
        needs_policy_file=True,
    ),
    StackPolicy(
        name="tags-are-well-formed",
        description="Tags are written as the operator reads them.",
        rules=("tag-syntax", "default-tags-type"),
    ),
    StackPolicy(
        name="operator-tags-are-their-own",
        description="No proxy wears the tag of an operator, which may do more than it.",
        rules=("operator-tag-reuse",),
        level=ADVISORY,
        needs_operator=True,
    ),
    StackPolicy(
        name="tag-owners-are-few",
        description="Not everybody may give a tag that something in the stack wears.",
        rules=("tag-owner-too-wide",),
        level=ADVISORY,
        needs_operator=True,
        needs_policy_file=True,
    ),
    StackPolicy(
        name="credentials-have-tags",
        description="An OAuth client that makes keys or devices has tags.",
        rules=("client-without-tags",),
    ),
    StackPolicy(
        name="egress-has-one-target",
        description="An egress leads to one target, by its full name or an address.",
        rules=("egress-suffix", "egress-target-count"),
    ),
    StackPolicy(
        name="ingress-is-served",
        description="An Ingress has the shape of which the operator makes one node, with one host and a backend.",
        rules=("tls-shape", "rule-host", "no-backend", "rule-without-http"),
    ),
    StackPolicy(
        name="ingress-has-no-double-path",
        description="No path stands twice in an Ingress, and none is meant to match exactly, which the operator does not do.",
        rules=("duplicate-path", "exact-path"),
        level=ADVISORY,
    ),
    StackPolicy(
        name="exposure-takes-effect",
        description="What is annotated for the operator is something that it can expose, by values that it knows.",
        rules=("headless", "externalname-on-pg", "funnel-on-pg", "annotation-value"),
    ),
    StackPolicy(
        name="exposed-to-few",
        description="Not everybody reaches what is exposed, by an entry that does not name it.",
        rules=("exposed-to-all",),
        level=ADVISORY,
        needs_operator=True,
        needs_policy_file=True,
    ),
    StackPolicy(
        name="dns-and-https-are-on",
        description="MagicDNS and HTTPS certificates are not switched off where something needs them.",
        rules=("https-off", "magicdns-off"),
    ),
    StackPolicy(
        name="connectors-route",
        description="A Connector is one thing, and its routes are ranges of addresses.",
        rules=("connector-shape", "cidr-unmasked"),
    ),
    StackPolicy(
        name="proxies-can-start",
        description="Proxy classes, recorders and peer relays have settings with which their pods start.",
        rules=("proxyclass-content", "recorder-storage", "peer-relay-addresses", "dnsconfig-count"),
    ),
    StackPolicy(
        name="api-server-proxy-has-a-mode",
        description="The API-server proxy of an operator has a mode that there is.",
        rules=("mode-value",),
    ),
    StackPolicy(
        name="posture-holds",
        description="What is allowed under a posture is not allowed to the same people without one.",
        rules=("posture-bypass",),
        level=ADVISORY,
        needs_policy_file=True,
    ),
    StackPolicy(
        name="no-session-without-recording",
        description="A session that is to be recorded does not go on when it cannot be.",
        rules=("recorder-fail-open",),
        level=ADVISORY,
        needs_policy_file=True,
    ),
    StackPolicy(
        name="policy-file-is-accepted",
        description="Tailscale takes the policy file: it can be read, and defines what it names.",
        rules=(
            *("policy-syntax", "policy-shape", "policy-undefined-name", "policy-misplaced-selector", "policy-bad-name"),
            *(
                "policy-bad-ports",
                "policy-bad-capability",
                "policy-bad-entry",
                "policy-nested-group",
                "policy-ipset-cycle",
            ),
        ),
        needs_policy_file=True,
    ),
    StackPolicy(
        name="policy-file-has-tests",
        description="A policy file that grants access says in tests what must hold.",
        rules=("no-tests",),
        level=ADVISORY,
        needs_policy_file=True,
    ),
    StackPolicy(
        name="access-is-granted-once",
        description="No ACL and grant allow the same, so that taking one away takes the access away.",
        rules=("acls-and-grants",),
        level=ADVISORY,
        needs_policy_file=True,
    ),
    StackPolicy(
        name="policy-file-is-locked",
        description="Nobody edits in the admin console what the stack overwrites.",
        rules=("acls-not-locked",),
        level=ADVISORY,
    ),
)

EVERYTHING_JUDGED = "everything-is-judged"
_NAMED = 10
"""Resources that are named; the others are counted."""

_JUDGE = Judge()


def wrong(policy: StackPolicy, resources: Iterable[PolicyResource]) -> Iterator[Finding]:
    """What a policy finds in a stack, as far as all that it takes is known."""
    judged = _JUDGE.judged(policy.name, resources)
    if policy.needs_policy_file and not judged.has_policy:
        return
    findings = judged.findings if policy.needs_operator else judged.anywhere
    yield from (finding for finding in findings if finding.rule.slug in policy.rules)


def said(finding: Finding) -> str:
    """One line: the rule, this case, the mend, and what else is involved by the names of its resources."""
    others = dict.fromkeys(_resource(place) for place in finding.places[1:])
    also = f" Also: {', '.join(others)}." if others else ""
    return f"{finding.rule.code} {finding.rule.slug}: {finding.message} {finding.mend}{also}"


def _resource(place: Place) -> str:
    return place.file.rpartition("::")[2]


def _validation(policy: StackPolicy) -> Validation:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for finding in wrong(policy, args.resources):
            report(without_secrets(said(finding), args.resources), finding.places[0].file or None)

    return guarded(policy.name, validate)


def _not_judged(args: StackValidationArgs, report: ReportViolation) -> None:
    unknown = _JUDGE.judged(EVERYTHING_JUDGED, args.resources).unknown
    if not unknown:
        return
    named = ", ".join(unknown[:_NAMED]) + (f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else "")
    count = "1 resource was" if len(unknown) == 1 else f"{len(unknown)} resources were"
    report(
        f"{count} not judged, because values are not known before the update: {named}. The update judges them.",
        None,
    )


POLICIES: list[PackPolicy] = [
    *(
        StackValidationPolicy(
            name=policy.name,
            description=policy.description,
            validate=_validation(policy),
            enforcement_level=policy.level,
        )
        for policy in STACK_POLICIES
    ),
    StackValidationPolicy(
        name=EVERYTHING_JUDGED,
        description="All that the policies look at is known.",
        validate=guarded(EVERYTHING_JUDGED, _not_judged),
        enforcement_level=ADVISORY,
    ),
]
