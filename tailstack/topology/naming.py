"""From the name of a declaration to its node and its tag, by one rule (docs/decisions/0002-names-and-tags.md)."""

from __future__ import annotations

from collections.abc import Sequence

MAX_NODE_NAME = 63
"""A node's name is one label of a DNS name: https://datatracker.ietf.org/doc/html/rfc1035#section-2.3.4."""

SEPARATOR = "--"
"""Stands between cluster and name in a tag, and therefore in no name."""

OPERATOR_PREFIX = "op-"
"""Begins the tag of an operator after `tag:k8s-`. A cluster called op-blue would have the tag of blue's operator."""

ACCEPTING_CLASS = "tailstack-accept-routes"
"""The proxy class that is made where a proxy must accept routes and nobody named a class."""

INGRESS_CLASS = "tailscale"
"""The IngressClass of the operator, where nobody names another."""

DNS_CONFIG = "ts-dns"
"""The one nameserver of a cluster."""


def operator_name(cluster: str) -> str:
    """The node name of a cluster's operator."""
    return f"{cluster}-operator"


def operator_tag(cluster: str) -> str:
    """The tag of a cluster's operator, which owns all other derived tags of the cluster."""
    return f"tag:k8s-{OPERATOR_PREFIX}{cluster}"


def proxy_tag(cluster: str) -> str:
    """The tag of a cluster's proxies that nobody declared."""
    return f"tag:k8s-{cluster}"


def first_name(name: str, formerly: Sequence[str]) -> str:
    """The name that a declaration had first: node, tag and Kubernetes object are called after it, whatever comes later."""
    return formerly[0] if formerly else name


def node_name(cluster: str, name: str) -> str:
    """The node name of an exposure, an ingress or an egress."""
    return f"{cluster}-{name}"


def node_tag(cluster: str, name: str) -> str:
    """The tag of an exposure, an ingress or an egress: of its own name only, because a node is never retagged."""
    return f"tag:k8s-{cluster}{SEPARATOR}{name}"


def numbered(prefix: str, replicas: int) -> tuple[str, ...]:
    """The names of nodes that share one declaration, as the operator numbers them."""
    return tuple(f"{prefix}-{number}" for number in range(replicas))


def service_tag(label: str) -> str:
    """The tag of the Tailscale Service `svc:<label>`."""
    return f"tag:svc-{label}"


def is_tag_of_cluster(tag: str, cluster: str) -> bool:
    """Whether a tag has the form of one that is derived for this cluster, so that nobody else wears it by default."""
    return tag in {proxy_tag(cluster), operator_tag(cluster)} or tag.startswith(f"{proxy_tag(cluster)}{SEPARATOR}")
