"""4xx: certificates: how many an environment asks for, and which of them clients trust."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tailstack.finding import Finding, Rule, Severity
from tailstack.rules.frames import web_ingress, web_service
from tailstack.rules.subject import Subject
from tailstack.topology.custom import ProxyClass
from tailstack.topology.handed_on import part_of
from tailstack.topology.tailnet import Cluster, Ingress, TailscaleService
from tailstack.topology.wording import listed

MOST_NEW_NAMES = 50
"""How many certificates Let's Encrypt issues for a registered domain in a week, which a tailnet's is:
https://letsencrypt.org/docs/rate-limits/#new-certificates-per-registered-domain."""

_STAGING = f"""# prod/web.yaml
{web_ingress("labels: {tailscale.com/proxy-class: own}, annotations: {FUNNEL}")}---
{web_service()}---
apiVersion: tailscale.com/v1alpha1
kind: ProxyClass
metadata: {{name: own}}
spec: {{useLetsEncryptStagingEnvironment: true}}
"""


def _many(names: int) -> str:
    ingresses = "".join(
        f"      web{number}: {{namespace: default, backend: {{service: web, port: 80}}}}\n" for number in range(names)
    )
    return f"clusters:\n  blue:\n    kubernetes: {{context: x}}\n    ingress:\n{ingresses}"


CERTIFICATE_VOLUME = Rule(
    code="TS421",
    slug="cert-volume",
    severity=Severity.WARNING,
    what="More names need a certificate than Let's Encrypt issues in a week for one tailnet.",
    why="The certificates that come last are refused for days (`rateLimited`), and renewals of lost ones too.",
    mend="Bring the names up over several weeks, use a staging ProxyClass while trying, and share the ACME account key.",
    source="https://github.com/tailscale/tailscale/issues/18251",
    bad=_many(MOST_NEW_NAMES + 1),
    good=_many(MOST_NEW_NAMES),
)
STAGING_CERTIFICATE = Rule(
    code="TS422",
    slug="staging-certificate",
    severity=Severity.WARNING,
    what="Something that others rely on gets a certificate of Let's Encrypt's staging environment.",
    why="No client trusts such a certificate.",
    mend="Use a ProxyClass without `useLetsEncryptStagingEnvironment`.",
    source="https://letsencrypt.org/docs/staging-environment/",
    bad=_STAGING.replace("FUNNEL", 'tailscale.com/funnel: "true"'),
    good=_STAGING.replace("FUNNEL", ""),
)
RULES = (CERTIFICATE_VOLUME, STAGING_CERTIFICATE)

_PRODUCTION = frozenset({"prod", "production", "live"})


def cert_volume(subject: Subject) -> Iterator[Finding]:
    """Names that are live have their certificates. With a shared account key renewals do not count, so it is taken for a plan."""
    live = {node.name for node in subject.facts.inventory.nodes}
    live |= {
        f"{each.name.removeprefix('svc:')}.{subject.tailnet.dns_name}" for each in subject.facts.inventory.services
    }
    names = [name for name in certificate_names(subject) if name.lower() not in live]
    if len(names) > MOST_NEW_NAMES:
        yield CERTIFICATE_VOLUME.at(
            subject.tailnet.place,
            message=f"{len(names)} names need a certificate for {subject.tailnet.dns_name}, and Let's Encrypt issues "
            f"{MOST_NEW_NAMES} a week.",
            expected=f"at most {MOST_NEW_NAMES} new names at a time",
        )


def certificate_names(subject: Subject) -> tuple[str, ...]:
    """The names that need a certificate of their own, each once. With a shared account key renewals do not count."""
    return tuple(dict.fromkeys(name for cluster in subject.tailnet.clusters for name in _names(subject, cluster)))


def _shares_account(subject: Subject, cluster: Cluster, ingress: Ingress) -> bool:
    """Of an ingress group alone: a group's own word goes before that of the chart (`sharedACMEAccountEnabled`)."""
    group = next((group for group in cluster.custom.proxy_groups if group.name == ingress.proxy_group), None)
    if group is None or group.shares_account is not None:
        return group is not None and group.shares_account is True
    chart = subject.facts.charts.get(cluster.name)
    every: tuple[Mapping[str, object], ...] = (cluster.operator.values, chart.values if chart is not None else {})
    return any(part_of(values, "operatorConfig").get("sharedACMEAccountKey") is True for values in every)


def _classes(cluster: Cluster) -> Mapping[str, ProxyClass]:
    return {proxy_class.name: proxy_class for proxy_class in cluster.custom.proxy_classes}


def _staging(cluster: Cluster, ingress: Ingress) -> ProxyClass | None:
    """The staging ProxyClass of an ingress, or of the ProxyGroup that serves it."""
    groups = {group.name: group.proxy_class for group in cluster.custom.proxy_groups}
    name = groups.get(ingress.proxy_group) if ingress.proxy_group else ingress.proxy_class
    found = _classes(cluster).get(name or "")
    return found if found is not None and found.uses_staging else None


def _names(subject: Subject, cluster: Cluster) -> Iterator[str]:
    yield from (
        each.fqdn
        for each in cluster.ingresses
        if _staging(cluster, each) is None and not _shares_account(subject, cluster, each)
    )
    yield from (proxy.fqdn for proxy in subject.api_proxies if proxy.cluster == cluster.name)
    for recorder in cluster.custom.recorders:
        if recorder.has_ui and recorder.tailnet is None:
            yield from (f"{hostname}.{subject.tailnet.dns_name}" for hostname in recorder.hostnames)


def staging_certificate(subject: Subject) -> Iterator[Finding]:
    """Where production, the internet or a link relies on it; for everything else it is what staging is for."""
    targets = [egress.target for egress in subject.tailnet.egresses]
    linked = {target.reference for target in targets if isinstance(target, Ingress)}
    linked |= {each.reference for target in targets if isinstance(target, TailscaleService) for each in target.backends}
    for cluster in subject.tailnet.clusters:
        words = {subject.tailnet.environment, *(value for _, value in cluster.labels)}
        for ingress in cluster.ingresses:
            staging = _staging(cluster, ingress)
            reasons = [
                *(["it is open to the internet"] if ingress.funnel else []),
                *(["an egress leads to it"] if ingress.reference in linked else []),
                *(f"it is {word}" for word in sorted(words & _PRODUCTION)),
            ]
            if staging is not None and reasons:
                yield STAGING_CERTIFICATE.at(
                    ingress.place,
                    staging.place,
                    message=f"Ingress {ingress.reference} gets a staging certificate by ProxyClass {staging.name}, and "
                    f"{listed(reasons)}.",
                    expected="a certificate that clients trust",
                )


CHECKS = (cert_volume, staging_certificate)
