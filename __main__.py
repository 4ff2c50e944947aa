"""The Pulumi program: read this stack's environment, refuse it if it has mistakes, build it, and tell what it is."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pulumi

from components.checking import without_errors
from components.discretion import keep_values_out_of_debug_messages
from components.environment import build
from components.policy_guard import connect, guard
from components.policy_tests import acceptable
from components.refusal import refusals_shown
from components.stack_settings import read_settings

PROJECT = Path(__file__).parent

keep_values_out_of_debug_messages()
with refusals_shown():
    config = pulumi.Config()
    settings = read_settings(config, stack=pulumi.get_stack(), now=datetime.now(UTC))
    tailnet, policy = without_errors(PROJECT, settings.environment, settings.at)
    connected = partial(connect, pulumi.Config("tailscale"), os.environ)
    outputs = build(
        tailnet,
        acceptable(tailnet, policy, connected),
        settings,
        config=config,
        project=PROJECT,
        variables=os.environ,
        guard=guard(connected),
    )
    for name, value in outputs.items():
        pulumi.export(name, value)
