"""Moving resources between states: nothing is lost, nothing is doubled, and everything is found again by the same program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components import tokens
from tailstack.engine.deployments import Deployment, StateError, added, urn_of, without
from tailstack.engine.locks import LOCKED
from tailstack.engine.moving import (
    CLUSTER_TYPE,
    TAILNET_TYPE,
    Plan,
    Stack,
    StackLockedError,
    back_up,
    carry_out,
    held_by,
    plan_moves,
    read_states,
)
from tailstack.engine.pulumi import Pulumi
from tailstack.topology.shards import TAILNET, WHOLE, Shard, of_cluster
from tests.engine.states import PROJECT, deployment, engine, provider, root, whole

ONE = whole("prod")
SHARDS = (
    Stack(name="prod-tailnet", shard=TAILNET),
    Stack(name="prod-blue", shard=of_cluster("blue")),
    Stack(name="prod-green", shard=of_cluster("green")),
)
NAMES = tuple(stack.name for stack in SHARDS)
EMPTY = {name: deployment(name) for name in NAMES}


def essence(state: Deployment) -> set[tuple[str, str, str]]:
    """What the state tracks: type, name and id of all that is live, whatever the stack is called."""
    return {
        (str(one["type"]), urn_of(one).removeprefix(state.prefix), str(one.get("id", "")))
        for one in state.resources
        if not str(one["type"]).startswith("pulumi:")
    }


def carried_out(pulumi: Pulumi, sources: Sequence[str], targets: Sequence[Stack]) -> tuple[Plan, dict[str, Deployment]]:
    names = tuple(dict.fromkeys((*sources, *(target.name for target in targets))))
    states = read_states(pulumi, names, PROJECT)
    plan = plan_moves(sources, targets, states)
    carry_out(pulumi, plan, states, lambda _: None)
    return plan, read_states(pulumi, names, PROJECT)


def refused(*stacks: Stack, **states: Deployment) -> str:
    with pytest.raises(StateError) as error:
        plan_moves(["prod"], stacks, {"prod": ONE, **EMPTY, **states})
    return str(error.value)


def test_the_types_are_those_of_the_components() -> None:
    assert (TAILNET_TYPE, CLUSTER_TYPE) == (tokens.TAILNET, tokens.CLUSTER)


def test_a_plan_says_what_goes_where_and_what_stays() -> None:
    plan = plan_moves(["prod"], SHARDS[1:2], {"prod": ONE, **EMPTY})
    (move,) = plan.moves
    assert (move.source, move.target, move.parts) == ("prod", "prod-blue", ("Cluster blue",))
    assert move.resources == ("OauthClient blue.operator", "Release blue.operator")
    assert plan.staying == {"prod": ("Tailnet tailnet", "Cluster green")}
    assert plan.emptied == ()


def test_to_shards_and_back_everything_is_tracked_once(tmp_path: Path) -> None:
    pulumi = engine(tmp_path, prod=ONE, **EMPTY)
    plan, states = carried_out(pulumi, ["prod"], SHARDS)
    assert plan.emptied == ("prod",)
    assert not states["prod"].resources
    shards = [essence(states[name]) for name in NAMES]
    assert set[Any]().union(*shards) == essence(ONE)
    assert sum(map(len, shards)) == len(essence(ONE))
    plan, states = carried_out(pulumi, NAMES, [Stack(name="prod", shard=WHOLE)])
    assert plan.emptied == NAMES
    assert essence(states["prod"]) == essence(ONE)
    assert {urn_of(one) for one in states["prod"].resources} == {urn_of(one) for one in ONE.resources}


def test_one_stack_can_stay_as_the_shard_of_the_tailnet(tmp_path: Path) -> None:
    pulumi = engine(tmp_path, prod=ONE, **EMPTY)
    _, states = carried_out(pulumi, ["prod"], [Stack(name="prod", shard=TAILNET), *SHARDS[1:]])
    assert {name for _, name, _ in essence(states["prod"])} == {
        f"{TAILNET_TYPE}::tailnet",
        f"{TAILNET_TYPE}$tailscale:index/acl:Acl::policy",
    }
    left = {urn_of(one).rsplit("::", 1)[-1] for one in states["prod"].resources}
    assert left == {"tailstack-prod", "tailscale", "tailnet", "policy"}, "providers of clusters that left are gone"


def test_parents_providers_and_dependencies_lead_into_the_new_stack() -> None:
    target = added(EMPTY["prod-blue"], ONE, held_by(of_cluster("blue"), ONE.resources))
    text = json.dumps(target.resources)
    assert "urn:pulumi:prod::" not in text
    assert "tailstack-prod-blue" in text
    by_name = {(one["type"], urn_of(one)): one for one in target.resources}
    known = {urn_of(one) for one in target.resources}
    for one in target.resources:
        assert one.get("parent", urn_of(one)) in known
        if "provider" in one:
            assert one["provider"].rpartition("::")[0] in known
        for other in (*one.get("dependencies", ()), *one.get("replaceWith", ())):
            assert other in known
    (release,) = (one for (kind, _), one in by_name.items() if kind == "kubernetes:helm.sh/v3:Release")
    (client,) = (one for (kind, _), one in by_name.items() if kind.endswith(":OauthClient"))
    assert release["dependencies"] == [client["urn"]]
    assert release["propertyDependencies"] == {"values": [client["urn"]], "name": []}
    assert release["deletedWith"] == client["urn"]
    assert "deletedWith" not in client
    assert [one["type"] for one in target.resources][:3] == [
        "pulumi:pulumi:Stack",
        "pulumi:providers:tailscale",
        "pulumi:providers:kubernetes",
    ], "what others refer to stands before them"


def test_a_stack_with_a_provider_of_its_own_keeps_it() -> None:
    there = deployment("prod-blue", root("prod-blue"), provider("prod-blue", "tailscale", "tailscale", "t2"))
    target = added(there, ONE, held_by(of_cluster("blue"), ONE.resources))
    (client,) = (one for one in target.resources if str(one["type"]).endswith(":OauthClient"))
    assert client["provider"].endswith("::tailscale::t2")
    assert [one["type"] for one in target.resources].count("pulumi:providers:tailscale") == 1


def test_a_state_without_a_root_is_not_understood() -> None:
    with pytest.raises(StateError, match="no root"):
        added(deployment("a"), deployment("b"), frozenset())


def test_what_is_left_does_not_lead_to_what_is_gone() -> None:
    left = without(ONE, held_by(TAILNET, ONE.resources))
    assert '"policy"' not in json.dumps(left.resources)
    assert "::policy" not in json.dumps(left.resources)
    assert any(str(one["type"]) == "pulumi:providers:tailscale" for one in left.resources)


def test_a_run_that_was_killed_between_its_two_writes_is_finished_by_the_next(tmp_path: Path) -> None:
    pulumi = engine(tmp_path, prod=ONE, **EMPTY)
    broken = tmp_path / "states" / "broken"
    broken.write_text("import prod: out of reach")
    with pytest.raises(StateError, match="The state of prod could not be written: out of reach"):
        carried_out(pulumi, ["prod"], SHARDS)
    after = read_states(pulumi, ["prod", *NAMES], PROJECT)
    assert essence(after["prod"]) == essence(ONE), "nothing is lost"
    assert essence(after["prod-tailnet"]) < essence(ONE)
    broken.unlink()
    _, states = carried_out(pulumi, ["prod"], SHARDS)
    assert not states["prod"].resources
    assert sum(len(essence(states[name])) for name in NAMES) == len(essence(ONE)), "nothing is doubled"


def test_another_resource_of_the_same_name_is_never_overwritten() -> None:
    other = whole("prod-blue")
    resources = [{**one, "id": "another"} if str(one["type"]).endswith("Client") else one for one in other.resources]
    with pytest.raises(StateError, match=r"prod-blue has a \S+:OauthClient blue\.operator already"):
        added(other.with_resources(resources), ONE, held_by(of_cluster("blue"), ONE.resources))


def test_what_does_not_arrive_is_not_taken_away(tmp_path: Path) -> None:
    pulumi = engine(tmp_path, prod=ONE, **EMPTY)
    (tmp_path / "states" / "lossy").touch()
    with pytest.raises(
        StateError, match=r"Release blue\.operator did not arrive in prod-blue\. It still stands in prod"
    ):
        carried_out(pulumi, ["prod"], SHARDS[1:2])
    assert essence(read_states(pulumi, ["prod"], PROJECT)["prod"]) == essence(ONE)


def test_a_state_that_somebody_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    pulumi = engine(tmp_path, prod=ONE, **EMPTY)
    states = read_states(pulumi, ["prod", *NAMES], PROJECT)
    plan = plan_moves(["prod"], SHARDS, states)
    changed = ONE.with_resources(ONE.resources[:-1])
    (tmp_path / "states" / "prod.json").write_text(json.dumps(changed.whole))
    with pytest.raises(StateError, match="prod was changed by somebody else meanwhile"):
        carry_out(pulumi, plan, states, lambda _: None)
    assert essence(read_states(pulumi, ["prod"], PROJECT)["prod"]) == essence(changed)


def test_a_locked_stack_is_told_apart(tmp_path: Path) -> None:
    pulumi = engine(tmp_path, prod=ONE, **EMPTY)
    (tmp_path / "states" / "broken").write_text(f"import prod-tailnet: {LOCKED} by 1 lock(s)")
    with pytest.raises(StackLockedError, match="The state of prod-tailnet could not be written"):
        carried_out(pulumi, ["prod"], SHARDS)


def test_a_stack_that_there_is_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="The state of nowhere could not be read: no stack named 'nowhere' found"):
        read_states(engine(tmp_path), ["nowhere"], PROJECT)


def test_secrets_are_in_plain_text_only_on_their_way(tmp_path: Path) -> None:
    pulumi = engine(tmp_path, prod=ONE, **EMPTY)
    states = read_states(pulumi, ["prod", *NAMES], PROJECT)
    files = back_up(states, tmp_path / "backup")
    carried_out(pulumi, ["prod"], SHARDS)
    for file in (*files, *(tmp_path / "states").glob("*.json")):
        assert "tskey" not in file.read_text()
    assert [file.name for file in files] == ["prod.json", "prod-tailnet.json", "prod-blue.json", "prod-green.json"]
    assert json.loads(files[0].read_text()) == ONE.whole
    assert files[0].stat().st_mode & 0o077 == 0


def test_an_update_that_was_not_finished_is_finished_first() -> None:
    operation = {"type": "creating", "resource": {"urn": "urn:pulumi:prod::x::y::z"}}
    said = refused(*SHARDS, prod=deployment("prod", *ONE.resources, pending_operations=[operation]))
    assert said.splitlines()[1:] == [
        "  prod: urn:pulumi:prod::x::y::z",
        "Finish it, and then move:",
        "  pulumi refresh --clear-pending-creates --stack prod",
        "What a creation has made all the same is told by `tailstack drift` as unmanaged: look there first.",
    ]
    condemned = ONE.with_resources([*ONE.resources[:-1], {**ONE.resources[-1], "delete": True}])
    said = refused(*SHARDS, prod=condemned)
    assert "green.operator" in said
    assert said.endswith("\nFinish it, and then move:\n  pulumi up --stack prod")


@pytest.mark.parametrize(
    ("types", "is_condemned", "expected"),
    [
        ([], False, []),
        (["updating"], False, ["pulumi refresh"]),
        (["deleting", "creating"], False, ["pulumi refresh --clear-pending-creates"]),
        (["reading"], True, ["pulumi refresh", "pulumi up"]),
        ([], True, ["pulumi up"]),
    ],
)
def test_each_kind_of_an_unfinished_operation_has_its_command(
    types: list[str], is_condemned: bool, expected: list[str]
) -> None:
    resource = {"urn": "urn:pulumi:prod::x::y::z", "pendingReplacement": is_condemned}
    begun = [{"type": kind, "resource": resource} for kind in types]
    found = deployment("prod", resource, pending_operations=begun).ways_to_finish("org/x/prod")
    assert list(found) == [f"{command} --stack org/x/prod" for command in expected]


def test_a_stack_that_cannot_encrypt_is_refused() -> None:
    bare = replace(EMPTY["prod-blue"], whole={"version": 3, "deployment": {}})
    assert "pulumi stack init prod-blue" in refused(*SHARDS, **{"prod-blue": bare})


@pytest.mark.parametrize(
    ("one", "other"),
    [(WHOLE, TAILNET), (WHOLE, of_cluster("blue")), (of_cluster("blue"), of_cluster("blue"))],
)
def test_two_stacks_do_not_hold_the_same(one: Shard, other: Shard) -> None:
    said = refused(Stack(name="prod-a", shard=one), Stack(name="prod-b", shard=other))
    assert f"prod-a (scope {one}) and prod-b (scope {other}) would hold the same resources" in said
