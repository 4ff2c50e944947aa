"""Services and Ingresses as the operator reads them: what is exposed, and what leads out of a cluster.

Conditions and defaults were read in `cmd/k8s-operator` of tailscale.com v1.102.3: `svc.go`, `svc-for-pg.go`,
`egress-services.go`, `ingress.go`, `ingress-for-pg.go` and `sts.go`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tailstack.manifests.objects import TAILSCALE, KubernetesObject, Objects
from tailstack.manifests.operators import INGRESS_CLASS, LOAD_BALANCER_CLASS, tags_of, variables
from tailstack.manifests.values import Step
from tailstack.topology.custom import CustomResources, ProxyGroup
from tailstack.topology.declaration import ManagedBy
from tailstack.topology.tailnet import Address, Egress, Exposure, Ingress, Operator, Port, ServicePort

LAST_PORT = 65535
_PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
"""What Go reads as true (`strconv.ParseBool`)."""

_PROXY_CLASS = f"{TAILSCALE}/proxy-class"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterView:
    """One cluster as its operator sees it. `names` are what its Services and Ingresses are called in the tailnet's model."""

    objects: Objects
    cluster: str
    operator: Operator
    ingress_class: str
    is_default_load_balancer: bool
    custom: CustomResources
    names: Mapping[tuple[str, str, str], str]
    dns_name: str

    def name(self, made: KubernetesObject) -> str:
        return self.names[made.kind, made.namespace, made.name]

    def group(self, made: KubernetesObject) -> ProxyGroup | None:
        """The ProxyGroup that an object names, where it is declared in this cluster."""
        wanted = made.annotation("proxy-group")
        return next((group for group in self.custom.proxy_groups if group.name == wanted), None)

    def is_here(self, made: KubernetesObject) -> bool:
        """Whether it becomes part of this tailnet: a ProxyGroup can belong to another one."""
        group = self.group(made)
        return group is None or group.tailnet is None

    def tags(self, made: KubernetesObject) -> tuple[str, ...]:
        return tags_of(made.annotation("tags")) or self.operator.proxy_tags

    def proxy_class(self, made: KubernetesObject) -> str | None:
        """By label, else by annotation, else that of the chart. A ProxyGroup has one of its own."""
        if made.annotation("proxy-group"):
            return None
        for given in (made.labels, made.annotations):
            if _PROXY_CLASS in given:
                return given[_PROXY_CLASS] or None
        return self.operator.default_proxy_class


def view_of(objects: Objects, cluster: str, operator: Operator, custom: CustomResources, dns_name: str) -> ClusterView:
    """A cluster made ready for reading its Services and Ingresses."""
    env = variables(objects, cluster)
    view = ClusterView(
        objects=objects,
        cluster=cluster,
        operator=operator,
        ingress_class=env.get("OPERATOR_INGRESS_CLASS_NAME") or INGRESS_CLASS,
        is_default_load_balancer=env.get("OPERATOR_DEFAULT_LOAD_BALANCER") in _TRUE,
        custom=custom,
        names={},
        dns_name=dns_name,
    )
    nodes = [
        *(made for made in objects.of_kind("Service", cluster) if is_exposed(view, made) or is_egress(view, made)),
        *(made for made in objects.of_kind("Ingress", cluster) if is_tailscale_ingress(view, made)),
    ]
    return replace(view, names=_names(nodes))


def _names(nodes: Sequence[KubernetesObject]) -> dict[tuple[str, str, str], str]:
    """The shortest name that is the object's own in its cluster: `nginx`, `default/nginx` or `Ingress default/nginx`."""
    by_name = Counter(made.name for made in nodes)
    by_path = Counter((made.namespace, made.name) for made in nodes)
    names: dict[tuple[str, str, str], str] = {}
    for made in nodes:
        if by_name[made.name] == 1:
            name = made.name
        elif by_path[made.namespace, made.name] == 1:
            name = f"{made.namespace}/{made.name}"
        else:
            name = made.title
        names[made.kind, made.namespace, made.name] = name
    return names


def is_exposed(view: ClusterView, made: KubernetesObject) -> bool:
    """Whether the operator is asked to make a Service reachable from the tailnet, rightly or not."""
    if made.annotation("proxy-group") == "":
        return False
    if made.annotation("expose") == "true":
        return True
    wanted = made.text("spec", "loadBalancerClass")
    is_ours = wanted == LOAD_BALANCER_CLASS or (wanted is None and view.is_default_load_balancer)
    return made.text("spec", "type") == "LoadBalancer" and is_ours


def is_egress(view: ClusterView, made: KubernetesObject) -> bool:
    """Whether a Service leads to a node of the tailnet."""
    return made.annotation("proxy-group") != "" and not is_exposed(view, made) and _target_of(made) is not None


def is_tailscale_ingress(view: ClusterView, made: KubernetesObject) -> bool:
    """Whether the operator of this cluster looks at an Ingress."""
    return made.text("spec", "ingressClassName") == view.ingress_class


def service_hostname(made: KubernetesObject) -> str:
    """The name that the operator asks for on behalf of a Service."""
    hostname = made.annotation("hostname")
    return f"{made.namespace}-{made.name}" if hostname is None else hostname


def ingress_hostname(made: KubernetesObject) -> str:
    """The name that the operator asks for on behalf of an Ingress."""
    host = made.text("spec", "tls", 0, "hosts", 0)
    return f"{made.namespace}-{made.name}-ingress" if host is None else host.partition(".")[0]


def exposures_of(view: ClusterView) -> Iterator[Exposure]:
    """Every Service of a cluster that is to be reachable from this tailnet."""
    for made in view.objects.of_kind("Service", view.cluster):
        if is_exposed(view, made) and view.is_here(made):
            hostname = service_hostname(made)
            yield Exposure(
                cluster=view.cluster,
                name=view.name(made),
                namespace=made.namespace,
                service=made.name,
                ports=tuple(_service_ports(made)),
                managed_by=ManagedBy.GITOPS,
                selector=(),
                hostname=hostname,
                fqdn=f"{hostname}.{view.dns_name}",
                tags=view.tags(made),
                consumers=None,
                former_names=(),
                proxy_group=made.annotation("proxy-group"),
                proxy_class=view.proxy_class(made),
                has_default_hostname=made.annotation("hostname") is None,
                place=made.place("metadata", "name"),
            )


def _service_ports(made: KubernetesObject) -> Iterator[ServicePort]:
    for index in range(made.length("spec", "ports")):
        path: tuple[Step, ...] = ("spec", "ports", index)
        port = _port(made, path)
        if port is not None:
            target = made.number(*path, "targetPort") or made.text(*path, "targetPort")
            name = made.text(*path, "name") or f"{port.protocol}-{port.first}"
            yield ServicePort(port=port, target_port=target or port.first, name=name)


def _port(made: KubernetesObject, path: tuple[Step, ...]) -> Port | None:
    number = made.number(*path, "port")
    protocol = _PROTOCOLS.get(made.text(*path, "protocol") or "TCP")
    return Port(protocol, number, number) if protocol and number and 0 < number <= LAST_PORT else None


def ingresses_of(view: ClusterView) -> Iterator[Ingress]:
    """Every Ingress of a cluster that is to be reachable from this tailnet."""
    for made in view.objects.of_kind("Ingress", view.cluster):
        if is_tailscale_ingress(view, made) and view.is_here(made):
            hostname = ingress_hostname(made)
            group = made.annotation("proxy-group") or None
            service, port = _backend(view, made)
            redirects = made.annotation("http-redirect") == "true"
            yield Ingress(
                cluster=view.cluster,
                name=view.name(made),
                namespace=made.namespace,
                backend_service=service,
                backend_port=port,
                funnel=group is None and made.annotation("funnel") == "true",
                hostname=hostname,
                fqdn=f"{hostname}.{view.dns_name}",
                tags=view.tags(made),
                consumers=None,
                former_names=(),
                serves_http=redirects or (group is not None and made.annotation("http-endpoint") == "enabled"),
                proxy_group=group,
                proxy_class=view.proxy_class(made),
                has_default_hostname=made.text("spec", "tls", 0, "hosts", 0) is None,
                place=made.place("metadata", "name"),
            )


def backend_paths(made: KubernetesObject) -> Iterator[tuple[Step, ...]]:
    """The path to each backend of an Ingress, that of `defaultBackend` first."""
    if made.value("spec", "defaultBackend") is not None:
        yield ("spec", "defaultBackend")
    for rule in range(made.length("spec", "rules")):
        for index in range(made.length("spec", "rules", rule, "http", "paths")):
            yield ("spec", "rules", rule, "http", "paths", index, "backend")


def _backend(view: ClusterView, made: KubernetesObject) -> tuple[str, int]:
    """Service and port of the first backend; 0 for a port that is not known, and an empty name where there is none."""
    for path in backend_paths(made):
        service = made.text(*path, "service", "name")
        if service is not None:
            number = made.number(*path, "service", "port", "number")
            name = made.text(*path, "service", "port", "name")
            return service, number or _numbered(view, made.namespace, service, name)
    return "", 0


def _numbered(view: ClusterView, namespace: str, service: str, name: str | None) -> int:
    found = view.objects.find(view.cluster, "Service", service, namespace)
    if found is None or name is None:
        return 0
    for index in range(found.length("spec", "ports")):
        if found.text("spec", "ports", index, "name") == name:
            return found.number("spec", "ports", index, "port") or 0
    return 0


def egresses_of(view: ClusterView, by_fqdn: Mapping[str, Exposure | Ingress]) -> Iterator[Egress]:
    """Every Service of a cluster that leads out; `by_fqdn` are the exposed things of all clusters, in small letters."""
    for made in view.objects.of_kind("Service", view.cluster):
        address = _target_of(made)
        if address is None or not is_egress(view, made) or not view.is_here(made):
            continue
        linked = by_fqdn.get((address.fqdn or "").lower())
        ports = tuple(
            port
            for index in range(made.length("spec", "ports"))
            if (port := _port(made, ("spec", "ports", index))) is not None
        )
        group = view.group(made)
        yield Egress(
            cluster=view.cluster,
            name=view.name(made),
            namespace=made.namespace,
            service=made.name,
            target=linked or address,
            ports=ports or (linked.granted_ports if linked else ()),
            hostname=service_hostname(made),
            tags=group.tags if group else view.tags(made),
            former_names=(),
            proxy_group=made.annotation("proxy-group"),
            proxy_class=view.proxy_class(made),
            place=made.place("metadata", "name"),
        )


def _target_of(made: KubernetesObject) -> Address | None:
    """An IP address goes before a name where both are there, which the operator refuses."""
    ip = made.annotation("tailnet-ip") or made.annotation("ts-tailnet-target-ip")
    if ip:
        return Address(ip=ip)
    fqdn = made.annotation("tailnet-fqdn")
    return Address(fqdn=fqdn.removesuffix(".")) if fqdn else None
