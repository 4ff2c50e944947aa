"""Which tags the operator of a cluster may give to its proxies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tailstack.access.policy import Listed, Policy
from tailstack.access.selectors import SelectorKind
from tailstack.topology.tailnet import Cluster

_TAG = re.compile(r"tag:[a-zA-Z][a-zA-Z0-9-]*\Z")


def is_tag(text: str) -> bool:
    """Whether it has the form of a tag, as https://pkg.go.dev/tailscale.com/tailcfg#CheckTag has it."""
    return _TAG.match(text) is not None


def owners_by_tag(policy: Policy) -> Mapping[str, Listed]:
    """The entries of tagOwners by their tags."""
    return {owned.name: owned for owned in policy.tag_owners}


def not_given(cluster: Cluster, tags: Sequence[str], owners: Mapping[str, Listed]) -> tuple[str, ...]:
    """The tags that the cluster's operator may not give, of those that one node wears, if its client has its tags."""
    return not_given_by(cluster.operator.tags, tags, owners)


def not_given_by(own: Iterable[str], tags: Sequence[str], owners: Mapping[str, Listed]) -> tuple[str, ...]:
    """The tags that a client with the tags `own` may not give, of those that one node is to wear.

    A key may have exactly the tags of the client that makes it, or tags that one of those owns:
    https://github.com/tailscale/tailscale/pull/15757.
    """
    giving = set(own)
    if set(tags) == giving:
        return ()
    return tuple(
        tag for tag in tags if tag not in owners or not any(owner.name in giving for owner in owners[tag].entries)
    )


def given_by_no_tag(tags: Iterable[str], owners: Mapping[str, Listed]) -> tuple[str, ...]:
    """The tags that no client may give, whatever tags it has: none of their owners is a tag."""
    return tuple(
        tag
        for tag in tags
        if tag in owners and not any(owner.kind is SelectorKind.TAG for owner in owners[tag].entries)
    )
