"""Plans: their digest, their counts and their data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tailstack.report.plan import (
    ChangeClass,
    ChangedValue,
    Op,
    Plan,
    PolicyEdit,
    digest_of,
    in_order,
    is_digest,
    plan_as_data,
)
from tests.report.previews import changed, value

PLAN = Plan(changes=(changed(Op.UPDATE, ChangeClass.NETWORK, "web", value("1", "2")), changed(Op.CREATE)))
SECRET = ChangedValue(path="data.k", before="secret:1", after="secret:2", is_secret=True)


def test_the_digest_is_of_what_is_done() -> None:
    assert digest_of(PLAN) == digest_of(replace(PLAN, changes=PLAN.changes[::-1]))
    assert is_digest(digest_of(PLAN))
    assert not any(
        map(is_digest, ("", "sha256:", digest_of(PLAN)[:-1], digest_of(PLAN).upper(), f"{digest_of(PLAN)}\n"))
    )
    assert digest_of(PLAN) == digest_of(replace(PLAN, standing={"t": ("a",)}, devices=(1, 2), applied_policy="x"))
    noise = changed(Op.UPDATE, ChangeClass.NOISE, "noise")
    assert digest_of(PLAN) == digest_of(replace(PLAN, changes=(*PLAN.changes, noise)))


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, changes=PLAN.changes[:1]),
        replace(PLAN, changes=(changed(Op.REPLACE, ChangeClass.NETWORK, "web", value("1", "2")), PLAN.changes[1])),
        replace(PLAN, changes=(changed(Op.UPDATE, ChangeClass.NETWORK, "web", value("1", "3")), PLAN.changes[1])),
        replace(PLAN, policy=PolicyEdit(before="", after="{}")),
        replace(PLAN, is_complete=False),
    ],
)
def test_another_change_has_another_digest(other: Plan) -> None:
    assert digest_of(other) != digest_of(PLAN)


def test_a_secret_is_in_the_digest_as_a_change_alone() -> None:
    one, two = (
        replace(PLAN, changes=(changed(Op.UPDATE, ChangeClass.ACCESS, "s", secret),))
        for secret in (SECRET, replace(SECRET, before="secret:8", after="secret:9"))
    )
    assert digest_of(one) == digest_of(two)
    assert digest_of(one) != digest_of(replace(PLAN, changes=(changed(Op.UPDATE, ChangeClass.ACCESS, "s"),)))


def test_counts_leave_noise_out() -> None:
    assert PLAN.counts == {Op.CREATE: 1, Op.UPDATE: 1}
    assert not PLAN.is_empty
    assert Plan(changes=(changed(Op.UPDATE, ChangeClass.NOISE),)).is_empty
    assert [change.name for change in PLAN.of_class(ChangeClass.NETWORK)] == ["blue.expose.web", "blue.expose.nginx"]


def test_the_gravest_come_first() -> None:
    every = [changed(op, change_class) for change_class in reversed(ChangeClass) for op in Op]
    found = sorted(every, key=in_order)
    assert [change.change_class for change in found[:: len(Op)]] == list(ChangeClass)
    assert [change.op for change in found[: len(Op)]] == [
        *(Op.DELETE, Op.REPLACE, Op.UPDATE, Op.CREATE, Op.IMPORT, Op.FORGET)
    ]


def test_data_for_programs() -> None:
    data = plan_as_data(PLAN)
    assert data["digest"] == digest_of(PLAN)
    assert data["counts"] == {"create": 1, "update": 1}
    assert data["complete"] is True
