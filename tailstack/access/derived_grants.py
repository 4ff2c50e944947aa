"""Grants: who may reach what, by the access entries, the SSH entries and the links.

What the operator's features need of a grant stands in https://tailscale.com/kb/1236/kubernetes-operator; what the proxies make
of it was read in the sources of tailscale.com v1.104.5, and is named where it decides the form of a grant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from tailstack.access.derive import Derived, Permission, Section, ip_entries, normal_fqdn, target_name
from tailstack.access.hujson import Buildable
from tailstack.access.kubernetes import KUBERNETES_CAPABILITY
from tailstack.access.nodes import DeclaredNode, narrowest, tag_wearers
from tailstack.access.relays import RELAY_CAPABILITY
from tailstack.access.selectors import INTERNET, SELF
from tailstack.finding import Place
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import (
    ALL_PORTS,
    HTTP,
    HTTPS,
    Access,
    Address,
    Destination,
    DestinationKind,
    Egress,
    KubernetesAccess,
    Machine,
    Port,
    Recording,
    Source,
    SshAccess,
    Tailnet,
    TailscaleService,
)

SSH_PORT = Port("tcp", 22, 22)
RECORDER_PORTS = (HTTP, HTTPS)
"""Where a recorder takes recordings: https://tailscale.com/kb/1246/tailscale-ssh-session-recording."""

_DNS = Port("tcp", 53, 53)
"""An exit node or app connector answers the name lookups of those only whom the policy lets reach tcp:53 of the internet,
whatever protocol they use: `offersExitNodeOrAppConnectorAndPeerHasAutogroupInternet` of ipn/ipnlocal/peerapi.go."""

_OF_ONE_NODE = frozenset({DestinationKind.EXIT_NODE, DestinationKind.APP_CONNECTOR, DestinationKind.CONNECTOR})
"""What leads through one node, which one of its tags is enough to name."""


def permissions(tailnet: Tailnet, nodes: Sequence[DeclaredNode]) -> tuple[Permission, ...]:
    """Who may reach what, by the access entries, the SSH entries and then the links, in the order of the files.

    `nodes` are the `declared_nodes` of the tailnet.
    """
    worn = tag_wearers(nodes)
    modes = _api_server_modes(tailnet)
    return (
        *(found for access in tailnet.access for found in _of_access(access, modes, worn)),
        *(found for ssh in tailnet.ssh for found in _of_ssh(ssh, worn)),
        *_of_links(tailnet, nodes, worn),
    )


def grant_of(permission: Permission) -> Derived:
    """The grant that gives a permission."""
    sides = {"src": permission.sources, "dst": permission.destinations}
    grant: dict[str, Buildable] = {side: list(selectors) for side, selectors in sides.items()}
    if permission.via:
        grant["via"] = permission.via
    if permission.postures:
        grant["srcPosture"] = permission.postures
    if permission.ports:
        grant["ip"] = ip_entries(permission.ports)
    return Derived(
        section=Section.GRANTS,
        key=None,
        value=grant,
        app=permission.app,
        is_spread=bool(permission.app),
        declaration=permission.declaration,
        places=(permission.place,),
        parts={
            (side, index): place for side, selectors in sides.items() for index, place in enumerate(selectors.values())
        },
    )


class _Right(Enum):
    """What an entry gives at a destination beside the network."""

    NONE = auto()
    IMPERSONATE = auto()
    RECORD = auto()
    """Nobody is impersonated in noauth mode, but sessions are recorded: k8s-operator/api-proxy/proxy.go asks for no mode."""
    RELAY = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    """One selector to grant; those that agree in all of this share a grant, which is the cross product of its sides."""

    ports: tuple[Port, ...]
    via: tuple[str, ...] = ()
    right: _Right = _Right.NONE


_Modes = Mapping[tuple[str, str | None], ApiServerProxyMode]
"""Of each API-server proxy by its cluster and, where it is highly available, its Tailscale Service."""


def _api_server_modes(tailnet: Tailnet) -> _Modes:
    found: dict[tuple[str, str | None], ApiServerProxyMode] = {}
    for cluster in tailnet.clusters:
        found[cluster.name, None] = cluster.operator.api_server_proxy
        for group in cluster.custom.proxy_groups:
            if group.service is not None and group.api_server_mode is not None:
                found[cluster.name, group.service] = group.api_server_mode
    return found


def _of_access(access: Access, modes: _Modes, worn: Counter[str]) -> Iterator[Permission]:
    together: dict[_Given, dict[str, Place]] = {}
    for destination in access.destinations:
        for selector, given in _given(destination, _right(access.kubernetes, destination, modes), worn):
            together.setdefault(given, {}).setdefault(selector, destination.place)
    declaration = f"access: {access.name}"
    sources = narrowed(access.sources, worn)
    for given, selectors in together.items():
        yield Permission(
            sources=sources,
            destinations=selectors,
            ports=given.ports,
            via=given.via,
            postures=access.src_posture,
            app=_capabilities(given.right, access.kubernetes, worn),
            declaration=declaration,
            place=access.place,
        )
    if access.kubernetes is not None and access.kubernetes.recording is not None:
        recorded = (
            destination
            for destination in access.destinations
            if _right(access.kubernetes, destination, modes) in (_Right.IMPERSONATE, _Right.RECORD)
        )
        yield from _to_recorder(access.kubernetes.recording, narrowed(recorded, worn), declaration, worn)


def _right(kubernetes: KubernetesAccess | None, destination: Destination, modes: _Modes) -> _Right:
    if destination.kind is DestinationKind.PEER_RELAY:
        return _Right.RELAY
    if kubernetes is None or destination.cluster is None:
        return _Right.NONE
    match modes.get((destination.cluster, destination.service)):
        case ApiServerProxyMode.AUTH:
            return _Right.IMPERSONATE
        case ApiServerProxyMode.NOAUTH if kubernetes.recording is not None:
            return _Right.RECORD
        case _:
            return _Right.NONE


def _given(destination: Destination, right: _Right, worn: Counter[str]) -> Iterator[tuple[str, _Given]]:
    """The selectors to name for a destination, with what is given there."""
    selector = narrowest(destination.selectors, worn)
    if destination.service is not None:
        # Network by the Tailscale Service, rights by the nodes behind it: the proxy asks for the capabilities of who calls
        # at its own node's addresses (`whoIs` of k8s-operator/api-proxy/proxy.go, `PeerCaps` of ipn/localapi/localapi.go),
        # where a grant on the Service counts for nothing. A way to the nodes themselves is not needed.
        yield destination.service, _Given(ports=destination.ports)
        if right is not _Right.NONE:
            yield selector, _Given(ports=(), right=right)
    elif selector == INTERNET:
        ports = destination.ports if ALL_PORTS in destination.ports else (*destination.ports, _DNS)
        yield selector, _Given(ports=tuple(dict.fromkeys(ports)), via=_via(destination, worn))
    else:
        # An API server's rights go in one grant with its port: alone they would give no network access and be dead.
        ports = () if right is _Right.RELAY else destination.ports
        yield selector, _Given(ports=ports, via=_via(destination, worn), right=right)


def _via(destination: Destination, worn: Counter[str]) -> tuple[str, ...]:
    if destination.kind in _OF_ONE_NODE and destination.via:
        return (narrowest(destination.via, worn),)
    return destination.via


def narrowed(ends: Iterable[Source | Destination], worn: Counter[str]) -> dict[str, Place]:
    """One selector for each end of an entry, with the place where it is named first."""
    found: dict[str, Place] = {}
    for end in ends:
        found.setdefault(narrowest(end.selectors, worn), end.place)
    return found


def _capabilities(right: _Right, kubernetes: KubernetesAccess | None, worn: Counter[str]) -> dict[str, Buildable]:
    if right is _Right.RELAY:
        return {RELAY_CAPABILITY: []}
    if right is _Right.NONE or kubernetes is None:
        return {}
    value: dict[str, Buildable] = {}
    if right is _Right.IMPERSONATE:
        value["impersonate"] = {"groups": kubernetes.groups}
    recording = kubernetes.recording
    if recording is not None:
        value |= recorder_fields(recording, worn)
        if recording.events:
            value["enableEvents"] = True
    return {KUBERNETES_CAPABILITY: [value]}


def recorder_fields(recording: Recording, worn: Counter[str]) -> dict[str, Buildable]:
    """`recorder`, and `enforceRecorder` where it is so: alike in the Kubernetes capability and in an SSH rule."""
    fields: dict[str, Buildable] = {"recorder": [narrowest(recording.recorder.tags, worn)]}
    return {**fields, "enforceRecorder": True} if recording.enforce else fields


def _of_ssh(ssh: SshAccess, worn: Counter[str]) -> Iterator[Permission]:
    """SSH rules are a layer above the network, which they need on port 22."""
    declaration = f"ssh: {ssh.name}"
    sources, destinations = narrowed(ssh.sources, worn), narrowed(ssh.destinations, worn)
    yield Permission(
        sources=sources,
        destinations=destinations,
        ports=(SSH_PORT,),
        postures=ssh.src_posture,
        declaration=declaration,
        place=ssh.place,
    )
    if ssh.recording is not None:
        recorded = {selector: place for selector, place in destinations.items() if selector != SELF}
        if SELF in destinations:
            # No selector stands for the devices of those who log in but their owners, who are the sources.
            recorded |= sources
        yield from _to_recorder(ssh.recording, recorded, declaration, worn)


def _to_recorder(
    recording: Recording, recorded: Mapping[str, Place], declaration: str, worn: Counter[str]
) -> Iterator[Permission]:
    """What is recorded sends the recording itself."""
    if recorded:
        yield Permission(
            sources=recorded,
            destinations={narrowest(recording.recorder.tags, worn): recording.place},
            ports=RECORDER_PORTS,
            declaration=f"{declaration}, recorded by {recording.recorder.reference}",
            place=recording.place,
        )


def _of_links(tailnet: Tailnet, nodes: Sequence[DeclaredNode], worn: Counter[str]) -> Iterator[Permission]:
    """One for each egress, even where a broader one covers it: the link then outlives a narrowing of that one."""
    by_fqdn = _selectors_by_fqdn(tailnet, nodes)
    for egress in tailnet.egresses:
        selectors = _target_selectors(egress, by_fqdn)
        if not selectors:
            continue  # a name that no declared node has; a rule says so, and a grant could only guess
        yield Permission(
            sources={narrowest(egress.tags, worn): egress.place},
            destinations={narrowest(selectors, worn): egress.place},
            ports=egress.ports,
            declaration=f"link: {egress.reference} -> {target_name(egress)}",
            place=egress.place,
        )


def _selectors_by_fqdn(tailnet: Tailnet, nodes: Sequence[DeclaredNode]) -> Mapping[str, tuple[str, ...]]:
    """What is granted for a full name: the tags of a node, or a Tailscale Service by its own name."""
    exposed = (each for each in (*tailnet.exposures, *tailnet.ingresses) if each.tailscale_service is not None)
    names = {service.name for service in tailnet.services} | {each.tailscale_service or "" for each in exposed}
    names |= {group.service for cluster in tailnet.clusters for group in cluster.custom.proxy_groups if group.service}
    services = {normal_fqdn(f"{name.removeprefix('svc:')}.{tailnet.dns_name}"): (name,) for name in names}
    return services | {normal_fqdn(node.fqdn): node.tags for node in reversed(nodes)}


def _target_selectors(egress: Egress, by_fqdn: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    match egress.target:
        case Address(ip=str(ip)):
            return (ip,)
        case Address(fqdn=fqdn):
            return by_fqdn.get(normal_fqdn(fqdn or ""), ())
        case TailscaleService(name=name):
            return (name,)
        case Machine(tags=tags):
            return tags
        case exposed:
            return (exposed.tailscale_service,) if exposed.tailscale_service is not None else exposed.tags
