"""Tailscale Services that are declared once for the whole tailnet: one name for what several clusters or machines serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tailstack.topology import naming
from tailstack.topology.declaration import (
    ClusterDeclaration,
    HttpsDeclaration,
    ManagedBy,
    ProxyGroupType,
    ServiceBackendDeclaration,
    ServiceDeclaration,
)
from tailstack.topology.exposing import check_created_ports, check_selector, say_no_effect, service_port
from tailstack.topology.named import check_group
from tailstack.topology.nodes import NodeResolver
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.ports import UNKNOWN_PORT, read_ports
from tailstack.topology.tailnet import HTTP, HTTPS, Exposure, Ingress, Machine, Port, TailscaleService


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shared:
    """What all backends of one Tailscale Service have in common."""

    hostname: str
    ports: tuple[Port, ...]
    tags: tuple[str, ...]
    consumers: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceResolver:
    """Resolves the Tailscale Services of the tailnet, whose backends are in these clusters."""

    notes: Notes
    nodes: NodeResolver
    machines: Mapping[str, Machine]
    clusters: Mapping[str, ClusterDeclaration]

    def services(self, declared: Mapping[str, ServiceDeclaration]) -> tuple[TailscaleService, ...]:
        """All of them."""
        return tuple(self._service(("services", name), service) for name, service in declared.items())

    def _service(self, path: Path, declared: ServiceDeclaration) -> TailscaleService:
        name = str(path[1])
        hostname = name.removeprefix("svc:")
        self._check_who_serves(path, declared)
        kind = self.notes.exactly_one(path, {"ports": declared.ports or None, "https": declared.https})
        ports = self._ports(path, declared, kind)
        self.notes.once((*path, "tags"), declared.tags or ())
        self.notes.once((*path, "machines"), declared.machines)
        shared = _Shared(
            hostname=hostname,
            ports=ports,
            tags=tuple(declared.tags or (naming.service_tag(hostname),)),
            consumers=self.nodes.consumers(path, declared.consumers),
        )
        return TailscaleService(
            name=name,
            fqdn=self.nodes.fqdn(hostname),
            ports=ports,
            tags=shared.tags,
            backends=tuple(self._backends(path, declared, kind, shared)),
            machines=tuple(self._machines(path, declared.machines)),
            consumers=shared.consumers,
            comment=declared.comment or "",
            place=self.notes.key(*path),
        )

    def _check_who_serves(self, path: Path, declared: ServiceDeclaration) -> None:
        by = self.notes.exactly_one(
            path, {"backends": declared.backends or None, "machines": declared.machines or None}
        )
        if by == "machines":
            if declared.https is not None:
                say_no_effect(self.notes, path, "https", "machines, which serve what they have", "Write `ports:`.")
            if declared.proxy_group is not None:
                say_no_effect(self.notes, path, "proxyGroup", "machines")
        if by == "backends" and declared.comment is not None:
            say_no_effect(self.notes, path, "comment", "backends, whose operators write the Tailscale Service")

    def _ports(self, path: Path, declared: ServiceDeclaration, kind: str | None) -> tuple[Port, ...]:
        """What it listens on. `kind` is the one key that says it, None where that is not known."""
        ports = read_ports(self.notes, (*path, "ports"), declared.ports)
        if kind == "https" and declared.https is not None:
            return (HTTPS, HTTP) if declared.https.http or not self.notes.knows(path, "https") else (HTTPS,)
        return ports if kind else (UNKNOWN_PORT,)

    def _machines(self, path: Path, names: Sequence[str]) -> Iterator[Machine]:
        for index, name in enumerate(names):
            if name in self.machines:
                yield self.machines[name]
            elif not self.notes.is_broken("machines", name):
                self.notes.unknown(*path, "machines", index, kind="machine", name=name, known=self.machines)

    def _backends(
        self, path: Path, declared: ServiceDeclaration, kind: str | None, shared: _Shared
    ) -> Iterator[Exposure | Ingress]:
        is_created = False
        for cluster, entry in declared.backends.items():
            here = (*path, "backends", cluster)
            backend = _in_full(entry)
            is_known = self.nodes.check_cluster(cluster, *here)
            group = backend.proxy_group or declared.proxy_group or ""
            if not group and self.notes.knows(path, "proxyGroup"):
                self.notes.needs(
                    *here,
                    key="proxyGroup",
                    why="the service names none for all of its clusters",
                    expected="the name of an ingress group in this cluster",
                    mend="Add `proxyGroup:` here, or to the service for all of its clusters.",
                )
            if group and is_known:
                check_group(
                    self.notes,
                    *(here if backend.proxy_group else path),
                    "proxyGroup",
                    name=group,
                    cluster=cluster,
                    groups=self.clusters[cluster].proxy_groups,
                    kind=ProxyGroupType.INGRESS,
                )
            if kind == "https" and declared.https is not None:
                served = self._ingress(here, backend, group, declared.https, shared)
            else:
                served = self._exposure(here, backend, group, shared)
            if kind == "ports":
                self._check_service(here, backend)
                is_created = is_created or backend.managed_by is ManagedBy.PULUMI
            if is_known:
                yield served
        if is_created:
            check_created_ports(self.notes, path, shared.ports)

    def _ingress(
        self, path: Path, backend: ServiceBackendDeclaration, group: str, https: HttpsDeclaration, shared: _Shared
    ) -> Ingress:
        for key, is_written in (
            ("managedBy", backend.managed_by is not ManagedBy.PATCH),
            ("selector", backend.selector is not None),
        ):
            if is_written:
                say_no_effect(self.notes, path, key, "https: an ingress leads to a Service as it is")
        if backend.port is None:
            self.notes.needs(
                *path,
                key="port",
                why="the service is https",
                expected="the port of the Service, for example 8080",
                mend="Write {namespace: ..., service: ..., port: ...}.",
            )
        return Ingress(
            cluster=str(path[3]),
            name=shared.hostname,
            namespace=backend.namespace,
            backend_service=backend.service,
            backend_port=backend.port or 0,
            funnel=False,
            hostname=shared.hostname,
            fqdn=self.nodes.fqdn(shared.hostname),
            tags=shared.tags,
            consumers=shared.consumers,
            former_names=(),
            serves_http=https.http is not None,
            proxy_group=group,
            http=https.http,
            is_shared=True,
            place=self.notes.key(*path),
        )

    def _check_service(self, path: Path, backend: ServiceBackendDeclaration) -> None:
        if backend.port is not None:
            say_no_effect(self.notes, path, "port", "ports, which are those of the Service")
        check_selector(self.notes, path, backend.managed_by, backend.selector)

    def _exposure(self, path: Path, backend: ServiceBackendDeclaration, group: str, shared: _Shared) -> Exposure:
        return Exposure(
            cluster=str(path[3]),
            name=shared.hostname,
            namespace=backend.namespace,
            service=backend.service,
            ports=tuple(service_port(port) for port in shared.ports),
            managed_by=backend.managed_by,
            selector=tuple((backend.selector or {}).items()),
            hostname=shared.hostname,
            fqdn=self.nodes.fqdn(shared.hostname),
            tags=shared.tags,
            consumers=shared.consumers,
            former_names=(),
            proxy_group=group,
            is_shared=True,
            place=self.notes.key(*path),
        )


def _in_full(entry: str | ServiceBackendDeclaration) -> ServiceBackendDeclaration:
    """A backend that is written as `<namespace>/<service>`, with its defaults."""
    if not isinstance(entry, str):
        return entry
    namespace, _, service = entry.partition("/")
    return ServiceBackendDeclaration(namespace=namespace, service=service)
