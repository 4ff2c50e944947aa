"""What is measured, each in a process of its own. A measurement gives its stages with the seconds that each took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from tests.bench.tailnets import AT, CLUSTERS, PlainTailnet, large_environment

RULES_BUDGET = 1.0
"""Seconds for all rules over 100 clusters of 100 exposures."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A part of a measurement, with its budget in seconds if it has one of its own.

    Preparations that no user waits for, and parts of parts, are not counted.
    """

    name: str
    seconds: float
    budget: float | None = None
    note: str = ""
    counts: bool = True


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result, and the seconds that it took."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def check(changed: int = 50) -> Iterator[Stage]:
    """`check` of the large environment, and its difference to one in which some access entries are for another group."""
    from tailstack.access.compile import compile_policy  # noqa: PLC0415 -- memory is that of this measurement alone
    from tailstack.access.diff import difference  # noqa: PLC0415 -- as above
    from tailstack.rules.check import check_tailnet  # noqa: PLC0415 -- as above
    from tailstack.rules.registry import CHECKS  # noqa: PLC0415 -- as above
    from tailstack.rules.subject import subject_of  # noqa: PLC0415 -- as above
    from tailstack.topology.loading import resolve_files  # noqa: PLC0415 -- as above

    files, others = large_environment(), large_environment(changed)
    tailnet, seconds = timed(lambda: resolve_files(files, "large", AT))
    yield Stage(name="load and resolve", seconds=seconds, note=f"{len(tailnet.exposures):,} exposures")
    checked, seconds = timed(lambda: check_tailnet(tailnet))
    policy = checked.policy
    assert policy is not None
    note = f"{len(policy.text) // 1024} KB, {len(checked.findings):,} findings"
    yield Stage(name="compile and apply every rule", seconds=seconds, note=note)
    subject = subject_of(tailnet, policy)
    said, seconds = timed(lambda: [finding for rule_check in CHECKS for finding in rule_check(subject)])
    note = f"{len(CHECKS)} checks, {len(said):,} findings, part of the line above"
    yield Stage(name="every rule", seconds=seconds, budget=RULES_BUDGET, note=note, counts=False)
    other, seconds = timed(lambda: compile_policy(resolve_files(others, "large", AT)))
    yield Stage(name="the other side: load, resolve, compile", seconds=seconds, note="not counted", counts=False)
    found, seconds = timed(lambda: difference(policy.policy, other.policy))
    yield Stage(name="difference", seconds=seconds, note=f"{len(found.changes):,} changes")


def pairs(clusters: int = CLUSTERS) -> Iterator[Stage]:
    """A plain policy file: who reaches whom among all nodes."""
    from tailstack.access.all_pairs import all_pairs  # noqa: PLC0415 -- memory is that of this measurement alone
    from tailstack.access.evaluate import Access  # noqa: PLC0415 -- as above
    from tailstack.access.reading import read_policy  # noqa: PLC0415 -- as above

    tailnet = PlainTailnet(clusters=clusters)
    text, inventory = tailnet.policy(), tailnet.inventory()
    policy, seconds = timed(lambda: read_policy(text))
    yield Stage(name="parse", seconds=seconds, note=f"{len(text) // 1024} KB")
    access, seconds = timed(lambda: Access(policy, inventory))
    yield Stage(name="compile", seconds=seconds, note=f"{len(access.entries):,} entries")
    found, seconds = timed(lambda: all_pairs(access))
    yield Stage(
        name="all pairs", seconds=seconds, note=f"{len(inventory.nodes):,} nodes, {len(found.classes):,} classes"
    )
    links, seconds = timed(lambda: list(found.links()))
    yield Stage(name="list the links", seconds=seconds, note=f"{len(links):,} links")
    count, seconds = timed(found.count)
    yield Stage(name="count", seconds=seconds, note=f"{count:,} pairs")


def diff(clusters: int = CLUSTERS) -> Iterator[Stage]:
    """Two plain policy files over the same nodes: what changes."""
    from tailstack.access.diff import difference  # noqa: PLC0415 -- memory is that of this measurement alone
    from tailstack.access.reading import read_policy  # noqa: PLC0415 -- as above

    tailnet = PlainTailnet(clusters=clusters)
    texts, inventory = (tailnet.policy(), tailnet.policy(changed=True)), tailnet.inventory()
    (old, new), seconds = timed(lambda: (read_policy(texts[0]), read_policy(texts[1])))
    yield Stage(name="parse both", seconds=seconds, note=f"{len(texts[0]) // 1024} KB each")
    found, seconds = timed(lambda: difference(old, new, old_inventory=inventory, new_inventory=inventory))
    yield Stage(name="difference", seconds=seconds, note=f"{len(found.changes):,} changes")


MEASUREMENTS: dict[str, Callable[[int], Iterator[Stage]]] = {"check": check, "pairs": pairs, "diff": diff}
"""By name, each with the size that it is measured at: changed entries, or clusters."""
