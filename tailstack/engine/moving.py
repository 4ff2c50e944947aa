"""Moves resources between the stacks of one environment: from one stack for all of it to shards, and back again.

`pulumi state move` is not used, because it cannot be run a second time when it was killed between its two writes, and
because it leaves the providers behind. Here the target is written first, then looked at, and only then the source, so
that a resource is in two states for a moment and never in none; a second run goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final, cast

from tailstack.engine.deployments import (
    Deployment,
    Resource,
    StateError,
    added,
    below,
    is_provider,
    is_root,
    name_of,
    type_of,
    urn_of,
    without,
)
from tailstack.engine.locks import explain_lock, is_lock
from tailstack.engine.pulumi import Pulumi, with_way_on
from tailstack.topology.shards import Shard

TAILNET_TYPE = "tailstack:tailnet:Tailnet"
CLUSTER_TYPE = "tailstack:cluster:Cluster"
"""The type tokens of the components that a shard is made of, as components/tokens.py has them."""


class StackLockedError(StateError):
    """Somebody else works on one of the stacks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """A stack by the name under which the engine knows it, and the part of its environment that it is to hold."""

    name: str
    shard: Shard


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """What goes from one stack to another. `parts` are its components, `resources` everything that is not one."""

    source: str
    target: str
    urns: frozenset[str]
    parts: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All moves, and by stack what stays in a source because no target is to hold it."""

    moves: tuple[Move, ...]
    staying: Mapping[str, tuple[str, ...]]
    emptied: tuple[str, ...]


def read_states(engine: Pulumi, names: Iterable[str], project: str) -> dict[str, Deployment]:
    """The state of each stack, its secrets encrypted. Raises StateError."""
    return {name: _exported(engine, name, project) for name in names}


def plan_moves(sources: Sequence[str], targets: Sequence[Stack], states: Mapping[str, Deployment]) -> Plan:
    """What has to go where. Raises StateError where that cannot be told, or where an update has not been finished."""
    _refuse_overlap(targets)
    _refuse_unfinished(states)
    moves: list[Move] = []
    staying: dict[str, tuple[str, ...]] = {}
    emptied: list[str] = []
    for name in sources:
        source = states[name]
        left = source
        for target in targets:
            urns = held_by(target.shard, source.resources) if target.name != name else frozenset[str]()
            if urns:
                moves.append(_move(source, name, target.name, urns))
                left = without(left, urns)
        staying[name] = tuple(
            _called(one) for one in left.resources if _is_top(one, left.resources) and not is_provider(one)
        )
        if source.resources and not left.resources:
            emptied.append(name)
    return Plan(moves=tuple(moves), staying=staying, emptied=tuple(emptied))


def held_by(shard: Shard, resources: Sequence[Resource]) -> frozenset[str]:
    """The URNs of a shard's components and of everything below them."""
    tops = {
        urn_of(one)
        for one in resources
        if (type_of(one) == TAILNET_TYPE and shard.has_tailnet)
        or (type_of(one) == CLUSTER_TYPE and shard.holds(name_of(one)))
    }
    return below(resources, tops)


def back_up(states: Mapping[str, Deployment], folder: Path) -> tuple[Path, ...]:
    """Write each state into a file of the folder, readable by its owner only. Secrets in them are encrypted."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files: list[Path] = []
    for name, state in states.items():
        file = folder / f"{name.replace('/', '.')}.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(state.whole, indent=1), encoding="utf-8")
        files.append(file)
    return tuple(files)


def carry_out(engine: Pulumi, plan: Plan, states: Mapping[str, Deployment], said: Callable[[str], None]) -> None:
    """Carry out a plan that was made of these states. Raises StateError; what was done up to then is whole, and another run
    goes on from there."""
    now = dict(states)
    for move in plan.moves:
        source, target = now[move.source], now[move.target]
        plain = _exported(engine, move.source, source.project, "--show-secrets")
        said(f"{move.source} → {move.target}: {', '.join(move.parts)}")
        _write(engine, move.target, now, added(target, plain, move.urns))
        _refuse_loss(move, plain, now[move.target])
        _write(engine, move.source, now, without(source, move.urns))


def _write(engine: Pulumi, name: str, now: dict[str, Deployment], changed: Deployment) -> None:
    """Replace the state of a stack, if it is still the one that was read."""
    before = now[name]
    if _exported(engine, name, before.project).resources != before.resources:
        raise StateError(f"The state of {name} was changed by somebody else meanwhile. Run the same command again.")
    result = engine.plain("stack", "import", "--stack", name, sent=json.dumps(changed.whole))
    if result.returncode:
        raise _error(name, f"The state of {name} could not be written", result.stderr)
    now[name] = _exported(engine, name, before.project)


def _refuse_loss(move: Move, source: Deployment, target: Deployment) -> None:
    """Look that all that is to be taken out of the source stands in the target."""
    there = {(urn_of(one).removeprefix(target.prefix), one.get("id")) for one in target.resources}
    for resource in source.resources:
        key = urn_of(resource).removeprefix(source.prefix), resource.get("id")
        if urn_of(resource) in move.urns and key not in there:
            raise StateError(
                f"{_called(resource)} did not arrive in {move.target}. It still stands in {move.source}; nothing is lost."
            )


def _exported(engine: Pulumi, name: str, project: str, *options: str) -> Deployment:
    result = engine.plain("stack", "export", "--stack", name, *options)
    if result.returncode:
        raise _error(name, f"The state of {name} could not be read", result.stderr)
    whole = cast("Mapping[str, Any]", json.loads(result.stdout))
    return Deployment(name=name.rsplit("/", 1)[-1], project=project, whole=whole)


def _error(name: str, what: str, said: str) -> StateError:
    if is_lock(said):
        return StackLockedError(explain_lock(said, name, done=f"{what}."))
    return StateError(f"{what}: {with_way_on(said.strip().removeprefix('error: '))}")


def _refuse_overlap(targets: Sequence[Stack]) -> None:
    for one, other in combinations(targets, 2):
        if (one.shard.has_tailnet and other.shard.has_tailnet) or (
            one.shard.has_clusters
            and other.shard.has_clusters
            and (None in {one.shard.cluster, other.shard.cluster} or one.shard.cluster == other.shard.cluster)
        ):
            raise StateError(
                f"{one.name} (scope {one.shard}) and {other.name} (scope {other.shard}) would hold the same resources. "
                "Give each a scope of its own: pulumi config set tailstack:scope SCOPE --stack STACK"
            )


_MADE: Final = "What a creation has made all the same is told by `tailstack drift` as unmanaged: look there first."


def _refuse_unfinished(states: Mapping[str, Deployment]) -> None:
    unfinished = [f"  {name}: {urn}" for name, state in states.items() for urn in state.unfinished]
    if unfinished:
        raise StateError(
            "An update was not finished, so that it is not known what exists:\n"
            + "\n".join(unfinished)
            + "\nFinish it, and then move:\n"
            + "\n".join(f"  {way}" for name, state in states.items() for way in state.ways_to_finish(name))
            + (f"\n{_MADE}" if any(state.has_pending_creates for state in states.values()) else "")
        )
    for name, state in states.items():
        if not state.can_encrypt:
            raise StateError(f"{name} has no secrets provider. Make it anew: pulumi stack init {name}")


def _move(source: Deployment, name: str, target: str, urns: frozenset[str]) -> Move:
    moved = [one for one in source.resources if urn_of(one) in urns]
    return Move(
        source=name,
        target=target,
        urns=urns,
        parts=tuple(_called(one) for one in moved if one.get("parent") not in urns),
        resources=tuple(_called(one) for one in moved if one.get("custom")),
    )


def _is_top(resource: Resource, resources: Iterable[Resource]) -> bool:
    roots = {urn_of(one) for one in resources if is_root(one)}
    return not is_root(resource) and resource.get("parent") in {*roots, None}


def _called(resource: Resource) -> str:
    """`Cluster blue`, `Service blue.expose.nginx`."""
    return f"{type_of(resource).rpartition(':')[2]} {name_of(resource)}"
