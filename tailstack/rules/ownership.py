"""Which tags the operator of a cluster may give to its proxies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tailstack.access.policy import Listed, Policy
from tailstack.topology.tailnet import Cluster


def owners_by_tag(policy: Policy) -> Mapping[str, Listed]:
    """The entries of tagOwners by their tags."""
    return {owned.name: owned for owned in policy.tag_owners}


def not_given(cluster: Cluster, tags: Sequence[str], owners: Mapping[str, Listed]) -> tuple[str, ...]:
    """The tags that the cluster's operator may not give, of those that one node wears.

    A key may have exactly the tags of the client that makes it, or tags that one of those owns:
    https://github.com/tailscale/tailscale/pull/15757.
    """
    own = set(cluster.operator.tags)
    if set(tags) == own:
        return ()
    return tuple(
        tag for tag in tags if tag not in owners or not any(owner.name in own for owner in owners[tag].entries)
    )
