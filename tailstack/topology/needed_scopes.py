"""Which scopes of Tailscale's API a stack needs for what is declared: the table of docs/tailnet.md, and what the stand-in asks.

A scope lets write and read. https://tailscale.com/kb/1623/trust-credentials
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.topology.credentials import SERVICES_SCOPE, operator_scopes
from tailstack.topology.extras import Extras
from tailstack.topology.tailnet import Tailnet

OWNER = (
    *("policy_file", "oauth_keys", "auth_keys", "devices:core"),
    *("dns", "feature_settings", "networking_settings"),
)
"""For the policy file, the operators' clients, their keys and devices, MagicDNS and HTTPS certificates."""

GUEST = ("policy_file:read", "oauth_keys", "auth_keys", "devices:core")
"""For an environment whose tailnet another one owns."""

_SETTINGS = {
    "acls_externally_managed_on": "policy_file",
    "acls_external_link": "policy_file",
    "network_flow_logging_on": "logs:network",
}
"""Settings that have a scope of their own, by the provider's names; the others are `feature_settings`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NeededScope:
    """A scope, and what needs it in people's words."""

    scope: str
    why: str


def needed_scopes(tailnet: Tailnet) -> tuple[NeededScope, ...]:
    """Each scope once, for the first thing that needs it."""
    found: dict[str, NeededScope] = {}
    for needed in _needed(tailnet):
        found.setdefault(needed.scope, needed)
    return tuple(found.values())


def _needed(tailnet: Tailnet) -> Iterator[NeededScope]:
    for scope in GUEST if tailnet.guest_of is not None else OWNER:
        yield NeededScope(scope=scope, why="every environment")
    for cluster in tailnet.clusters:
        if SERVICES_SCOPE in operator_scopes(cluster):
            yield NeededScope(scope=SERVICES_SCOPE, why=f"the proxy groups of {cluster.name}")
        if cluster.operator.federation is not None:
            yield NeededScope(scope="federated_keys", why=f"the federated identity of the operator of {cluster.name}")
    yield from _needed_by_extras(tailnet.extras)
    for machine in tailnet.machines:
        if machine.device is not None and machine.device.routes:
            yield NeededScope(scope="devices:routes", why=f"the routes of the machine {machine.name}")
    if any(service.machines for service in tailnet.services):
        yield NeededScope(scope=SERVICES_SCOPE, why="Tailscale Services of machines")


def _needed_by_extras(extras: Extras) -> Iterator[NeededScope]:
    for setting in extras.settings:
        yield NeededScope(scope=_SETTINGS.get(setting, "feature_settings"), why=f"the setting {setting}")
    if extras.posture_integrations:
        yield NeededScope(scope="feature_settings", why="posture integrations")
    if extras.contacts is not None:
        yield NeededScope(scope="account_settings", why="the contacts")
    if extras.webhooks:
        yield NeededScope(scope="webhooks", why="webhooks")
    if extras.log_streams:
        yield NeededScope(scope="log_streaming", why="log streams")
