"""The application capability by which nodes may use a peer relay: `nodeHasCap` of wgengine/magicsock in tailscale."""

from __future__ import annotations

RELAY_CAPABILITY = "tailscale.com/cap/relay"
"""At the relay, without parameters. It needs no port there: relaying is agreed on below the packet filter."""
