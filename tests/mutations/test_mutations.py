"""Mistakes made on purpose: each that does harm, by the judge, must be found by `check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from tailstack.finding import InvalidTailnetError
from tailstack.rules.check import Checked
from tests.counted import SUMMARY
from tests.mutations.judge import harm
from tests.mutations.mutations import MUTATIONS, Files
from tests.mutations.topologies import topologies
from tests.rules.examples import checked

TOPOLOGIES = topologies()
SITES = 4
"""How many places of a topology each mutation is tried at."""


def mutants(name: str) -> Iterator[tuple[str, Files]]:
    for mutation, mutate in MUTATIONS.items():
        yield from ((f"{mutation}: {label}", files) for label, files in islice(mutate(TOPOLOGIES[name]), SITES))


def judged(files: Files) -> tuple[Checked, list[str]] | None:
    """What checking finds, and the harm; None where the files cannot be read, which is an error that is found."""
    try:
        found = checked(files)
    except InvalidTailnetError:
        return None
    if found.tailnet is None or found.policy is None:
        return None
    return found, harm(found.tailnet, found.policy)


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_a_valid_tailnet_does_no_harm(name: str) -> None:
    outcome = judged(TOPOLOGIES[name])
    assert outcome is not None
    assert outcome[1] == []


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_every_harmful_mistake_is_found(name: str, record_property: Callable[[str, object], None]) -> None:
    counts: Counter[str] = Counter()
    missed: list[str] = []
    for label, files in mutants(name):
        outcome = judged(files)
        if outcome is None:
            counts["unreadable"] += 1
        elif outcome[1]:
            counts["harmful"] += 1
            if not outcome[0].findings:
                missed.append(f"{label}: {outcome[1]}")
        else:
            counts["harmless"] += 1
    caught = counts["harmful"] - len(missed)
    record_property(
        SUMMARY,
        f"{name}: {counts.total()} mutants, {counts['unreadable']} of them refused on reading, {counts['harmless']} harmless; "
        f"of {counts['harmful']} harmful ones {caught} were found",
    )
    assert counts["harmful"] + counts["unreadable"] >= 5
    assert missed == []
