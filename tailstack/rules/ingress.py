"""4xx: what is exposed, HTTPS, MagicDNS and Funnel."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.derive import ip_entries
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Address, Ingress
from tailstack.topology.wording import listed

_INGRESS = """clusters:
  blue:
    kubernetes: {context: x}
    ingress:
      web: {namespace: default, backend: {service: web, port: 80}}
"""
_FUNNEL = """# blue/web.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: default, annotations: {tailscale.com/funnel: "true"}}
spec:
  ingressClassName: tailscale
  tls: [{hosts: [web]}]
  defaultBackend: {service: {name: web, port: {number: 80}}}
# policy.hujson
{"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]}, "grants": [],
 "nodeAttrs": [{"target": ["TARGET"], "attr": ["funnel"]}]}
"""
_SETTINGS = "tailnet: {dnsName: tail1a2b.ts.net, SETTING}\n"

HTTPS_OFF = Rule(
    code="TS401",
    slug="https-off",
    what="Something needs an HTTPS certificate, and the tailnet issues none.",
    why="The operator says HTTPSNotEnabled, and clients see `tls: internal error`.",
    mend="Write `httpsCertificates: true` under `tailnet`.",
    source="https://github.com/tailscale/tailscale/issues/10127",
    bad=_SETTINGS.replace("SETTING", "httpsCertificates: false") + _INGRESS,
    good=_SETTINGS.replace("SETTING", "httpsCertificates: true") + _INGRESS,
)
MAGICDNS_OFF = Rule(
    code="TS402",
    slug="magicdns-off",
    what="Something is reached by its name in the tailnet, and MagicDNS is off.",
    why="The name does not resolve, and no certificate can be had for it.",
    mend="Write `magicDNS: true` under `tailnet`.",
    source="https://tailscale.com/kb/1081/magicdns",
    bad=_SETTINGS.replace("SETTING", "magicDNS: false") + _INGRESS,
    good=_SETTINGS.replace("SETTING", "magicDNS: true") + _INGRESS,
)
FUNNEL_NOT_ALLOWED = Rule(
    code="TS403",
    slug="funnel-not-allowed",
    what="An ingress is to be open to the internet, and the policy does not let its node use Funnel.",
    why="The node stays closed to the internet, and only the proxy's log says so.",
    mend='Add {"target": ["<its tag>"], "attr": ["funnel"]} to nodeAttrs.',
    source="https://tailscale.com/kb/1439/kubernetes-operator-cluster-ingress#exposing-a-service-to-the-public-internet-using-ingress-and-tailscale-funnel",
    bad=_FUNNEL.replace("TARGET", "autogroup:member"),
    good=_FUNNEL.replace("TARGET", "tag:k8s"),
)
EXPOSED_TO_NOBODY = Rule(
    code="TS404",
    slug="exposed-to-nobody",
    severity=Severity.WARNING,
    what="Nothing grants anybody to reach an exposure or an ingress.",
    why="The node joins the tailnet, and every connection to it is dropped.",
    mend="Add an access entry that leads to it, or an egress, or take the exposure out.",
    source="https://tailscale.com/kb/1324/grants",
    bad=f"{_INGRESS}access:\n  - {{name: all, from: [autogroup:member], to: [tag:k8s-blue--web], ports: ['tcp:80']}}\n",
    good=f"{_INGRESS}access:\n  - {{name: all, from: [autogroup:member], to: [{{ingress: blue.web}}]}}\n",
)
RULES = (HTTPS_OFF, MAGICDNS_OFF, FUNNEL_NOT_ALLOWED, EXPOSED_TO_NOBODY)


def _needs_https(subject: Subject) -> Iterator[tuple[str, Place]]:
    for ingress in subject.tailnet.ingresses:
        yield f"ingress {ingress.reference}", ingress.place
    for proxy in subject.api_proxies:
        yield f"API-server proxy of {proxy.cluster if proxy.group is None else proxy.who}", proxy.place
    for cluster in subject.tailnet.clusters:
        for recorder in cluster.custom.recorders:
            if recorder.has_ui and recorder.tailnet is None:
                yield f"recorder {recorder.reference}", recorder.place


def _needs_magic_dns(subject: Subject) -> Iterator[tuple[str, Place]]:
    yield from _needs_https(subject)
    for egress in subject.tailnet.egresses:
        if not (isinstance(egress.target, Address) and egress.target.ip is not None):
            yield f"egress {egress.reference}", egress.place


def _switched_off(subject: Subject, *, declared: bool, live: bool | None) -> tuple[Place, str] | None:
    """Where it stands that a setting is off, and how to mend it; None where it is on, as far as anybody knows.

    What is declared in YAML will be set. Manifests set nothing, so that there the live setting holds.
    """
    if not declared:
        return subject.tailnet.place, ""
    if subject.objects is not None and live is False:
        return Place(subject.facts.file, 1, 1), "Switch it on under DNS in the admin console of the tailnet."
    return None


def https_off(subject: Subject) -> Iterator[Finding]:
    """One finding where the switch is, with every place that needs it."""
    needs = tuple(_needs_https(subject))
    off = _switched_off(subject, declared=subject.tailnet.https_certificates, live=subject.facts.https)
    if needs and off is not None:
        place, mend = off
        yield HTTPS_OFF.at(
            place,
            *(place for _, place in needs),
            message=f"HTTPS certificates are off, and needed by {listed(who for who, _ in needs)}.",
            expected="httpsCertificates: true",
            mend=mend,
        )


def magicdns_off(subject: Subject) -> Iterator[Finding]:
    """One finding where the switch is, with every place that needs it."""
    needs = tuple(_needs_magic_dns(subject))
    off = _switched_off(subject, declared=subject.tailnet.magic_dns, live=subject.facts.magic_dns)
    if needs and off is not None:
        place, mend = off
        yield MAGICDNS_OFF.at(
            place,
            *(place for _, place in needs),
            message=f"MagicDNS is off, and needed by {listed(who for who, _ in needs)}.",
            expected="magicDNS: true",
            mend=mend,
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
    for exposed in subject.exposed:
        declared = exposed.declared
        if exposed.entries or (isinstance(declared, Ingress) and declared.funnel):
            continue
        ports = listed(ip_entries(declared.granted_ports), none="any port")
        selectors = (declared.tailscale_service,) if declared.tailscale_service is not None else declared.tags
        yield EXPOSED_TO_NOBODY.at(
            declared.place,
            message=f"Nobody may reach {exposed} on {ports}.",
            expected=f"an access entry such as {{to: [{{{exposed.kind}: {declared.reference}}}]}}, or an egress"
            if subject.objects is None
            else f"a grant to {listed(selectors)} on {ports}",
            mend="" if subject.objects is None else f"Add a grant to {listed(selectors)}, or take the exposure out.",
        )


CHECKS = (https_off, magicdns_off, funnel_not_allowed, exposed_to_nobody)
