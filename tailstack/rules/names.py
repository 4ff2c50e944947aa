"""1xx: names of nodes in the tailnet, and of the Kubernetes objects behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tailstack.access.nodes import DeclaredNode, NodeKind
from tailstack.finding import Finding, Place, Rule
from tailstack.rules.subject import Subject
from tailstack.topology.naming import MAX_NODE_NAME
from tailstack.topology.tailnet import Cluster

DUPLICATE_HOSTNAME = Rule(
    code="TS101",
    slug="duplicate-hostname",
    what="Two nodes of the tailnet ask for the same name.",
    why="Tailscale renames the second one silently (`nginx-1`), and everything that names it then reaches the first.",
    mend="Give one of them another hostname.",
    source="https://github.com/tailscale/tailscale/issues/10604",
    bad=(
        "clusters:\n"
        "  blue: {kubernetes: {context: blue}, operator: {hostname: tailscale-operator}}\n"
        "  green: {kubernetes: {context: green}, operator: {hostname: tailscale-operator}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue: {kubernetes: {context: blue}, operator: {hostname: tailscale-operator}}\n"
        "  green: {kubernetes: {context: green}, operator: {hostname: green-operator}}\n"
    ),
)
DUPLICATE_OBJECT = Rule(
    code="TS102",
    slug="duplicate-kubernetes-object",
    what="Two declarations of one cluster stand for the same Kubernetes object.",
    why="Each would overwrite what the other wrote, at every `pulumi up`.",
    mend="Give one of them another service, name or namespace.",
    source="https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      a: {namespace: web, service: nginx, ports: [tcp:80], selector: {app: a}}\n"
        "      b: {namespace: web, service: nginx, ports: [tcp:81], selector: {app: b}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      a: {namespace: web, service: nginx, ports: [tcp:80], selector: {app: a}}\n"
        "      b: {namespace: api, service: nginx, ports: [tcp:81], selector: {app: b}}\n"
    ),
)
INVALID_LABEL = Rule(
    code="TS104",
    slug="label-invalid",
    what="A name in the tailnet, as the operator makes it, is no label of DNS.",
    why="The operator refuses the object (INVALIDSERVICE, InvalidIngressConfiguration) or says nothing, and no node joins.",
    mend="Set a name of at most 63 letters, digits and hyphens, with a letter or a digit at both ends.",
    source="https://pkg.go.dev/tailscale.com/util/dnsname#ValidLabel",
    bad=(
        "# blue/app.yaml\n"
        "apiVersion: v1\n"
        "kind: Service\n"
        "metadata:\n"
        "  namespace: team-with-a-rather-long-name-for-web-applications\n"
        "  name: the-frontend-of-the-shop\n"
        '  annotations: {tailscale.com/expose: "true"}\n'
        "spec: {ports: [{port: 80}]}\n"
    ),
    good=(
        "# blue/app.yaml\n"
        "apiVersion: v1\n"
        "kind: Service\n"
        "metadata:\n"
        "  namespace: team-with-a-rather-long-name-for-web-applications\n"
        "  name: the-frontend-of-the-shop\n"
        '  annotations: {tailscale.com/expose: "true", tailscale.com/hostname: shop-frontend}\n'
        "spec: {ports: [{port: 80}]}\n"
    ),
)
RESERVED_OBJECT_NAME = Rule(
    code="TS111",
    slug="reserved-k8s-name",
    what="A ProxyGroup or a Recorder has the name of something else in the operator's namespace.",
    why="The operator calls its StatefulSet, ServiceAccount and Role after it, and each overwrites what has the name.",
    mend="Give it another name.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/proxygroup_specs.go",
    bad=(
        "# blue/groups.yaml\n"
        "apiVersion: tailscale.com/v1alpha1\n"
        "kind: ProxyGroup\n"
        "metadata: {name: proxies}\n"
        "spec: {type: egress}\n"
    ),
    good=(
        "# blue/groups.yaml\n"
        "apiVersion: tailscale.com/v1alpha1\n"
        "kind: ProxyGroup\n"
        "metadata: {name: egress-proxies}\n"
        "spec: {type: egress}\n"
    ),
)

RULES = (DUPLICATE_HOSTNAME, DUPLICATE_OBJECT, INVALID_LABEL, RESERVED_OBJECT_NAME)

RESERVED_NAMES = ("operator", "proxies", "kube-apiserver-auth-proxy", "operator-oauth")
"""What the chart makes in the operator's namespace: `cmd/k8s-operator/deploy/chart/templates` of tailscale.com 1.102.3."""

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")


def duplicate_hostname(subject: Subject) -> Iterator[Finding]:
    """Names are compared without case, as DNS does, over every kind of node; replicas of one thing are not two.

    Of an operator that no manifest shows the name is not known.
    """
    first: dict[str, DeclaredNode] = {}
    assumed = {cluster.name for cluster in subject.tailnet.clusters if cluster.operator.is_assumed}
    for node in subject.nodes:
        if node.kind is NodeKind.OPERATOR and node.cluster in assumed:
            continue
        other = first.setdefault(node.hostname.lower(), node)
        if (other.kind, other.reference) != (node.kind, node.reference):
            yield DUPLICATE_HOSTNAME.at(
                node.place,
                other.place,
                message=f"{node} asks for the name {node.hostname}, which {other} has.",
                expected="a hostname of its own for each node of the tailnet",
            )


def duplicate_object(subject: Subject) -> Iterator[Finding]:
    """Exposures and egresses are Services; an ingress is an Ingress under its own name."""
    for cluster in subject.tailnet.clusters:
        first: dict[tuple[str, str, str], tuple[str, Place]] = {}
        for identity, who, place in _objects(cluster):
            other_who, other_place = first.setdefault(identity, (who, place))
            if other_who != who:
                kind, namespace, name = identity
                yield DUPLICATE_OBJECT.at(
                    place,
                    other_place,
                    message=f"{who} and {other_who} are both the {kind} {namespace}/{name} of cluster {cluster.name}.",
                    expected=f"one declaration for each {kind} of a cluster",
                )


def _objects(cluster: Cluster) -> Iterable[tuple[tuple[str, str, str], str, Place]]:
    for exposure in cluster.exposures:
        yield ("Service", exposure.namespace, exposure.service), f"exposure {exposure.reference}", exposure.place
    for egress in cluster.egresses:
        yield ("Service", egress.namespace, egress.service), f"egress {egress.reference}", egress.place
    for ingress in cluster.ingresses:
        yield ("Ingress", ingress.namespace, ingress.name), f"ingress {ingress.reference}", ingress.place


def invalid_label(subject: Subject) -> Iterator[Finding]:
    """Of nodes and of Tailscale Services, after every default; of several replicas the first that is wrong."""
    said: set[Place] = set()
    wanted = [(str(node), node.hostname, node.place) for node in subject.nodes]
    wanted += [(service.who, service.hostname, service.place) for service in subject.services]
    for who, hostname, place in wanted:
        if _LABEL.match(hostname) or place in said:
            continue
        said.add(place)
        wrong = f"which has {len(hostname)} characters" if len(hostname) > MAX_NODE_NAME else "which is no label of DNS"
        yield INVALID_LABEL.at(
            place,
            message=f'{who} asks for the name "{hostname}", {wrong}.',
            expected=f"1 to {MAX_NODE_NAME} letters, digits and hyphens, with a letter or a digit at both ends",
        )


def reserved_object_name(subject: Subject) -> Iterator[Finding]:
    """A kube-apiserver group in auth mode uses the ServiceAccount of the chart; its StatefulSet has its own name still."""
    for cluster in subject.tailnet.clusters:
        custom = cluster.custom
        groups = {group.name: group for group in custom.proxy_groups}
        named = [
            *(("ProxyGroup", group.name, group.place) for group in custom.proxy_groups),
            *(("Recorder", recorder.name, recorder.place) for recorder in custom.recorders),
        ]
        for kind, name, place in named:
            if name in RESERVED_NAMES:
                yield RESERVED_OBJECT_NAME.at(
                    place,
                    message=f"The {kind} {name} of {cluster.name} is called as something that the operator's chart makes.",
                    expected=f"any name but {', '.join(RESERVED_NAMES)}",
                )
            elif kind == "Recorder" and name in groups:
                yield RESERVED_OBJECT_NAME.at(
                    place,
                    groups[name].place,
                    message=f"The Recorder {name} and the ProxyGroup {name} of {cluster.name} both make the StatefulSet "
                    f"{name}.",
                    expected="a name of its own for each ProxyGroup and Recorder of a cluster",
                )


CHECKS = (duplicate_hostname, duplicate_object, invalid_label, reserved_object_name)
