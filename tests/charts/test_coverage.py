"""The table of what is covered leaves nothing out, and every path in it is one of the language."""

from __future__ import annotations

import pytest

from tailstack.charts.annotations import ANNOTATIONS
from tailstack.charts.coverage import coverage, leaves
from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.charts.shapes import ANYTHING, LABELS, NUMBER, items, keys
from tailstack.charts.values import CHART_VALUES, RESERVED_VALUES, RESERVED_VARIABLES
from tailstack.topology.placed import Path
from tailstack.topology.shape import shape_at

SECTIONS = {section.title: section.rows for section in coverage()}
ANNOTATION_ROWS = SECTIONS["Annotations of Services, Ingresses and proxy groups"]
VALUE_ROWS = SECTIONS["Values of the chart"]


def test_the_leaves_of_a_shape() -> None:
    shape = keys(
        {"a": keys({"b": NUMBER, "c": items(keys({"d": NUMBER}))}), "e": items(NUMBER), "f": ANYTHING, "g": LABELS}
    )
    assert list(leaves(shape)) == ["a.b", "a.c[].d", "e", "f", "g"]


def test_every_annotation_has_a_row() -> None:
    assert set(ANNOTATION_ROWS) == {f"tailscale.com/{name}" for name in ANNOTATIONS}


@pytest.mark.parametrize("kind", CUSTOM_KINDS)
def test_every_field_has_a_row_of_its_own_or_one_that_hands_it_on(kind: str) -> None:
    rows = SECTIONS[kind]
    handed_on = tuple(f"{key}." for key, where in rows.items() if "with all that is below it" in where.note)
    fields = {f"spec.{field}" for field in leaves(CUSTOM_KINDS[kind].spec)}
    assert {field for field in fields if not field.startswith(handed_on)} == {
        key for key in rows if f"{key}." not in handed_on
    }
    assert all(any(field.startswith(prefix) for field in fields) for prefix in handed_on)


def test_every_value_has_a_row() -> None:
    assert list(VALUE_ROWS) == list(leaves(CHART_VALUES))
    assert VALUE_ROWS["operatorConfig.hostname"].paths == ("clusters.*.operator.hostname",)
    assert VALUE_ROWS["operatorConfig.resources"].paths == ("clusters.*.operator.values",)
    assert VALUE_ROWS["ingressClass.enabled"].paths == ("clusters.*.operator.values",)
    assert VALUE_ROWS["imagePullSecrets[].name"].paths == ("clusters.*.operator.imagePullSecrets",)
    assert VALUE_ROWS["nameOverride"].paths == ()
    assert VALUE_ROWS["operatorConfig.annotations"].paths == ()


def test_what_is_not_covered_has_a_reason() -> None:
    found = {key for rows in SECTIONS.values() for key, where in rows.items() if not where.paths and not where.note}
    assert found == set()


def path_of(text: str) -> Path:
    steps: list[str | int] = []
    for part in text.split("."):
        steps.append("a" if part == "*" else part.removesuffix("[]"))
        if part.endswith("[]"):
            steps.append(0)
    return tuple(steps)


PATHS = sorted({path for rows in SECTIONS.values() for where in rows.values() for path in where.paths})
DECIDING = sorted({key for key in (*RESERVED_VALUES.values(), *RESERVED_VARIABLES.values()) if key})


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_one_of_the_language(path: str) -> None:
    assert shape_at(path_of(path)) != {}


@pytest.mark.parametrize("key", DECIDING)
def test_what_decides_a_value_is_a_key_of_the_operator(key: str) -> None:
    # What is below `values` is the chart's, which another test looks at.
    within, _, below = f"clusters.*.operator.{key}".partition(".values.")
    assert shape_at(path_of(within)) != {}
    assert not below or below in VALUE_ROWS


def test_a_path_that_is_none_of_the_language_would_be_found() -> None:
    assert shape_at(path_of("clusters.*.operator.hostnames")) == {}
    assert shape_at(path_of("clusters.*.peerRelays.*.elasticIPs[].allocationId")) == {}
