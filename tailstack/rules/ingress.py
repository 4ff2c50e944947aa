"""4xx: what is exposed, HTTPS, MagicDNS and Funnel."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from tailstack.access.derive import ip_entries
from tailstack.access.evaluate import Access
from tailstack.access.inventory import Node
from tailstack.access.nodes import NodeKind
from tailstack.access.ports import Ports, parse_ip_entry
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.rules.subject import Subject
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import Address, Exposure, Ingress, Port, Tailnet
from tailstack.topology.wording import listed

HTTPS_OFF = Rule(
    code="TS401",
    slug="https-off",
    what="Something needs an HTTPS certificate, and the tailnet issues none.",
    why="The operator says HTTPSNotEnabled, and clients see `tls: internal error`.",
    mend="Write `httpsCertificates: true` under `tailnet`.",
    source="https://github.com/tailscale/tailscale/issues/10127",
)
MAGICDNS_OFF = Rule(
    code="TS402",
    slug="magicdns-off",
    what="Something is reached by its name in the tailnet, and MagicDNS is off.",
    why="The name does not resolve, and no certificate can be had for it.",
    mend="Write `magicDNS: true` under `tailnet`.",
    source="https://tailscale.com/kb/1081/magicdns",
)
FUNNEL_NOT_ALLOWED = Rule(
    code="TS403",
    slug="funnel-not-allowed",
    what="An ingress is to be open to the internet, and the policy does not let its node use Funnel.",
    why="The node stays closed to the internet, and only the proxy's log says so.",
    mend='Add {"target": ["<its tag>"], "attr": ["funnel"]} to nodeAttrs.',
    source="https://tailscale.com/kb/1439/kubernetes-operator-cluster-ingress#exposing-a-service-to-the-public-internet-using-ingress-and-tailscale-funnel",
)
EXPOSED_TO_NOBODY = Rule(
    code="TS404",
    slug="exposed-to-nobody",
    severity=Severity.WARNING,
    what="Nothing grants anybody to reach an exposure or an ingress.",
    why="The node joins the tailnet, and every connection to it is dropped.",
    mend="Add an access entry that leads to it, or an egress, or take the exposure out.",
    source="https://tailscale.com/kb/1324/grants",
)
RULES = (HTTPS_OFF, MAGICDNS_OFF, FUNNEL_NOT_ALLOWED, EXPOSED_TO_NOBODY)


def _needs_https(tailnet: Tailnet) -> Iterator[tuple[str, Place]]:
    for ingress in tailnet.ingresses:
        yield f"ingress {ingress.reference}", ingress.place
    for cluster in tailnet.clusters:
        if cluster.operator.api_server_proxy is not ApiServerProxyMode.OFF:
            yield f"API-server proxy of {cluster.name}", cluster.operator.place


def _needs_magic_dns(tailnet: Tailnet) -> Iterator[tuple[str, Place]]:
    yield from _needs_https(tailnet)
    for egress in tailnet.egresses:
        if not (isinstance(egress.target, Address) and egress.target.ip is not None):
            yield f"egress {egress.reference}", egress.place


def https_off(subject: Subject) -> Iterator[Finding]:
    """One finding where the switch is, with every place that needs it."""
    needs = tuple(_needs_https(subject.tailnet))
    if needs and not subject.tailnet.https_certificates:
        yield HTTPS_OFF.at(
            subject.tailnet.place,
            *(place for _, place in needs),
            message=f"HTTPS certificates are off, and needed by {listed(who for who, _ in needs)}.",
            expected="httpsCertificates: true",
        )


def magicdns_off(subject: Subject) -> Iterator[Finding]:
    """One finding where the switch is, with every place that needs it."""
    needs = tuple(_needs_magic_dns(subject.tailnet))
    if needs and not subject.tailnet.magic_dns:
        yield MAGICDNS_OFF.at(
            subject.tailnet.place,
            *(place for _, place in needs),
            message=f"MagicDNS is off, and needed by {listed(who for who, _ in needs)}.",
            expected="magicDNS: true",
        )


def funnel_not_allowed(subject: Subject) -> Iterator[Finding]:
    """The attribute must be given to one of the node's tags: autogroup:member, the usual target, has no tagged node."""
    allowed = {
        target.name
        for attribute in subject.policy.policy.node_attributes
        if any(name.text == "funnel" for name in attribute.attr)
        for target in attribute.target
    }
    for ingress in subject.tailnet.ingresses:
        if ingress.funnel and allowed.isdisjoint({*ingress.tags, "*", "autogroup:tagged"}):
            yield FUNNEL_NOT_ALLOWED.at(
                ingress.place,
                message=f"Ingress {ingress.reference} uses Funnel, and no nodeAttrs allows it to {listed(ingress.tags)}.",
                expected=f'an entry of nodeAttrs with the target "{ingress.tags[0]}" and the attribute "funnel"',
            )


def exposed_to_nobody(subject: Subject) -> Iterator[Finding]:
    """Judged by the whole policy, and by ports: a grant on another port does not count."""
    for exposed in subject.tailnet.exposures:
        yield from _unreached(subject.access, NodeKind.EXPOSURE, exposed)
    for exposed in subject.tailnet.ingresses:
        if not exposed.funnel:
            yield from _unreached(subject.access, NodeKind.INGRESS, exposed)


@lru_cache(maxsize=4096)
def _offered(ports: tuple[Port, ...]) -> Ports:
    offered = Ports()
    for entry in ip_entries(ports):
        offered = offered.union(parse_ip_entry(entry))
    return offered


def _unreached(access: Access, kind: NodeKind, exposed: Exposure | Ingress) -> Iterator[Finding]:
    offered = _offered(exposed.granted_ports)
    reaching = access.entries_to(Node(name=exposed.fqdn, tags=exposed.tags))
    if not any(offered != offered.minus(access.entries[index].ports) for index in reaching):
        yield EXPOSED_TO_NOBODY.at(
            exposed.place,
            message=f"Nobody may reach {kind} {exposed.reference} on {listed(ip_entries(exposed.granted_ports))}.",
            expected=f"an access entry such as {{to: [{{{kind}: {exposed.reference}}}]}}, or an egress",
        )


CHECKS = (https_off, magicdns_off, funnel_not_allowed, exposed_to_nobody)
