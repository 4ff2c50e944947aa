"""Secrets of the stack's config that declarations name: all of them are there, or nothing is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pulumi

from components.refusal import RefusedError
from tailstack.finding import Place
from tailstack.topology.extras import ConfigSecret, Extras

SecretOf = Callable[[ConfigSecret], pulumi.Output[str]]


def config_secrets(extras: Extras, config: pulumi.Config) -> SecretOf:
    """How to get what a declaration names by `{secret: name}`, encrypted in the state and masked wherever it is shown.

    Raises RefusedError naming every one that the config lacks.
    """
    missing = [
        f"  {place}: {who} needs the secret tailstack:{secret.name}"
        for who, secret, place in _named(extras)
        if config.get_secret(secret.name) is None
    ]
    if missing:
        raise RefusedError(
            "Secrets are missing in the stack's config:\n"
            + "\n".join(missing)
            + "\nSet each from a file: pulumi config set --secret tailstack:NAME < FILE"
        )
    return lambda secret: config.require_secret(secret.name)


def _named(extras: Extras) -> Iterator[tuple[str, ConfigSecret, Place]]:
    for webhook in extras.webhooks:
        if isinstance(webhook.endpoint_url, ConfigSecret):
            yield f"webhook {webhook.name}", webhook.endpoint_url, webhook.place
    for stream in extras.log_streams:
        for argument in stream.arguments.values():
            if isinstance(argument, ConfigSecret):
                yield f"the stream of {stream.log_type} logs", argument, stream.place
    for integration in extras.posture_integrations:
        for argument in integration.arguments.values():
            if isinstance(argument, ConfigSecret):
                yield f"posture integration {integration.name}", argument, integration.place
