"""What is live, looks like ours, and nobody declared: devices, credentials, Tailscale Services, objects in the clusters.

Left out is what belongs to a declaration of any environment of the tailnet, what stands in the state of a stack, and what
an operator makes by itself. Facts about operators are those of `cmd/k8s-operator` in tailscale.com v1.104.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tailstack.access.nodes import declared_nodes
from tailstack.charts.annotations import ANNOTATIONS
from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.live.declared import OwnNames, Scope, ingress_class, objects_of, own_names, services_of
from tailstack.live.kubectl import kubectl
from tailstack.live.model import (
    Live,
    LiveCluster,
    LiveDevice,
    LiveKey,
    LiveObject,
    LiveTailnet,
    ObjectKey,
    Unknown,
)
from tailstack.plain import elements, entries
from tailstack.topology.credentials import credential_description, credential_prefix
from tailstack.topology.tailnet import Cluster, Tailnet
from tailstack.topology.wording import listed

MADE_BY_OPERATOR = "tailscale.com/managed"
"""The label of what an operator makes: `LabelManaged` in kube/kubetypes/types.go."""

_TARGETS = ("tailscale.com/tailnet-fqdn", "tailscale.com/tailnet-ip", "tailscale.com/ts-tailnet-target-ip")
_PREFIX = "tailscale.com/"
_HOSTNAME = "tailscale.com/hostname"
_KEYS = {"client": "OAuth client", "federated": "federated identity", "auth": "auth key"}


class UnmanagedKind(StrEnum):
    """What it is."""

    DEVICE = "device"
    CREDENTIAL = "credential"
    SERVICE = "service"
    OBJECT = "object"
    ANNOTATION = "annotation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unmanaged:
    """One thing. `what` names it for people, `id` stays the same as long as it is there, `why` says why it is told.

    `remedy` says how to go on, in either direction.
    """

    kind: UnmanagedKind
    what: str
    id: str
    why: str
    remedy: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Managed:
    """What stands in the states of the environment's stacks: ids of credentials, names of Tailscale Services, and the
    objects of each cluster by its name, each with the names of the annotations that it is given."""

    credentials: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    objects: Mapping[str, Mapping[ObjectKey, frozenset[str]]] = field(
        default_factory=dict[str, Mapping[ObjectKey, frozenset[str]]]
    )

    def given(self, cluster: str, key: ObjectKey) -> frozenset[str] | None:
        """The names of an object's annotations; None where no stack holds it."""
        return self.objects.get(cluster, {}).get(key)


def unmanaged(own: Tailnet, whole: Tailnet, live: Live, managed: Managed, scope: Scope) -> tuple[Unmanaged, ...]:
    """Everything of a part of an environment: `own` is the environment, `whole` it with all that share its tailnet.

    What is in the tailnet and in no cluster is told with the tailnet, or with all clusters of a guest.
    """
    found = _Found.of(own, whole, live, managed, scope)
    of_tailnet = (*found.devices(), *found.credentials(), *found.services())
    return (*(of_tailnet if scope.has_tailnet or scope.is_all else ()), *found.told_objects())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Object:
    """An object that the operator of a cluster acts on. `nodes` are the names of the nodes that come of it, `added` the
    operator's annotations that a stack holds it without."""

    cluster: Cluster
    there: LiveObject
    nodes: frozenset[str]
    is_known: bool
    added: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    own: Tailnet
    whole: Tailnet
    names: OwnNames
    tailnet: LiveTailnet
    objects: tuple[_Object, ...]
    managed: Managed

    @classmethod
    def of(cls, own: Tailnet, whole: Tailnet, live: Live, managed: Managed, scope: Scope) -> _Found:
        objects = [
            made
            for cluster in scope.clusters
            if isinstance(there := live.clusters.get(cluster.name), LiveCluster)
            for made in _objects(cluster, there, managed)
        ]
        return cls(
            own=own,
            whole=whole,
            names=own_names(own),
            tailnet=live.tailnet,
            objects=tuple(objects),
            managed=managed,
        )

    def devices(self) -> Iterator[Unmanaged]:
        if isinstance(self.tailnet.devices, Unknown):
            return
        declared = {node.hostname: str(node) for node in declared_nodes(self.whole)}
        of_objects = frozenset[str]().union(*(made.nodes for made in self.objects))
        for device in self.tailnet.devices:
            ours = [tag for tag in device.tags if tag in self.names.tags]
            if not ours or device.is_external or device.label in declared or device.label in of_objects:
                continue
            rival = declared.get(device.hostname.lower())
            if rival is None and any(set(device.tags) <= tags for tags in self.names.handed_out):
                continue
            yield _device(device, ours, rival)

    def credentials(self) -> Iterator[Unmanaged]:
        if isinstance(self.tailnet.keys, Unknown):
            return
        others = frozenset(
            credential_description(environment, cluster.name)
            for environment in {self.whole.environment, *self.whole.guests} - {self.own.environment}
            for cluster in self.whole.clusters
        )
        for key in self.tailnet.keys:
            is_known = key.id in self.managed.credentials or key.description in others
            if key.kind in _KEYS and not key.is_revoked and not is_known and (why := self._claim(key)):
                yield _credential(key, why)

    def _claim(self, key: LiveKey) -> str:
        """Why a credential is a matter of this environment; empty where it is none."""
        # An operator asks for one such key for each node that it lets join.
        if key.kind == "auth" and not key.is_reusable and not key.description:
            return ""
        ours = [tag for tag in key.tags if tag in self.names.tags]
        if ours:
            return f"It may give {listed(ours)}"
        if key.description.startswith(credential_prefix(self.own.environment)):
            return f'It is called "{key.description}"'
        return ""

    def services(self) -> Iterator[Unmanaged]:
        if isinstance(self.tailnet.services, Unknown):
            return
        declared = {service.name for service in services_of(self.whole)} | self.managed.services
        of_objects = frozenset[str]().union(*(made.nodes for made in self.objects))
        for service in self.tailnet.services:
            ours = [tag for tag in service.tags if tag in self.names.tags]
            label = service.name.removeprefix("svc:")
            if ours and service.name not in declared and label not in of_objects:
                yield Unmanaged(
                    kind=UnmanagedKind.SERVICE,
                    what=f"Tailscale Service {service.name}",
                    id=service.name,
                    why=f"It has {listed(ours)}, and nobody declared it.",
                    remedy="Declare it in `services:`, or remove it in the admin console (Services).",
                )

    def told_objects(self) -> Iterator[Unmanaged]:
        for made in self.objects:
            if not made.is_known:
                yield self._object(made)
            yield from _annotations(made)

    def _object(self, made: _Object) -> Unmanaged:
        there = made.there
        devices = () if isinstance(self.tailnet.devices, Unknown) else self.tailnet.devices
        joined = [device.name for device in devices if device.label in made.nodes]
        nodes = f" Its node is {listed(joined)}." if joined else ""
        return Unmanaged(
            kind=UnmanagedKind.OBJECT,
            what=f"{there.kind} {there.path} in {made.cluster.name}",
            id=f"{made.cluster.name}/{there.kind}/{there.path}",
            why=f"The operator of {made.cluster.name} acts on it, and nobody declared it.{nodes}",
            remedy=_remedy(there, made.cluster),
        )


def _device(device: LiveDevice, ours: list[str], rival: str | None) -> Unmanaged:
    why = f"It wears {listed(ours)}, so that it may do whatever the policy gives to that, and nobody declared it."
    if rival is not None:
        why = f"It wears {listed(ours)} and asked for the name of {rival}, which another node has."
    return Unmanaged(
        kind=UnmanagedKind.DEVICE,
        what=f"device {device.name}",
        id=device.id,
        why=why,
        remedy="Declare it in `machines:`, or remove it in the admin console (Machines).",
    )


def _credential(key: LiveKey, why: str) -> Unmanaged:
    named = f' "{key.description}"' if key.description else ""
    return Unmanaged(
        kind=UnmanagedKind.CREDENTIAL,
        what=f"{_KEYS[key.kind]} {key.id}{named}",
        id=key.id,
        why=f"{why}, and is in no stack.",
        remedy="Revoke it in the admin console (Settings, "
        + ("Keys)." if key.kind == "auth" else "Trust credentials).")
        + (" One that is needed is declared in `tailnet: {keys: …}`." if key.kind == "auth" else ""),
    )


def _annotations(made: _Object) -> Iterator[Unmanaged]:
    there = made.there
    annotate = kubectl(made.cluster, "annotate", there)
    for name in made.added:
        yield Unmanaged(
            kind=UnmanagedKind.ANNOTATION,
            what=f"annotation {name} of {there.kind} {there.path} in {made.cluster.name}",
            id=f"{made.cluster.name}/{there.kind}/{there.path}#{name}",
            why=f"The operator of {made.cluster.name} acts on it, and the stack did not set it.",
            remedy=f"Declare what it is for, or take it off: {annotate} {name}-",
        )


def _remedy(there: LiveObject, cluster: Cluster) -> str:
    section = {"Service": "expose:` or `egress:", "Ingress": "ingress:"}.get(there.kind, "")
    declare = f"Declare it in `clusters: {{{cluster.name}: …}}`" + (f" under `{section}`" if section else "")
    if there.kind == "Service":
        return (
            f"{declare} (`managedBy: gitops` leaves its manifest to others), or take its tailscale.com annotations off."
        )
    return f"{declare}, or delete it: {kubectl(cluster, 'delete', there)}."


def _objects(cluster: Cluster, there: LiveCluster, managed: Managed) -> Iterator[_Object]:
    """All that the operator acts on, but for what an operator has made. Those that are declared are known, and so are
    those of a stack, which may have been taken out of the files and not been applied yet."""
    declared = {declared.key for declared in objects_of(cluster)}
    for one in there.objects.values():
        if _is_acted_on(one, cluster) and MADE_BY_OPERATOR not in one.labels:
            given = managed.given(cluster.name, one.key)
            yield _Object(
                cluster=cluster,
                there=one,
                nodes=frozenset(_nodes(one)),
                is_known=one.key in declared or given is not None,
                added=() if given is None else tuple(sorted(_read_by_operator(one) - given)),
            )


def _read_by_operator(there: LiveObject) -> frozenset[str]:
    names = (
        (name, ANNOTATIONS.get(name.removeprefix(_PREFIX))) for name in there.annotations if name.startswith(_PREFIX)
    )
    return frozenset(name for name, known in names if known is not None and there.kind in known.kinds)


def _is_acted_on(there: LiveObject, cluster: Cluster) -> bool:
    if there.kind in CUSTOM_KINDS:
        return True
    if there.kind == "Ingress":
        return there.spec.get("ingressClassName") == ingress_class(cluster)
    if there.kind != "Service":
        return False
    return (
        there.annotations.get("tailscale.com/expose") == "true"
        or any(target in there.annotations for target in _TARGETS)
        or (there.spec.get("type") == "LoadBalancer" and there.spec.get("loadBalancerClass") == "tailscale")
    )


def _nodes(there: LiveObject) -> Iterator[str]:
    """The names of the nodes, or of the Tailscale Service, that come of an object."""
    yield from (name.partition(".")[0] for name in there.devices)
    if there.kind == "Service":
        yield there.annotations.get(_HOSTNAME) or f"{there.namespace}-{there.name}"
    if there.kind == "Ingress":
        yield _host(there)


def _host(there: LiveObject) -> str:
    """The first name of the first entry of `tls`, of which the operator makes the node's."""
    hosts = [host for entry in entries(there.spec.get("tls")) for host in elements(entry.get("hosts"))]
    return str(hosts[0]).partition(".")[0] if hosts else f"{there.namespace}-{there.name}-ingress"
