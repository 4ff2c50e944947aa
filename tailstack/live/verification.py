"""Whether everything that is declared is live: each node there once, tags, addresses, routes, services, conditions, names.

Judged in terms of the declaration, each failure with its place and what to do. Facts about the operator are those of
`cmd/k8s-operator` in tailscale.com v1.104.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tailstack.access.addresses import parse_span
from tailstack.access.nodes import DeclaredNode, NodeKind, declared_nodes
from tailstack.finding import Place
from tailstack.live.declared import (
    OPERATOR_DEPLOYMENT,
    PLACEHOLDER,
    DeclaredObject,
    DeclaredService,
    Scope,
    objects_of,
    services_of,
)
from tailstack.live.kubectl import kubectl
from tailstack.live.model import Live, LiveDevice, LiveObject, LiveService, LiveTailnet, Unknown
from tailstack.plain import entries
from tailstack.topology.tailnet import Cluster, Egress, Ingress, Tailnet
from tailstack.topology.wording import listed

EXIT_ROUTES = ("0.0.0.0/0", "::/0")
_HTTPS_PORT = 443
_SUFFIX = re.compile(r"-\d+\Z")


class Outcome(StrEnum):
    """How a check ended. `unknown` where what it needs could not be read."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that should be so. `who` is the declaration (`exposure blue.nginx`), `aspect` what of it is looked at.

    `message` and `mend` are sentences; both are empty where it holds.
    """

    who: str
    aspect: str
    outcome: Outcome
    place: Place
    message: str = ""
    mend: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Subject:
    """What checks are said of."""

    who: str
    place: Place

    def holds(self, aspect: str) -> Check:
        return Check(who=self.who, aspect=aspect, outcome=Outcome.HOLDS, place=self.place)

    def fails(self, aspect: str, message: str, mend: str) -> Check:
        return Check(who=self.who, aspect=aspect, outcome=Outcome.FAILS, place=self.place, message=message, mend=mend)

    def unknown(self, aspect: str, unknown: Unknown) -> Check:
        message = f"It cannot be told: {unknown}."
        return Check(who=self.who, aspect=aspect, outcome=Outcome.UNKNOWN, place=self.place, message=message)

    def when(self, aspect: str, *, is_so: bool, message: str, mend: str) -> Check:
        return self.holds(aspect) if is_so else self.fails(aspect, message, mend)


def verify(tailnet: Tailnet, live: Live, scope: Scope) -> tuple[Check, ...]:
    """Every check of a part of an environment, in the order of its declarations: the tailnet, its clusters, machines."""
    return tuple(_checks(tailnet, live, scope))


def hosted_services(tailnet: Tailnet, scope: Scope) -> tuple[str, ...]:
    """The Tailscale Services of which `verify` needs the hosts."""
    return tuple(service.name for service in services_of(tailnet) if _concerns(service, scope))


def _checks(tailnet: Tailnet, live: Live, scope: Scope) -> Iterator[Check]:
    if scope.has_tailnet:
        yield from _settings(tailnet, live.tailnet)
    nodes = [
        node
        for node in declared_nodes(tailnet)
        if (scope.holds(node.cluster) if node.cluster is not None else scope.has_tailnet)
    ]
    yield from _nodes(tailnet, nodes, live.tailnet)
    services = live.tailnet.services
    by_name = services if isinstance(services, Unknown) else {service.name: service for service in services}
    for service in services_of(tailnet):
        if _concerns(service, scope):
            yield from _service(service, by_name)
    for cluster in scope.clusters:
        yield from _objects(cluster, tailnet.dns_name, live)


def _concerns(service: DeclaredService, scope: Scope) -> bool:
    return any(map(scope.holds, service.clusters)) if service.clusters else scope.has_tailnet


def _settings(tailnet: Tailnet, live: LiveTailnet) -> Iterator[Check]:
    subject = _Subject(who="tailnet", place=tailnet.place)
    again = "Apply the stack again: pulumi up."
    if tailnet.magic_dns:
        if isinstance(live.magic_dns, Unknown):
            yield subject.unknown("MagicDNS", live.magic_dns)
        else:
            yield subject.when("MagicDNS", is_so=live.magic_dns, message="MagicDNS is switched off.", mend=again)
    if tailnet.https_certificates:
        if isinstance(live.settings, Unknown):
            yield subject.unknown("certificates", live.settings)
        else:
            yield subject.when(
                "certificates",
                is_so=live.settings.get("httpsEnabled") is True,
                message="HTTPS certificates are switched off, so that no ingress and no API server has one.",
                mend=again,
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Devices:
    """The devices of the tailnet by what they are called, and by what they asked to be called."""

    by_label: Mapping[str, LiveDevice]
    by_hostname: Mapping[str, Sequence[LiveDevice]]

    @classmethod
    def of(cls, devices: Iterable[LiveDevice]) -> _Devices:
        own = [device for device in devices if not device.is_external]
        by_hostname: dict[str, list[LiveDevice]] = {}
        for device in own:
            by_hostname.setdefault(device.hostname.lower(), []).append(device)
        return cls(by_label={device.label: device for device in own}, by_hostname=by_hostname)

    def seconds(self, node: DeclaredNode) -> list[LiveDevice]:
        """Devices that asked for the node's name, came too late, and are called `<name>-1` and so on."""
        return [
            device
            for device in self.by_hostname.get(node.hostname, ())
            if _SUFFIX.sub("", device.label) == node.hostname and device.label != node.hostname
        ]


def _nodes(tailnet: Tailnet, nodes: Sequence[DeclaredNode], live: LiveTailnet) -> Iterator[Check]:
    if isinstance(live.devices, Unknown):
        for node in nodes:
            yield _Subject(who=str(node), place=node.place).unknown("node", live.devices)
        return
    devices = _Devices.of(live.devices)
    routes = _routes_of(tailnet)
    for node in nodes:
        yield from _node(node, devices, routes.get(str(node), ()))


def _node(node: DeclaredNode, devices: _Devices, routes: Sequence[str]) -> Iterator[Check]:
    subject = _Subject(who=str(node), place=node.place)
    device, seconds = devices.by_label.get(node.hostname), devices.seconds(node)
    if device is None or (set(device.tags) != set(node.tags) and any(set(s.tags) == set(node.tags) for s in seconds)):
        yield _absent(subject, node, device, seconds)
        return
    yield subject.when(
        "node",
        is_so=not seconds,
        message=f"A second node, {listed([s.label for s in seconds])}, asked for the name {node.hostname}.",
        mend="Remove the one of the two that nobody runs any more: admin console, Machines. An operator that lost its "
        "state leaves such a node behind.",
    )
    yield subject.when(
        "tags",
        is_so=set(device.tags) == set(node.tags),
        message=f"Its node {device.label} wears {_tags(device.tags)}, and {_tags(node.tags)} is declared.",
        mend=_retag(node),
    )
    yield subject.when(
        "address",
        is_so=bool(device.addresses),
        message=f"Its node {device.label} has no address in the tailnet.",
        mend="Look at the device in the admin console, and let it join again.",
    )
    yield subject.when(
        "approval",
        is_so=device.authorized,
        message=f"Its node {device.label} waits to be let into the tailnet.",
        mend="Approve it: admin console, Machines; or let it join by a key that is preauthorized.",
    )
    yield subject.when(
        "connection",
        is_so=device.connected is not False,
        message=f"Its node {device.label} is not connected to Tailscale.",
        mend=_look_at(node),
    )
    for route in routes:
        yield _route(subject, node, device, route)


def _absent(subject: _Subject, node: DeclaredNode, holder: LiveDevice | None, seconds: Sequence[LiveDevice]) -> Check:
    if not seconds:
        return subject.fails("node", f"No node of the tailnet is called {node.hostname}.", _look_at(node))
    called = listed([second.label for second in seconds])
    if holder is None:
        return subject.fails(
            "node",
            f"Its node is called {called} instead of {node.hostname}: the name was taken when it joined, and is free now.",
            f"Rename it to {node.hostname}: admin console, Machines, Edit machine name.",
        )
    owner = _tags(holder.tags) if holder.tags else holder.user
    return subject.fails(
        "node",
        f"Its node is called {called}: another node ({owner}) has the name {node.hostname}.",
        f"Rename or remove the other node, and then rename {called} to {node.hostname}: admin console, Machines.",
    )


def _look_at(node: DeclaredNode) -> str:
    if node.cluster is None:
        return (
            f"Let the machine join as {node.hostname} with {_tags(node.tags)}, and see that it is up: tailscale status."
        )
    if node.kind is NodeKind.OPERATOR:
        return f"Look at the log of its Deployment, {OPERATOR_DEPLOYMENT}, in {node.cluster}."
    return f"See what the operator of {node.cluster} says: its log, and the events of the object."


def _retag(node: DeclaredNode) -> str:
    if node.cluster is None:
        return "Set the tags in the admin console, or declare `device: {tags: true}` so that the stack sets them."
    return (
        "A node gets its tags when it joins and never again: remove it in the admin console and delete the Secret with its "
        "state, so that the operator lets it join anew."
    )


def _tags(tags: Iterable[str]) -> str:
    return listed(tags, none="no tag")


def _route(subject: _Subject, node: DeclaredNode, device: LiveDevice, route: str) -> Check:
    what = "the exit node" if route in EXIT_ROUTES else route
    if _has(device.routes, route):
        return subject.holds(f"route {route}")
    if not _has(device.advertised, route):
        return subject.fails(
            f"route {route}", f"Its node {device.label} does not advertise {what} ({route}).", _look_at(node)
        )
    return subject.fails(
        f"route {route}",
        f"Its node {device.label} advertises {what} ({route}), and that is not approved.",
        "Approve it: admin console, Machines, Edit route settings. The policy's autoApprovers count when a node begins to "
        "advertise, not afterwards.",
    )


def _has(routes: Iterable[str], route: str) -> bool:
    span = parse_span(route)
    return any(parse_span(one) == span for one in routes)


def _routes_of(tailnet: Tailnet) -> dict[str, tuple[str, ...]]:
    """What each node is to advertise, by its declaration."""
    found: dict[str, tuple[str, ...]] = {}
    for connector in tailnet.connectors:
        routes = (*connector.routes, *connector.app_routes)
        found[f"{NodeKind.CONNECTOR} {connector.reference}"] = (*routes, *(EXIT_ROUTES if connector.exit_node else ()))
    for machine in tailnet.machines:
        routes = (*machine.routes, *(machine.app_connector.routes if machine.app_connector else ()))
        found[f"{NodeKind.MACHINE} {machine.name}"] = (*routes, *(EXIT_ROUTES if machine.exit_node else ()))
    return found


def _service(declared: DeclaredService, live: Mapping[str, LiveService] | Unknown) -> Iterator[Check]:
    subject = _Subject(who=declared.who, place=declared.place)
    if isinstance(live, Unknown):
        yield subject.unknown("service", live)
        return
    service = live.get(declared.name)
    operators = f"See what the operator of {listed(declared.clusters)} says of it: its log, and the object's events."
    if service is None:
        mend = operators if declared.clusters else "Apply the stack again: pulumi up."
        yield subject.fails("service", f"There is no Tailscale Service {declared.name}.", mend)
        return
    yield subject.when(
        "service",
        is_so=service.has_owner or not declared.clusters,
        message=f"{declared.name} was not made by an operator, and an operator touches none that is not its own.",
        mend="Remove it in the admin console, so that the operator makes its own.",
    )
    yield subject.when(
        "tags",
        is_so=set(service.tags) == set(declared.tags),
        message=f"{declared.name} has {_tags(service.tags)}, and {_tags(declared.tags)} is declared.",
        mend=operators if declared.clusters else "Apply the stack again: pulumi up.",
    )
    if declared.ports is not None:
        yield subject.when(
            "ports",
            is_so=set(service.ports) == set(declared.ports),
            message=f"{declared.name} has the ports {listed(service.ports)}, and {listed(declared.ports)} is declared.",
            mend="Apply the stack again: pulumi up.",
        )
    yield subject.when(
        "address",
        is_so=bool(service.addresses),
        message=f"{declared.name} has no address.",
        mend="Look at it in the admin console, Services.",
    )
    yield _hosts(subject, declared, service)


def _hosts(subject: _Subject, declared: DeclaredService, service: LiveService) -> Check:
    if isinstance(service.hosts, Unknown):
        return subject.unknown("hosts", service.hosts)
    if any(host.is_approved for host in service.hosts):
        return subject.holds("hosts")
    if service.hosts:
        return subject.fails(
            "hosts",
            f"{declared.name} is advertised, and none of its hosts is approved.",
            "Approve one: admin console, Services. The policy's autoApprovers count when a host begins to advertise, not "
            "afterwards.",
        )
    who = f"The proxy group of {listed(declared.clusters)}" if declared.clusters else "A machine"
    return subject.fails(
        "hosts",
        f"Nobody advertises {declared.name}.",
        f"{who} is to advertise it: look whether its nodes are up"
        + (", and whether the Service behind it has endpoints." if declared.clusters else ": tailscale serve status."),
    )


def _objects(cluster: Cluster, dns_name: str, live: Live) -> Iterator[Check]:
    found = live.clusters.get(cluster.name, Unknown(what=f"cluster {cluster.name}", reason="nobody asked it"))
    if isinstance(found, Unknown):
        yield _Subject(who=f"cluster {cluster.name}", place=cluster.place).unknown("objects", found)
        return
    for declared in objects_of(cluster):
        subject = _Subject(who=declared.who, place=declared.place)
        there = found.find(*declared.key)
        if isinstance(there, Unknown):
            yield subject.unknown("object", there)
        elif there is None:
            yield _no_object(subject, declared, cluster.name)
        else:
            yield from _object(subject, declared, there, cluster, dns_name)


def _no_object(subject: _Subject, declared: DeclaredObject, cluster: str) -> Check:
    kind, namespace, name = declared.key
    path = f"{namespace}/{name}" if namespace else name
    mend = (
        "It is applied by somebody else: see that their manifest is, with the annotations that the stack's output "
        "gitopsAnnotations names."
        if declared.is_applied_by_others
        else "Apply the stack again: pulumi up."
    )
    return subject.fails("object", f"There is no {kind} {path} in {cluster}.", mend)


def _object(
    subject: _Subject, declared: DeclaredObject, there: LiveObject, cluster: Cluster, dns_name: str
) -> Iterator[Check]:
    yield subject.holds("object")
    for condition in declared.conditions:
        yield _condition(subject, there, condition, cluster)
    served = declared.served
    if isinstance(served, Ingress):
        yield from _ingress(subject, served, there, cluster)
    elif isinstance(served, Egress) and served.proxy_group is None:
        yield subject.when(
            "resolution",
            is_so=there.spec.get("externalName") not in (None, "", PLACEHOLDER),
            message=f"Service {there.path} leads nowhere yet: the operator has not put the name of its proxy there.",
            mend=_events(cluster, there),
        )
    if declared.group is not None and declared.group.hostname is not None:
        url = f"https://{declared.group.hostname}.{dns_name}"
        yield subject.when(
            "address",
            is_so=there.status.get("url") == url,
            message=f"{there.kind} {there.path} does not say that the API server is reached at {url}"
            + (f", but at {there.status['url']}." if there.status.get("url") else "."),
            mend=_events(cluster, there),
        )


def _condition(subject: _Subject, there: LiveObject, kind: str, cluster: Cluster) -> Check:
    condition = there.condition(kind)
    if condition is None:
        return subject.fails(
            kind,
            f"{there.kind} {there.path} has no condition {kind}: nothing has looked at it yet.",
            _events(cluster, there),
        )
    if condition.is_outdated:
        return subject.fails(
            kind, f"{kind} of {there.kind} {there.path} is about an older version of it.", _events(cluster, there)
        )
    words = ": ".join(filter(None, (condition.reason, condition.message))) or "no reason is given"
    return subject.when(
        kind,
        is_so=condition.is_true,
        message=f"{kind} of {there.kind} {there.path} is not true ({words}).",
        mend=_events(cluster, there),
    )


def _ingress(subject: _Subject, ingress: Ingress, there: LiveObject, cluster: Cluster) -> Iterator[Check]:
    """The operator says port 443 for a highly available ingress once its Secret has a certificate (`hasCerts` in
    ingress-for-pg.go); for another one it is the node's name that counts, and the certificate comes with the first visit."""
    names = {str(address.get("hostname", "")).rstrip(".") for address in there.addresses} - {""}
    if not names:
        yield subject.fails("name", f"Ingress {there.path} has no name in the tailnet yet.", _events(cluster, there))
        return
    yield subject.when(
        "name",
        is_so=names == {ingress.fqdn},
        message=f"Ingress {there.path} is reached as {listed(sorted(names))}, and {ingress.fqdn} is declared.",
        mend=f"Another node or Tailscale Service has the name {ingress.hostname}: rename or remove it in the admin console.",
    )
    ports = {port.get("port") for address in there.addresses for port in entries(address.get("ports"))}
    yield subject.when(
        "certificate",
        is_so=_HTTPS_PORT in ports,
        message=f"Ingress {there.path} has no certificate for {ingress.fqdn} yet.",
        mend="The proxy group asks for it by itself, which takes a minute. If it does not come, look at the log of its first "
        "pod, and whether HTTPS certificates are switched on: admin console, DNS.",
    )


def _events(cluster: Cluster, there: LiveObject) -> str:
    return f"Its events say more: {kubectl(cluster, 'describe', there)}."
