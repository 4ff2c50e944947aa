"""Runs a policy of the pack as the pack's own server does: real arguments, properties that raise where they are unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pulumi_policy import Policy, PolicyResourceOptions, ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.policy import PolicyCustomTimeouts
from pulumi_policy.proxy import unknown_checking_proxy

POLICY_FILE = "tailscale:index/acl:Acl"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
OPTIONS = PolicyResourceOptions(
    protect=False,
    ignore_changes=[],
    delete_before_replace=None,
    aliases=[],
    custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
    additional_secret_outputs=[],
)
"""Those of a resource for which none are set."""


def judge(
    policies: list[Policy],
    name: str,
    resource_type: str,
    props: dict[str, Any],
    config: Mapping[str, Any] | None = None,
) -> list[str]:
    """The violations that the policy called `name` reports for one resource, named `it`."""
    (policy,) = (each for each in policies if each.name == name)
    assert isinstance(policy, ResourceValidationPolicy)
    violations: list[str] = []

    def report(message: str, urn: str | None = None) -> None:
        assert urn is None
        violations.append(message)

    args = ResourceValidationArgs(
        resource_type,
        unknown_checking_proxy(props),
        f"urn:pulumi:test::tailstack::{resource_type}::it",
        "it",
        OPTIONS,
        None,
        config,
    )
    awaited: object = cast("Any", policy).validate(args, report)
    assert awaited is None
    return violations


def policy_file(text: str) -> dict[str, Any]:
    return {"acl": text}
