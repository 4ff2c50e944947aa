"""3xx: where the traffic of egresses goes: by routes, by policies of namespaces, and round in circles."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.addresses import TAILNET, AddressSet, parse_span
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.rules.routers import routes_of
from tailstack.rules.subject import Subject
from tailstack.topology.custom import ProxyGroupKind
from tailstack.topology.tailnet import Address, Cluster, Egress, Exposure, Ingress, TailscaleService
from tailstack.topology.wording import listed

_OUT = (
    "# blue/out.yaml\n"
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata: {name: printer, annotations: {tailscale.com/tailnet-ip: 10.1.0.9}}\n"
    "spec: {type: ExternalName, externalName: placeholder, ports: [{port: 631}]}\n"
)


def _office(route: str) -> str:
    return (
        "# green/office.yaml\n"
        "apiVersion: tailscale.com/v1alpha1\n"
        "kind: Connector\n"
        "metadata: {name: office}\n"
        f"spec: {{subnetRouter: {{advertiseRoutes: [{route}]}}}}\n"
    )


def _passing(cluster: str, target: str) -> str:
    return (
        f"# {cluster}/app.yaml\n"
        "apiVersion: v1\n"
        "kind: Service\n"
        f"metadata: {{name: out, annotations: {{tailscale.com/tailnet-fqdn: {target}.tail1a2b.ts.net}}}}\n"
        "spec: {type: ExternalName, externalName: placeholder, ports: [{port: 80}]}\n"
        "---\n"
        "apiVersion: v1\n"
        "kind: Service\n"
        f'metadata: {{name: pass, annotations: {{tailscale.com/expose: "true", tailscale.com/hostname: {cluster}-pass}}}}\n'
        "spec: {type: ExternalName, externalName: out.default.svc.cluster.local, ports: [{port: 80}]}\n"
    )


def _denied(names: str) -> str:
    return (
        "# blue/app.yaml\n"
        "apiVersion: v1\n"
        "kind: Service\n"
        "metadata:\n"
        "  name: db\n"
        "  namespace: shop\n"
        "  annotations: {tailscale.com/tailnet-ip: 100.64.0.9, tailscale.com/proxy-group: egress-proxies}\n"
        "spec: {type: ExternalName, externalName: placeholder, ports: [{port: 5432}]}\n"
        "---\n"
        "apiVersion: tailscale.com/v1alpha1\n"
        "kind: ProxyGroupPolicy\n"
        "metadata: {name: policy, namespace: shop}\n"
        f"spec: {{egress: [{names}]}}\n"
    )


_GROUP = """clusters:
  blue:
    kubernetes: {context: blue}
    proxyGroups: {out: {type: egressCLOSED}}
    egress:
      db: {namespace: shop, to: {ip: 100.64.0.9}, ports: [tcp:5432], proxyGroup: out}
      crm: {namespace: crm, to: {ip: 100.64.0.8}, ports: [tcp:443], proxyGroup: out}
"""

ADDRESS_UNROUTED = Rule(
    code="TS307",
    slug="egress-address-unrouted",
    severity=Severity.WARNING,
    what="An egress leads to an IP address that is neither a node's nor behind a known subnet router.",
    why="The proxy has no way there; connections hang, and the egress counts as ready.",
    mend="Correct the address, or let a Connector advertise its subnet.",
    source="https://tailscale.com/kb/1438/kubernetes-operator-cluster-egress",
    bad=_OUT + _office("10.2.0.0/16"),
    good=_OUT + _office("10.1.0.0/16"),
)
EGRESS_CYCLE = Rule(
    code="TS309",
    slug="egress-cycle",
    severity=Severity.WARNING,
    what="Egresses lead to exposures of egresses, and round in a circle.",
    why="A request goes from cluster to cluster until it times out, and takes all proxies on the way with it.",
    mend="Let one of the egresses lead to the Service that is meant.",
    bad=_passing("blue", "green-pass") + _passing("green", "blue-pass"),
    good=_passing("blue", "green-pass") + _passing("green", "red-pass"),
)
POLICY_DENIED = Rule(
    code="TS310",
    slug="policy-denied",
    what="A namespace may not use the ProxyGroup that something in it names.",
    why="Once a namespace has a ProxyGroupPolicy, the API server refuses what names a group that none of them lists.",
    mend="Add the ProxyGroup to the policy of the namespace, or name one that is listed there.",
    source="https://github.com/tailscale/tailscale/tree/main/k8s-operator/reconciler/proxygrouppolicy",
    bad=_denied("other-proxies"),
    good=_denied("other-proxies, egress-proxies"),
)

OPEN_GROUP = Rule(
    code="TS312",
    slug="open-egress-group",
    severity=Severity.WARNING,
    what="Several namespaces share an egress group that no NetworkPolicy closes.",
    why="Its proxies serve every pod that can dial them: each namespace reaches what the others' egresses lead to, and so does "
    "every other namespace of the cluster.",
    mend="Write `networkPolicy: {fromNamespaces: [...]}` in the group, or give each namespace a group of its own.",
    source="https://tailscale.com/kb/1438/kubernetes-operator-cluster-egress",
    bad=_GROUP.replace("CLOSED", ""),
    good=_GROUP.replace("CLOSED", ", networkPolicy: {fromNamespaces: [shop, crm]}"),
)

RULES = (ADDRESS_UNROUTED, EGRESS_CYCLE, POLICY_DENIED, OPEN_GROUP)


def address_unrouted(subject: Subject) -> Iterator[Finding]:
    """Routes are those of declared Connectors and those of devices that there are."""
    routed = _routed(subject)
    for egress in subject.tailnet.egresses:
        ip = egress.target.ip if isinstance(egress.target, Address) else None
        span = parse_span(ip) if ip is not None else None
        if span is not None and span not in TAILNET and span not in routed:
            yield ADDRESS_UNROUTED.at(
                egress.place,
                message=f"Egress {egress.reference} leads to {ip}, which is no Tailscale address, and no Connector that is "
                "known advertises it.",
                expected="an address in 100.64.0.0/10, fd7a:115c:a1e0::/48 or a subnet that a Connector advertises",
            )


def _routed(subject: Subject) -> AddressSet:
    tailnet = subject.tailnet
    declared = (parse_span(route) for router in (*tailnet.connectors, *tailnet.machines) for route in routes_of(router))
    known = AddressSet.of(span for span in declared if span is not None)
    return known.union(subject.facts.inventory.subnet_routes())


def egress_cycle(subject: Subject) -> Iterator[Finding]:
    """From an egress to what it leads to, and on where that is itself the Service of an egress, until one comes twice.

    A circle is told once, at the first of its egresses.
    """
    by_service = {(e.cluster, e.namespace, e.service): e for e in subject.tailnet.egresses}
    following: dict[str, Egress] = {}
    for egress in subject.tailnet.egresses:
        for target in _served_by(egress):
            onward = by_service.get(_behind(subject, target))
            if onward is not None:
                following[egress.reference] = onward
    done: set[str] = set()
    for egress in subject.tailnet.egresses:
        way: dict[str, Egress] = {}
        here: Egress | None = egress
        while here is not None and here.reference not in done and here.reference not in way:
            way[here.reference] = here
            here = following.get(here.reference)
        if here is not None and here.reference in way:
            names = list(way)
            circle = names[names.index(here.reference) :]
            yield EGRESS_CYCLE.at(
                *(way[name].place for name in circle),
                message=f"Egress {' leads to egress '.join((*circle, circle[0]))}.",
                expected="a Service with pods at the end of each way",
            )
        done.update(way)


def _served_by(egress: Egress) -> tuple[Exposure | Ingress, ...]:
    """What of a cluster stands behind the target; a Tailscale Service has one in each cluster that serves it."""
    match egress.target:
        case TailscaleService(backends=backends):
            return backends
        case Exposure() | Ingress() as exposed:
            return (exposed,)
        case _:
            return ()


def _behind(subject: Subject, exposed: Exposure | Ingress) -> tuple[str, str, str]:
    """Cluster, namespace and name of the Service that traffic reaches, after an alias within the cluster."""
    name = exposed.service if isinstance(exposed, Exposure) else exposed.backend_service
    here = (exposed.cluster, exposed.namespace, name)
    made = subject.objects.find(exposed.cluster, "Service", name, exposed.namespace) if subject.objects else None
    alias = made.text("spec", "externalName") if made is not None else None
    service, _, rest = (alias or "").partition(".")
    namespace, _, domain = rest.partition(".")
    return (exposed.cluster, namespace, service) if domain.partition(".")[0] == "svc" else here


def policy_denied(subject: Subject) -> Iterator[Finding]:
    """Several policies of one namespace are taken together; what none of them lists is refused."""
    for cluster in subject.tailnet.clusters:
        policies: dict[str, list[Place]] = {}
        allowed: dict[tuple[str, str], set[str]] = {}
        for policy in cluster.custom.proxy_group_policies:
            policies.setdefault(policy.namespace, []).append(policy.place)
            allowed.setdefault((policy.namespace, "ingress"), set()).update(policy.ingress)
            allowed.setdefault((policy.namespace, "egress"), set()).update(policy.egress)
        for kind, who, namespace, group, place in _using_groups(cluster):
            if namespace in policies and group not in allowed[namespace, kind]:
                known = listed(sorted(allowed[namespace, kind]), none="nothing")
                yield POLICY_DENIED.at(
                    place,
                    *policies[namespace],
                    message=f"{who} uses the ProxyGroup {group}, and the policy of namespace {namespace} allows {known} "
                    f"for {kind}.",
                    expected=f"{group} under `{kind}` of a ProxyGroupPolicy of {namespace}",
                )


def _using_groups(cluster: Cluster) -> Iterator[tuple[str, str, str, str, Place]]:
    for kind, who, every in (
        ("ingress", "exposure", cluster.exposures),
        ("ingress", "ingress", cluster.ingresses),
        ("egress", "egress", cluster.egresses),
    ):
        for each in every:
            if each.proxy_group:
                yield kind, f"{who} {each.reference}", each.namespace, each.proxy_group, each.place


def open_group(subject: Subject) -> Iterator[Finding]:
    """Only where NetworkPolicies are known: manifests may hold one of anybody's."""
    for cluster in subject.tailnet.clusters if subject.objects is None else ():
        using: dict[str, dict[str, Place]] = {}
        for egress in cluster.egresses:
            using.setdefault(egress.proxy_group or "", {}).setdefault(egress.namespace, egress.place)
        for group in cluster.custom.proxy_groups:
            namespaces = using.get(group.name, {})
            if group.kind is ProxyGroupKind.EGRESS and group.allowed_namespaces is None and len(namespaces) > 1:
                yield OPEN_GROUP.at(
                    group.place,
                    *namespaces.values(),
                    message=f"ProxyGroup {group.reference} is open to every pod of {cluster.name} that can dial it, and leads "
                    f"to what {listed(namespaces)} reach.",
                    expected="a NetworkPolicy for its proxies",
                    mend=f"Write `networkPolicy: {{fromNamespaces: [{', '.join(namespaces)}]}}` in {group.reference}, or give "
                    "each namespace a group of its own.",
                )


CHECKS = (address_unrouted, egress_cycle, policy_denied, open_group)
