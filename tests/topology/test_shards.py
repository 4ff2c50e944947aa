from __future__ import annotations

import pytest

from tailstack.topology.shards import TAILNET, WHOLE, Shard, of_cluster, read_shard
from tests.rules.environments import tailnet_of

TWO = "clusters: {blue: {kubernetes: {context: blue}}, green: {kubernetes: {context: green}}}"


@pytest.mark.parametrize(
    ("text", "shard"),
    [
        ("", WHOLE),
        ("whole", WHOLE),
        ("tailnet", TAILNET),
        ("cluster:blue", of_cluster("blue")),
        ("cluster: blue", of_cluster("blue")),
        ("cluster:tailnet", of_cluster("tailnet")),
    ],
)
def test_a_scope_is_read_and_said(text: str, shard: Shard) -> None:
    assert read_shard(text) == shard
    assert str(shard) == (text.replace(" ", "") or "whole")


@pytest.mark.parametrize("text", ["cluster", "cluster:", "cluster: ", "blue", "Tailnet", "whole "])
def test_what_has_no_such_form_is_none(text: str) -> None:
    assert read_shard(text) is None


@pytest.mark.parametrize(
    ("shard", "clusters"),
    [(WHOLE, ["blue", "green"]), (TAILNET, []), (of_cluster("green"), ["green"]), (of_cluster("red"), [])],
)
def test_a_shard_holds_its_clusters(shard: Shard, clusters: list[str]) -> None:
    assert [cluster.name for cluster in shard.clusters(tailnet_of(TWO))] == clusters
