"""Access that is too wide to be meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from pulumi_policy import Policy as PackPolicy
from pulumi_policy import ResourceValidationArgs, ResourceValidationPolicy

from policies.resources import on_policy_file
from tailstack.access.policy import Grant, Policy
from tailstack.access.ports import LAST_PORT, TCP, PortRange, Ports
from tailstack.access.selectors import DANGER_ALL, MEMBER, Selector, SelectorKind

EVERYONE = frozenset({"*", MEMBER, DANGER_ALL})
MASTERS = "system:masters"
KUBERNETES = frozenset({"tailscale.com/cap/kubernetes", "https://tailscale.com/cap/kubernetes"})
"""The capability by which the API-server proxy impersonates, and its former name, which the operator still reads."""

_ALL_OF_TCP = Ports((PortRange(TCP, 1, LAST_PORT),))


def everyone_to_everything(policy: Policy, _args: ResourceValidationArgs | None = None) -> Iterator[str]:
    """A message for each entry that lets everyone reach every node on every TCP port."""
    if policy.grants is None and policy.acls is None:
        yield "The policy file has neither grants nor acls: Tailscale then lets everyone reach everything."
    for number, grant in enumerate(policy.grants or ()):
        if _is_everyone(grant.src) and _is_everything(grant.dst) and any(_is_all(entry.ports) for entry in grant.ip):
            yield f"grants[{number}] lets {_names(grant.src)} reach every node on every port. Name who needs what."
    for number, acl in enumerate(policy.acls or ()):
        if _is_everyone(acl.src) and any(_is_everything([to.target]) and _is_all(to.ports) for to in acl.dst):
            yield f"acls[{number}] lets {_names(acl.src)} reach every node on every port. Name who needs what."


def masters_without_posture(policy: Policy, _args: ResourceValidationArgs | None = None) -> Iterator[str]:
    """A message for each grant that makes people cluster administrators from any device whatever."""
    for number, grant in enumerate(policy.grants or ()):
        if MASTERS in _impersonated(grant) and not grant.src_posture and not policy.default_src_posture:
            yield (
                f"grants[{number}] lets {_names(grant.src)} impersonate {MASTERS} on {_names(grant.dst)} from any device. "
                "Give the access entry a srcPosture, or impersonate a group that RBAC can limit."
            )


def _is_everyone(selectors: Iterable[Selector]) -> bool:
    return any(selector.name in EVERYONE for selector in selectors)


def _is_everything(selectors: Iterable[Selector]) -> bool:
    return any(selector.kind is SelectorKind.EVERYONE for selector in selectors)


def _is_all(ports: Ports | None) -> bool:
    return ports is not None and not _ALL_OF_TCP.minus(ports)


def _names(selectors: Iterable[Selector]) -> str:
    return ", ".join(selector.name for selector in selectors)


def _impersonated(grant: Grant) -> Iterator[str]:
    """Every group in `[{"impersonate": {"groups": […]}}]`; whatever has another shape impersonates nobody."""
    for capability in grant.app:
        if capability.key in KUBERNETES and isinstance(capability.value, list):
            for rule in capability.value:
                impersonate = rule.get("impersonate") if isinstance(rule, dict) else None
                groups = impersonate.get("groups") if isinstance(impersonate, dict) else None
                if isinstance(groups, list):
                    yield from (group for group in cast("list[object]", groups) if isinstance(group, str))


POLICIES: list[PackPolicy] = [
    ResourceValidationPolicy(
        name="no-grant-from-everyone-to-everything",
        description="Nobody lets everyone reach everything.",
        validate=on_policy_file(everyone_to_everything),
    ),
    ResourceValidationPolicy(
        name="no-system-masters-without-posture",
        description="Whoever administers a cluster does it from a device that was checked.",
        validate=on_policy_file(masters_without_posture),
    ),
]
