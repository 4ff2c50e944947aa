"""Every entry of the policy file that a tailnet's declarations ask for, section by section, tests excepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tailstack.access.derive import Derived, Permission, Section
from tailstack.access.derived_approvers import auto_approvers
from tailstack.access.derived_attributes import node_attributes
from tailstack.access.derived_grants import grant_of
from tailstack.access.derived_owners import tag_owners
from tailstack.access.derived_ssh import ssh_rules
from tailstack.access.nodes import DeclaredNode
from tailstack.topology.tailnet import Tailnet


def derive(tailnet: Tailnet, nodes: Sequence[DeclaredNode], permitted: Iterable[Permission]) -> tuple[Derived, ...]:
    """In the order of the files within each section. `nodes` are its `declared_nodes`, `permitted` its `permissions`."""
    return (
        *_groups(tailnet),
        *_postures(tailnet),
        *tag_owners(tailnet, nodes),
        *auto_approvers(tailnet, nodes),
        *map(grant_of, permitted),
        *ssh_rules(tailnet, nodes),
        *node_attributes(tailnet, nodes),
    )


def _groups(tailnet: Tailnet) -> Iterator[Derived]:
    for group in tailnet.groups:
        if group.members is None:
            continue  # an identity provider brought it into the tailnet already; writing it would be a second definition
        yield Derived(
            section=Section.GROUPS,
            key=group.name,
            value=list(group.members),
            declaration=f"{group.name}{', whose turn it is' if group.on_rotation else ''}",
            places=(group.place,),
        )


def _postures(tailnet: Tailnet) -> Iterator[Derived]:
    for posture in tailnet.postures:
        yield Derived(
            section=Section.POSTURES,
            key=posture.name,
            value=list(posture.assertions),
            declaration=posture.name,
            places=(posture.place,),
        )
