"""Access entries: who may reach what, on which ports and with which rights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tailstack.finding import Rule
from tailstack.topology.declaration import (
    AccessDeclaration,
    ApiServerProxyMode,
    BindDeclaration,
    KubernetesAccessDeclaration,
    RecordDeclaration,
)
from tailstack.topology.ends import EndResolver, api_server_groups, named
from tailstack.topology.notes import KEY_DOES_NOT_FIT, Notes
from tailstack.topology.placed import Path
from tailstack.topology.ports import check_offered, read_ports
from tailstack.topology.references import References
from tailstack.topology.tailnet import DNS, Access, Bind, Destination, DestinationKind, KubernetesAccess, Recording
from tailstack.topology.wording import listed, path_text

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

RULES = (RIGHTS_WITHOUT_PROXY,)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessResolver:
    """Resolves access entries."""

    notes: Notes
    references: References
    ends: EndResolver

    def access(self, path: Path, declared: AccessDeclaration) -> Access:
        """The access entry at this path."""
        self.notes.once((*path, "srcPosture"), declared.src_posture)
        sources = self.ends.sources((*path, "from"), declared.from_)
        destinations = self.ends.destinations((*path, "to"), declared.to)
        granted = self._with_ports(path, declared, destinations)
        return Access(
            name=declared.name,
            sources=sources,
            destinations=granted,
            src_posture=tuple(declared.src_posture),
            kubernetes=self._kubernetes((*path, "kubernetes"), declared.kubernetes, granted),
            place=self.notes.value(*path),
        )

    def _with_ports(
        self, path: Path, declared: AccessDeclaration, destinations: Sequence[Destination]
    ) -> tuple[Destination, ...]:
        """The destinations on the ports that the entry names, or else on their own.

        A peer relay has none, and the DNS of an app connector is no matter of what the entry is for.
        """
        with_ports = [destination for destination in destinations if _has_ports(destination)]
        if declared.ports is None:
            bare = dict.fromkeys(destination.reference for destination in with_ports if not destination.ports)
            if bare:
                self.notes.needs(
                    *path,
                    key="ports",
                    why=f"{listed(bare)} says none",
                    expected='a list of ports, for example [tcp:443], or ["*"] for all of them',
                )
            return tuple(destinations)
        ports = read_ports(self.notes, (*path, "ports"), declared.ports)
        is_each_known = len({destination.place for destination in destinations}) == len(declared.to)
        if is_each_known and not with_ports:
            message = f"{path_text((*path, 'ports'))} has no effect: a peer relay has no ports."
            self.notes.say(KEY_DOES_NOT_FIT, self.notes.key(*path, "ports"), message=message)
        # One reference can lead to several: an API server's own proxy, and those of its groups.
        for target, offered in dict.fromkeys((named(each), each.ports) for each in with_ports if each.ports):
            check_offered(self.notes, (*path, "ports"), ports, offered, target)
        return tuple(
            replace(destination, ports=ports) if _has_ports(destination) else destination
            for destination in destinations
        )

    def _kubernetes(
        self, path: Path, declared: KubernetesAccessDeclaration | None, destinations: Sequence[Destination]
    ) -> KubernetesAccess | None:
        if declared is None:
            return None
        # An API server that is reached in two ways is one, but two references to it stand in two places.
        for destination in {(named(each), each.place): each for each in destinations}.values():
            self._check_impersonates(path, destination)
        self.notes.once((*path, "impersonate", "groups"), declared.impersonate.groups)
        return KubernetesAccess(
            groups=tuple(declared.impersonate.groups),
            bind=self._bind((*path, "bind"), declared.bind) if declared.bind else None,
            recording=self._recording((*path, "record"), declared.record) if declared.record else None,
            place=self.notes.key(*path),
        )

    def _check_impersonates(self, path: Path, destination: Destination) -> None:
        places = [destination.place, self.notes.key(*path)]
        why = f"{named(destination)} is no API server."
        if destination.cluster is not None:
            cluster = self.references.clusters[destination.cluster]
            is_off = cluster.operator.api_server_proxy is ApiServerProxyMode.OFF and not api_server_groups(cluster)
            # A proxy that is off has a finding already.
            if cluster.impersonates or is_off or self.ends.may_have_more_groups(cluster):
                return
            places.append(cluster.operator.place)
            why = f"{named(destination)} is reached through a proxy in noauth mode, which impersonates nobody."
        self.notes.say(RIGHTS_WITHOUT_PROXY, *places, message=why, expected="API servers in auth mode only")

    def _recording(self, path: Path, declared: RecordDeclaration) -> Recording | None:
        recorder = self.ends.recorder(declared.recorder, *path, "recorder")
        if recorder is None:
            return None
        return Recording(
            recorder=recorder, enforce=declared.enforce, events=declared.events, place=self.notes.key(*path)
        )

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


def _has_ports(destination: Destination) -> bool:
    """Whether the ports of an entry are about this."""
    is_dns = destination.kind is DestinationKind.APP_CONNECTOR and destination.ports == DNS
    return destination.kind is not DestinationKind.PEER_RELAY and not is_dns
