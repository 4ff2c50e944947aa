"""The two ends of an access or an SSH entry: who starts a connection, and what it leads to, with every reference followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tailstack.finding import Rule
from tailstack.topology.custom import PeerRelay, ProxyGroup, ProxyGroupKind, Recorder
from tailstack.topology.declaration import AccessEnd, ApiServerProxyMode, LabelSelector, Reference
from tailstack.topology.notes import UNKNOWN_REFERENCE, Notes
from tailstack.topology.placed import Path
from tailstack.topology.references import References, Router
from tailstack.topology.routes import is_within, read_network, read_route
from tailstack.topology.scopes import OUTSIDE_SCOPE, FileScope
from tailstack.topology.tailnet import (
    ALL_PORTS,
    DNS,
    HTTPS,
    Cluster,
    Destination,
    DestinationKind,
    Exposure,
    Ingress,
    Port,
    Source,
)
from tailstack.topology.wording import listed, path_text

NOT_A_SOURCE = Rule(
    code="TS051",
    slug="not-a-source",
    what="An access entry starts from something that opens no connections.",
    why="A proxy in front of a Service, and an API server, only answer.",
    mend="Start from a selector of the policy file, or from a machine. What leads out of a cluster is an egress.",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "access:\n"
        "  - {name: a, from: [{exposure: blue.web}], to: [{exposure: blue.web}]}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "access:\n"
        "  - {name: a, from: [ana@example.com], to: [{exposure: blue.web}]}\n"
    ),
)
API_SERVER_OFF = Rule(
    code="TS052",
    slug="api-server-off",
    what="An access entry reaches the API server of a cluster that has no API-server proxy.",
    why="Nothing answers there.",
    mend="Write `apiServerProxy: {mode: auth}` (or noauth) in the cluster's `operator`, add a kube-apiserver group, or take it out.",
    source="https://tailscale.com/kb/1437/kubernetes-operator-api-server-proxy",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "access:\n"
        "  - {name: a, from: [ana@example.com], to: [{apiServer: blue}]}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    operator: {apiServerProxy: {mode: noauth}}\n"
        "access:\n"
        "  - {name: a, from: [ana@example.com], to: [{apiServer: blue}]}\n"
    ),
)
RULES = (NOT_A_SOURCE, API_SERVER_OFF)

INTERNET = "autogroup:internet"
"""What an exit node and an app connector lead to, as a selector of the policy file."""

_OF_CLUSTERS = frozenset(
    {
        DestinationKind.EXPOSURE,
        DestinationKind.INGRESS,
        DestinationKind.API_SERVER,
        DestinationKind.CONNECTOR,
        DestinationKind.RECORDER,
        DestinationKind.PEER_RELAY,
    }
)
"""What belongs to one cluster; an exit node and an app connector do where they are connectors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndResolver:
    """Follows the references of access and SSH entries."""

    notes: Notes
    references: References

    def sources(self, path: Path, ends: Sequence[AccessEnd]) -> tuple[Source, ...]:
        """What the list at this path starts from, as far as it is known."""
        self._check_once(path, ends)
        known = self._known(path, ends)
        return tuple(source for here, end in known if (source := self._source(here, end)) is not None)

    def destinations(self, path: Path, ends: Sequence[AccessEnd]) -> tuple[Destination, ...]:
        """What the list at this path leads to, as far as it is known, with the ports that each offers.

        Some ends are several destinations: `apiServers`, the routes of a connector, an app connector with its DNS.
        """
        self._check_once(path, ends)
        found = [each for here, end in self._known(path, ends) for each in self._destinations(here, end)]
        self._check_scope(found, self.notes.scope_of(*path))
        return tuple(found)

    def _known(self, path: Path, ends: Sequence[AccessEnd]) -> list[tuple[Path, AccessEnd]]:
        """What is written, each with its path: without what is not known after a finding."""
        every = [((*path, index), end) for index, end in enumerate(ends)]
        return [(here, end) for here, end in every if not self.notes.is_broken(*here)]

    def _check_once(self, path: Path, ends: Sequence[AccessEnd]) -> None:
        if len(ends) > 1:
            self.notes.once(path, [written(end) for end in ends])

    def _source(self, path: Path, end: AccessEnd) -> Source | None:
        place = self.notes.value(*path)
        if isinstance(end, str):
            return Source(reference=end, selectors=(end,), place=place)
        key = self.notes.exactly_one(path, keys_of(end))
        if key == "machine":
            machine = self.references.machine(end.machine or "", *path, key)
            return Source(reference=machine.name, selectors=machine.tags, place=place) if machine else None
        if key is not None:
            message = f"{path_text((*path, key))}: nothing starts from there."
            self.notes.say(
                NOT_A_SOURCE, place, message=message, expected="a selector of the policy file, or machine: <name>"
            )
        return None

    def _destinations(self, path: Path, end: AccessEnd) -> Iterator[Destination]:
        if isinstance(end, str):
            yield self._destination(path, DestinationKind.SELECTOR, end, (end,))
            return
        if self.notes.exactly_one(path, keys_of(end)) is not None:
            yield from self._nodes(path, end)
            yield from self._api_servers(path, end)
            yield from self._ways_out(path, end)

    def _nodes(self, path: Path, end: Reference) -> Iterator[Destination]:
        """What is one node, or one Tailscale Service."""
        references = self.references
        if end.exposure and (exposure := references.exposure(end.exposure, *path, "exposure")):
            yield self._exposed(path, DestinationKind.EXPOSURE, exposure)
        if end.ingress and (ingress := references.ingress(end.ingress, *path, "ingress")):
            yield self._exposed(path, DestinationKind.INGRESS, ingress)
        if end.service and (service := references.service(end.service, *path, "service")):
            yield self._destination(path, DestinationKind.SERVICE, service.name, (service.name,), service.ports)
        if end.machine and (machine := references.machine(end.machine, *path, "machine")):
            yield self._destination(path, DestinationKind.MACHINE, machine.name, machine.tags)
        if end.recorder and (recorder := references.recorder(end.recorder, *path, "recorder")):
            yield from self._interface(path, recorder)
        if end.peer_relay and (relay := references.peer_relay(end.peer_relay, *path, "peerRelay")):
            yield self._of_resource(path, DestinationKind.PEER_RELAY, relay)

    def _exposed(self, path: Path, kind: DestinationKind, node: Exposure | Ingress) -> Destination:
        """A node is granted by its tags, a Tailscale Service by its name: its hosts wear other tags."""
        selectors = (node.tailscale_service,) if node.tailscale_service else node.tags
        return self._destination(path, kind, node.reference, selectors, node.granted_ports)

    def _interface(self, path: Path, recorder: Recorder) -> Iterator[Destination]:
        if recorder.has_ui:
            yield self._of_resource(path, DestinationKind.RECORDER, recorder, (HTTPS,))
            return
        self.notes.say(
            UNKNOWN_REFERENCE,
            self.notes.value(*path, "recorder"),
            recorder.place,
            message=f"The recorder {recorder.reference} has no interface.",
            expected="a recorder with enableUI: true",
        )

    def _of_resource(
        self, path: Path, kind: DestinationKind, resource: Recorder | PeerRelay, ports: tuple[Port, ...] = ()
    ) -> Destination:
        return self._destination(path, kind, resource.reference, resource.tags, ports)

    def _api_servers(self, path: Path, end: Reference) -> Iterator[Destination]:
        if end.api_server and (cluster := self.references.cluster(end.api_server, *path, "apiServer")):
            yield from self._api_server(path, cluster)
        if end.api_servers is not None:
            yield from self._chosen_api_servers(path, end.api_servers)

    def _api_server(self, path: Path, cluster: Cluster) -> Iterator[Destination]:
        """Every way to it: the proxy in the operator, and each group of proxies."""
        groups = api_server_groups(cluster)
        is_off = cluster.operator.api_server_proxy is ApiServerProxyMode.OFF
        if is_off and not groups and not self.may_have_more_groups(cluster):
            self.notes.say(
                API_SERVER_OFF,
                self.notes.value(*path),
                cluster.operator.place,
                message=f"The cluster {cluster.name} has no API-server proxy.",
                expected="a cluster whose operator has apiServerProxy: {mode: auth} or {mode: noauth}, or a kube-apiserver group",
            )
        if not is_off or not groups:
            yield self._api_server_proxy(path, cluster.name, cluster.operator.tags, None)
        for group in groups:
            yield self._api_server_proxy(path, cluster.name, group.tags, group.service)

    def _api_server_proxy(self, path: Path, cluster: str, tags: tuple[str, ...], service: str | None) -> Destination:
        return Destination(
            kind=DestinationKind.API_SERVER,
            reference=cluster,
            selectors=tags,
            ports=(HTTPS,),
            cluster=cluster,
            service=service,
            place=self.notes.value(*path),
        )

    def may_have_more_groups(self, cluster: Cluster) -> bool:
        """Whether a group of proxies may be its API server too: its type, or the group, is not known after a finding."""
        groups = ("clusters", cluster.name, "proxyGroups")
        return (
            self.notes.is_broken(*groups)
            or self.notes.aside.may_declare(*groups[1:])
            or not all(self.notes.knows((*groups, group.name), "type") for group in cluster.custom.proxy_groups)
        )

    def _chosen_api_servers(self, path: Path, chosen_by: LabelSelector) -> Iterator[Destination]:
        wanted = chosen_by.match_labels.items()
        chosen = [c for c in self.references.clusters.values() if wanted <= dict(c.labels).items()]
        if not chosen and self._are_labels_known(path, chosen_by):
            labels = ", ".join(f"{key}: {value}" for key, value in wanted)
            self.notes.say(
                UNKNOWN_REFERENCE,
                self.notes.value(*path, "apiServers"),
                message=f"No cluster has the labels {{{labels}}}.",
                mend="Correct the labels, or add them to a cluster's `labels`.",
            )
        for cluster in chosen:
            yield from self._api_server(path, cluster)

    def _are_labels_known(self, path: Path, chosen_by: LabelSelector) -> bool:
        """Whether no cluster may have labels of these keys that are not known after a finding."""
        notes, keys = self.notes, tuple(chosen_by.match_labels)
        return (
            notes.knows((*path, "apiServers"), "matchLabels")
            and not notes.is_broken("clusters")
            and not notes.aside.may_declare("labels")
            and all(notes.knows(("clusters", cluster, "labels"), *keys) for cluster in self.references.clusters)
        )

    def _ways_out(self, path: Path, end: Reference) -> Iterator[Destination]:
        """What lies behind nodes that lead out of the tailnet."""
        if end.route is not None:
            yield from self._route(path, end.route)
        if end.connector and (connector := self.references.connector(end.connector, *path, "connector")):
            if not connector.routes:
                self.notes.say(
                    UNKNOWN_REFERENCE,
                    self.notes.value(*path, "connector"),
                    connector.place,
                    message=f"The connector {connector.reference} has no routes.",
                    mend="Refer to it by `exitNode` or `appConnector`, if that is what it is.",
                )
            for route in connector.routes:
                yield self._way(path, DestinationKind.CONNECTOR, connector, route)
        if end.exit_node and (router := self.references.exit_node(end.exit_node, *path, "exitNode")):
            yield self._way(path, DestinationKind.EXIT_NODE, router, INTERNET, (ALL_PORTS,))
        if end.app_connector and (router := self.references.app_connector(end.app_connector, *path, "appConnector")):
            yield self._way(path, DestinationKind.APP_CONNECTOR, router, INTERNET, (ALL_PORTS,))
            # Names of the domains are asked of the connector itself, which so learns their addresses.
            kind = DestinationKind.APP_CONNECTOR
            yield self._destination(path, kind, router.reference, router.tags, DNS)

    def _way(
        self, path: Path, kind: DestinationKind, router: Router, selector: str, ports: tuple[Port, ...] = ()
    ) -> Destination:
        return Destination(
            kind=kind,
            reference=router.reference,
            selectors=(selector,),
            ports=ports,
            via=router.tags,
            place=self.notes.value(*path),
        )

    def _route(self, path: Path, text: str) -> Iterator[Destination]:
        here = (*path, "route")
        network = read_route(self.notes, here, text)
        if network is None:
            return
        routers = self.references.routers_to(network)
        if routers:
            yield Destination(
                kind=DestinationKind.ROUTE,
                reference=text,
                selectors=(str(network),),
                ports=(),
                via=tuple(dict.fromkeys(tag for router in routers for tag in router.tags)),
                place=self.notes.value(*path),
            )
        elif not self._may_have_more_routers():
            sites = [
                connector.reference
                for connector in self.references.connectors.values()
                for site in connector.sites
                if (outer := read_network(site.cidr)) and is_within(network, outer)
            ]
            known = dict.fromkeys(
                route
                for router in (*self.references.connectors.values(), *self.references.machines.values())
                for route in router.routes
            )
            self.notes.say(
                UNKNOWN_REFERENCE,
                self.notes.value(*here),
                message=f"No declared route holds {text}.",
                expected=f"a range within one of {listed(known)}" if known else "",
                mend=f"It is a range of a site: write `connector: {sites[0]}`." if sites else "",
            )

    def _may_have_more_routers(self) -> bool:
        """Whether there may be some that nothing is known of after a finding."""
        parts = (("machines",), *(("clusters", cluster, "connectors") for cluster in self.references.clusters))
        return (
            self.notes.is_broken("clusters")
            or self.notes.aside.may_declare("routes")
            or any(self.notes.is_broken(*part) for part in parts)
        )

    def _destination(
        self,
        path: Path,
        kind: DestinationKind,
        reference: str,
        selectors: tuple[str, ...],
        ports: tuple[Port, ...] = (),
    ) -> Destination:
        return Destination(
            kind=kind, reference=reference, selectors=selectors, ports=ports, place=self.notes.value(*path)
        )

    def _check_scope(self, destinations: Sequence[Destination], scope: FileScope | None) -> None:
        for destination in destinations:
            if scope is None or _cluster_of(destination) in scope.clusters:
                continue
            self.notes.say(
                OUTSIDE_SCOPE,
                destination.place,
                scope.place,
                message=f"{named(destination)} is outside of the scope {scope} of this file.",
                expected="something that a cluster of the scope declares, or its API server",
            )

    def recorder(self, reference: str, *path: str | int) -> Recorder | None:
        """The recorder of sessions that is written at this path; None, with a finding, where there is none."""
        recorder = self.references.recorder(reference, *path)
        scope = self.notes.scope_of(*path)
        if recorder is not None and scope is not None and recorder.cluster not in scope.clusters:
            self.notes.say(
                OUTSIDE_SCOPE,
                self.notes.value(*path),
                scope.place,
                message=f"The recorder {reference} is outside of the scope {scope} of this file.",
                expected="a recorder of a cluster of the scope",
            )
        return recorder


def api_server_groups(cluster: Cluster) -> list[ProxyGroup]:
    """The groups of proxies of this tailnet that are the cluster's API server."""
    return [
        group
        for group in cluster.custom.proxy_groups
        if group.kind is ProxyGroupKind.KUBE_API_SERVER and group.tailnet is None
    ]


def _cluster_of(destination: Destination) -> str | None:
    """The cluster that declares it; None for what belongs to the whole tailnet."""
    cluster, dot, _ = destination.reference.partition(".")
    is_way_out = destination.kind in {DestinationKind.EXIT_NODE, DestinationKind.APP_CONNECTOR}
    return cluster if destination.kind in _OF_CLUSTERS or (is_way_out and dot) else None


def keys_of(reference: Reference) -> Mapping[str, object]:
    """What is written under each key that a reference can have."""
    return {
        "exposure": reference.exposure,
        "ingress": reference.ingress,
        "service": reference.service,
        "machine": reference.machine,
        "route": reference.route,
        "connector": reference.connector,
        "exitNode": reference.exit_node,
        "appConnector": reference.app_connector,
        "recorder": reference.recorder,
        "peerRelay": reference.peer_relay,
        "apiServer": reference.api_server,
        "apiServers": reference.api_servers,
    }


def written(end: AccessEnd) -> str:
    """What stands in the file, on one line, to compare and to show."""
    return end if isinstance(end, str) else str(end.model_dump(by_alias=True, exclude_none=True)).replace("'", "")


_NAMED = {
    DestinationKind.SELECTOR: "The selector",
    DestinationKind.EXPOSURE: "The exposure",
    DestinationKind.INGRESS: "The ingress",
    DestinationKind.SERVICE: "The Tailscale Service",
    DestinationKind.MACHINE: "The machine",
    DestinationKind.API_SERVER: "The API server of",
    DestinationKind.ROUTE: "The route",
    DestinationKind.CONNECTOR: "The connector",
    DestinationKind.EXIT_NODE: "The exit node",
    DestinationKind.APP_CONNECTOR: "The app connector",
    DestinationKind.RECORDER: "The recorder",
    DestinationKind.PEER_RELAY: "The peer relay",
}


def named(destination: Destination) -> str:
    """`The exposure blue.nginx`: a destination at the beginning of a sentence."""
    return f"{_NAMED[destination.kind]} {destination.reference}"
