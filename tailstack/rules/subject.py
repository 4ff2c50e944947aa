"""What every rule looks at: the tailnet, its whole policy, and what several rules ask of the two, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tailstack.access.compile import CompiledPolicy
from tailstack.access.evaluate import Access
from tailstack.access.nodes import DeclaredNode, declared_nodes
from tailstack.finding import Finding
from tailstack.rules.proof import LinkProof, links
from tailstack.topology.tailnet import Tailnet


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """`access` answers who reaches what under the policy; `links` are the proofs of all links."""

    tailnet: Tailnet
    policy: CompiledPolicy
    nodes: tuple[DeclaredNode, ...]
    access: Access
    links: tuple[LinkProof, ...]


Check = Callable[[Subject], Iterable[Finding]]
"""A rule's function: pure, and silent where all is well."""


def subject_of(tailnet: Tailnet, policy: CompiledPolicy) -> Subject:
    """The tailnet and its policy, made ready for the rules."""
    access = Access(policy.policy)
    nodes = declared_nodes(tailnet)
    return Subject(
        tailnet=tailnet,
        policy=policy,
        nodes=nodes,
        access=access,
        links=links(tailnet, policy, access, nodes),
    )
