"""4xx: Tailscale Services: the ProxyGroups that serve them, and the approval that they need."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.nodes import NodeKind
from tailstack.access.policy import Listed
from tailstack.access.selectors import SelectorKind
from tailstack.finding import Finding, Rule
from tailstack.rules.frames import web_ingress, web_service
from tailstack.rules.subject import Subject
from tailstack.topology.custom import ProxyGroup, ProxyGroupKind
from tailstack.topology.tailnet import Cluster, Exposure, Ingress
from tailstack.topology.wording import did_you_mean, listed

_INGRESS = f"""# blue/web.yaml
{web_ingress("annotations: {tailscale.com/proxy-group: in}")}---
{web_service()}"""
_GROUP = """---
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: in}
spec: {type: ingress, tags: ["tag:in"]}
"""
_POLICY = """# policy.hujson
{"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"], "tag:in": ["tag:k8s-operator"]},
 "grants": [{"src": ["autogroup:member"], "dst": ["svc:web"], "ip": ["tcp:443"]}],
 "autoApprovers": {"services": {"svc:web": ["tag:WHO"]}}}
"""

PROXY_GROUP_MISSING = Rule(
    code="TS417",
    slug="proxy-group-missing",
    what="An Ingress or a Service is to be served by a ProxyGroup that its cluster does not have, or that is of another type.",
    why="The operator waits for the group: nothing is exposed, and for an Ingress only its log says why.",
    mend="Name a ProxyGroup of type ingress of the same cluster, or add it there.",
    source="https://tailscale.com/kb/1439/kubernetes-operator-cluster-ingress#high-availability",
    bad=_INGRESS + _GROUP.replace("name: in}", "name: ingress}"),
    good=_INGRESS + _GROUP,
)
SERVICE_NOT_APPROVED = Rule(
    code="TS418",
    slug="svc-not-approved",
    what="Nothing in the policy approves the ProxyGroup as a host of a Tailscale Service that it is to serve.",
    why="The Service stays pending: it gets no traffic, and an Ingress gets no certificate for it.",
    mend="Add the Service, or a tag of it, to autoApprovers.services with a tag of the ProxyGroup.",
    source="https://tailscale.com/kb/1552/tailscale-services#auto-approval",
    bad=_INGRESS + _GROUP + _POLICY.replace("WHO", "k8s"),
    good=_INGRESS + _GROUP + _POLICY.replace("WHO", "in"),
)
RULES = (PROXY_GROUP_MISSING, SERVICE_NOT_APPROVED)


def proxy_group_missing(subject: Subject) -> Iterator[Finding]:
    """Of what comes into a cluster; egresses have a rule of their own."""
    by_name: dict[str, list[ProxyGroup]] = {}
    for cluster in subject.tailnet.clusters:
        for group in cluster.custom.proxy_groups:
            by_name.setdefault(group.name, []).append(group)
    for cluster in subject.tailnet.clusters:
        groups = {group.name: group for group in cluster.custom.proxy_groups}
        for kind, exposed in (
            *((NodeKind.EXPOSURE, each) for each in cluster.exposures),
            *((NodeKind.INGRESS, each) for each in cluster.ingresses),
        ):
            if exposed.proxy_group is not None:
                group = groups.get(exposed.proxy_group)
                if group is None:
                    yield _missing(cluster, f"{kind} {exposed.reference}", exposed, by_name)
                elif group.kind is not ProxyGroupKind.INGRESS:
                    yield PROXY_GROUP_MISSING.at(
                        exposed.place,
                        group.place,
                        message=f"{kind} {exposed.reference} is to be served by ProxyGroup {group.name}, which is of type "
                        f"{group.kind}.",
                        expected="a ProxyGroup of type ingress",
                    )


def _missing(cluster: Cluster, who: str, exposed: Exposure | Ingress, by_name: dict[str, list[ProxyGroup]]) -> Finding:
    name = exposed.proxy_group or ""
    here = [group.name for group in cluster.custom.proxy_groups if group.kind is ProxyGroupKind.INGRESS]
    elsewhere = by_name.get(name, [])
    beside = f"; {listed(group.cluster for group in elsewhere)} has it" if elsewhere else ""
    return PROXY_GROUP_MISSING.at(
        exposed.place,
        *(group.place for group in elsewhere),
        message=f"{who} is to be served by ProxyGroup {name}, which {cluster.name} does not have{beside}.",
        expected=f"one of {listed(here)}" if here else f"a ProxyGroup of type ingress in {cluster.name}",
        mend=did_you_mean(name, here),
    )


def svc_not_approved(subject: Subject) -> Iterator[Finding]:
    """Approved is a tag of the group's nodes, for the Service's name or for one of its tags; or by hand, as live hosts tell."""
    live = {(node.name, name) for node in subject.facts.inventory.nodes for name in node.services}
    approvers = subject.policy.policy.auto_approvers.services
    by_key: dict[str, list[Listed]] = {}
    for approver in approvers:
        by_key.setdefault(approver.name, []).append(approver)
    for service in subject.services:
        fitting = [approver for key in (service.name, *service.tags) for approver in by_key.get(key, ())]
        nodes = (f"{hostname}.{subject.tailnet.dns_name}".lower() for hostname in service.host_names)
        is_live = any((node, service.name) in live for node in nodes)
        if not is_live and not any(_approves(approver, service.host.tags) for approver in fitting):
            yield SERVICE_NOT_APPROVED.at(
                service.place,
                *dict.fromkeys(place for each in fitting for place in subject.policy.sources(each.place)),
                message=f"Nothing approves {service.hosts} ({listed(service.host.tags)}) as a host of {service.name}, for "
                f"{service.who}.",
                expected=f'"{service.name}" or a tag of it ({listed(service.tags)}) in autoApprovers.services, with '
                f"{listed(service.host.tags)}",
            )


def _approves(approver: Listed, tags: tuple[str, ...]) -> bool:
    """Hosts have tags and no user, so that users and groups approve none of them; of the rest nothing is sure."""
    kinds = {SelectorKind.USER, SelectorKind.GROUP, SelectorKind.DOMAIN, SelectorKind.TAG}
    return any(entry.name in tags or entry.kind not in kinds for entry in approver.entries)


CHECKS = (proxy_group_missing, svc_not_approved)
