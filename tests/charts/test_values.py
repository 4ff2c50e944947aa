"""Values beside those that tailstack writes itself."""

from __future__ import annotations

import pytest

from tailstack.charts.checking import MistakeKind
from tailstack.charts.shapes import fields_of
from tailstack.charts.values import (
    CHART_VALUES,
    OAUTH_CLIENT_ANNOTATION,
    RESERVED_VALUES,
    RESERVED_VARIABLES,
    unknown_values,
)
from tailstack.charts.versions import SUPPORTED

NEWEST = SUPPORTED[0]


def found(values: dict[str, object]) -> list[tuple[str, MistakeKind, str]]:
    return [("/".join(map(str, each.path)), each.kind, each.expected) for each in unknown_values(values, NEWEST)]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"operatorConfig": {"resources": {"limits": {"cpu": 1}}, "extraEnv": [{"name": "A", "value": "b"}]}},
        {"operatorConfig": {"podAnnotations": {"a": "b"}, "sharedACMEAccountKey": True}, "annotations": {"a": "b"}},
        {"operatorConfig": {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "a"}], "affinity": None}},
    ],
)
def test_further_values(values: dict[str, object]) -> None:
    assert found(values) == []


def test_a_key_that_the_chart_does_not_know() -> None:
    (mistake,) = unknown_values({"operatorConfig": {"nodeselector": {}}}, NEWEST)
    assert (mistake.path, mistake.kind) == (("operatorConfig", "nodeselector"), MistakeKind.UNKNOWN)
    assert "nodeSelector" in mistake.known


@pytest.mark.parametrize("path", RESERVED_VALUES)
def test_what_tailstack_writes_may_not_stand_there(path: tuple[str, ...]) -> None:
    values: dict[str, object] = {path[-1]: {"anything": 5}}
    for key in reversed(path[:-1]):
        values = {key: values}
    key = RESERVED_VALUES[path]
    expected = f"operator.{key} in its place" if key else "nothing, because it is written already"
    assert found(values) == [("/".join(path), MistakeKind.RESERVED, expected)]


@pytest.mark.parametrize("name", RESERVED_VARIABLES)
def test_a_variable_that_the_chart_sets_may_not_stand_there(name: str) -> None:
    key = RESERVED_VARIABLES[name]
    expected = f"operator.{key} in its place" if key else "nothing, because it is written already"
    values: dict[str, object] = {"operatorConfig": {"extraEnv": [{"name": "MINE"}, {"name": name, "value": "x"}]}}
    assert found(values) == [("operatorConfig/extraEnv/1/name", MistakeKind.RESERVED, expected)]


@pytest.mark.parametrize("variables", [[5], [{}], [{"name": 5}], {"name": "PROXY_TAGS"}])
def test_variables_that_are_none_are_of_another_type(variables: object) -> None:
    found_kinds = {kind for _, kind, _ in found({"operatorConfig": {"extraEnv": variables}})}
    assert found_kinds == ({MistakeKind.TYPE} if variables != [{}] else {MistakeKind.MISSING})


def test_what_is_beside_a_reserved_value_is_checked_all_the_same() -> None:
    values: dict[str, object] = {"operatorConfig": {"hostname": 5, "podLabels": {"a": 1}}, "zzz": 1}
    assert [(path, kind) for path, kind, _ in found(values)] == [
        ("operatorConfig/hostname", MistakeKind.RESERVED),
        ("operatorConfig/podLabels/a", MistakeKind.TYPE),
        ("zzz", MistakeKind.UNKNOWN),
    ]


def test_every_reserved_value_is_one_of_the_chart() -> None:
    known = {path for path, _ in fields_of(CHART_VALUES)}
    free = ("operatorConfig", "podAnnotations", OAUTH_CLIENT_ANNOTATION)
    assert {path for path in RESERVED_VALUES if path not in known} == {free}
    assert (*free[:-1], "{}") in known
