"""1xx: names of Tailscale Services, which belong to the whole tailnet and not to one cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tailstack.access.derive import ip_entries
from tailstack.finding import Finding, Rule, Severity
from tailstack.rules.subject import Subject
from tailstack.rules.tailscale_services import DeclaredService
from tailstack.topology.custom import ProxyGroup
from tailstack.topology.tailnet import Exposure, Ingress
from tailstack.topology.wording import listed

_GROUP = (
    "apiVersion: tailscale.com/v1alpha1\n"
    "kind: ProxyGroup\n"
    "metadata: {name: web-proxies}\n"
    "spec: {type: ingress, replicas: 2}\n"
)
_INGRESS = (
    "---\n"
    "apiVersion: networking.k8s.io/v1\n"
    "kind: Ingress\n"
    "metadata: {name: shop, namespace: web, annotations: {tailscale.com/proxy-group: web-proxies}}\n"
    "spec:\n"
    "  ingressClassName: tailscale\n"
    "  defaultBackend: {service: {name: shop, port: {number: 80}}}\n"
    "  tls: [{hosts: [shop]}]\n"
)
_EXPOSED = (
    "---\n"
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata:\n"
    "  name: shop\n"
    "  namespace: web\n"
    '  annotations: {tailscale.com/expose: "true", tailscale.com/proxy-group: web-proxies}\n'
    "spec: {ports: [{port: 80}]}\n"
)
_API = (
    "apiVersion: tailscale.com/v1alpha1\n"
    "kind: ProxyGroup\n"
    "metadata: {name: blue-api}\n"
    "spec: {type: kube-apiserver, kubeAPIServer: {hostname: api}}\n"
)


def _in_two_clusters(blue: str, green: str) -> str:
    return f"# blue/app.yaml\n{blue}# green/app.yaml\n{green.replace('web-proxies', 'green-proxies')}"


_TWO_GROUPS = """clusters:
  blue:
    kubernetes: {context: blue}
    proxyGroups: {in: {type: ingress}}
    expose: {shop: {namespace: web, managedBy: gitops, ports: [tcp:80], proxyGroup: in, hostname: shop}}
  green:
    kubernetes: {context: green}
    proxyGroups: {in: {type: ingress}}
    expose: {shop: {namespace: web, managedBy: gitops, ports: [tcp:80], proxyGroup: in, GREEN}}
"""

SERVICE_AND_NODE = Rule(
    code="TS105",
    slug="svc-vs-device",
    what="A Tailscale Service and a node ask for the same name.",
    why='The API refuses the Service (400, "name exists but is not a service"), and what is exposed stays unreachable.',
    mend="Give one of them another name; a node that becomes a Service has to be deleted first.",
    source="https://github.com/tailscale/tailscale/issues/19922",
    bad=(
        f"# blue/app.yaml\n{_GROUP}{_INGRESS}---\napiVersion: v1\nkind: Service\n"
        'metadata: {name: shop, namespace: web, annotations: {tailscale.com/expose: "true", tailscale.com/hostname: shop}}\n'
        "spec: {ports: [{port: 80}]}\n"
    ),
    good=(
        f"# blue/app.yaml\n{_GROUP}{_INGRESS}---\napiVersion: v1\nkind: Service\n"
        'metadata: {name: shop, namespace: web, annotations: {tailscale.com/expose: "true"}}\n'
        "spec: {ports: [{port: 80}]}\n"
    ),
)
MERGED_BY_CHANCE = Rule(
    code="TS106",
    slug="svc-merge-unintended",
    severity=Severity.WARNING,
    what="Two clusters host one Tailscale Service, and nobody wrote its name.",
    why="The operator makes the name of namespace and name, so that production and a sandbox can share their traffic.",
    mend="Set a name in each: the same one where they are to share the traffic, another one where not.",
    source="https://github.com/tailscale/tailscale/issues/16752",
    bad=_in_two_clusters(_GROUP + _EXPOSED, _GROUP + _EXPOSED),
    good=_in_two_clusters(
        _GROUP + _EXPOSED.replace("web-proxies}", "web-proxies, tailscale.com/hostname: shop}"),
        _GROUP + _EXPOSED.replace("web-proxies}", "web-proxies, tailscale.com/hostname: shop}"),
    ),
)
MERGE_CONFLICT = Rule(
    code="TS107",
    slug="svc-merge-conflict",
    what="Two clusters host one Tailscale Service, and do not say the same of it.",
    why="Each operator rewrites what the other wrote, for ever; which tags and ports it has changes all the time.",
    mend="Write the same tags, in the same order, and the same kind and HTTP settings in both, or give one another name.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/ingress-for-pg.go",
    bad=_in_two_clusters(
        _GROUP + _INGRESS,
        _GROUP + _INGRESS.replace("web-proxies}", "web-proxies, tailscale.com/http-endpoint: enabled}"),
    ),
    good=_in_two_clusters(_GROUP + _INGRESS, _GROUP + _INGRESS),
)
API_SERVER_NAME_TAKEN = Rule(
    code="TS108",
    slug="apiserver-svc-dup",
    what="The Tailscale Service of an API server is asked for by something else too.",
    why="It belongs to one cluster alone: the operator refuses it (InvalidTailscaleService), or clients reach another cluster.",
    mend="Set another `kubeAPIServer.hostname`.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/api-server-proxy-pg.go",
    bad=_in_two_clusters(_API, _API.replace("blue", "green")),
    good=_in_two_clusters(_API, _API.replace("blue", "green").replace("hostname: api", "hostname: green-api")),
)
DUPLICATE_IN_CLUSTER = Rule(
    code="TS109",
    slug="svc-dup-in-cluster",
    what="Two things of one cluster ask for the same Tailscale Service.",
    why="The operator refuses the second one (InvalidIngressConfiguration, IngressSvcInvalid).",
    mend="Give one of them another name. Of a host in `tls` only the first label counts.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/ingress-for-pg.go",
    bad=f"# blue/app.yaml\n{_GROUP}{_INGRESS}{_INGRESS.replace('name: shop, n', 'name: sale, n').replace('[shop]', '[shop.sale]')}",
    good=f"# blue/app.yaml\n{_GROUP}{_INGRESS}{_INGRESS.replace('name: shop, n', 'name: sale, n').replace('[shop]', '[sale]')}",
)

SHARED_UNDECLARED = Rule(
    code="TS113",
    slug="svc-shared-undeclared",
    what="Several clusters or machines serve one Tailscale Service, and it is not declared as one of the whole tailnet.",
    why="Nothing keeps its tags and ports the same everywhere, and traffic that is meant for one of them reaches the others.",
    mend="Declare it once under `services`, with a backend in each cluster, or give one of them another hostname.",
    source="https://tailscale.com/kb/1552/tailscale-services",
    bad=_TWO_GROUPS.replace("GREEN", "hostname: shop"),
    good=_TWO_GROUPS.replace("GREEN", "hostname: shop-green"),
)

RULES = (
    SERVICE_AND_NODE,
    MERGED_BY_CHANCE,
    MERGE_CONFLICT,
    API_SERVER_NAME_TAKEN,
    DUPLICATE_IN_CLUSTER,
    SHARED_UNDECLARED,
)


def service_and_node(subject: Subject) -> Iterator[Finding]:
    """Nodes that are declared, and devices that there are: a proxy that is to become a Service keeps its name till deleted."""
    nodes = {node.hostname.lower(): node for node in reversed(subject.nodes)}
    live = subject.live_devices
    for services in _by_name(subject).values():
        first = services[0]
        node = nodes.get(first.hostname.lower())
        device = live.get(first.hostname.lower())
        if node is not None:
            who, places = str(node), (node.place,)
        elif device is not None:
            who, places = f"the device {device.name}", (device.place,) if device.place else ()
        else:
            continue
        yield SERVICE_AND_NODE.at(
            *dict.fromkeys((*(service.place for service in services), *places)),
            message=f"{_who(services)} and {who} both ask for the name {first.hostname}."
            if node is not None
            else f"{_who(services)} asks for the name {first.hostname}, which {who} has.",
            expected="a name of its own for each node and each Tailscale Service",
        )


def merged_by_chance(subject: Subject) -> Iterator[Finding]:
    """Where each cluster wrote the name, they are taken to mean it."""
    for services in _by_name(subject).values():
        clusters = _one_of_each_cluster(services)
        by_default = [service for service in clusters if _has_default_name(service)]
        if len(clusters) > 1 and by_default:
            yield MERGED_BY_CHANCE.at(
                *dict.fromkeys(service.place for service in (*by_default, *clusters)),
                message=f"{_who(clusters)} are one Tailscale Service, {clusters[0].name}, by the names that the operator "
                "makes.",
                expected="names that somebody wrote",
            )


def merge_conflict(subject: Subject) -> Iterator[Finding]:
    """Each cluster is compared with the first one. Ports at layer 4 are not kept by the API.

    In YAML a Service is shared by one declaration, which cannot differ from itself; that it is, another rule sees to.
    """
    for services in _by_name(subject).values() if subject.objects is not None else ():
        first, *others = _one_of_each_cluster(services)
        for other in others:
            difference = _difference(first, other)
            if difference:
                yield MERGE_CONFLICT.at(
                    other.place,
                    first.place,
                    message=f"{first.name} is {difference}.",
                    expected="the same in every cluster that hosts it",
                )


def _difference(first: DeclaredService, other: DeclaredService) -> str:
    one, two = first.declared, other.declared
    if isinstance(one, ProxyGroup) or isinstance(two, ProxyGroup):
        return ""  # of which another rule tells
    if type(one) is not type(two):
        return f"{_kind(first)} and {_kind(other)}"
    if first.tags != other.tags:
        order = ", and their order counts" if set(first.tags) == set(other.tags) else ""
        return f"tagged {listed(first.tags)} in {first.cluster} and {listed(other.tags)} in {other.cluster}{order}"
    if isinstance(one, Ingress) and one.granted_ports != two.granted_ports:
        ports = [listed(ip_entries(each.granted_ports)) for each in (one, two)]
        return f"served on {ports[0]} in {first.cluster} and on {ports[1]} in {other.cluster}"
    return ""


def _kind(service: DeclaredService) -> str:
    return f"{'a Service' if isinstance(service.declared, Exposure) else 'an Ingress'} in {service.cluster}"


def api_server_name_taken(subject: Subject) -> Iterator[Finding]:
    """By another cluster's API server, or by something that is exposed."""
    for services in _by_name(subject).values():
        groups = [service for service in services if isinstance(service.declared, ProxyGroup)]
        if groups and len(services) > 1:
            others = [service for service in services if service is not groups[0]]
            yield API_SERVER_NAME_TAKEN.at(
                *dict.fromkeys((groups[0].place, *(service.place for service in others))),
                message=f"{groups[0].name}, the API server of {groups[0].who}, is asked for by {_who(others)} too.",
                expected="a name that nothing else in the tailnet asks for",
            )


def duplicate_in_cluster(subject: Subject) -> Iterator[Finding]:
    """Services and Ingresses of one cluster share the names, whatever their ProxyGroups are."""
    for services in _by_name(subject).values():
        first: dict[str, DeclaredService] = {}
        for service in services:
            if isinstance(service.declared, ProxyGroup) or service.cluster is None:
                continue
            other = first.setdefault(service.cluster, service)
            if other is not service:
                yield DUPLICATE_IN_CLUSTER.at(
                    service.place,
                    other.place,
                    message=f"{service.who} and {other.who} are both {service.name} in {service.cluster}.",
                    expected="a name of its own for each that a cluster exposes",
                )


def shared_undeclared(subject: Subject) -> Iterator[Finding]:
    """In YAML, where there is a way to say that it is meant. Of API servers and of two in one cluster other rules tell."""
    if subject.objects is not None:
        return
    declared = {service.name: service.place for service in subject.tailnet.services}
    for services in _by_name(subject).values():
        alone = [
            each for each in services if isinstance(each.declared, Exposure | Ingress) and not each.declared.is_shared
        ]
        name = services[0].name
        if alone and (name in declared or len({each.cluster for each in alone}) > 1):
            yield SHARED_UNDECLARED.at(
                *dict.fromkeys((*(each.place for each in alone), *({declared[name]} if name in declared else ()))),
                message=f"{_who(alone)} {'asks' if len(alone) == 1 else 'ask'} for {name}, which "
                + ("is declared under `services`." if name in declared else "would be one Tailscale Service."),
                expected="backends of one declaration under `services`, or a hostname of its own for each",
            )


def _by_name(subject: Subject) -> Mapping[str, Sequence[DeclaredService]]:
    found: dict[str, list[DeclaredService]] = {}
    for service in subject.services:
        found.setdefault(service.name.lower(), []).append(service)
    return found


def _one_of_each_cluster(services: Sequence[DeclaredService]) -> list[DeclaredService]:
    return list({service.cluster: service for service in reversed(services)}.values())[::-1]


def _has_default_name(service: DeclaredService) -> bool:
    return isinstance(service.declared, Exposure | Ingress) and service.declared.has_default_hostname


def _who(services: Sequence[DeclaredService]) -> str:
    return " and ".join(service.who for service in services)


CHECKS = (
    service_and_node,
    merged_by_chance,
    merge_conflict,
    api_server_name_taken,
    duplicate_in_cluster,
    shared_undeclared,
)
