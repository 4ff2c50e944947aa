"""What a reference such as `blue.nginx` leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from tailstack.topology.custom import Connector, PeerRelay, Recorder
from tailstack.topology.notes import Notes
from tailstack.topology.routes import Network, is_within, read_network
from tailstack.topology.tailnet import Cluster, Exposure, Ingress, Machine, TailscaleService

_Thing = TypeVar("_Thing", Exposure, Ingress, Connector, Recorder, PeerRelay)

Router: TypeAlias = Connector | Machine
"""What may lead out of the tailnet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """Everything that is declared, by the name that references use. Clusters are without their egresses yet.

    What a cluster serves of a Tailscale Service is referred to by the Service. What belongs to another tailnet is left out.
    """

    notes: Notes
    clusters: Mapping[str, Cluster]
    exposures: Mapping[str, Exposure]
    ingresses: Mapping[str, Ingress]
    services: Mapping[str, TailscaleService]
    machines: Mapping[str, Machine]
    connectors: Mapping[str, Connector]
    recorders: Mapping[str, Recorder]
    peer_relays: Mapping[str, PeerRelay]

    def exposure(self, reference: str, *path: str | int) -> Exposure | None:
        """The exposure `<cluster>.<name>` that is written at this path; None, with a finding, where there is none."""
        return self._member("exposure", "expose", self.exposures, reference, *path)

    def ingress(self, reference: str, *path: str | int) -> Ingress | None:
        """The ingress `<cluster>.<name>` that is written at this path; None, with a finding, where there is none."""
        return self._member("ingress", "ingress", self.ingresses, reference, *path)

    def connector(self, reference: str, *path: str | int) -> Connector | None:
        """The connector `<cluster>.<name>` that is written at this path; None, with a finding, where there is none."""
        return self._member("connector", "connectors", self.connectors, reference, *path)

    def recorder(self, reference: str, *path: str | int) -> Recorder | None:
        """The recorder `<cluster>.<name>` that is written at this path; None, with a finding, where there is none."""
        return self._member("recorder", "recorders", self.recorders, reference, *path)

    def peer_relay(self, reference: str, *path: str | int) -> PeerRelay | None:
        """The peer relay `<cluster>.<name>` that is written at this path; None, with a finding, where there is none."""
        return self._member("peer relay", "peerRelays", self.peer_relays, reference, *path)

    def _member(
        self, kind: str, part: str, things: Mapping[str, _Thing], reference: str, *path: str | int
    ) -> _Thing | None:
        found = things.get(reference)
        cluster, _, name = reference.partition(".")
        if found is not None or self.notes.is_broken("clusters", cluster, part, name):
            return found
        if cluster not in self.clusters:
            self._say_unknown_cluster(cluster, *path)
            return None
        known = [other for other in things if other.startswith(f"{cluster}.")]
        self.notes.unknown(*path, kind=kind, name=reference, known=known, mend=self._what_it_is(reference))
        return None

    def _what_it_is(self, reference: str) -> str:
        """How to write a reference to something of another kind."""
        every: tuple[tuple[str, str, Mapping[str, object]], ...] = (
            ("an exposure", "exposure", self.exposures),
            ("an ingress", "ingress", self.ingresses),
            ("a connector", "connector", self.connectors),
            ("a recorder", "recorder", self.recorders),
            ("a peer relay", "peerRelay", self.peer_relays),
        )
        for kind, key, things in every:
            if reference in things:
                return f"{reference} is {kind}: write `{key}: {reference}`."
        cluster, _, name = reference.partition(".")
        service = self.services.get(f"svc:{name}")
        if service is not None and any(backend.cluster == cluster for backend in service.backends):
            return f"{cluster} serves {service.name}: write `service: {service.name}`."
        return ""

    def service(self, name: str, *path: str | int) -> TailscaleService | None:
        """The Tailscale Service that is written at this path; None, with a finding, where there is none."""
        if name not in self.services and not self.notes.is_broken("services", name):
            self.notes.unknown(*path, kind="Tailscale Service", name=name, known=self.services)
        return self.services.get(name)

    def machine(self, name: str, *path: str | int) -> Machine | None:
        """The machine that is written at this path; None, with a finding, where there is none."""
        if name not in self.machines and not self.notes.is_broken("machines", name):
            self.notes.unknown(*path, kind="machine", name=name, known=self.machines)
        return self.machines.get(name)

    def cluster(self, name: str, *path: str | int) -> Cluster | None:
        """The cluster that is written at this path; None, with a finding, where there is none."""
        if name not in self.clusters and not self.notes.is_broken("clusters", name):
            self._say_unknown_cluster(name, *path)
        return self.clusters.get(name)

    def _say_unknown_cluster(self, name: str, *path: str | int) -> None:
        self.notes.unknown(*path, kind="cluster", name=name, known=self.clusters)

    def exit_node(self, reference: str, *path: str | int) -> Router | None:
        """The exit node, a connector or a machine, that is written at this path; None, with a finding, where there is none."""
        return self._router("exit node", "`exitNode: true`", lambda router: router.exit_node, reference, *path)

    def app_connector(self, reference: str, *path: str | int) -> Router | None:
        """The app connector, of a cluster or a machine, that is written at this path; None, with a finding, without one."""
        return self._router(
            "app connector", "`appConnector:`", lambda router: bool(router.app_connector), reference, *path
        )

    def subnet_router(self, reference: str, *path: str | int) -> Router | None:
        """What leads to ranges of addresses and is written at this path; None, with a finding, where there is none."""
        return self._router("router", "`routes:`", lambda router: any(leads_to(router)), reference, *path)

    def _router(
        self, kind: str, wanted: str, fits: Callable[[Router], bool], reference: str, *path: str | int
    ) -> Router | None:
        every: dict[str, Router] = {**self.connectors, **self.machines}
        found = every.get(reference)
        if found is not None and fits(found):
            return found
        cluster, dot, name = reference.partition(".")
        where = ("clusters", cluster, "connectors", name) if dot else ("machines", reference)
        if not self.notes.is_broken(*where):
            known = [name for name, router in every.items() if fits(router)]
            mend = f"{reference} is declared without {wanted}." if found else ""
            self.notes.unknown(*path, kind=kind, name=reference, known=known, mend=mend)
        return None

    def routers_to(self, network: Network) -> list[Router]:
        """Those that advertise a range in which all of this one lies."""
        every: tuple[Router, ...] = (*self.connectors.values(), *self.machines.values())
        return [
            router
            for router in every
            if any((outer := read_network(route)) and is_within(network, outer) for route in router.routes)
        ]

    def by_fqdn(self) -> Mapping[str, Exposure | Ingress | TailscaleService | Machine]:
        """What has a name in the tailnet, by that name; of two with one name, the first."""
        every = (
            *self.exposures.values(),
            *self.ingresses.values(),
            *self.services.values(),
            *self.machines.values(),
        )
        return {thing.fqdn: thing for thing in reversed(every)}


def leads_to(router: Router) -> Iterator[str]:
    """Every range that a connector or a machine advertises, those of its app connector too."""
    yield from router.routes
    if isinstance(router, Connector):
        yield from router.app_routes
    elif router.app_connector is not None:
        yield from router.app_connector.routes
