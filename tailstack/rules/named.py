"""Everything that has a name in a tailnet, by its full name: what is declared, and what is known to be live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tailstack.access.derive import normal_fqdn, some_of
from tailstack.access.inventory import Inventory, Node
from tailstack.access.nodes import DeclaredNode
from tailstack.rules.tailscale_services import DeclaredService


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """By full name, in small letters and without a dot at the end. Of several nodes with one name the first.

    `services` are the parts of each Tailscale Service in the clusters that host it; `devices` and `live_services` are what
    there is in the tailnet, as far as that is known. `wishes` counts the nodes and Services that ask for a name.
    """

    nodes: Mapping[str, DeclaredNode]
    services: Mapping[str, Sequence[DeclaredService]]
    devices: Mapping[str, Node]
    live_services: frozenset[str]
    wishes: Mapping[str, int]

    def __contains__(self, fqdn: str) -> bool:
        name = normal_fqdn(fqdn)
        return any(name in known for known in (self.nodes, self.services, self.devices, self.live_services))

    @property
    def labels(self) -> Mapping[str, str]:
        """The full names by their first label."""
        every: Iterable[str] = (*self.nodes, *self.services, *self.devices, *self.live_services)
        return {fqdn.partition(".")[0]: fqdn for fqdn in every}

    def who(self, fqdn: str) -> str:
        """What a person calls the thing with one of these names."""
        name = normal_fqdn(fqdn)
        if name in self.services:
            return f"{self.services[name][0].name} ({some_of([service.who for service in self.services[name]])})"
        return str(self.nodes[name]) if name in self.nodes else "a device that there is"


def everything_named(
    nodes: Sequence[DeclaredNode], services: Sequence[DeclaredService], inventory: Inventory, dns_name: str
) -> Named:
    """An index of the names of a tailnet, whose domain is `dns_name`."""
    by_name: dict[str, list[DeclaredService]] = {}
    for service in services:
        by_name.setdefault(normal_fqdn(f"{service.hostname}.{dns_name}"), []).append(service)
    return Named(
        nodes={normal_fqdn(node.fqdn): node for node in reversed(nodes)},
        services=by_name,
        devices={normal_fqdn(device.name): device for device in inventory.nodes},
        live_services=frozenset(
            normal_fqdn(f"{service.name.removeprefix('svc:')}.{dns_name}") for service in inventory.services
        ),
        wishes=Counter((*(normal_fqdn(node.fqdn) for node in nodes), *by_name)),
    )
