"""Exposures and ingresses: what of a cluster becomes a node of the tailnet, or a Tailscale Service by a proxy group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tailstack.topology import naming
from tailstack.topology.declaration import (
    BackendDeclaration,
    Exposed,
    ExposeDeclaration,
    IngressDeclaration,
    IngressHttp,
    ManagedBy,
    ServicePortDeclaration,
    ServicePortEntry,
    ServiceType,
)
from tailstack.topology.nodes import NodeResolver
from tailstack.topology.notes import KEY_DOES_NOT_FIT, Notes
from tailstack.topology.placed import Path
from tailstack.topology.ports import WRONG_PORT, is_one_port, read_ports
from tailstack.topology.tailnet import Exposure, HttpPath, Ingress, Port, ServicePort
from tailstack.topology.wording import path_text

_EXISTS = "where the Service exists"


@dataclass(frozen=True, kw_only=True, slots=True)
class ExposingResolver:
    """Resolves the exposures and ingresses of one cluster, whose proxies have `default_class` unless they name another."""

    notes: Notes
    nodes: NodeResolver
    default_class: str | None

    def exposure(self, path: Path, declared: ExposeDeclaration) -> Exposure:
        """The exposure at this path."""
        cluster, name = str(path[1]), str(path[3])
        self._check_class(path, declared)
        if self.notes.knows(path, "managedBy", "type"):
            self._check_type(path, declared)
            is_created = declared.managed_by is ManagedBy.PULUMI
            leads_out = is_created and declared.type is ServiceType.EXTERNAL_NAME
            if not leads_out:
                check_selector(self.notes, path, declared.managed_by, declared.selector)
        ports = service_ports(self.notes, path, declared.ports, declared.managed_by)
        hostname = self.nodes.hostname(path, declared.hostname, declared.formerly)
        return Exposure(
            cluster=cluster,
            name=name,
            namespace=declared.namespace,
            service=declared.service or naming.first_name(name, declared.formerly),
            ports=ports,
            managed_by=declared.managed_by,
            selector=tuple((declared.selector or {}).items()),
            hostname=hostname,
            fqdn=self.nodes.fqdn(hostname),
            tags=self.nodes.member_tags(path, declared.tags, declared.formerly),
            consumers=self.nodes.consumers(path, declared.consumers),
            former_names=tuple(declared.formerly),
            proxy_group=declared.proxy_group,
            proxy_class=self._class(declared),
            service_type=declared.type,
            external_name=declared.external_name,
            place=self.notes.key(*path),
        )

    def ingress(self, path: Path, declared: IngressDeclaration) -> Ingress:
        """The ingress at this path."""
        self._check_class(path, declared)
        self._check_ingress(path, declared)
        hostname = self.nodes.hostname(path, declared.hostname, declared.formerly)
        backend = declared.backend
        return Ingress(
            cluster=str(path[1]),
            name=str(path[3]),
            namespace=declared.namespace,
            backend_service=backend.service if backend else "",
            backend_port=backend.port if backend else 0,
            funnel=declared.funnel,
            hostname=hostname,
            fqdn=self.nodes.fqdn(hostname),
            tags=self.nodes.member_tags(path, declared.tags, declared.formerly),
            consumers=self.nodes.consumers(path, declared.consumers),
            former_names=tuple(declared.formerly),
            serves_http=declared.http is not None or not self.notes.knows(path, "http"),
            proxy_group=declared.proxy_group,
            proxy_class=self._class(declared),
            http=declared.http,
            paths=tuple(_paths(declared.paths)),
            forward_cluster_traffic=declared.forward_cluster_traffic,
            place=self.notes.key(*path),
        )

    def _class(self, declared: Exposed) -> str | None:
        return None if declared.proxy_group else declared.proxy_class or self.default_class

    def _check_class(self, path: Path, declared: Exposed) -> None:
        if declared.proxy_group and declared.proxy_class:
            say_class_of_group(self.notes, path)

    def _check_type(self, path: Path, declared: ExposeDeclaration) -> None:
        """A load balancer may be made of a Service that exists, an ExternalName not; and that has no pods."""
        is_created = declared.managed_by is ManagedBy.PULUMI
        is_external = declared.type is ServiceType.EXTERNAL_NAME
        for key, is_written in (
            ("type", is_external),
            ("externalName", declared.external_name is not None),
        ):
            if is_written and not is_created:
                say_no_effect(self.notes, path, key, f"managedBy: {declared.managed_by}, {_EXISTS}")
        if not is_created:
            return
        if not is_external:
            if declared.external_name is not None:
                say_no_effect(self.notes, path, "externalName", f"type: {declared.type}")
            return
        if declared.external_name is None:
            self.notes.needs(
                *path,
                key="externalName",
                why="its type is ExternalName",
                expected="the DNS name that the Service leads to, for example legacy.example.com",
            )
        if declared.selector is not None:
            say_no_effect(self.notes, path, "selector", "type: ExternalName, which leads to no pods")
        if declared.proxy_group is not None:
            say_no_effect(
                self.notes, path, "proxyGroup", "type: ExternalName, which the operator exposes by a node only"
            )
        for index, entry in enumerate(declared.ports):
            if not isinstance(entry, str) and entry.target_port is not None:
                say_no_effect(self.notes, (*path, "ports", index), "targetPort", "type: ExternalName")

    def _check_ingress(self, path: Path, declared: IngressDeclaration) -> None:
        if declared.backend is None and not declared.paths and self.notes.knows(path, "paths"):
            self.notes.needs(
                *path,
                key="backend",
                why="it has no paths either",
                expected="a mapping with the keys service, port",
                mend="Add `backend:`, or `paths:`.",
            )
        if declared.proxy_group is None:
            if declared.http is IngressHttp.SERVE and self.notes.knows(path, "proxyGroup"):
                say_no_effect(self.notes, path, "http", "no proxyGroup: a node by itself can only redirect")
            return
        if declared.funnel:
            say_no_effect(self.notes, path, "funnel", "proxyGroup: Funnel is for nodes only")
        if declared.forward_cluster_traffic:
            say_no_effect(self.notes, path, "forwardClusterTraffic", "proxyGroup")


def say_no_effect(notes: Notes, path: Path, key: str, beside: str, mend: str = "") -> None:
    """Note a key of the mapping at this path that has no effect beside something else."""
    message = f"{path_text((*path, key))} has no effect with {beside}."
    notes.say(KEY_DOES_NOT_FIT, notes.key(*path, key), message=message, mend=mend)


def say_class_of_group(notes: Notes, path: Path) -> None:
    """Note the proxy class of something that has no proxy of its own."""
    mend = "Take it out, or set the class of the proxy group."
    say_no_effect(notes, path, "proxyClass", "proxyGroup: its proxies are those of the group", mend)


def check_selector(notes: Notes, path: Path, managed_by: ManagedBy, selector: Mapping[str, str] | None) -> None:
    """Note a Service at this path that the stack creates without a selector, or a selector of one that exists."""
    if not notes.knows(path, "managedBy"):
        return
    if managed_by is not ManagedBy.PULUMI:
        if selector is not None:
            _say_only_created(notes, path, "selector", managed_by)
    elif selector is None:
        notes.needs(
            *path,
            key="selector",
            why="the stack creates its Service",
            expected="the labels of the pods, for example {app.kubernetes.io/name: nginx}",
            mend="Add `selector:`, or `managedBy: patch` if the Service exists, or `gitops` if somebody else applies it.",
        )


def _say_only_created(notes: Notes, path: Path, key: str, managed_by: ManagedBy) -> None:
    mend = f"Take `{key}` out, or write `managedBy: pulumi` if the stack is to create the Service."
    say_no_effect(notes, path, key, f"managedBy: {managed_by}, {_EXISTS}", mend)


def service_ports(
    notes: Notes, path: Path, entries: Sequence[ServicePortEntry], managed_by: ManagedBy
) -> tuple[ServicePort, ...]:
    """The ports of the Service that is declared at this path."""
    texts = [entry if isinstance(entry, str) else entry.port for entry in entries]
    ports = read_ports(notes, (*path, "ports"), texts)
    found = tuple(service_port(port, entry) for port, entry in zip(ports, entries, strict=True))
    if not notes.knows(path, "managedBy"):
        return found
    if managed_by is ManagedBy.PULUMI:
        check_created_ports(notes, path, ports)
        if len(set(ports)) == len(ports):
            notes.once((*path, "ports"), [each.name for each in found])
        return found
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            for key, value in (("targetPort", entry.target_port), ("name", entry.name)):
                if value is not None:
                    _say_only_created(notes, (*path, "ports", index), key, managed_by)
    return found


def check_created_ports(notes: Notes, path: Path, ports: Sequence[Port]) -> None:
    """Note each port of the list `ports` at this path that a Service of the stack cannot have."""
    for index in (index for index, port in enumerate(ports) if not is_one_port(port)):
        notes.say(
            WRONG_PORT,
            notes.value(*path, "ports", index),
            message=f"A Service that the stack creates cannot have the port {ports[index]}.",
            expected="one port of tcp, udp or sctp, for example tcp:80",
            mend="List each port by itself.",
        )


def service_port(port: Port, entry: str | ServicePortDeclaration = "") -> ServicePort:
    """A port of a Service, with the target and the name that are declared for it."""
    target, name = (None, None) if isinstance(entry, str) else (entry.target_port, entry.name)
    return ServicePort(port=port, target_port=target or port.first, name=name or str(port).replace(":", "-"))


def _paths(declared: Mapping[str, BackendDeclaration]) -> list[HttpPath]:
    return [HttpPath(path=path, service=backend.service, port=backend.port) for path, backend in declared.items()]
