"""What is exposed to the tailnet, each with the entries of the policy that lead to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tailstack.access.derive import ip_entries
from tailstack.access.entries import Entry
from tailstack.access.evaluate import Access
from tailstack.access.inventory import Node
from tailstack.access.nodes import NodeKind
from tailstack.access.ports import Ports, parse_ip_entry
from tailstack.access.principals import Principal
from tailstack.rules.tailscale_services import service_principal
from tailstack.topology.tailnet import Exposure, Ingress, Port, Tailnet


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposed:
    """An exposure or an ingress, and the entries that open any of its ports to somebody, in the order of the policy."""

    kind: NodeKind
    declared: Exposure | Ingress
    entries: tuple[Entry, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.declared.reference}"


def exposed(tailnet: Tailnet, access: Access) -> tuple[Exposed, ...]:
    """All exposures, then all ingresses. What has no port that is known is reached by every entry that leads to it."""
    return tuple(_exposed(tailnet, access))


def _exposed(tailnet: Tailnet, access: Access) -> Iterator[Exposed]:
    for kind, several in ((NodeKind.EXPOSURE, tailnet.exposures), (NodeKind.INGRESS, tailnet.ingresses)):
        for declared in several:
            offered = offered_ports(declared.granted_ports)
            leading = access.entries_to(_principal(access, declared))
            entries = (access.entries[index] for index in sorted(leading))
            yield Exposed(
                kind=kind,
                declared=declared,
                entries=tuple(each for each in entries if not offered or offered != offered.minus(each.ports)),
            )


def _principal(access: Access, declared: Exposure | Ingress) -> Principal:
    if declared.tailscale_service is not None:
        return service_principal(declared.tailscale_service, declared.tags)
    return access.principal(Node(name=declared.fqdn, tags=declared.tags))


@lru_cache(maxsize=4096)
def offered_ports(ports: tuple[Port, ...]) -> Ports:
    """The ports of a declaration as the policy file counts them."""
    offered = Ports()
    for entry in ip_entries(ports):
        offered = offered.union(parse_ip_entry(entry))
    return offered
