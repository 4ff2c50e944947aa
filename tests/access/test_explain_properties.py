"""Explanations held against the judge of single packets: verdicts, lists, and that a suggestion gives its packet only."""

from __future__ import annotations

import json
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.access.evaluate import Verdict
from tailstack.access.explain import explain
from tailstack.access.listing import what_reaches, who_reaches
from tailstack.access.parties import Directory, Role, directory_of_policy
from tests.access.asking import port
from tests.access.packets import Data
from tests.access.test_properties import DEVICES, INVENTORY, PACKETS, POLICIES, delivered, read


def directory(policy: Data) -> Directory:
    return directory_of_policy(read(policy), INVENTORY)


def asked(protocol: str, number: int) -> str:
    return "icmp:*" if protocol == "icmp" else f"{protocol}:{number}"


@settings(max_examples=25, deadline=None)
@given(POLICIES)
def test_a_verdict_is_that_of_the_judge(policy: Data) -> None:
    known = directory(policy)
    sources = {name: known.find(name, Role.SOURCE) for name in DEVICES}
    targets = {name: known.find(name, Role.TARGET) for name in DEVICES}
    allowed: set[tuple[str, str, str, int]] = set()
    for src, dst, packet in product(DEVICES, DEVICES, PACKETS):
        found = explain(known, sources[src], targets[dst], port(asked(*packet)))
        if found.verdict is Verdict.ALLOWED:
            allowed.add((src, dst, *packet))
        else:
            assert found.missing
    assert allowed == set(delivered(policy))


@settings(max_examples=25, deadline=None)
@given(POLICIES)
def test_every_way_is_in_the_lists_of_both_ends(policy: Data) -> None:
    known = directory(policy)
    who = {name: who_reaches(known, known.find(name, Role.TARGET)).lines for name in DEVICES}
    what = {name: what_reaches(known, known.find(name, Role.SOURCE)).lines for name in DEVICES}
    for src, dst in product(DEVICES, DEVICES):
        found = explain(known, known.find(src, Role.SOURCE), known.find(dst, Role.TARGET))
        ways = {way.cause for way in found.ways}
        assert ways <= {line.cause for line in who[dst]} & {line.cause for line in what[src]}


@settings(max_examples=100, deadline=None)
@given(POLICIES, st.sampled_from([*DEVICES]), st.sampled_from([*DEVICES]), st.sampled_from(PACKETS))
def test_a_suggestion_lets_its_packet_pass_and_no_other(
    policy: Data, src: str, dst: str, packet: tuple[str, int]
) -> None:
    known = directory(policy)
    found = explain(known, known.find(src, Role.SOURCE), known.find(dst, Role.TARGET), port(asked(*packet)))
    if found.verdict is not Verdict.DENIED:
        assert found.suggestion is None
        return
    assert found.suggestion is not None
    assert found.suggestion.notes == ()
    more: Data = {"grants": [*policy["grants"], json.loads(found.suggestion.text.rstrip().rstrip(","))]}
    assert set(delivered(more)) - set(delivered(policy)) == {(src, dst, *packet)}
