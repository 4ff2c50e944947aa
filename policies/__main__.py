"""The policy pack, served to the engine by `pulumi up --policy-pack policies`. Building a pack blocks, so it is all here."""

from __future__ import annotations

from pulumi_policy import EnforcementLevel, PolicyPack

from policies import access, funnel, tailnet

PolicyPack(
    "tailstack",
    policies=[*access.POLICIES, *funnel.POLICIES, *tailnet.POLICIES],
    enforcement_level=EnforcementLevel.MANDATORY,
)
