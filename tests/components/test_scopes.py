from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pulumi
import pytest

from components import tokens
from components.environment import build
from components.refusal import RefusedError
from components.scopes import part_of
from components.stack_settings import StackSettings
from tailstack.topology.shards import TAILNET, WHOLE, Shard, of_cluster
from tests.components.recording import Recording, record
from tests.components.tailnets import BLUE, GREEN, VIEW, rights, tailnet
from tests.topology.marked import AT

DESCRIBED = tailnet(BLUE, GREEN, access=(rights("look", "blue", "green", bind=VIEW),))
GUEST = replace(DESCRIBED, guest_of="production")
SETTINGS = StackSettings(
    environment="test", at=AT, skip_await=False, protect=True, reset_on_destroy=False, overwrite_policy=False
)


def built(part: Shard) -> Recording:
    def program() -> None:
        outputs = build(
            DESCRIBED, "{}", SETTINGS, config=pulumi.Config(), project=Path(), variables={}, guard=None, part=part
        )
        for name, value in outputs.items():
            pulumi.export(name, value)

    return record(program)


def test_a_scope_means_itself_in_an_environment_with_a_tailnet_of_its_own() -> None:
    for scope in (WHOLE, TAILNET, of_cluster("blue")):
        assert part_of(scope, DESCRIBED) == scope


def test_a_cluster_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RefusedError) as refused:
        part_of(of_cluster("blu"), DESCRIBED)
    assert str(refused.value) == (
        "tailstack:scope names the cluster blu, and test has none called so. There are: blue, green. Did you mean blue?"
    )
    with pytest.raises(RefusedError, match="There are: none"):
        part_of(of_cluster("blue"), tailnet())


def test_of_a_guest_only_clusters_are_applied() -> None:
    part = part_of(WHOLE, GUEST)
    assert not part.has_tailnet
    assert part.clusters(GUEST) == GUEST.clusters
    assert part_of(of_cluster("blue"), GUEST) == of_cluster("blue")
    with pytest.raises(RefusedError, match="test is a guest: its tailnet belongs to production"):
        part_of(TAILNET, GUEST)


def test_the_parts_register_between_them_what_the_whole_registers_and_nothing_twice() -> None:
    whole = built(WHOLE)
    parts = [built(part) for part in (TAILNET, of_cluster("blue"), of_cluster("green"))]
    everywhere = {"pulumi:pulumi:Stack", "pulumi:providers:tailscale"}
    found = [each.urn for part in parts for each in part.resources if each.type not in everywhere]
    assert sorted(found) == sorted(each.urn for each in whole.resources if each.type not in everywhere)
    for part in parts:
        assert {each.type for each in part.resources} >= everywhere


def test_a_resource_is_the_same_in_each_part_but_for_what_it_waits_for() -> None:
    whole = {each.urn: each for each in built(WHOLE).resources}
    parts = (TAILNET, of_cluster("blue"), of_cluster("green"))
    for each in (each for part in parts for each in built(part).resources):
        alone, together = replace(each, dependencies=frozenset()), replace(whole[each.urn], dependencies=frozenset())
        assert alone == together
        assert each.dependencies <= whole[each.urn].dependencies


def test_nothing_but_components_and_providers_stands_at_the_top() -> None:
    """`tailstack move` moves components with all below them; what stood beside them would stay behind."""
    (stack, *others) = built(WHOLE).resources
    top = {each.type for each in others if each.parent == stack.urn}
    assert top == {tokens.TAILNET, tokens.CLUSTER, "pulumi:providers:tailscale", "pulumi:providers:kubernetes"}


def test_a_part_tells_what_it_applies() -> None:
    blue = built(of_cluster("blue")).outputs
    assert list(blue["operators"]) == ["blue"]
    assert list(blue["exposures"]) == ["blue.nginx"]
    assert blue["staysAfterDestroy"] == []
    of_tailnet = built(TAILNET).outputs
    assert of_tailnet["operators"] == {}
    assert "the policy file of the tailnet" in of_tailnet["staysAfterDestroy"]
