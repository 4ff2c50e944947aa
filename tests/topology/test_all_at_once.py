"""Errors are told all at once: of two mistakes in different things both are told, and nothing that only follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as FilePath
from random import Random

import pytest

from tests.topology.mutated import Findings, Mutation, World, mutations, nodes, world_of
from tests.topology.slips import PRODUCTION, SANDBOX, WHOLE, Slips, slips

ROOT = FilePath(__file__).parents[2]
WORLDS = {"examples/whole": (WHOLE, 120), "stacks/production": (PRODUCTION, 60), "stacks/sandbox": (SANDBOX, 30)}
"""With the slips that there are for each, and how many pairs are tried."""

WAITS = {
    "TS024": ({"scope", "machines"}, "what a file may declare, or leads to, is not known while that is wrong"),
    "TS031": ({"machines"}, "whether a port has to be named is not known while the target is wrong"),
    "TS035": ({"chart"}, "what the operator takes is not known while its version is wrong"),
    "TS041": ({"peerRelays"}, "an entry that leads nowhere may have ports"),
    "TS042": ({"routes", "type", "labels"}, "what a reference asks of its target is not known while that is wrong"),
    "TS045": ({"ports", "https", "http"}, "what is offered is not known while the target's ports are wrong"),
    "TS049": ({"to"}, "whose consumers count is not known while the target is wrong"),
    "TS050": ({"routes", "dnsName"}, "where addresses lead is not known while the routes or the domain are wrong"),
    "TS052": (
        {"apiServerProxy", "defaults", "proxyGroups", "labels", "matchLabels", "kubernetes"},
        "what answers as an API server is not known while this is wrong",
    ),
}
WAITS["TS053"] = WAITS["TS052"]
"""A finding that needs to know something of another thing waits while that, by these keys, is wrong itself."""

NEEDS_OTHERS = {"TS023", *WAITS}
"""Findings about what stands in several files."""


@pytest.fixture(scope="module", params=WORLDS, ids=str)
def case(request: pytest.FixtureRequest) -> tuple[World, Slips, int]:
    return (world_of(ROOT / request.param), *WORLDS[request.param])


def _touched(world: World, mutation: Mutation) -> set[str]:
    """The keys that lead to what is changed, and those of what stood there."""
    there = world.value_at(mutation.file, mutation.path)
    return {str(step) for path, _ in nodes(mutation.path, there) for step in path}


def _nest(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _are_apart(world: World, one: Mutation, other: Mutation) -> bool:
    """Whether they are in different things, none takes the other's finding away, and none refers to what the other renames."""
    return not (
        _nest(one.thing, other.thing)
        or any(_nest(other.path, path[: len(other.path)]) for _, path, _ in world.findings(one))
        or any(_nest(one.path, path[: len(one.path)]) for _, path, _ in world.findings(other))
        or str(one.path[-1]) in str(other.value)
        or str(other.path[-1]) in str(one.value)
    )


def _pairs(world: World, of: Slips, count: int, seed: int = 1) -> Iterator[tuple[Mutation, Mutation]]:
    """Each slip with something else, and then anything with anything; the same pairs in each run."""
    random = Random(seed)  # noqa: S311  chance in a test, not a secret
    known, shapes = list(slips(of)), list(mutations(world))
    made = 0
    while made < count:
        one = known[made] if made < len(known) else random.choice(shapes)
        other = random.choice(random.choice((known, shapes)))
        if world.findings(one) and world.findings(other) and _are_apart(world, one, other):
            made += 1
            yield one, other


def _without_waiting(world: World, missing: Findings, *others: Mutation) -> Findings:
    touched = {key for other in others for key in _touched(world, other)}
    return Counter(
        {found: n for found, n in missing.items() if found[0] not in WAITS or touched.isdisjoint(WAITS[found[0]][0])}
    )


def test_two_mistakes_are_both_told_and_nothing_more(case: tuple[World, Slips, int]) -> None:
    world, of, count = case
    assert not world.findings()
    for one, other in _pairs(world, of, count):
        of_one, of_other = world.findings(one), world.findings(other)
        of_both = world.findings(one, other)
        missing = [
            *_without_waiting(world, of_one - of_both, other),
            *_without_waiting(world, of_other - of_both, one),
        ]
        assert not missing, f"{one} AND {other}: not told: {missing}"
        extra = of_both - (of_one + of_other)
        assert not extra, f"{one} AND {other}: only follows: {list(extra)}"


def test_each_slip_is_a_mistake(case: tuple[World, Slips, int]) -> None:
    world, of, _ = case
    assert [str(slip) for slip in slips(of) if not world.findings(slip)] == []


def test_a_file_that_cannot_be_read_hides_no_mistake_of_another(case: tuple[World, Slips, int]) -> None:
    world, of, _ = case
    random = Random(2)  # noqa: S311  chance in a test, not a secret
    for mutation in (*slips(of), *random.sample(list(mutations(world)), 30)):
        for file in random.sample(sorted(world.files.keys() - {mutation.file}), len(world.files) > 1):
            told = world.findings(mutation)
            of_both = replace(world, unreadable=file, known={}).findings(mutation)
            found = Counter({key: count for key, count in of_both.items() if key[2] != "unreadable"})
            assert not found - told, f"{mutation} and {file}: only follows: {list(found - told)}"
            missing = [key for key in told - found if key[0] not in NEEDS_OTHERS]
            assert not missing, f"{mutation} and {file}: not told: {missing}"
