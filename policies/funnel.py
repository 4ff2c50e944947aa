"""What is opened to the internet."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi_policy import Policy as PackPolicy
from pulumi_policy import PolicyConfigSchema, ResourceValidationArgs, ResourceValidationPolicy

from policies.resources import on_ingress, on_policy_file
from tailstack.access.policy import Policy

RULE = "no-funnel-outside-allow-list"
ALLOWED = "allowed"


def _allowed(args: ResourceValidationArgs) -> frozenset[str]:
    return frozenset(str(name) for name in args.get_config().get(ALLOWED) or ())


def opened_ingress(node: str, args: ResourceValidationArgs) -> Iterator[str]:
    """A message for a node that Funnel opens although it is not on the list."""
    if node not in _allowed(args):
        yield f"The ingress {args.name} opens the node {node} to the internet. Allow {node} in the pack's config, or close it."


def switched_on(policy: Policy, args: ResourceValidationArgs) -> Iterator[str]:
    """A message for each target that the policy file lets use Funnel although it is not on the list."""
    allowed = _allowed(args)
    for number, attribute in enumerate(policy.node_attributes):
        if any(attr.text == "funnel" for attr in attribute.attr):
            for target in attribute.target:
                if target.name not in allowed:
                    yield (
                        f"nodeAttrs[{number}] lets {target.name} open nodes to the internet. "
                        f"Allow {target.name} in the pack's config, or take the attribute away."
                    )


POLICIES: list[PackPolicy] = [
    ResourceValidationPolicy(
        name=RULE,
        description="Only what is on the list is opened to the internet.",
        validate=[on_ingress(opened_ingress), on_policy_file(switched_on)],
        config_schema=PolicyConfigSchema(
            properties={
                ALLOWED: {
                    "type": "array",
                    "items": {"type": "string"},
                    "default": [],
                    "description": "Names of nodes, and targets of nodeAttrs, that may use Funnel",
                }
            }
        ),
    ),
]
