"""What the policy file's `autoApprovers` approve, at the moment something is first advertised.

A `routes` entry covers its prefix and parts of it, never more; `0.0.0.0/0` and `::/0` there approve subnet routes inside of
them but no exit node, which only `exitNode` does (recorded answers of the service, headscale's routes-ea1 to ea14).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TypeAlias

from tailstack.sandbox.api import policy_file
from tailstack.sandbox.api.tailnet import Approval, Device, Service, Tailnet

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

EXIT_ROUTES = frozenset({"0.0.0.0/0", "::/0"})


def approved_routes(tailnet: Tailnet, device: Device, routes: Iterable[str]) -> tuple[str, ...]:
    """Those of the routes that the policy approves for this device by itself."""
    approvers = policy_file.auto_approvers(tailnet)
    covered = [
        ipaddress.ip_network(prefix)
        for prefix, selectors in approvers.routes.items()
        if _is_one_of(tailnet, device, selectors)
    ]
    exit_node = _is_one_of(tailnet, device, approvers.exit_node)
    return tuple(
        route
        for route in routes
        if (exit_node if route in EXIT_ROUTES else any(_covers(one, route) for one in covered))
    )


def service_approval(tailnet: Tailnet, device: Device, service: Service) -> Approval:
    """Whether the policy lets this device host the Service; entries name the Service or one of its tags."""
    approvers = policy_file.auto_approvers(tailnet)
    for name in (service.name, *service.tags):
        if _is_one_of(tailnet, device, approvers.services.get(name, ())):
            return Approval.AUTOMATIC
    return Approval.NONE


def _covers(network: Network, route: str) -> bool:
    inner = ipaddress.ip_network(route)
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(network)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(network)


def _is_one_of(tailnet: Tailnet, device: Device, selectors: Iterable[str]) -> bool:
    """Whether a selector means this device: by a tag, or, where it has none, by its user."""
    if device.tags:
        return any(selector in device.tags or selector == "autogroup:tagged" for selector in selectors)
    user = next((user for user in tailnet.users.values() if user.login_name == device.user), None)
    groups = policy_file.groups(tailnet)
    return user is not None and any(
        selector in (user.login_name, "autogroup:member", f"autogroup:{user.role}")
        or user.login_name in groups.get(selector, ())
        for selector in selectors
    )
