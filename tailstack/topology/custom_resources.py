"""The operator's custom resources in a cluster: names, tags, routes and defaults filled in.

Defaults and the names of nodes were read in `k8s-operator/apis/v1alpha1`, `cmd/k8s-operator` and `k8s-operator/reconciler`
of tailscale.com v1.104.5.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tailstack.topology import naming
from tailstack.topology.custom import (
    AppConnector,
    Connector,
    CustomResources,
    DnsConfig,
    OtherTailnet,
    PeerRelay,
    ProxyClass,
    ProxyGroup,
    ProxyGroupKind,
    ProxyGroupPolicy,
    Recorder,
    S3Storage,
    SiteRange,
)
from tailstack.topology.declaration import (
    ApiServerProxyMode,
    AppConnectorDeclaration,
    ClusterDeclaration,
    ConnectorDeclaration,
    KubeApiServerDeclaration,
    MetricsDeclaration,
    OtherTailnetDeclaration,
    PeerRelayDeclaration,
    ProxyClassDeclaration,
    ProxyGroupDeclaration,
    ProxyGroupPolicyDeclaration,
    ProxyGroupType,
    RecorderDeclaration,
    RouteEntry,
)
from tailstack.topology.exposing import say_no_effect
from tailstack.topology.handed_on import NOT_TAKEN, check_annotation, check_part, part_of, without_places
from tailstack.topology.named import check_group
from tailstack.topology.nodes import NodeResolver
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.routes import EVERYWHERE, WRONG_ROUTE, read_route, read_routes, via_route
from tailstack.topology.scopes import OUTSIDE_SCOPE
from tailstack.topology.tailnet import Operator
from tailstack.topology.unique_names import RESERVED_NAME
from tailstack.topology.validation import MISSING_KEY
from tailstack.topology.wording import path_text

_REPLICAS_OF_GROUP = 2
_HIGHEST_PORT = 65535
_NO_KUBE_API_SERVER = KubeApiServerDeclaration()
_NO_METRICS = MetricsDeclaration(enable=False)
_WAYS_OUT = ("routes", "exitNode", "appConnector")
_KEYS_OF_RELAY: Mapping[Path, str] = {("service", "port"): "servicePort", ("aws", "elasticIPs"): "elasticIPs"}


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomResolver:
    """Resolves the custom resources of the cluster of one operator."""

    notes: Notes
    nodes: NodeResolver
    operator: Operator

    def custom_resources(self, path: Path, declared: ClusterDeclaration) -> CustomResources:
        """All custom resources of the cluster at this path."""
        dns_path = (*path, "dnsConfig")
        return CustomResources(
            proxy_groups=tuple(
                self._proxy_group((*path, "proxyGroups", name), group) for name, group in declared.proxy_groups.items()
            ),
            connectors=tuple(
                self._connector((*path, "connectors", name), connector)
                for name, connector in declared.connectors.items()
            ),
            recorders=tuple(
                self._recorder((*path, "recorders", name), recorder) for name, recorder in declared.recorders.items()
            ),
            peer_relays=tuple(
                self._peer_relay((*path, "peerRelays", name), relay) for name, relay in declared.peer_relays.items()
            ),
            proxy_classes=tuple(
                self._proxy_class((*path, "proxyClasses", name), each) for name, each in declared.proxy_classes.items()
            ),
            proxy_group_policies=tuple(
                self._policy((*path, "proxyGroupPolicies", name), policy, declared.proxy_groups)
                for name, policy in declared.proxy_group_policies.items()
            ),
            dns_configs=(
                DnsConfig(
                    cluster=str(path[1]),
                    name=naming.DNS_CONFIG,
                    nameserver=self._part(dns_path, "DNSConfig", "nameserver", declared.dns_config.nameserver),
                    place=self.notes.key(*dns_path),
                ),
            )
            if declared.dns_config
            else (),
            tailnets=tuple(
                self._tailnet((*path, "tailnets", name), tailnet) for name, tailnet in declared.tailnets.items()
            ),
        )

    def _part(self, path: Path, kind: str, key: str, written: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """A part of a spec that is handed on as it is, held against the CRD."""
        if not written:
            return {}
        check_part(self.notes, path, kind, {key: written}, self.operator.chart.version)
        return without_places(written)

    def _proxy_group(self, path: Path, declared: ProxyGroupDeclaration) -> ProxyGroup:
        cluster, name = str(path[1]), str(path[3])
        kind = ProxyGroupKind(declared.type)
        is_api_server = kind is ProxyGroupKind.KUBE_API_SERVER
        api_server = declared.kube_api_server or _NO_KUBE_API_SERVER
        if declared.network_policy is not None:
            self.notes.once((*path, "networkPolicy", "fromNamespaces"), declared.network_policy.from_namespaces)
        if self.notes.knows(path, "type"):
            self._check_kind(path, declared, kind)
        replicas = _replicas(declared.replicas, _REPLICAS_OF_GROUP)
        prefix, _ = self.nodes.numbered(path, declared.hostname_prefix, declared.formerly, replicas)
        return ProxyGroup(
            cluster=cluster,
            name=name,
            kind=kind,
            replicas=replicas,
            hostname_prefix=prefix,
            tags=self.nodes.member_tags(path, declared.tags, declared.formerly),
            proxy_class=declared.proxy_class or self.operator.default_proxy_class,
            api_server_mode=ApiServerProxyMode(api_server.mode) if is_api_server else None,
            hostname=self.nodes.hostname(path, api_server.hostname, declared.formerly) if is_api_server else None,
            tailnet=declared.tailnet,
            allowed_namespaces=tuple(declared.network_policy.from_namespaces) if declared.network_policy else None,
            shares_account=declared.share_acme_account,
            former_names=tuple(declared.formerly),
            place=self.notes.key(*path),
        )

    def _check_kind(self, path: Path, declared: ProxyGroupDeclaration, kind: ProxyGroupKind) -> None:
        """What a group of this kind can have."""
        if declared.kube_api_server is not None and kind is not ProxyGroupKind.KUBE_API_SERVER:
            say_no_effect(self.notes, path, "kubeAPIServer", f"type: {kind}")
        if declared.network_policy is not None and kind is not ProxyGroupKind.EGRESS:
            say_no_effect(self.notes, path, "networkPolicy", f"type: {kind}, which nothing in the cluster dials")
        if declared.share_acme_account is not None:
            if kind is ProxyGroupKind.INGRESS:
                version = self.operator.chart.version
                check_annotation(self.notes, (*path, "shareACMEAccount"), "share-acme-account", version)
            else:
                say_no_effect(self.notes, path, "shareACMEAccount", f"type: {kind}")

    def _connector(self, path: Path, declared: ConnectorDeclaration) -> Connector:
        self._check_connector(path, declared)
        replicas = _replicas(declared.replicas, 1)
        prefix: str | None = None
        if replicas > 1:
            # The CRD refuses a hostname for several replicas, which would all ask for it.
            prefix, hostnames = self.nodes.numbered(path, declared.hostname, declared.formerly, replicas)
        else:
            hostnames = (self.nodes.hostname(path, declared.hostname, declared.formerly),) * replicas
        routes, sites = self._routes((*path, "routes"), declared.routes)
        domains = app_connector(self.notes, (*path, "appConnector"), declared.app_connector)
        return Connector(
            cluster=str(path[1]),
            name=str(path[3]),
            hostnames=hostnames,
            replicas=replicas,
            tags=self.nodes.member_tags(path, declared.tags, declared.formerly),
            routes=routes,
            exit_node=declared.exit_node or not self.notes.knows(path, "exitNode"),
            app_connector=domains is not None,
            app_routes=domains.routes if domains else (),
            proxy_class=declared.proxy_class,
            tailnet=declared.tailnet,
            sites=sites,
            domains=domains,
            hostname_prefix=prefix,
            former_names=tuple(declared.formerly),
            place=self.notes.key(*path),
        )

    def _check_connector(self, path: Path, declared: ConnectorDeclaration) -> None:
        """The shapes that the CRD refuses; and in a file with a scope the domains, which lead every node of the tailnet."""
        if declared.app_connector is not None:
            for key, is_written in (("routes", bool(declared.routes)), ("exitNode", declared.exit_node)):
                if is_written:
                    say_no_effect(self.notes, path, key, "appConnector: an app connector can be nothing else")
            scope = self.notes.scope_of(*path)
            if scope is not None:
                self.notes.say(
                    OUTSIDE_SCOPE,
                    self.notes.key(*path, "appConnector"),
                    scope.place,
                    message=f"The domains of an app connector are led there for nodes outside of the scope {scope} too.",
                    mend="Declare it in a file without this scope.",
                )
        elif not (declared.routes or declared.exit_node or self.notes.may_say(path, *_WAYS_OUT)):
            self.notes.say(
                MISSING_KEY,
                self.notes.value(*path),
                message=f"{path_text(path)} leads nowhere.",
                expected="routes, exitNode: true or both; or appConnector",
                mend="Add one of them.",
            )

    def _routes(self, path: Path, declared: Sequence[RouteEntry]) -> tuple[tuple[str, ...], tuple[SiteRange, ...]]:
        """What is advertised, everywhere too after a finding; and which of it stands for ranges of a site."""
        self.notes.once(path, [_written(entry) for entry in declared])
        routes: list[str] = []
        sites: list[SiteRange] = []
        is_known = self.notes.is_known(*path)
        for index, entry in enumerate(declared):
            if isinstance(entry, str):
                network = read_route(self.notes, (*path, index), entry)
                is_known = is_known and network is not None
                routes += [str(network)] if network else []
                continue
            network = read_route(self.notes, (*path, index, "cidr"), entry.cidr)
            if isinstance(network, ipaddress.IPv4Network):
                site = SiteRange(cidr=str(network), site=entry.site, route=via_route(entry.site, network))
                routes.append(site.route)
                sites.append(site)
                continue
            is_known = False
            if network is not None:
                self.notes.say(
                    WRONG_ROUTE,
                    self.notes.value(*path, index, "cidr"),
                    message=f"{entry.cidr} is a range of IPv6, of which each site has its own.",
                    expected="a range of IPv4 addresses",
                    mend=f"Write {entry.cidr} without a site.",
                )
        return (*routes, *(() if is_known else EVERYWHERE)), tuple(sites)

    def _recorder(self, path: Path, declared: RecorderDeclaration) -> Recorder:
        name = str(path[3])
        replicas = _replicas(declared.replicas, 1)
        s3 = declared.s3
        return Recorder(
            cluster=str(path[1]),
            name=name,
            # Nodes are called after the object, whatever its tailnet.
            hostnames=naming.numbered(naming.first_name(name, declared.formerly), replicas),
            replicas=replicas,
            tags=self.nodes.member_tags(path, declared.tags, declared.formerly),
            has_ui=declared.enable_ui or not self.notes.knows(path, "enableUI"),
            has_s3=s3 is not None,
            tailnet=declared.tailnet,
            s3=S3Storage(endpoint=s3.endpoint, bucket=s3.bucket, credentials_secret=s3.credentials_secret)
            if s3
            else None,
            stateful_set=self._part(path, "Recorder", "statefulSet", declared.stateful_set),
            former_names=tuple(declared.formerly),
            place=self.notes.key(*path),
        )

    def _peer_relay(self, path: Path, declared: PeerRelayDeclaration) -> PeerRelay:
        replicas = _replicas(declared.replicas, 1)
        prefix, hostnames = self.nodes.numbered(path, declared.hostname_prefix, declared.formerly, replicas)
        self._check_peer_relay(path, declared)
        return PeerRelay(
            cluster=str(path[1]),
            name=str(path[3]),
            hostnames=hostnames,
            replicas=replicas,
            tags=self.nodes.member_tags(path, declared.tags, declared.formerly),
            elastic_ips=len(declared.elastic_ips) or None,
            proxy_class=declared.proxy_class,
            tailnet=declared.tailnet,
            hostname_prefix=prefix,
            addresses=tuple((each.allocation_id, each.subnet_id) for each in declared.elastic_ips),
            service_annotations=tuple(declared.service_annotations.items()),
            service_port=declared.service_port,
            static_endpoints=tuple(declared.static_endpoints),
            former_names=tuple(declared.formerly),
            place=self.notes.key(*path),
        )

    def _check_peer_relay(self, path: Path, declared: PeerRelayDeclaration) -> None:
        """What the CRD says of it; and no address twice, which the operator refuses (`parseStaticEndpoints`)."""
        addresses = [{"allocationID": each.allocation_id, "subnetID": each.subnet_id} for each in declared.elastic_ips]
        spec = {
            **({"service": {"port": declared.service_port}} if declared.service_port else {}),
            **({"staticEndpoints": declared.static_endpoints} if declared.static_endpoints else {}),
            **({"aws": {"elasticIPs": addresses}} if addresses else {}),
        }
        version = self.operator.chart.version
        check_part(self.notes, path, "PeerRelay", spec, version, called=_KEYS_OF_RELAY)
        self.notes.once((*path, "elasticIPs"), [each.allocation_id for each in declared.elastic_ips])
        endpoints = (*path, "staticEndpoints")
        for index, text in enumerate(declared.static_endpoints):
            if not _is_endpoint(text):
                here = (*endpoints, index)
                message = f"{path_text(here)} is {text}, which is no address with a port."
                self.notes.say(
                    NOT_TAKEN, self.notes.value(*here), message=message, expected="such as 203.0.113.1:41641"
                )
        self.notes.once(endpoints, [_address_of(text) for text in declared.static_endpoints])

    def _proxy_class(self, path: Path, declared: ProxyClassDeclaration) -> ProxyClass:
        name = str(path[3])
        if name == naming.ACCEPTING_CLASS:
            message = f"The name {name} is that of a class that the stack makes itself."
            self.notes.say(RESERVED_NAME, self.notes.key(*path), message=message)
        metrics = declared.metrics or _NO_METRICS
        in_metrics = (*path, "metrics")
        if metrics.service_monitor_labels and not (
            metrics.service_monitor or self.notes.may_say(in_metrics, "serviceMonitor")
        ):
            say_no_effect(self.notes, in_metrics, "serviceMonitorLabels", "no serviceMonitor")
        stateful_set = self._part(path, "ProxyClass", "statefulSet", declared.stateful_set)
        container = part_of(stateful_set, "pod", "tailscaleContainer")
        image = container.get("image")
        endpoints = declared.static_endpoints
        return ProxyClass(
            cluster=str(path[1]),
            name=name,
            accept_routes=declared.accept_routes,
            uses_staging=declared.use_lets_encrypt_staging_environment,
            has_metrics=metrics.enable,
            has_service_monitor=metrics.service_monitor,
            node_ports=tuple((one.port, one.end_port or one.port) for one in endpoints.ports) if endpoints else (),
            env=tuple(_names_of(container.get("env"))),
            image=image if isinstance(image, str) else None,
            node_port_selector=tuple(endpoints.selector.items()) if endpoints else (),
            service_monitor_labels=tuple(metrics.service_monitor_labels.items()),
            stateful_set=stateful_set,
            place=self.notes.key(*path),
        )

    def _policy(
        self, path: Path, declared: ProxyGroupPolicyDeclaration, groups: Mapping[str, ProxyGroupDeclaration]
    ) -> ProxyGroupPolicy:
        for key, names, kind in (
            ("ingress", declared.ingress, ProxyGroupType.INGRESS),
            ("egress", declared.egress, ProxyGroupType.EGRESS),
        ):
            self.notes.once((*path, key), names)
            for index, name in enumerate(names):
                check_group(self.notes, *path, key, index, name=name, cluster=str(path[1]), groups=groups, kind=kind)
        return ProxyGroupPolicy(
            cluster=str(path[1]),
            namespace=declared.namespace,
            name=str(path[3]),
            ingress=tuple(declared.ingress),
            egress=tuple(declared.egress),
            place=self.notes.key(*path),
        )

    def _tailnet(self, path: Path, declared: OtherTailnetDeclaration) -> OtherTailnet:
        return OtherTailnet(
            cluster=str(path[1]),
            name=str(path[3]),
            secret=declared.credentials_secret,
            login_url=declared.login_url,
            place=self.notes.key(*path),
        )


def app_connector(notes: Notes, path: Path, declared: AppConnectorDeclaration | None) -> AppConnector | None:
    """The app connector at this path, be it of a connector or of a machine."""
    if declared is None:
        return None if notes.is_known(*path) else AppConnector(domains=(), routes=EVERYWHERE)
    notes.once((*path, "domains"), declared.domains)
    return AppConnector(
        domains=tuple(declared.domains),
        routes=read_routes(notes, (*path, "routes"), declared.routes),
    )


def _written(entry: RouteEntry) -> str:
    return entry if isinstance(entry, str) else f"{entry.cidr} of site {entry.site}"


def _address_of(endpoint: str) -> str:
    return endpoint.rpartition(":")[0].strip("[]")


def _is_endpoint(text: str) -> bool:
    try:
        ipaddress.ip_address(_address_of(text))
    except ValueError:
        return False
    return int(text.rpartition(":")[2]) <= _HIGHEST_PORT


def _replicas(declared: int | None, default: int) -> int:
    return default if declared is None else declared


def _names_of(variables: object) -> Iterable[str]:
    for variable in cast("list[object]", variables) if isinstance(variables, list) else ():
        name = part_of(variable).get("name")
        if isinstance(name, str):
            yield name
