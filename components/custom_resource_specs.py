"""What the operator's custom resources are told: their kinds, names and specs, by the CRDs of charts 1.100 to 1.104.

Pure, so that each spec can be held against the CRDs of every supported chart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from components.plain_values import plain
from tailstack.topology.custom import (
    Connector,
    DnsConfig,
    OtherTailnet,
    PeerRelay,
    ProxyClass,
    ProxyGroup,
    ProxyGroupPolicy,
    Recorder,
)
from tailstack.topology.tailnet import Cluster

Custom: TypeAlias = (
    ProxyGroup | Connector | Recorder | PeerRelay | ProxyClass | ProxyGroupPolicy | DnsConfig | OtherTailnet
)
Spec: TypeAlias = dict[str, Any]

KINDS: Mapping[type[Custom], str] = {
    ProxyGroup: "ProxyGroup",
    Connector: "Connector",
    Recorder: "Recorder",
    PeerRelay: "PeerRelay",
    ProxyClass: "ProxyClass",
    ProxyGroupPolicy: "ProxyGroupPolicy",
    DnsConfig: "DNSConfig",
    OtherTailnet: "Tailnet",
}

SECTIONS: Mapping[type[Custom], str] = {
    ProxyGroup: "proxyGroups",
    Connector: "connectors",
    Recorder: "recorders",
    PeerRelay: "peerRelays",
    ProxyClass: "proxyClasses",
    ProxyGroupPolicy: "proxyGroupPolicies",
    DnsConfig: "dnsConfig",
    OtherTailnet: "tailnets",
}
"""Where each is declared, below its cluster."""


def former_names(custom: Custom) -> tuple[str, ...]:
    """What the declaration was called before, oldest first."""
    return custom.former_names if isinstance(custom, ProxyGroup | Connector | Recorder | PeerRelay) else ()


def object_name(custom: Custom) -> str:
    """The name of the object: the first that the declaration had, because the operator names what it makes after it."""
    return [*former_names(custom), custom.name][0]


def group_object(cluster: Cluster, name: str) -> str:
    """The name of the ProxyGroup that is declared as `name`. One that nobody declared is called as it is."""
    return next((object_name(group) for group in cluster.custom.proxy_groups if group.name == name), name)


def spec_of(custom: Custom, cluster: Cluster) -> Spec:
    """The spec of a custom resource; `cluster` is the one that it is in. What is not said is left to the CRD."""
    match custom:
        case ProxyGroup():
            return _proxy_group(custom)
        case Connector():
            return _connector(custom)
        case Recorder():
            return _recorder(custom)
        case PeerRelay():
            return _peer_relay(custom)
        case ProxyClass():
            return _proxy_class(custom)
        case ProxyGroupPolicy():
            return _proxy_group_policy(custom, cluster)
        case DnsConfig():
            return {"nameserver": plain(custom.nameserver)}
        case OtherTailnet():
            return _given(credentials={"secretName": custom.secret}, loginUrl=custom.login_url)


def annotations_of(custom: Custom) -> dict[str, str]:
    """What the operator reads beside the spec."""
    if not isinstance(custom, ProxyGroup) or custom.shares_account is None:
        return {}
    return {"tailscale.com/share-acme-account": str(custom.shares_account).lower()}


def _given(**fields: object) -> Spec:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, False, "", {}, [])}


def _proxy_group(group: ProxyGroup) -> Spec:
    spec = _given(
        tags=list(group.tags),
        hostnamePrefix=group.hostname_prefix,
        proxyClass=group.proxy_class,
        tailnet=group.tailnet,
        kubeAPIServer=_given(mode=group.api_server_mode and group.api_server_mode.value, hostname=group.hostname),
    )
    return {"type": group.kind.value, "replicas": group.replicas, **spec}


def _connector(connector: Connector) -> Spec:
    """The CRD takes either the name of one node or what the names of several begin with."""
    spec = _given(
        tags=list(connector.tags),
        hostnamePrefix=connector.hostname_prefix,
        hostname=None if connector.hostname_prefix else next(iter(connector.hostnames), None),
        proxyClass=connector.proxy_class,
        exitNode=connector.exit_node,
        tailnet=connector.tailnet,
    )
    if connector.routes:
        spec["subnetRouter"] = {"advertiseRoutes": list(connector.routes)}
    if connector.app_connector:
        spec["appConnector"] = _given(routes=list(connector.app_routes))
    return {"replicas": connector.replicas, **spec}


def _recorder(recorder: Recorder) -> Spec:
    spec = _given(
        tags=[] if recorder.has_default_tags else list(recorder.tags),
        enableUI=recorder.has_ui,
        tailnet=recorder.tailnet,
        statefulSet=plain(recorder.stateful_set),
    )
    if recorder.s3 is not None:
        storage = _given(endpoint=recorder.s3.endpoint, bucket=recorder.s3.bucket)
        if recorder.s3.credentials_secret is not None:
            storage["credentials"] = {"secret": {"name": recorder.s3.credentials_secret}}
        spec["storage"] = {"s3": storage}
    return {"replicas": recorder.replicas, **spec}


def _peer_relay(relay: PeerRelay) -> Spec:
    spec = _given(
        tags=list(relay.tags),
        hostnamePrefix=relay.hostname_prefix,
        proxyClass=relay.proxy_class,
        tailnet=relay.tailnet,
        service=_given(annotations=dict(relay.service_annotations), port=relay.service_port),
        staticEndpoints=list(relay.static_endpoints),
    )
    if relay.addresses:
        addresses = [{"allocationID": allocation, "subnetID": subnet} for allocation, subnet in relay.addresses]
        spec["aws"] = {"elasticIPs": addresses}
    return {"replicas": relay.replicas, **spec}


def _proxy_class(proxy_class: ProxyClass) -> Spec:
    spec = _given(
        tailscale=_given(acceptRoutes=proxy_class.accept_routes),
        useLetsEncryptStagingEnvironment=proxy_class.uses_staging,
        statefulSet=plain(proxy_class.stateful_set),
    )
    if proxy_class.has_metrics:
        monitor = {"enable": True, **_given(labels=dict(proxy_class.service_monitor_labels))}
        spec["metrics"] = {"enable": True, **({"serviceMonitor": monitor} if proxy_class.has_service_monitor else {})}
    if proxy_class.node_ports:
        spec["staticEndpoints"] = {
            "nodePort": {
                "ports": _ranges(proxy_class.node_ports),
                **_given(selector=dict(proxy_class.node_port_selector)),
            }
        }
    return spec


def _ranges(ports: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
    return [{"port": first} if first == last else {"port": first, "endPort": last} for first, last in ports]


def _proxy_group_policy(policy: ProxyGroupPolicy, cluster: Cluster) -> Spec:
    """Both lists, also where they are empty: to the operator a kind that is left out is one of which no group may be used."""
    return {
        kind: [group_object(cluster, name) for name in names]
        for kind, names in (("ingress", policy.ingress), ("egress", policy.egress))
    }
