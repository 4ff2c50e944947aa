"""Which part of its environment a stack applies. The whole of it is loaded and checked all the same."""

from __future__ import annotations

from dataclasses import replace

from components.refusal import RefusedError
from tailstack.topology.shards import Shard
from tailstack.topology.tailnet import Tailnet
from tailstack.topology.wording import did_you_mean, listed


def part_of(scope: Shard, tailnet: Tailnet) -> Shard:
    """The part of a tailnet that a scope means: of a guest it is the clusters, because the tailnet is not its own.

    Raises RefusedError for a cluster that there is not, and for the tailnet of a guest.
    """
    known = [cluster.name for cluster in tailnet.clusters]
    if scope.cluster is not None and scope.cluster not in known:
        mend = did_you_mean(scope.cluster, known)
        raise RefusedError(
            f"tailstack:scope names the cluster {scope.cluster}, and {tailnet.environment} has none called so. "
            f"There are: {listed(known) if known else 'none'}.{f' {mend}' if mend else ''}"
        )
    if tailnet.guest_of is None:
        return scope
    if not scope.has_clusters:
        raise RefusedError(
            f"tailstack:scope is {scope}, and {tailnet.environment} is a guest: its tailnet belongs to {tailnet.guest_of}, "
            "whose stack writes the policy file and the settings. Remove the scope to apply the clusters."
        )
    return replace(scope, has_tailnet=False)
