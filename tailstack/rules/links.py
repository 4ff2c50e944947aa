"""3xx: egresses and the links that they make between clusters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from tailstack.access.derive import normal_fqdn
from tailstack.finding import Finding, Rule, Severity
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import HTTPS, Address, Ingress, Machine, TailscaleService, Target
from tailstack.topology.wording import nearest

_NGINX = (
    "clusters:\n"
    "  blue:\n"
    "    kubernetes: {context: blue}\n"
    "    expose:\n"
    "      nginx: {namespace: web, ports: [tcp:80], selector: {app: nginx}}\n"
    "    ingress:\n"
    "      page: {namespace: web, backend: {service: nginx, port: 80}}\n"
)


def _green(to: str) -> str:
    return f"{_NGINX}  green:\n    kubernetes: {{context: green}}\n    egress:\n      out: {{namespace: default, to: {to}}}\n"


_HA_INGRESS = (
    "# blue/web.yaml\n"
    "apiVersion: tailscale.com/v1alpha1\n"
    "kind: ProxyGroup\n"
    "metadata: {name: web-proxies}\n"
    "spec: {type: ingress}\n"
    "---\n"
    "apiVersion: networking.k8s.io/v1\n"
    "kind: Ingress\n"
    "metadata: {name: shop, annotations: {tailscale.com/proxy-group: web-proxies}}\n"
    "spec:\n"
    "  ingressClassName: tailscale\n"
    "  defaultBackend: {service: {name: shop, port: {number: 80}}}\n"
    "  tls: [{hosts: [shop]}]\n"
)
_POLICY = (
    "# policy.hujson\n"
    "{\n"
    '  "tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]},\n'
    '  "autoApprovers": {"services": {"svc:shop": ["tag:k8s"]}},\n'
    '  "grants": [{"src": ["tag:k8s"], "dst": ["svc:shop"], "ip": ["tcp:443"]}],\n'
    "}\n"
)


def _shop_from_green(*, accept_routes: bool) -> str:
    return (
        f"{_HA_INGRESS}"
        "# green/out.yaml\n"
        "apiVersion: v1\n"
        "kind: Service\n"
        "metadata:\n"
        "  name: shop\n"
        "  labels: {tailscale.com/proxy-class: routes}\n"
        "  annotations: {tailscale.com/tailnet-fqdn: shop.tail1a2b.ts.net}\n"
        "spec: {type: ExternalName, externalName: placeholder, ports: [{port: 443}]}\n"
        "---\n"
        "apiVersion: tailscale.com/v1alpha1\n"
        "kind: ProxyClass\n"
        "metadata: {name: routes}\n"
        f"spec: {{tailscale: {{acceptRoutes: {str(accept_routes).lower()}}}}}\n"
        f"{_POLICY}"
    )


_SERVED_BY_TWO = """# base.hujson
{"tagOwners": {"tag:other": [], "tag:green-in": OWNERS}}
# main.yaml
services:
  svc:db: {ports: [tcp:5432], proxyGroup: in, backends: {blue: apps/db, green: apps/db}}
clusters:
  blue: {kubernetes: {context: blue}, proxyGroups: {in: {type: ingress}}}
  green: {kubernetes: {context: green}, proxyGroups: {in: {type: ingress, tags: [tag:green-in]}}}
  red:
    kubernetes: {context: red}
    egress: {db: {namespace: default, to: {service: svc:db}}}
"""

EGRESS_TARGET_UNKNOWN = Rule(
    code="TS301",
    slug="egress-target-unknown",
    what="An egress leads to a name that no declared node has.",
    why="The operator reports the egress as ready; only the proxy's log says `could not find ...`, and connections hang.",
    mend="Refer to what is declared (`to: {exposure: ...}`), correct the name, or declare the node under `machines`.",
    source="https://tailscale.com/kb/1438/kubernetes-operator-cluster-egress",
    bad=_green("{fqdn: blue-ngimx.tail1a2b.ts.net}, ports: [tcp:80]"),
    good=_green("{fqdn: blue-nginx.tail1a2b.ts.net}, ports: [tcp:80]"),
)
LINK_INCOMPLETE = Rule(
    code="TS302",
    slug="link-incomplete",
    what="A step between an egress's clients and its target is missing.",
    why="Connections hang or are refused, and nothing in either cluster says why.",
    mend="Mend the step that is named.",
    source="https://tailscale.com/kb/1438/kubernetes-operator-cluster-egress",
    bad=_shop_from_green(accept_routes=False),
    good=_shop_from_green(accept_routes=True),
)
EGRESS_LOOP = Rule(
    code="TS303",
    slug="egress-loop",
    severity=Severity.WARNING,
    what="An egress leads to something of its own cluster.",
    why="Traffic leaves the cluster and comes back through two proxies, though the Service could be called directly.",
    mend="Let clients call the Service itself, or lead the egress to the cluster that is meant.",
    bad=_NGINX + "    egress:\n      out: {namespace: default, to: {exposure: blue.nginx}}\n",
    good=_green("{exposure: blue.nginx}"),
)
EGRESS_TLS_NAME = Rule(
    code="TS304",
    slug="egress-tls-name",
    severity=Severity.WARNING,
    what="An egress leads to an ingress, or to a Tailscale Service that is one, whose certificate is for its MagicDNS name only.",
    why="Clients that call the egress's Service by its name in the cluster fail on the certificate and on the host name.",
    mend="Lead the egress to an exposure of the Service, or let clients send the MagicDNS name as host and server name.",
    source="https://github.com/tailscale/tailscale/issues/11500",
    bad=_green("{ingress: blue.page}"),
    good=_green("{exposure: blue.nginx}"),
)
BACKEND_LACKING = Rule(
    code="TS313",
    slug="backend-lacking",
    severity=Severity.WARNING,
    what="One of those that are to serve a Tailscale Service cannot, and others can.",
    why="Links stay complete as long as another one serves it, and hang once it is gone.",
    mend="Mend the step that is named.",
    source="https://tailscale.com/kb/1552/tailscale-services",
    bad=_SERVED_BY_TWO.replace("OWNERS", '["tag:other"]'),
    good=_SERVED_BY_TWO.replace("OWNERS", '["tag:k8s-op-green"]'),
)
RULES = (EGRESS_TARGET_UNKNOWN, LINK_INCOMPLETE, EGRESS_LOOP, EGRESS_TLS_NAME, BACKEND_LACKING)


def egress_target_unknown(subject: Subject) -> Iterator[Finding]:
    """Names written by hand; a reference to nothing is refused while the files are resolved.

    A name outside of the tailnet is another mistake, of which objects_egress tells.
    """
    domain = f".{normal_fqdn(subject.tailnet.dns_name)}"
    for egress in subject.tailnet.egresses:
        target = egress.target
        if not isinstance(target, Address) or target.fqdn is None:
            continue
        name = normal_fqdn(target.fqdn)
        if name in subject.named or not name.endswith(domain):
            continue
        # Compared without the tailnet's name, which would make any two names look alike.
        labels = subject.named.labels
        near = labels.get(nearest(name.partition(".")[0], labels) or "")
        yield EGRESS_TARGET_UNKNOWN.at(
            egress.place,
            message=f"Egress {egress.reference} leads to {target.fqdn}, and no declared node has this name.",
            expected="the name of a declared node",
            mend=f"Write {near}, the name of {subject.named.who(near)}, if that is meant."
            if near
            else _elsewhere(subject),
        )


def _elsewhere(subject: Subject) -> str:
    """Manifests know of no machine outside of the clusters."""
    if subject.objects is None:
        return ""
    return "Correct the name; if it is a device outside of the clusters, name it under `devices` of the facts."


def link_incomplete(subject: Subject) -> Iterator[Finding]:
    """The first broken step of each link, but for one of which a rule of its own tells."""
    for proof in subject.links:
        broken = proof.broken
        if broken is not None and not broken.is_told:
            yield LINK_INCOMPLETE.at(
                proof.place,
                *(place for place in dict.fromkeys(broken.places) if place != proof.place),
                message=f"Link {proof.link} breaks at its {broken.name}: {broken.text}",
                expected="each step from the client's namespace to the Service at the other end",
                mend=broken.mend,
            )


def backend_lacking(subject: Subject) -> Iterator[Finding]:
    """Each that lacks something once, however many links lead to the Service."""
    said: set[tuple[str, str]] = set()
    for proof in subject.links:
        for lacking in proof.lacking:
            if (lacking.service, lacking.who) in said or lacking.step.is_told:
                continue
            said.add((lacking.service, lacking.who))
            yield BACKEND_LACKING.at(
                *dict.fromkeys((*lacking.step.places, proof.place)),
                message=f"{lacking.who[:1].upper()}{lacking.who[1:]} cannot serve {lacking.service}: {lacking.step.text}",
                expected="each that is declared to serve it",
                mend=lacking.step.mend,
            )


def egress_loop(subject: Subject) -> Iterator[Finding]:
    """Only declared targets have a cluster. A Tailscale Service that others host too may be meant to fail over."""
    for egress in subject.tailnet.egresses:
        target = egress.target
        if isinstance(target, Address | Machine):
            continue
        clusters = {host.cluster for host in subject.named.services.get(normal_fqdn(target.fqdn), ())}
        if not isinstance(target, TailscaleService):
            clusters.add(target.cluster)
        if clusters == {egress.cluster}:
            yield EGRESS_LOOP.at(
                egress.place,
                target.place,
                message=f"Egress {egress.reference} leads to {target.reference} of the same cluster.",
                expected="a target outside of the cluster",
            )


def egress_tls_name(subject: Subject) -> Iterator[Finding]:
    """HTTPS ends at the ingress's node, under its own name. With a nameserver in the cluster clients can use that name."""
    for egress in subject.tailnet.egresses:
        target = egress.target
        if not _ends_tls(target) or subject.clusters[egress.cluster].custom.dns_configs:
            continue
        if HTTPS in egress.ports:
            yield EGRESS_TLS_NAME.at(
                egress.place,
                target.place,
                message=f"Clients of {egress.service}.{egress.namespace} get a certificate for {target.fqdn}.",
                expected="a target without TLS of its own, or clients that use its MagicDNS name",
            )


def _ends_tls(target: Target) -> TypeGuard[Ingress | TailscaleService]:
    if isinstance(target, TailscaleService):
        return any(isinstance(backend, Ingress) for backend in target.backends)
    return isinstance(target, Ingress)


CHECKS = (egress_target_unknown, link_incomplete, egress_loop, egress_tls_name, backend_lacking)
