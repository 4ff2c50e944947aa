"""What is live where everything is as it is declared: what tests then take something away from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tailstack.access.nodes import DeclaredNode, declared_nodes
from tailstack.live.declared import DeclaredObject, objects_of, services_of
from tailstack.live.model import (
    Live,
    LiveCluster,
    LiveDevice,
    LiveObject,
    LiveService,
    LiveTailnet,
    ObjectKey,
    ServiceHost,
    mapping,
)
from tailstack.topology.tailnet import Egress, Ingress, Tailnet
from tests.rules.environments import tailnet_of

EXIT = ("0.0.0.0/0", "::/0")

WHOLE = """
machines:
  ci: {tags: [tag:ci]}
  bastion: {tags: [tag:bastion], routes: [10.20.0.0/16], exitNode: true}
  saas: {tags: [tag:saas], appConnector: {domains: [api.example.com], routes: [203.0.113.0/24]}}
  db-1: {tags: [tag:db]}
services:
  svc:ledger: {ports: [tcp:5432], machines: [db-1]}
  svc:queue: {ports: [tcp:5672], backends: {blue: pay/queue, green: pay/queue}, proxyGroup: in}
clusters:
  blue:
    kubernetes: {context: blue}
    proxyGroups:
      in: {type: ingress}
      api: {type: kube-apiserver, kubeAPIServer: {mode: auth}}
      out: {type: egress}
    connectors:
      net: {routes: [10.40.0.0/16]}
      exit: {exitNode: true}
      partner: {appConnector: {domains: [api.partner.example.com], routes: [198.51.100.0/24]}}
    recorders: {audit: {enableUI: true}}
    peerRelays: {relay: {replicas: 1}}
    proxyClasses: {metered: {metrics: {enable: true}}}
    proxyGroupPolicies: {shop: {namespace: shop, ingress: [in], egress: [out]}}
    dnsConfig: {nameserver: {image: {tag: v1.102.3}}}
    expose:
      nginx: {namespace: default, service: nginx, ports: [tcp:80], selector: {app: nginx}}
      theirs: {namespace: default, service: theirs, ports: [tcp:80], managedBy: gitops}
      ha: {namespace: shop, service: ha, ports: [tcp:80], selector: {app: ha}, proxyGroup: in}
    ingress:
      web: {namespace: default, backend: {service: nginx, port: 80}, hostname: web, formerly: [www]}
      shop: {namespace: shop, backend: {service: nginx, port: 80}, hostname: shop, proxyGroup: in}
    egress:
      legacy: {namespace: default, to: {fqdn: db.tail1a2b.ts.net}, ports: [tcp:5432]}
      grouped: {namespace: shop, to: {fqdn: db.tail1a2b.ts.net}, ports: [tcp:5432], proxyGroup: out}
  green:
    kubernetes: {context: green}
    proxyGroups: {in: {type: ingress}}
"""
TAILNET = """
tailnet: {dnsName: tail1a2b.ts.net, keys: {ci: {tags: [tag:ci, tag:runner], reusable: true, preauthorized: true}}}
defaults: {operator: {chart: {version: "1.102.3"}}}
"""


def whole() -> Tailnet:
    """An environment with one of nearly everything."""
    return tailnet_of(WHOLE, tailnet=TAILNET)


def device(node: DeclaredNode, **changes: object) -> LiveDevice:
    """The device of a declared node."""
    made = LiveDevice(
        id=f"n-{node.hostname}",
        name=node.fqdn,
        hostname=node.hostname,
        user="tagged-devices",
        tags=node.tags,
        addresses=("100.64.0.1", "fd7a:115c:a1e0::1"),
        connected=True,
    )
    return replace(made, **changes)


def as_declared(tailnet: Tailnet) -> Live:
    """All that an environment declares, done."""
    return Live(
        tailnet=LiveTailnet(
            devices=tuple(_devices(tailnet)),
            services=tuple(_services(tailnet)),
            keys=(),
            settings={"httpsEnabled": True},
            magic_dns=True,
            policy="{}",
        ),
        clusters={
            cluster.name: LiveCluster.of(
                cluster.name, (_object(declared, tailnet.dns_name) for declared in objects_of(cluster))
            )
            for cluster in tailnet.clusters
        },
    )


def _devices(tailnet: Tailnet) -> Iterator[LiveDevice]:
    offered: dict[str, tuple[str, ...]] = {
        f"connector {c.reference}": (*c.routes, *c.app_routes, *(EXIT if c.exit_node else ()))
        for c in tailnet.connectors
    }
    for machine in tailnet.machines:
        of_app = machine.app_connector.routes if machine.app_connector else ()
        offered[f"machine {machine.name}"] = (*machine.routes, *of_app, *(EXIT if machine.exit_node else ()))
    for node in declared_nodes(tailnet):
        routes = offered.get(str(node), ())
        yield device(node, advertised=routes, routes=routes)


def _services(tailnet: Tailnet) -> Iterator[LiveService]:
    for service in services_of(tailnet):
        yield LiveService(
            name=service.name,
            tags=service.tags,
            ports=service.ports or ("do-not-validate",),
            addresses=("100.100.0.1",),
            has_owner=bool(service.clusters),
            hosts=(ServiceHost(device="n-1", is_approved=True),),
        )


def live_object(key: ObjectKey, **parts: object) -> LiveObject:
    """An object with further parts of its body; those of its metadata are added to its names."""
    kind, namespace, name = key
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **mapping(parts.pop("metadata", {}))}
    return LiveObject(kind=kind, body={"metadata": metadata, **parts})


def condition(kind: str, status: str = "True", **more: object) -> Mapping[str, Any]:
    return {"type": kind, "status": status, "reason": "Because", "message": "it is so", **more}


def _object(declared: DeclaredObject, dns_name: str) -> LiveObject:
    status: dict[str, Any] = {"conditions": [condition(kind) for kind in declared.conditions]}
    spec: dict[str, Any] = {}
    if isinstance(declared.served, Ingress):
        ports = [{"port": 443, "protocol": "TCP"}]
        status["loadBalancer"] = {"ingress": [{"hostname": declared.served.fqdn, "ports": ports}]}
    if isinstance(declared.served, Egress):
        spec["externalName"] = "ts-legacy-x7k2p.tailscale.svc.cluster.local"
    if declared.group is not None and declared.group.hostname:
        status["url"] = f"https://{declared.group.hostname}.{dns_name}"
    return live_object(declared.key, spec=spec, status=status)


def with_object(live: Live, cluster: str, made: LiveObject | None, *, instead_of: ObjectKey | None = None) -> Live:
    """The same with an object in place of the one with its key, or without one."""
    there = live.clusters[cluster]
    assert isinstance(there, LiveCluster)
    objects = {key: one for key, one in there.objects.items() if key != instead_of}
    if made is not None:
        objects[made.key] = made
    return replace(live, clusters={**live.clusters, cluster: replace(there, objects=objects)})


def with_tailnet(live: Live, **changes: object) -> Live:
    return replace(live, tailnet=replace(live.tailnet, **changes))


def with_device(live: Live, hostname: str, **changes: object) -> Live:
    """The same with another device of that hostname."""
    assert isinstance(live.tailnet.devices, tuple)
    assert any(one.hostname == hostname for one in live.tailnet.devices)
    return with_tailnet(
        live,
        devices=tuple(replace(d, **changes) if d.hostname == hostname else d for d in live.tailnet.devices),
    )


def without_device(live: Live, hostname: str) -> Live:
    assert isinstance(live.tailnet.devices, tuple)
    return with_tailnet(live, devices=tuple(d for d in live.tailnet.devices if d.hostname != hostname))


def with_service(live: Live, name: str, **changes: object) -> Live:
    assert isinstance(live.tailnet.services, tuple)
    assert any(one.name == name for one in live.tailnet.services)
    return with_tailnet(
        live,
        services=tuple(replace(s, **changes) if s.name == name else s for s in live.tailnet.services),
    )
