"""What the tailnet tells others, and what it asks them: webhooks, log streams, sources of posture attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_tailscale import (
    LogstreamConfiguration,
    LogstreamConfigurationArgs,
    PostureIntegration,
    PostureIntegrationArgs,
    Webhook,
)

from components.config_secrets import SecretOf
from components.options import child
from tailstack.topology import extras
from tailstack.topology.extras import ConfigSecret


def call_back(parent: pulumi.Resource, webhook: extras.Webhook, secret_of: SecretOf) -> Webhook:
    """A webhook. Its `secret`, by which calls are signed, is known at creation only, and is a secret output."""
    url = webhook.endpoint_url
    return Webhook(
        f"webhooks.{webhook.name}",
        endpoint_url=secret_of(url) if isinstance(url, ConfigSecret) else url,
        provider_type=webhook.provider_type or None,
        subscriptions=list(webhook.subscriptions),
        opts=child(parent),
    )


def send_logs(
    parent: pulumi.Resource, stream: extras.LogStream, secret_of: SecretOf, *, depends_on: Sequence[pulumi.Resource]
) -> LogstreamConfiguration:
    """A stream of logs, by the provider's own arguments. That of network flows needs them to be logged: a setting."""
    return LogstreamConfiguration(
        f"logStreaming.{stream.log_type}",
        LogstreamConfigurationArgs(log_type=stream.log_type, **_arguments(stream.arguments, secret_of)),
        opts=child(parent, depends_on=depends_on),
    )


def ask_for_posture(
    parent: pulumi.Resource, integration: extras.PostureIntegration, secret_of: SecretOf
) -> PostureIntegration:
    """A source of posture attributes, by the provider's own arguments."""
    return PostureIntegration(
        f"postureIntegrations.{integration.name}",
        PostureIntegrationArgs(**_arguments(integration.arguments, secret_of)),
        opts=child(parent),
    )


def _arguments(declared: Mapping[str, extras.Argument], secret_of: SecretOf) -> dict[str, Any]:
    return {name: _argument(argument, secret_of) for name, argument in declared.items()}


def _argument(declared: extras.Argument, secret_of: SecretOf) -> Any:  # noqa: ANN401  the provider knows the type of each
    if isinstance(declared, ConfigSecret):
        return secret_of(declared)
    return list(declared) if isinstance(declared, tuple) else declared
