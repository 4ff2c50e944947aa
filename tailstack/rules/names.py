"""1xx: names of nodes in the tailnet, and of the Kubernetes objects behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tailstack.access.nodes import DeclaredNode
from tailstack.finding import Finding, Place, Rule
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Cluster

DUPLICATE_HOSTNAME = Rule(
    code="TS101",
    slug="duplicate-hostname",
    what="Two nodes of the tailnet ask for the same name.",
    why="Tailscale renames the second one silently (`nginx-1`), and everything that names it then reaches the first.",
    mend="Give one of them another hostname.",
    source="https://github.com/tailscale/tailscale/issues/10604",
)
DUPLICATE_OBJECT = Rule(
    code="TS102",
    slug="duplicate-kubernetes-object",
    what="Two declarations of one cluster stand for the same Kubernetes object.",
    why="Each would overwrite what the other wrote, at every `pulumi up`.",
    mend="Give one of them another service, name or namespace.",
    source="https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
)

RULES = (DUPLICATE_HOSTNAME, DUPLICATE_OBJECT)


def duplicate_hostname(subject: Subject) -> Iterator[Finding]:
    """Names are compared without case, as DNS does, over every kind of node."""
    first: dict[str, DeclaredNode] = {}
    for node in subject.nodes:
        other = first.setdefault(node.hostname.lower(), node)
        if other is not node:
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


CHECKS = (duplicate_hostname, duplicate_object)
