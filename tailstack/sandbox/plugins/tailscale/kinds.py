"""Every resource of the stand-in.

Names are as in pulumi-tailscale 0.29.2, behaviour as in terraform-provider-tailscale v0.29, which it bridges: read in
https://github.com/tailscale/terraform-provider-tailscale, `tailscale/resource_*.go`. The shapes of the calls are in
https://tailscale.com/api.
"""

from __future__ import annotations

from typing import Final

from tailstack.sandbox.plugins.tailscale import (
    devices,
    dns,
    keys,
    log_streams,
    policy_file,
    posture_integrations,
    services,
    settings,
)
from tailstack.sandbox.plugins.tailscale.kind import Kind

_FAMILIES: Final[tuple[tuple[Kind, ...], ...]] = (
    policy_file.KINDS,
    keys.KINDS,
    services.KINDS,
    dns.KINDS,
    settings.KINDS,
    devices.KINDS,
    log_streams.KINDS,
    posture_integrations.KINDS,
)
KINDS: Final = {kind.type: kind for family in _FAMILIES for kind in family}
"""By type token."""
