"""All of checking an environment: load, compile, and every rule. What the command `check` and the Pulumi program share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tailstack.access import mistakes
from tailstack.access.allocation import without_garbage_collection
from tailstack.access.compile import CompiledPolicy, compile_policy
from tailstack.finding import Finding, InvalidTailnetError, in_order
from tailstack.rules.proof import LinkProof
from tailstack.rules.registry import CHECKS
from tailstack.rules.subject import subject_of
from tailstack.topology.loading import load_environment
from tailstack.topology.tailnet import Tailnet


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What came out. Without a tailnet the declarations could not be read; without a policy, the base policy file."""

    environment: str
    tailnet: Tailnet | None
    policy: CompiledPolicy | None
    findings: tuple[Finding, ...]
    links: tuple[LinkProof, ...] = ()

    @property
    def has_errors(self) -> bool:
        return any(finding.is_error for finding in self.findings)


def check_environment(project: Path, environment: str, at: datetime) -> Checked:
    """Load an environment and find every mistake in it. `at` is the time at which rotations are read.

    Mistakes are in the answer and never raised. OSError where the files cannot be read at all.
    """
    with without_garbage_collection():
        try:
            tailnet = load_environment(project, environment, at)
        except InvalidTailnetError as error:
            return Checked(environment=environment, tailnet=None, policy=None, findings=error.findings)
        return _checked(tailnet)


def check_tailnet(tailnet: Tailnet) -> Checked:
    """Compile the policy of a tailnet and apply every rule to the two."""
    with without_garbage_collection():
        return _checked(tailnet)


def _checked(tailnet: Tailnet) -> Checked:
    try:
        policy = compile_policy(tailnet)
    except InvalidTailnetError as error:
        return Checked(environment=tailnet.environment, tailnet=tailnet, policy=None, findings=error.findings)
    subject = subject_of(tailnet, policy)
    found = [*policy.findings, *(finding for check in CHECKS for finding in check(subject))]
    return Checked(
        environment=tailnet.environment,
        tailnet=tailnet,
        policy=policy,
        findings=in_order(_said_once(found)),
        links=subject.links,
    )


def _said_once(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Without what the policy's validation says of a place where a rule has said it already, and better."""
    every = tuple(findings)
    said = {finding.places[0] for finding in every if finding.rule not in mistakes.RULES}
    return (f for f in every if f.rule is not mistakes.UNDEFINED or f.places[0] not in said)
