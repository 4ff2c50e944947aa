"""Keeps what the SDK tells for its own debugging out of the engine's event stream: values in clear text, and a lot of it."""

from __future__ import annotations

import pulumi

_VALUES = "props="


def silence_debug_messages(*, wanted: bool) -> None:
    """Drop the SDK's debugging messages, or, where they are `wanted`, those that hold the outputs of the stack.

    `register_resource_outputs` writes what it sends into a debugging message, secrets as they are, and the engine hands
    it to whoever reads its events, also without `--debug` (pulumi/runtime/resource.py and `pulumi preview --json`, 3.250.0).
    The others hold no values. But each is a call of the engine that the program waits for, four for every resource.
    """
    debug = pulumi.log.debug

    def discreet(
        msg: str,
        resource: pulumi.Resource | None = None,
        stream_id: int | None = None,
        ephemeral: bool | None = None,  # noqa: FBT001 -- the SDK's own signature
    ) -> None:
        if wanted and _VALUES not in msg:
            debug(msg, resource, stream_id, ephemeral)

    pulumi.log.debug = discreet
