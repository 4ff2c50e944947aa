"""Mistakes in how things fit together, as single values in the example environments: what no change of shape would make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from tailstack.topology.placed import Path
from tests.topology.mutated import Mutation, drop, put

Slips: TypeAlias = "Mapping[str, tuple[tuple[str, object], ...]]"
DROPPED = object()

WHOLE: Slips = {
    "tailnet.yaml": (
        ("tailnet.dns.nameservers", []),
        ("tailnet.dns.nameservers.0", "nowhere"),
        ("tailnet.keys.ci.expiry", "99w"),
        ("defaults.operator.chart", DROPPED),
        ("groups.group:platform", {"members": ["ana@example.com"], "synced": True}),
        ("groups.group:on-call.rotation.size", 3),
        ("groups.group:on-call.rotation.from", "soon"),
        ("machines.bastion.routes.0", "10.20.0.1/16"),
        ("machines.bastion.routes.0", "10.99.0.0/16"),
        ("services.svc:payments.machines", ["db-1"]),
        ("services.svc:payments.ports", ["tcp:1"]),
        ("services.svc:payments.https", DROPPED),
        ("services.svc:payments.consumers", ["blue"]),
        ("services.svc:payments.backends.blue.port", DROPPED),
        ("services.svc:queue.backends.red", "a/b"),
        ("services.svc:queue.backends.blue", {"namespace": "a", "service": "b", "port": 1}),
        ("services.svc:queue.backends.blue", {"namespace": "a", "service": "b", "managedBy": "pulumi"}),
        ("services.svc:queue.proxyGroup", DROPPED),
        ("services.svc:queue.proxyGroup", "inn"),
        ("defaults.operator.defaultProxyClass", "standard"),
        ("services.svc:queue.ports.0", "tcp:70000"),
        ("services.svc:ledger.proxyGroup", "in"),
        ("services.svc:ledger.ports.0", "udp:1-99999"),
        ("services.svc:ledger.machines.0", "db-9"),
    ),
    "blue.yaml": (
        ("clusters.blue.kubernetes.kubeconfig", {"secret": "a"}),
        ("clusters.blue.operator.images.operator", {"tag": "v1", "digest": "sha256:" + "0" * 64}),
        ("clusters.blue.operator.credentials", {}),
        ("clusters.blue.operator.values", {"operatorConfig": {"podLabel": {"a": "b"}}}),
        ("clusters.blue.proxyClasses.standard.metrics", {"serviceMonitorLabels": {"a": "b"}}),
        ("clusters.blue.proxyClasses.routed.statefulSet", {"pods": {}}),
        ("clusters.blue.proxyGroups.in.kubeAPIServer", {}),
        ("clusters.blue.proxyGroups.in.shareACMEAccount", True),
        ("clusters.blue.proxyGroups.out.type", "ingress"),
        ("clusters.blue.connectors.pods.routes.0.cidr", "10.42.1.0/16"),
        ("clusters.blue.connectors.pods.routes.0.cidr", "2001:db8::/32"),
        ("clusters.blue.connectors.pods.routes.0.cidr", "10.43.0.0/16"),
        ("clusters.blue.connectors.exit.exitNode", False),
        ("clusters.blue.connectors.saas.exitNode", True),
        ("clusters.blue.connectors.saas.appConnector.routes.0", "0.0.0.0/0"),
        ("clusters.blue.recorders.audit.enableUI", False),
        ("clusters.blue.peerRelays.relay.staticEndpoints", ["999.1.1.1:1"]),
        ("clusters.blue.proxyGroupPolicies.shop.egress", ["in"]),
        ("clusters.blue.expose.nginx.ports.0", "tcp:70000"),
        ("clusters.blue.expose.nginx.ports.0", "tcp:80-90"),
        ("clusters.blue.expose.nginx.managedBy", "patch"),
        ("clusters.blue.expose.nginx.consumers", []),
        ("clusters.blue.expose.nginx.consumers", ["nowhere", "green"]),
        ("clusters.blue.expose.nginx.formerly", ["web"]),
        ("clusters.blue.expose.nginx.formerly", ["a--b"]),
        ("clusters.blue.expose.nginx.externalName", "a.example.com"),
        ("clusters.blue.expose.nginx.selector", DROPPED),
        ("clusters.blue.expose.outside.externalName", DROPPED),
        ("clusters.blue.expose.ha.proxyClass", "standard"),
        ("clusters.blue.expose.ha.proxyGroup", "inn"),
        ("clusters.blue.ingress.shop.proxyGroup", "out"),
        ("clusters.blue.expose.balanced.proxyClass", "standart"),
        ("clusters.blue.operator.defaultProxyClass", "standart"),
        ("clusters.blue.peerRelays.relay.tailnet", "other"),
        ("clusters.blue.ingress.web.http", "serve"),
        ("clusters.blue.ingress.shop.funnel", True),
    ),
    "green.yaml": (
        ("clusters.green.expose", {"pods": {"namespace": "a", "ports": ["tcp:1"], "managedBy": "patch"}}),
        ("clusters.green.egress.nginx.ports", ["tcp:81"]),
        ("clusters.green.egress.nginx.to.machine", "db-1"),
        ("clusters.green.egress.nginx.to", {"fqdn": "db.other.ts.net"}),
        ("clusters.green.egress.nginx.to", {"fqdn": "db-1.tail1a2b.ts.net"}),
        ("clusters.green.egress.payments.ports", ["tcp:8443"]),
        ("clusters.green.egress.legacy-db.to.ip", "10.99.0.1"),
        ("clusters.green.egress.legacy-db.ports", DROPPED),
        ("clusters.green.egress.partner.to.through", DROPPED),
        ("clusters.blue.egress.ledger.hostname", "a"),
        ("clusters.blue.egress.database.proxyGroup", "in"),
        ("clusters.blue.egress.database.ports.0", "tcp:1-2"),
    ),
    "access.yaml": (
        ("tailnet", {"dnsName": "tail1a2b.ts.net", "magicDNS": 1}),
        ("groups", {"group:platform": []}),
        ("machines", {"ci": {"tags": ["tag:x"]}, "new": {"tags": []}}),
        ("access.0.from.0", {"exposure": "blue.nginx"}),
        ("access.1.ports", ["tcp:1"]),
        ("access.1.name", "everyone is relayed"),
        ("access.2.kubernetes", {"impersonate": {"groups": ["a"]}}),
        ("access.5.kubernetes.bind", {"role": "a"}),
        ("access.6.to.0.apiServer", "red"),
        ("access.8.ports", DROPPED),
        ("access.9.to.0.route", "10.77.0.0/16"),
        ("access.9.to.0.route", "10.20.0.1/24"),
        ("access.13.ports", ["tcp:1"]),
        ("access.7.to.0", {"apiServers": {"matchLabels": {"env": "dev"}}}),
        ("ssh.0.to.0", {"exposure": "blue.nginx"}),
        ("ssh.0.checkPeriod", "999h"),
        ("ssh.0.action", "accept"),
    ),
}
PRODUCTION: Slips = {
    "tailnet.yaml": (
        ("tailnet.policy", {"base": "base.hujson"}),
        ("defaults.operator.apiServerProxy.mode", "noauth"),
        ("defaults.operator.apiServerProxy", DROPPED),
        ("access.0.to.0.apiServers.matchLabels.env", "dev"),
    ),
    "eu.yaml": (
        ("defaults", {"operator": {"namespace": "a"}}),
        ("machines", {"ci": {"tags": ["tag:x"]}, "new": {"tags": ["tag:y"]}}),
        ("scope.clusters.0", "us"),
        ("clusters.eu.operator", {"tags": ["tag:a"]}),
        ("clusters.eu.expose.payments.consumers", []),
        ("clusters.eu.expose.payments.tags", ["tag:a", "tag:a"]),
        ("clusters.us", {"kubernetes": {"context": "a"}}),
        ("access.0.to.0", {"machine": "ci"}),
        ("access.1.to.0", {"apiServer": "us"}),
        ("access.1.ports", ["tcp:1"]),
    ),
    "us.yaml": (
        ("scope.clusters", ["us", "asia"]),
        ("clusters.us.kubernetes.context", "a"),
        ("clusters.us.egress.payments.to", {"exposure": "eu.grafana"}),
        ("clusters.us.egress.search.ports", ["tcp:9201"]),
    ),
}
SANDBOX: Slips = {
    "tailnet.yaml": (
        ("tailnet.policy.base", "nowhere.hujson"),
        ("clusters.blue.operator.apiServerProxy.mode", "off"),
        ("clusters.green.operator.apiServerProxy", DROPPED),
        ("clusters.blue.expose.metrics.selector", {"a": "b"}),
        ("clusters.green.egress.nginx-remote.to", {"machine": "a"}),
        ("access.3.kubernetes", {"impersonate": {"groups": ["a"]}}),
        ("access.0.ports", DROPPED),
        ("access.4.to.0.exposure", "blue.nginx-web"),
    ),
}


def slips(of: Slips) -> Iterator[Mutation]:
    """Each as a change of its file."""
    for file, changes in of.items():
        for text, value in changes:
            path: Path = tuple(int(step) if step.isdigit() else step for step in text.split("."))
            yield drop("dropped", file, path) if value is DROPPED else put(f"{value} instead", file, path, value)
