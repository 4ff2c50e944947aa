"""All of checking an environment: load, compile, and every rule. What the command `check` and the Pulumi program share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tailstack.access import mistakes
from tailstack.access.compile import CompiledPolicy, compile_policy, hand_written
from tailstack.access.facts import Facts
from tailstack.allocation import without_garbage_collection
from tailstack.finding import Finding, InvalidTailnetError, in_order
from tailstack.manifests.adapter import tailnet_of
from tailstack.manifests.reading import Read
from tailstack.rules.proof import LinkProof
from tailstack.rules.registry import CHECKS
from tailstack.rules.subject import Subject, subject_of
from tailstack.rules.suppress import SuppressedFinding, suppressed
from tailstack.topology.loading import load_environment
from tailstack.topology.sharing import Shared, load_shared
from tailstack.topology.tailnet import BasePolicy, Tailnet


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What came out. Without a tailnet the declarations could not be read; without a policy, the base policy file.

    `whole` is the environment with all that share its tailnet, of which the policy is; mostly it is `tailnet` itself.
    `suppressed` are warnings that are meant; they are none of `findings`.
    """

    environment: str
    tailnet: Tailnet | None
    whole: Tailnet | None = None
    policy: CompiledPolicy | None
    findings: tuple[Finding, ...]
    suppressed: tuple[SuppressedFinding, ...] = ()
    links: tuple[LinkProof, ...] = ()

    @property
    def has_errors(self) -> bool:
        return any(finding.is_error for finding in self.findings)


def check_environment(project: Path, environment: str, at: datetime, facts: Facts | None = None) -> Checked:
    """Load an environment and find every mistake in it. `at` is the time at which rotations are read.

    `facts` are what is known of the live tailnet, which some rules need.

    Mistakes are in the answer and never raised. OSError where the folder of the environments cannot be listed.
    """
    with without_garbage_collection():
        try:
            shared = load_shared(environment, lambda name: load_environment(project, name, at))
        except InvalidTailnetError as error:
            return Checked(environment=environment, tailnet=None, policy=None, findings=error.findings)
        return check_shared(shared, facts)


def check_shared(shared: Shared, facts: Facts | None = None) -> Checked:
    """Apply every rule to all environments of a tailnet, and tell what is a matter of one of them."""
    checked = check_tailnet(shared.whole, facts)
    if shared.own is shared.whole or checked.policy is None:
        return checked
    return replace(
        checked,
        environment=shared.own.environment,
        tailnet=shared.own,
        findings=tuple(one for one in checked.findings if shared.concerns(one.places)),
        suppressed=tuple(one for one in checked.suppressed if shared.concerns(one.finding.places)),
        links=tuple(link for link in checked.links if shared.concerns((link.place,))),
    )


def check_tailnet(tailnet: Tailnet, facts: Facts | None = None) -> Checked:
    """Compile the policy of a tailnet and apply every rule to the two."""
    with without_garbage_collection():
        return _checked(tailnet, facts)


MANIFESTS = "manifests"
"""What stands for the name of an environment where there is none."""


def check_manifests(
    read: Read, policy: BasePolicy, *, facts: Facts | None = None, dns_name: str | None = None
) -> Checked:
    """Apply every rule to the Kubernetes manifests of all clusters and the policy file of their tailnet.

    `dns_name` is that of the tailnet, such as tail1a2b.ts.net; without it, it is taken from what the manifests name.
    """
    with without_garbage_collection():
        tailnet = tailnet_of(read.objects, policy=policy, dns_name=dns_name, environment=MANIFESTS)
        try:
            compiled = hand_written(policy)
        except InvalidTailnetError as error:
            findings = in_order((*read.findings, *error.findings))
            return Checked(environment=MANIFESTS, tailnet=tailnet, policy=None, findings=findings)
        return _applied(subject_of(tailnet, compiled, objects=read.objects, facts=facts), read.findings)


def _checked(tailnet: Tailnet, facts: Facts | None = None) -> Checked:
    try:
        policy = compile_policy(tailnet)
    except InvalidTailnetError as error:
        return Checked(environment=tailnet.environment, tailnet=tailnet, policy=None, findings=error.findings)
    return _applied(subject_of(tailnet, policy, facts=facts))


def _applied(subject: Subject, of_reading: Iterable[Finding] = ()) -> Checked:
    tailnet, policy = subject.tailnet, subject.policy
    found = [*policy.findings, *(finding for check in CHECKS for finding in check(subject))]
    parted = suppressed((*of_reading, *_said_once(found)), tailnet, subject.objects)
    return Checked(
        environment=tailnet.environment,
        tailnet=tailnet,
        whole=tailnet,
        policy=policy,
        findings=parted.kept,
        suppressed=parted.suppressed,
        links=subject.links,
    )


def _said_once(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Without what the policy's validation says of a place where a rule has said it already, and better."""
    every = tuple(findings)
    said = {finding.places[0] for finding in every if finding.rule not in mistakes.RULES}
    return (f for f in every if f.rule is not mistakes.UNDEFINED or f.places[0] not in said)
