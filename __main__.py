"""The Pulumi program: read this stack's environment, refuse it if it has mistakes, build it, and tell what it is."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tailstack.allocation import without_garbage_collection

# A tenth of the program's time would go into looking for cycles among what imports and declarations make, and all of it stays.
with without_garbage_collection(freeze=True):
    import pulumi

    from components.checking import without_errors
    from components.discretion import silence_debug_messages
    from components.environment import build
    from components.policy_guard import connect, guard
    from components.policy_keeping import beside_what_is_kept
    from components.policy_tests import acceptable
    from components.refusal import refusals_shown
    from components.scopes import part_of
    from components.stack_settings import read_settings

PROJECT = Path(__file__).parent
DEBUG_VARIABLE = "TAILSTACK_DEBUG"
"""In the environment: with any value, the SDK's debugging messages reach the engine, which shows them with --debug."""

silence_debug_messages(wanted=bool(os.environ.get(DEBUG_VARIABLE)))
with without_garbage_collection(freeze=True), refusals_shown():
    config = pulumi.Config()
    settings = read_settings(config, stack=pulumi.get_stack(), now=datetime.now(UTC), variables=os.environ)
    declared = without_errors(PROJECT, settings.environment, settings.at)
    part = part_of(settings.scope, declared.tailnet)
    connected = partial(connect, pulumi.Config("tailscale"), os.environ)
    if not part.has_tailnet:
        from components.live_policy import expect_known  # what only a part without the policy file needs

        expect_known(declared, part, connected, is_preview=pulumi.runtime.is_dry_run())
    outputs = build(
        declared.tailnet,
        beside_what_is_kept(acceptable(declared.whole, declared.policy.text, connected), os.environ)
        if part.has_tailnet
        else "",
        settings,
        config=config,
        project=PROJECT,
        variables=os.environ,
        guard=guard(connected) if part.has_tailnet else None,
        part=part,
    )
    for name, value in outputs.items():
        pulumi.export(name, value)
