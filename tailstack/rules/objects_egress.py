"""3xx: egress Services as they stand in manifests, with what the operator refuses of them or silently leaves out.

Conditions were read in `cmd/k8s-operator` of tailscale.com v1.102.3: `validateService` in svc.go, `validateEgressService` and
`maxPorts` in egress-services.go.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from tailstack.finding import Finding, Needs, Rule, Severity
from tailstack.manifests.objects import KubernetesObject
from tailstack.plain import texts
from tailstack.rules.routers import declared_app_connectors
from tailstack.rules.subject import Subject
from tailstack.topology.custom import ProxyGroup, ProxyGroupKind
from tailstack.topology.wording import quoted

MOST_PORTS = 1000
"""How many ports an egress ProxyGroup maps: 10000 to 10999."""


def _out(annotations: str, spec: str = "type: ExternalName, externalName: placeholder, ports: [{port: 80}]") -> str:
    return (
        "# blue/out.yaml\n"
        "apiVersion: v1\n"
        "kind: Service\n"
        "metadata:\n"
        "  name: out\n"
        f"  annotations: {{{annotations}}}\n"
        f"spec: {{{spec}}}\n"
    )


_GROUP = "---\napiVersion: tailscale.com/v1alpha1\nkind: ProxyGroup\nmetadata: {name: egress-proxies}\nspec: {type: egress}\n"
_IN_GROUP = "tailscale.com/proxy-group: egress-proxies, tailscale.com/tailnet-ip: 100.64.0.9"

EGRESS_SUFFIX = Rule(
    code="TS305",
    slug="egress-suffix",
    what="The name that an egress leads to is no full name of this tailnet.",
    why="The operator refuses it (INVALIDSERVICE), or of another tailnet's name waits for a node that it never sees.",
    mend="Write the full MagicDNS name of a node, without a scheme or a port.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/svc.go",
    needs=Needs.MANIFESTS,
    bad=_out('tailscale.com/tailnet-fqdn: "http://web.tail1a2b.ts.net"'),
    good=_out("tailscale.com/tailnet-fqdn: web.tail1a2b.ts.net."),
)
EGRESS_TARGET_COUNT = Rule(
    code="TS306",
    slug="egress-target-count",
    what="An egress has two targets, or none, or an IP address that is none.",
    why="The operator refuses the Service (INVALIDSERVICE, EgressSvcInvalid), and no proxy is made for it.",
    mend="Keep one of the annotations tailscale.com/tailnet-fqdn and tailscale.com/tailnet-ip.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/svc.go",
    needs=Needs.MANIFESTS,
    bad=_out("tailscale.com/tailnet-fqdn: web.tail1a2b.ts.net, tailscale.com/tailnet-ip: 100.64.0.9"),
    good=_out("tailscale.com/tailnet-ip: 100.64.0.9"),
)
EGRESS_GROUP_SHAPE = Rule(
    code="TS308",
    slug="egress-pg-shape",
    what="An egress through a ProxyGroup is no ExternalName Service with ports, or the group is not there or of another type.",
    why="The operator says EgressSvcInvalid, or of a group that is missing nothing at all, and no traffic leaves.",
    mend="Make it a Service of the type ExternalName with ports, and declare the egress ProxyGroup in the same cluster.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/egress-services.go",
    needs=Needs.MANIFESTS,
    bad=_out(_IN_GROUP, "type: ClusterIP, ports: [{port: 80}]") + _GROUP,
    good=_out(_IN_GROUP) + _GROUP,
)
EGRESS_APP_CONNECTOR = Rule(
    code="TS311",
    slug="egress-appconnector",
    severity=Severity.WARNING,
    what="An egress leads to a public host that an app connector serves.",
    why="The operator's proxies do not ask an app connector for names, so the traffic never takes that way.",
    mend="Run a node of one's own that uses the app connector, or lead the egress to an address behind a subnet router.",
    source="https://github.com/tailscale/tailscale/issues/16338",
    needs=Needs.MANIFESTS,
    bad=(
        f"{_out('tailscale.com/tailnet-fqdn: api.example.com')}# policy.hujson\n"
        '{"grants": [], "nodeAttrs": [{"target": ["*"], "app": {"tailscale.com/app-connectors": [\n'
        '  {"name": "api", "connectors": ["tag:connector"], "domains": ["*.example.com"]},\n'
        "]}}]}\n"
    ),
    good=(
        f"{_out('tailscale.com/tailnet-fqdn: api.example.org')}# policy.hujson\n"
        '{"grants": [], "nodeAttrs": [{"target": ["*"], "app": {"tailscale.com/app-connectors": [\n'
        '  {"name": "api", "connectors": ["tag:connector"], "domains": ["*.example.com"]},\n'
        "]}}]}\n"
    ),
)

RULES = (EGRESS_SUFFIX, EGRESS_TARGET_COUNT, EGRESS_GROUP_SHAPE, EGRESS_APP_CONNECTOR)

_FQDN, _IP = "tailnet-fqdn", "tailnet-ip"
_NAME = re.compile(r"([a-zA-Z0-9-]+)\.([a-zA-Z0-9-]+\.ts\.net)\.?\Z")
_SCHEME = re.compile(r"\A[a-z]+://")
_LABEL = re.compile(r"[a-zA-Z0-9-]+\Z")


def egress_suffix(subject: Subject) -> Iterator[Finding]:
    """Judged as the operator judges it, and by the tailnet's own domain."""
    domain = subject.tailnet.dns_name
    for service in subject.egress_services:
        fqdn = service.annotation(_FQDN)
        if not fqdn:
            continue
        found = _NAME.match(fqdn)
        if found is not None and found[2].lower() == domain.lower():
            continue
        what = "is no MagicDNS name" if found is None else f"is not of the tailnet {domain}"
        meant = _meant(fqdn, domain)
        yield EGRESS_SUFFIX.at(
            service.annotation_place(_FQDN),
            message=f"{service.title} of {service.cluster} leads to {quoted(fqdn)}, which {what}.",
            expected=f"<node>.{domain}",
            mend=f"Write {meant}." if meant else "",
        )


def _meant(fqdn: str, domain: str) -> str:
    """What was meant by a label alone, or by a name with a scheme, a port or a path."""
    host = re.split("[:/]", _SCHEME.sub("", fqdn))[0]
    if _LABEL.match(host):
        return f"{host}.{domain}"
    found = _NAME.match(host)
    return host if found is not None and found[2].lower() == domain.lower() else ""


def egress_target_count(subject: Subject) -> Iterator[Finding]:
    """A Service without a target is an egress only if it names a ProxyGroup for egress."""
    groups = _groups(subject)
    for service in subject.egress_services:
        fqdn, ip = service.annotation(_FQDN), service.annotation(_IP)
        who = f"{service.title} of {service.cluster}"
        if fqdn and ip:
            yield EGRESS_TARGET_COUNT.at(
                service.annotation_place(_FQDN),
                service.annotation_place(_IP),
                message=f"{who} leads to {quoted(fqdn)} and to {quoted(ip)}.",
                expected="one target",
            )
        elif ip and not _is_address(ip):
            yield EGRESS_TARGET_COUNT.at(
                service.annotation_place(_IP),
                message=f"{who} leads to {quoted(ip)}, which is no IP address.",
                expected="one IP address, such as 100.64.0.9",
                mend="Write one address; a range cannot be a target.",
            )
        elif not fqdn and not ip and _is_for_egress(groups, service):
            yield EGRESS_TARGET_COUNT.at(
                service.annotation_place("proxy-group"),
                message=f"{who} is to leave by a ProxyGroup for egress, and nothing says where to.",
                expected="one of the annotations tailscale.com/tailnet-fqdn and tailscale.com/tailnet-ip",
                mend="Add one of the two annotations.",
            )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _groups(subject: Subject) -> dict[tuple[str, str], ProxyGroup]:
    return {
        (cluster.name, group.name): group
        for cluster in subject.tailnet.clusters
        for group in cluster.custom.proxy_groups
    }


def _is_for_egress(groups: dict[tuple[str, str], ProxyGroup], service: KubernetesObject) -> bool:
    group = groups.get((service.cluster, service.annotation("proxy-group") or ""))
    is_exposed = service.annotation("expose") == "true" or service.text("spec", "type") == "LoadBalancer"
    return group is not None and group.kind is ProxyGroupKind.EGRESS and not is_exposed


def egress_group_shape(subject: Subject) -> Iterator[Finding]:
    """Each mistake by itself: the operator says only the first. An exposed Service is none of this."""
    groups = _groups(subject)
    egresses = {(egress.cluster, egress.namespace, egress.service): egress for egress in subject.tailnet.egresses}
    taken: dict[tuple[str, str], int] = {}
    for service in subject.egress_services:
        egress = egresses.get((service.cluster, service.namespace, service.name))
        if egress is None or egress.proxy_group is None:
            continue
        who = f"{service.title} of {service.cluster}"
        group = groups.get((service.cluster, egress.proxy_group))
        if group is None or group.kind is not ProxyGroupKind.EGRESS:
            yield _wrong_group(subject, service, egress.proxy_group, group)
        if service.text("spec", "type") != "ExternalName":
            yield EGRESS_GROUP_SHAPE.at(
                service.place("spec", "type"),
                message=f"{who} leaves by a ProxyGroup and is of the type {service.text('spec', 'type') or 'ClusterIP'}.",
                expected="type: ExternalName",
                mend="Write `type: ExternalName`, with any `externalName` such as placeholder.",
            )
        ports = service.length("spec", "ports")
        if not ports:
            yield EGRESS_GROUP_SHAPE.at(
                service.place("spec"),
                message=f"{who} leaves by a ProxyGroup and has no port.",
                expected="the ports of the target",
                mend="List the ports of the target under `ports`.",
            )
        before = taken.get((service.cluster, egress.proxy_group), 0)
        taken[service.cluster, egress.proxy_group] = before + ports
        if before <= MOST_PORTS < before + ports:
            yield EGRESS_GROUP_SHAPE.at(
                service.place("metadata", "name"),
                message=f"With {who} the ProxyGroup {egress.proxy_group} has more than {MOST_PORTS} ports.",
                expected=f"at most {MOST_PORTS} ports in all egresses of one ProxyGroup",
                mend="Lead some of the egresses out by another ProxyGroup.",
            )


def _wrong_group(subject: Subject, service: KubernetesObject, name: str, group: ProxyGroup | None) -> Finding:
    if group is not None:
        there, places = f"is of the type {group.kind}", (group.place,)
    else:
        elsewhere = [
            other for cluster in subject.tailnet.clusters for other in cluster.custom.proxy_groups if other.name == name
        ]
        there = f"is declared in {elsewhere[0].cluster} only" if elsewhere else "is declared nowhere"
        places = tuple(other.place for other in elsewhere[:1])
    return EGRESS_GROUP_SHAPE.at(
        service.annotation_place("proxy-group"),
        *places,
        message=f"{service.title} of {service.cluster} leaves by the ProxyGroup {name}, which {there}.",
        expected=f"a ProxyGroup {name} of the type egress in {service.cluster}",
        mend=f"Declare the ProxyGroup {name} of the type egress in {service.cluster}, or name another one.",
    )


def egress_app_connector(subject: Subject) -> Iterator[Finding]:
    """Public hosts are those that the policy file lists as domains of app connectors."""
    apps = declared_app_connectors(subject.policy.policy)
    domains = {domain.lower() for app in apps for domain in texts(app.get("domains"))}
    for service in subject.egress_services:
        host = (service.annotation(_FQDN) or "").lower().removesuffix(".")
        parents = (host[index + 1 :] for index, character in enumerate(host) if character == ".")
        if host and not domains.isdisjoint({host, *(f"*.{parent}" for parent in parents)}):
            yield EGRESS_APP_CONNECTOR.at(
                service.annotation_place(_FQDN),
                message=f"{service.title} of {service.cluster} leads to {quoted(host)}, a domain of an app connector.",
                expected="a node of this tailnet",
            )


CHECKS = (egress_suffix, egress_target_count, egress_group_shape, egress_app_connector)
