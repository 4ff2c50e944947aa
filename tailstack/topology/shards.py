"""Which part of an environment a stack applies: all of it, the tailnet's own resources, or one cluster."""

from __future__ import annotations

from dataclasses import dataclass

from tailstack.topology.tailnet import Cluster, Tailnet

_WHOLE = "whole"
_TAILNET = "tailnet"
_CLUSTER = "cluster:"

FORMS = f"{_WHOLE}, {_TAILNET}, or {_CLUSTER}NAME"
"""What a scope may be, in the words of an error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """A part of an environment. `cluster` is the name of its only cluster; None holds every cluster or none at all."""

    has_tailnet: bool
    has_clusters: bool
    cluster: str | None = None

    def __str__(self) -> str:
        if self.cluster is not None:
            return f"{_CLUSTER}{self.cluster}"
        return _WHOLE if self.has_clusters else _TAILNET

    def holds(self, cluster: str) -> bool:
        """Whether a cluster, by its name, belongs to it."""
        return self.has_clusters and self.cluster in {None, cluster}

    def clusters(self, tailnet: Tailnet) -> tuple[Cluster, ...]:
        """The clusters of a tailnet that belong to it, in their order."""
        return tuple(cluster for cluster in tailnet.clusters if self.holds(cluster.name))


WHOLE = Shard(has_tailnet=True, has_clusters=True)
TAILNET = Shard(has_tailnet=True, has_clusters=False)


def of_cluster(name: str) -> Shard:
    """The shard of one cluster."""
    return Shard(has_tailnet=False, has_clusters=True, cluster=name)


def read_shard(text: str) -> Shard | None:
    """The shard that a stack's `tailstack:scope` names; None where the text has no such form. Empty is the whole."""
    if text in {"", _WHOLE}:
        return WHOLE
    if text == _TAILNET:
        return TAILNET
    name = text.removeprefix(_CLUSTER).strip()
    return of_cluster(name) if text.startswith(_CLUSTER) and name else None
