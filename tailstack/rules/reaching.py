"""What is exposed to the tailnet, each with the entries of the policy that lead to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.access.derive import ports_of
from tailstack.access.entries import Entry
from tailstack.access.evaluate import Access
from tailstack.access.inventory import Node
from tailstack.access.nodes import NodeKind
from tailstack.access.principals import Principal
from tailstack.rules.tailscale_services import service_principal
from tailstack.topology.tailnet import Exposure, Ingress, Tailnet, TailscaleService

_SERVICE = "service"
"""A Tailscale Service, by the key that refers to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposed:
    """An exposure, an ingress or a Tailscale Service of the whole tailnet, and the entries that open any of its ports to somebody, in the order of the policy."""

    kind: str
    declared: Exposure | Ingress | TailscaleService
    entries: tuple[Entry, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.declared.reference}"


def exposed(tailnet: Tailnet, access: Access) -> tuple[Exposed, ...]:
    """All exposures, then all ingresses, then what several clusters or machines serve together. What has no port that is known is reached by every entry that leads to it."""
    return tuple(_exposed(tailnet, access))


def _exposed(tailnet: Tailnet, access: Access) -> Iterator[Exposed]:
    every: tuple[tuple[str, tuple[Exposure | Ingress | TailscaleService, ...]], ...] = (
        (NodeKind.EXPOSURE, tuple(each for each in tailnet.exposures if not each.is_shared)),
        (NodeKind.INGRESS, tuple(each for each in tailnet.ingresses if not each.is_shared)),
        (_SERVICE, tailnet.services),
    )
    for kind, several in every:
        for declared in several:
            offered = ports_of(declared.granted_ports)
            leading = access.entries_to(_principal(access, declared))
            entries = (access.entries[index] for index in sorted(leading))
            yield Exposed(
                kind=kind,
                declared=declared,
                entries=tuple(each for each in entries if not offered or offered != offered.minus(each.ports)),
            )


def _principal(access: Access, declared: Exposure | Ingress | TailscaleService) -> Principal:
    if declared.tailscale_service is not None:
        return service_principal(declared.tailscale_service, declared.tags)
    return access.principal(Node(name=declared.fqdn, tags=declared.tags))
