"""Valid tailnets give no error and no warning that is not suppressed: a false alarm is a bug."""

from __future__ import annotations

import pytest

from tests.mutations.topologies import topologies
from tests.rules.examples import checked

TOPOLOGIES = topologies()


def test_there_are_enough() -> None:
    assert len(TOPOLOGIES) >= 15


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_a_valid_tailnet_raises_no_alarm(name: str) -> None:
    found = checked(TOPOLOGIES[name])
    assert [f"{finding.rule.code} {finding.message} {finding.places[:1]}" for finding in found.findings] == []
    assert [proof.link for proof in found.links if not proof.is_complete] == []
