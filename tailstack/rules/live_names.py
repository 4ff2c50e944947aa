"""1xx: names that are taken already, as far as facts about the live tailnet tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tailstack.access.inventory import Node
from tailstack.access.nodes import DeclaredNode, NodeKind
from tailstack.finding import Finding, Needs, Place, Rule, Severity
from tailstack.rules.ownership import not_given
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Address
from tailstack.topology.wording import listed

_WEB = (
    "clusters:\n"
    "  blue:\n"
    "    kubernetes: {context: blue}\n"
    "    expose:\n"
    "      web: {namespace: web, ports: [tcp:80], selector: {app: web}}\n"
)
_SHOP = (
    "# blue/app.yaml\n"
    "apiVersion: tailscale.com/v1alpha1\n"
    "kind: ProxyGroup\n"
    "metadata: {name: web-proxies}\n"
    "spec: {type: ingress}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata:\n"
    "  name: shop\n"
    '  annotations: {tailscale.com/expose: "true", tailscale.com/proxy-group: web-proxies, tailscale.com/hostname: shop}\n'
    "spec: {ports: [{port: 80}]}\n"
)

EXISTING_DEVICE = Rule(
    code="TS103",
    slug="existing-device",
    severity=Severity.WARNING,
    what="A declared node asks for a name that a device of somebody else's has.",
    why="Tailscale renames the new node silently (`web-1`), and everything that names it reaches the other device.",
    mend="Rename or remove the device in the admin console, or give the declared node another hostname.",
    source="https://github.com/tailscale/tailscale/issues/18920",
    needs=Needs.FACTS,
    bad=(
        f"{_WEB}# facts.json\n"
        '{"devices": [{"name": "blue-web.tail1a2b.ts.net", "addresses": ["100.64.0.7"], "user": "ana@example.com"}]}\n'
    ),
    good=(
        f"{_WEB}# facts.json\n"
        '{"devices": [{"name": "blue-web.tail1a2b.ts.net", "addresses": ["100.64.0.7"], "tags": ["tag:k8s-blue--web"]}]}\n'
    ),
)
FOREIGN_SERVICE = Rule(
    code="TS110",
    slug="svc-foreign",
    what="A Tailscale Service that no operator made has the name of one that an operator is to make.",
    why="The operator leaves it alone (InvalidTailscaleService), and what is exposed is never served under the name.",
    mend="Delete the Service, or take the resource that makes it out of the stack; the operator then makes it itself.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/ingress-for-pg.go",
    needs=Needs.FACTS,
    bad=f'{_SHOP}# facts.json\n{{"vipServices": [{{"name": "svc:shop", "ports": ["tcp:80"], "annotations": {{}}}}]}}\n',
    good=(
        f'{_SHOP}# facts.json\n{{"vipServices": [{{"name": "svc:shop", "ports": ["tcp:80"], "annotations": '
        '{"tailscale.com/owner-references": "{}"}}]}\n'
    ),
)
RENAME = Rule(
    code="TS112",
    slug="rename",
    severity=Severity.WARNING,
    what="A node that there is already is to have another name.",
    why="Its URL and its certificate change, and so does what every bookmark, kubeconfig and script must call.",
    mend="Keep the name with `hostname`, or tell those who use it.",
    needs=Needs.FACTS,
    bad=(
        f"{_WEB}# facts.json\n"
        '{"devices": [{"name": "shop.tail1a2b.ts.net", "addresses": ["100.64.0.7"], "tags": ["tag:k8s-blue--web"]}]}\n'
    ),
    good=(
        f"{_WEB.replace('namespace: web,', 'namespace: web, hostname: shop,')}# facts.json\n"
        '{"devices": [{"name": "shop.tail1a2b.ts.net", "addresses": ["100.64.0.7"], "tags": ["tag:k8s-blue--web"]}]}\n'
    ),
)

RULES = (EXISTING_DEVICE, FOREIGN_SERVICE, RENAME)

_SUFFIXED = re.compile(r"(.+)-[1-9][0-9]*\Z")


def existing_device(subject: Subject) -> Iterator[Finding]:
    """A device is of somebody else if it is a person's, or has tags that the operator could not have given it.

    One with the tags of the declared node may be that node. But if another with these tags has the name with a number
    behind it, that is the node, and the first is what is left of something.
    """
    live = subject.live_devices
    declared = {node.hostname.lower() for node in subject.nodes}
    suffixed: dict[tuple[str, frozenset[str]], Node] = {}
    for label, device in live.items():
        found = _SUFFIXED.match(label)
        if found and label not in declared:
            suffixed.setdefault((found[1], frozenset(device.tags)), device)
    for node in subject.nodes:
        device = live.get(node.hostname.lower())
        if device is None or node.cluster is None:
            continue
        second = suffixed.get((node.hostname.lower(), frozenset(node.tags)))
        if not _is_foreign(subject, node, device) and second is None:
            continue
        got = f" {second.name}, with the tags of {node}, is what it got instead." if second else ""
        yield EXISTING_DEVICE.at(
            node.place,
            *_places(device, *((second,) if second else ())),
            message=f"{node} asks for the name {node.hostname}, which {_of_whom(device)} has.{got}",
            expected="a name that no other device has",
        )


def _is_foreign(subject: Subject, node: DeclaredNode, device: Node) -> bool:
    if device.user is not None:
        return True
    cluster = subject.clusters[node.cluster or ""]
    if node.kind is NodeKind.OPERATOR:
        return bool(device.tags) and set(device.tags).isdisjoint(node.tags)
    # Tags that are only assumed prove nothing.
    if cluster.operator.is_assumed or not device.tags:
        return False
    return set(device.tags).isdisjoint(node.tags) and set(not_given(cluster, device.tags, subject.owners)) == set(
        device.tags
    )


def _of_whom(device: Node) -> str:
    return f"a device of {device.user}" if device.user else f"a device with {listed(device.tags)}"


def _places(*devices: Node) -> tuple[Place, ...]:
    return tuple(device.place for device in devices if device.place is not None)


def foreign_service(subject: Subject) -> Iterator[Finding]:
    """Services of operators carry the annotation tailscale.com/owner-references; what is not said is not judged.

    One that machines serve is made by no operator.
    """
    live = {service.name: service for service in subject.facts.inventory.services if service.is_of_operator is False}
    for service in subject.services:
        found = live.get(service.name)
        if found is not None and service.cluster is not None:
            yield FOREIGN_SERVICE.at(
                service.place,
                *((found.place,) if found.place else ()),
                message=f"{service.who} is to be {service.name}, which exists and was made by no operator.",
                expected="no Tailscale Service of this name, or one that the operator made",
            )


def rename(subject: Subject) -> Iterator[Finding]:
    """A node is known again by its derived tags, where no other node, declared or live, wears the same ones.

    Proxies of manifests mostly have the tag of the chart, which tells nothing.
    """
    if subject.objects is not None:
        return
    worn = Counter(frozenset(node.tags) for node in subject.nodes)
    live = subject.live_devices
    by_tags: dict[frozenset[str], list[tuple[str, Node]]] = {}
    for label, device in live.items():
        by_tags.setdefault(frozenset(device.tags), []).append((label, device))
    for node in subject.nodes:
        tags = frozenset(node.tags)
        wearing = by_tags.get(tags, [])
        if worn[tags] > 1 or len(wearing) != 1 or node.hostname.lower() in live:
            continue
        label, device = wearing[0]
        yield RENAME.at(
            node.place,
            *_places(device),
            message=f"{node} is {device.name} now, and will be {node.fqdn}.{_dependants(subject, node, label)}",
            expected=f"the name {label}",
        )


def _dependants(subject: Subject, node: DeclaredNode, label: str) -> str:
    names = {f"{label}.{subject.tailnet.dns_name}".lower(), node.fqdn.lower()}
    leading = [
        egress.reference
        for egress in subject.tailnet.egresses
        if ((egress.target.fqdn or "") if isinstance(egress.target, Address) else egress.target.fqdn).lower() in names
    ]
    return f" Egress {listed(leading)} leads to it." if leading else ""


CHECKS = (existing_device, foreign_service, rename)
