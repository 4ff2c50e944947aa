"""Keeps values out of the engine's event stream where the SDK would put them in clear text."""

from __future__ import annotations

import pulumi

_VALUES = "props="


def keep_values_out_of_debug_messages() -> None:
    """Drop the SDK's debugging messages that hold the outputs of the stack.

    `register_resource_outputs` writes what it sends into a debugging message, secrets as they are, and the engine hands
    it to whoever reads its events, also without `--debug` (pulumi/runtime/resource.py and `pulumi preview --json`, 3.250.0).
    """
    debug = pulumi.log.debug

    def discreet(
        msg: str,
        resource: pulumi.Resource | None = None,
        stream_id: int | None = None,
        ephemeral: bool | None = None,  # noqa: FBT001 -- the SDK's own signature
    ) -> None:
        if _VALUES not in msg:
            debug(msg, resource, stream_id, ephemeral)

    pulumi.log.debug = discreet
