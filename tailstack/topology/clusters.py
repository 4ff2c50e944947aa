"""Clusters with their operators, exposures and ingresses: every name, tag and port filled in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tailstack.finding import Rule
from tailstack.topology import naming
from tailstack.topology.declaration import (
    CHART_REPOSITORY,
    ApiServerProxyMode,
    ChartDeclaration,
    ClusterDeclaration,
    EgressDeclaration,
    Exposed,
    ExposeDeclaration,
    IngressDeclaration,
    ManagedBy,
    OperatorDeclaration,
    OperatorDefaults,
    ServicePortDeclaration,
)
from tailstack.topology.notes import KEY_DOES_NOT_FIT, Notes
from tailstack.topology.placed import Path
from tailstack.topology.ports import WRONG_PORT, is_one_port, read_ports
from tailstack.topology.scopes import OUTSIDE_SCOPE
from tailstack.topology.tailnet import Chart, Exposure, Ingress, Operator, Port, ServicePort
from tailstack.topology.wording import path_text

RESERVED_NAME = Rule(
    code="TS046",
    slug="reserved-name",
    what="A name with two hyphens in a row, or a cluster whose name begins with op-.",
    why="Derived tags are tag:k8s-<cluster>--<name> and tag:k8s-op-<cluster>; two things could get the same tag.",
    mend="Choose another name; node name and tags can be set by hand with `hostname` and `tags`.",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web--a: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web-a: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
    ),
)
NAME_TAKEN = Rule(
    code="TS047",
    slug="name-taken",
    what="Two of a cluster's exposures, ingresses and egresses have the same name, now or formerly.",
    why="They would get the same tag, and with it each other's access.",
    mend="Choose another name for one of them.",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "    ingress:\n"
        "      web: {namespace: default, backend: {service: web, port: 80}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "    ingress:\n"
        "      page: {namespace: default, backend: {service: web, port: 80}}\n"
    ),
)
LONG_NODE_NAME = Rule(
    code="TS048",
    slug="long-node-name",
    what="The node name <cluster>-<name> is longer than 63 characters.",
    why="A node's name is one label of a DNS name.",
    mend="Set a shorter one with `hostname`.",
    source="https://datatracker.ietf.org/doc/html/rfc1035#section-2.3.4",
    bad=(
        "clusters:\n"
        "  a-cluster-with-a-very-long-name:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      an-exposure-with-a-name-as-long-as-that: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
    ),
)

RULES = (RESERVED_NAME, NAME_TAKEN, LONG_NODE_NAME)

_DEFAULT_NAMESPACE = "tailscale"
_NO_CHART = ChartDeclaration()


def check_name(notes: Notes, *path: str | int, name: str) -> None:
    """Note a name that could share a derived tag with another one."""
    is_cluster = path == ("clusters", name)
    if naming.SEPARATOR in name:
        notes.say(RESERVED_NAME, notes.key(*path), message=f"The name {name} has two hyphens in a row.")
    elif is_cluster and name.startswith(naming.OPERATOR_PREFIX):
        clash = naming.operator_tag(name.removeprefix(naming.OPERATOR_PREFIX))
        message = f"A cluster called {name} would have the tag {clash} of another cluster's operator."
        notes.say(RESERVED_NAME, notes.key(*path), message=message)


def check_names(notes: Notes, cluster: str, declared: ClusterDeclaration) -> None:
    """Note names within one cluster that would share a tag, by what they are called now or were called before."""
    parts: dict[str, Mapping[str, Exposed | EgressDeclaration]] = {
        "expose": declared.expose,
        "ingress": declared.ingress,
        "egress": declared.egress,
    }
    taken: dict[str, Path] = {}
    for part, things in parts.items():
        for name in things:
            path = ("clusters", cluster, part, name)
            check_name(notes, *path, name=name)
            _check_taken(notes, path, name, taken)
    for part, things in parts.items():
        for name, thing in things.items():
            for index, old_name in enumerate(thing.formerly):
                path = ("clusters", cluster, part, name, "formerly", index)
                check_name(notes, *path, name=old_name)
                _check_taken(notes, path, old_name, taken)


def _check_taken(notes: Notes, path: Path, name: str, taken: dict[str, Path]) -> None:
    other = taken.setdefault(name, path)
    if other is not path:
        message = f"The name {name} is taken: {path_text(other)}."
        notes.say(NAME_TAKEN, notes.key(*path), notes.key(*other), message=message)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterResolver:
    """Fills in what the declarations of clusters leave out. `clusters` are the names of all that are declared."""

    notes: Notes
    dns_name: str
    defaults: OperatorDefaults
    clusters: Collection[str]

    def operator(self, cluster: str, declared: OperatorDeclaration) -> Operator:
        """The operator of a cluster, with the defaults of all clusters where it says nothing itself."""
        path = ("clusters", cluster, "operator")
        proxy = declared.api_server_proxy or self.defaults.api_server_proxy
        hostname = declared.hostname or naming.operator_name(cluster)
        check_chart(self.notes, (*path, "chart"), declared.chart)
        return Operator(
            hostname=hostname,
            fqdn=self.fqdn(hostname),
            namespace=declared.namespace or self.defaults.namespace or _DEFAULT_NAMESPACE,
            tags=self._tags((*path, "tags"), declared.tags, naming.operator_tag(cluster)),
            proxy_tags=self._tags((*path, "proxyTags"), declared.proxy_tags, naming.proxy_tag(cluster)),
            chart=self._chart(path, declared.chart or _NO_CHART, self.defaults.chart or _NO_CHART),
            api_server_proxy=proxy.mode if proxy else ApiServerProxyMode.OFF,
            existing_secret=declared.credentials.existing_secret if declared.credentials else None,
            place=self.notes.key(*path),
        )

    def fqdn(self, hostname: str) -> str:
        """The full MagicDNS name of a node of this tailnet."""
        return f"{hostname}.{self.dns_name}"

    def _chart(self, path: Path, declared: ChartDeclaration, default: ChartDeclaration) -> Chart:
        version = declared.version or default.version
        if version is None and not self.notes.is_disturbed("defaults"):
            self.notes.needs(
                *path,
                key="chart",
                why="nothing says which version of the operator's chart it gets",
                expected='a version such as "1.102.3", of this cluster or of all of them',
                mend="Add `chart: {version: ...}` to the cluster's `operator`, or to `defaults.operator` for all clusters.",
            )
        source = declared if declared.path or declared.repository else default
        return Chart(version=version or "", repository=source.repository or CHART_REPOSITORY, path=source.path)

    def exposure(self, path: Path, declared: ExposeDeclaration) -> Exposure | None:
        """The exposure at this path; None where its ports are unknown after a finding."""
        cluster, name = str(path[1]), str(path[3])
        self._check_selector(path, declared)
        ports = self._service_ports(path, declared)
        if ports is None:
            return None
        hostname, tags = self.node(path, declared)
        return Exposure(
            cluster=cluster,
            name=name,
            namespace=declared.namespace,
            service=declared.service or naming.first_name(name, declared.formerly),
            ports=ports,
            managed_by=declared.managed_by,
            selector=tuple((declared.selector or {}).items()),
            hostname=hostname,
            fqdn=self.fqdn(hostname),
            tags=tags,
            consumers=self._consumers(path, declared.consumers),
            former_names=tuple(declared.formerly),
            place=self.notes.key(*path),
        )

    def ingress(self, path: Path, declared: IngressDeclaration) -> Ingress:
        """The ingress at this path."""
        hostname, tags = self.node(path, declared)
        return Ingress(
            cluster=str(path[1]),
            name=str(path[3]),
            namespace=declared.namespace,
            backend_service=declared.backend.service,
            backend_port=declared.backend.port,
            funnel=declared.funnel,
            hostname=hostname,
            fqdn=self.fqdn(hostname),
            tags=tags,
            consumers=self._consumers(path, declared.consumers),
            former_names=tuple(declared.formerly),
            place=self.notes.key(*path),
        )

    def node(self, path: Path, declared: Exposed | EgressDeclaration) -> tuple[str, tuple[str, ...]]:
        """Node name and tags of the exposure, ingress or egress at this path: by hand, or from its oldest name."""
        cluster = str(path[1])
        name = naming.first_name(str(path[3]), declared.formerly)
        hostname = declared.hostname or naming.node_name(cluster, name)
        if len(hostname) > naming.MAX_NODE_NAME:
            message = f"The node name {hostname} has {len(hostname)} characters."
            self.notes.say(LONG_NODE_NAME, self.notes.key(*path), message=message)
        return hostname, self._tags((*path, "tags"), declared.tags, naming.node_tag(cluster, name))

    def _tags(self, path: Path, by_hand: Sequence[str] | None, derived: str) -> tuple[str, ...]:
        if by_hand is None:
            return (derived,)
        self.notes.once(path, by_hand)
        scope = self.notes.scope_of(*path)
        for index, tag in enumerate(by_hand):
            if scope and not naming.is_tag_of_cluster(tag, str(path[1])):
                self.notes.say(
                    OUTSIDE_SCOPE,
                    self.notes.value(*path, index),
                    scope.place,
                    message=f"A node with the tag {tag} has all that this tag may reach, outside of the scope {scope} too.",
                    expected=f"a tag of this cluster, such as {derived}",
                    mend="Leave `tags` out to get the derived tag, or set it in a file without this scope.",
                )
        return tuple(by_hand)

    def _consumers(self, path: Path, consumers: Sequence[str] | None) -> tuple[str, ...] | None:
        if consumers is None:
            return None
        self.notes.once((*path, "consumers"), consumers)
        for index, consumer in enumerate(consumers):
            if consumer not in self.clusters and not self.notes.is_broken("clusters", consumer):
                self.notes.unknown(*path, "consumers", index, kind="cluster", name=consumer, known=self.clusters)
        return tuple(consumers)

    def _check_selector(self, path: Path, declared: ExposeDeclaration) -> None:
        is_created = declared.managed_by is ManagedBy.PULUMI
        if is_created and declared.selector is None:
            self.notes.needs(
                *path,
                key="selector",
                why="the stack creates its Service",
                expected="the labels of the pods, for example {app.kubernetes.io/name: nginx}",
                mend="Add `selector:`, or `managedBy: patch` if the Service exists, or `gitops` if somebody else applies it.",
            )
        if not is_created and declared.selector is not None:
            self._say_only_created(path, "selector", declared.managed_by)

    def _say_only_created(self, path: Path, key: str, managed_by: ManagedBy) -> None:
        self.notes.say(
            KEY_DOES_NOT_FIT,
            self.notes.key(*path, key),
            message=f"{path_text((*path, key))} has no effect with managedBy: {managed_by}, where the Service exists.",
            mend=f"Take `{key}` out, or write `managedBy: pulumi` if the stack is to create the Service.",
        )

    def _service_ports(self, path: Path, declared: ExposeDeclaration) -> tuple[ServicePort, ...] | None:
        texts = [entry if isinstance(entry, str) else entry.port for entry in declared.ports]
        ports = read_ports(self.notes, (*path, "ports"), texts)
        if ports is None:
            return None
        service_ports = [_service_port(port, entry) for port, entry in zip(ports, declared.ports, strict=True)]
        if declared.managed_by is ManagedBy.PULUMI:
            return self._created_ports(path, service_ports)
        for index, entry in enumerate(declared.ports):
            if not isinstance(entry, str):
                for key, value in (("targetPort", entry.target_port), ("name", entry.name)):
                    if value is not None:
                        self._say_only_created((*path, "ports", index), key, declared.managed_by)
        return tuple(service_ports)

    def _created_ports(self, path: Path, ports: Sequence[ServicePort]) -> tuple[ServicePort, ...] | None:
        """Ports of a Service that the stack creates: single ones, each with a name of its own."""
        wrong = [index for index, port in enumerate(ports) if not is_one_port(port.port)]
        for index in wrong:
            self.notes.say(
                WRONG_PORT,
                self.notes.value(*path, "ports", index),
                message=f"A Service that the stack creates cannot have the port {ports[index].port}.",
                expected="one port of tcp, udp or sctp, for example tcp:80",
                mend="List each port by itself.",
            )
        if len({port.port for port in ports}) == len(ports):
            self.notes.once((*path, "ports"), [port.name for port in ports])
        return None if wrong else tuple(ports)


def _service_port(port: Port, entry: str | ServicePortDeclaration) -> ServicePort:
    target, name = (None, None) if isinstance(entry, str) else (entry.target_port, entry.name)
    return ServicePort(port=port, target_port=target or port.first, name=name or str(port).replace(":", "-"))


def check_chart(notes: Notes, path: Path, declared: ChartDeclaration | None) -> None:
    """Note a chart that comes from two places at once."""
    if declared is not None and declared.path is not None and declared.repository is not None:
        notes.exactly_one(path, {"repository": declared.repository, "path": declared.path})
