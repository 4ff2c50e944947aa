"""Access entries: who may reach what, with every reference followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tailstack.finding import Rule
from tailstack.topology.declaration import (
    AccessDeclaration,
    ApiServerProxyMode,
    BindDeclaration,
    KubernetesAccessDeclaration,
    LabelSelector,
    Reference,
)
from tailstack.topology.notes import UNKNOWN_REFERENCE, Notes
from tailstack.topology.placed import Path
from tailstack.topology.ports import check_offered, read_ports
from tailstack.topology.references import References
from tailstack.topology.scopes import OUTSIDE_SCOPE, FileScope
from tailstack.topology.tailnet import (
    HTTPS,
    Access,
    Bind,
    Cluster,
    Destination,
    DestinationKind,
    Exposure,
    Ingress,
    KubernetesAccess,
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
    mend="Write `apiServerProxy: {mode: auth}` (or noauth) in the cluster's `operator`, or take the access out.",
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
RIGHTS_WITHOUT_PROXY = Rule(
    code="TS053",
    slug="rights-without-proxy",
    what="An access entry gives Kubernetes rights where no API-server proxy impersonates anybody.",
    why="Only an API-server proxy in auth mode reads them; everything else ignores them.",
    mend="Keep `kubernetes` in an entry that reaches API servers in auth mode only, and split the others off.",
    source="https://tailscale.com/kb/1437/kubernetes-operator-api-server-proxy",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    operator: {apiServerProxy: {mode: noauth}}\n"
        "access:\n"
        "  - {name: a, from: [ana@example.com], to: [{apiServer: blue}], kubernetes: {impersonate: {groups: [readers]}, bind: {clusterRole: view}}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    operator: {apiServerProxy: {mode: auth}}\n"
        "access:\n"
        "  - {name: a, from: [ana@example.com], to: [{apiServer: blue}], kubernetes: {impersonate: {groups: [readers]}, bind: {clusterRole: view}}}\n"
    ),
)

RULES = (NOT_A_SOURCE, API_SERVER_OFF, RIGHTS_WITHOUT_PROXY)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessResolver:
    """Follows the references of access entries."""

    notes: Notes
    references: References

    def access(self, path: Path, declared: AccessDeclaration) -> Access | None:
        """The access entry at this path; None, with findings, where its ports are unknown."""
        for key, ends in (("from", declared.from_), ("to", declared.to)):
            if len(ends) > 1:
                self.notes.once((*path, key), [_written(end) for end in ends])
        self.notes.once((*path, "srcPosture"), declared.src_posture)
        sources = [self._source((*path, "from", index), end) for index, end in enumerate(declared.from_)]
        destinations = [
            destination
            for index, end in enumerate(declared.to)
            for destination in self._destinations((*path, "to", index), end)
        ]
        self._check_scope(destinations, self.notes.scope_of(*path))
        granted = self._with_ports(path, declared, destinations)
        if granted is None:
            return None
        return Access(
            name=declared.name,
            sources=tuple(source for source in sources if source is not None),
            destinations=granted,
            src_posture=tuple(declared.src_posture),
            kubernetes=self._kubernetes((*path, "kubernetes"), declared.kubernetes, granted),
            place=self.notes.value(*path),
        )

    def _with_ports(
        self, path: Path, declared: AccessDeclaration, destinations: Sequence[Destination]
    ) -> tuple[Destination, ...] | None:
        """The destinations on the ports that the entry names, or else on their own; None where a port is wrong."""
        if declared.ports is None:
            bare = [destination.reference for destination in destinations if not destination.ports]
            if bare:
                self.notes.needs(
                    *path,
                    key="ports",
                    why=f"{listed(bare)} says none",
                    expected='a list of ports, for example [tcp:443], or ["*"] for all of them',
                )
            return tuple(destinations)
        ports = read_ports(self.notes, (*path, "ports"), declared.ports)
        if ports is None:
            return None
        for destination in destinations:
            if destination.ports:
                check_offered(self.notes, (*path, "ports"), ports, destination.ports, _named(destination))
        return tuple(replace(destination, ports=ports) for destination in destinations)

    def _source(self, path: Path, end: str | Reference) -> Source | None:
        place = self.notes.value(*path)
        if isinstance(end, str):
            return Source(reference=end, selectors=(end,), place=place)
        key = self.notes.exactly_one(path, _keys(end))
        if key == "machine":
            machine = self.references.machine(end.machine or "", *path, key)
            return Source(reference=machine.name, selectors=machine.tags, place=place) if machine else None
        if key is not None:
            message = f"{path_text((*path, key))}: nothing starts from there."
            self.notes.say(
                NOT_A_SOURCE, place, message=message, expected="a selector of the policy file, or machine: <name>"
            )
        return None

    def _destinations(self, path: Path, end: str | Reference) -> Iterator[Destination]:
        """One destination, with the ports that it offers; none after a finding; one for each cluster of `apiServers`."""
        if isinstance(end, str):
            yield self._destination(path, DestinationKind.SELECTOR, end, (end,), ())
            return
        if self.notes.exactly_one(path, _keys(end)) is None:
            return
        if end.api_servers is not None:
            yield from self._api_servers(path, end.api_servers)
        if end.api_server is not None:
            cluster = self.references.cluster(end.api_server, *path, "apiServer")
            if cluster:
                yield self._api_server(path, cluster)
        if end.exposure is not None:
            exposure = self.references.exposure(end.exposure, *path, "exposure")
            if exposure:
                yield self._node(path, DestinationKind.EXPOSURE, exposure)
        if end.ingress is not None:
            ingress = self.references.ingress(end.ingress, *path, "ingress")
            if ingress:
                yield self._node(path, DestinationKind.INGRESS, ingress)
        if end.machine is not None:
            machine = self.references.machine(end.machine, *path, "machine")
            if machine:
                yield self._destination(path, DestinationKind.MACHINE, machine.name, machine.tags, ())

    def _destination(
        self, path: Path, kind: DestinationKind, reference: str, selectors: tuple[str, ...], ports: tuple[Port, ...]
    ) -> Destination:
        return Destination(
            kind=kind,
            reference=reference,
            selectors=selectors,
            ports=ports,
            cluster=reference if kind is DestinationKind.API_SERVER else None,
            place=self.notes.value(*path),
        )

    def _node(self, path: Path, kind: DestinationKind, node: Exposure | Ingress) -> Destination:
        return self._destination(path, kind, node.reference, node.tags, node.granted_ports)

    def _api_server(self, path: Path, cluster: Cluster) -> Destination:
        is_off = cluster.operator.api_server_proxy is ApiServerProxyMode.OFF
        if is_off and not self._is_mode_unknown(cluster.name):
            self.notes.say(
                API_SERVER_OFF,
                self.notes.value(*path),
                cluster.operator.place,
                message=f"The cluster {cluster.name} has no API-server proxy.",
                expected="a cluster whose operator has apiServerProxy: {mode: auth} or {mode: noauth}",
            )
        return self._destination(path, DestinationKind.API_SERVER, cluster.name, cluster.operator.tags, (HTTPS,))

    def _is_mode_unknown(self, cluster: str) -> bool:
        return self.notes.is_broken("defaults") or self.notes.is_broken("clusters", cluster, "operator")

    def _api_servers(self, path: Path, chosen_by: LabelSelector) -> Iterator[Destination]:
        wanted = chosen_by.match_labels.items()
        chosen = [c for c in self.references.clusters.values() if wanted <= dict(c.labels).items()]
        if not chosen and self.notes.is_whole and not self.notes.broken:
            labels = ", ".join(f"{key}: {value}" for key, value in wanted)
            self.notes.say(
                UNKNOWN_REFERENCE,
                self.notes.value(*path, "apiServers"),
                message=f"No cluster has the labels {{{labels}}}.",
                mend="Correct the labels, or add them to a cluster's `labels`.",
            )
        for cluster in chosen:
            yield self._api_server(path, cluster)

    def _check_scope(self, destinations: Sequence[Destination], scope: FileScope | None) -> None:
        for destination in destinations:
            cluster = destination.cluster or destination.reference.partition(".")[0]
            is_of_cluster = destination.kind not in {DestinationKind.SELECTOR, DestinationKind.MACHINE}
            if scope is None or (is_of_cluster and cluster in scope.clusters):
                continue
            self.notes.say(
                OUTSIDE_SCOPE,
                destination.place,
                scope.place,
                message=f"{_named(destination)} is outside of the scope {scope} of this file.",
                expected="an exposure, an ingress or an API server of a cluster of the scope",
            )

    def _kubernetes(
        self, path: Path, declared: KubernetesAccessDeclaration | None, destinations: Sequence[Destination]
    ) -> KubernetesAccess | None:
        if declared is None:
            return None
        for destination in destinations:
            self._check_impersonates(path, destination)
        self.notes.once((*path, "impersonate", "groups"), declared.impersonate.groups)
        return KubernetesAccess(
            groups=tuple(declared.impersonate.groups),
            bind=self._bind((*path, "bind"), declared.bind) if declared.bind else None,
            place=self.notes.key(*path),
        )

    def _check_impersonates(self, path: Path, destination: Destination) -> None:
        places = [destination.place, self.notes.key(*path)]
        why = f"{_named(destination)} is no API server."
        if destination.cluster is not None:
            operator = self.references.clusters[destination.cluster].operator
            # A proxy that is off, or of which nothing is known, has a finding already.
            if operator.api_server_proxy is not ApiServerProxyMode.NOAUTH:
                return
            places.append(operator.place)
            why = f"{_named(destination)} is reached through a proxy in noauth mode, which impersonates nobody."
        self.notes.say(RIGHTS_WITHOUT_PROXY, *places, message=why, expected="API servers in auth mode only")

    def _bind(self, path: Path, declared: BindDeclaration) -> Bind | None:
        self.notes.once((*path, "namespaces"), declared.namespaces or ())
        roles = {"clusterRole": declared.cluster_role, "role": declared.role}
        key = self.notes.exactly_one(path, roles)
        if key == "role" and not declared.namespaces:
            self.notes.needs(
                *path,
                key="namespaces",
                why="a Role exists in a namespace only",
                expected="a list of namespaces, for example [default]",
                mend="Add `namespaces:`, or bind a `clusterRole`.",
            )
        if key is None:
            return None
        kind = "Role" if key == "role" else "ClusterRole"
        return Bind(role_kind=kind, role=roles[key] or "", namespaces=tuple(declared.namespaces or ()))


def _keys(reference: Reference) -> dict[str, object]:
    return {
        "exposure": reference.exposure,
        "ingress": reference.ingress,
        "machine": reference.machine,
        "apiServer": reference.api_server,
        "apiServers": reference.api_servers,
    }


def _written(end: str | Reference) -> str:
    """What stands in the file, on one line, to compare and to show."""
    return end if isinstance(end, str) else str(end.model_dump(by_alias=True, exclude_none=True)).replace("'", "")


def _named(destination: Destination) -> str:
    """`The exposure blue.nginx`: a destination at the beginning of a sentence."""
    kinds = {
        DestinationKind.SELECTOR: "The selector",
        DestinationKind.EXPOSURE: "The exposure",
        DestinationKind.INGRESS: "The ingress",
        DestinationKind.MACHINE: "The machine",
        DestinationKind.API_SERVER: "The API server of",
    }
    return f"{kinds[destination.kind]} {destination.reference}"
