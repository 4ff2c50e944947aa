"""docs/operator.md: the versions that it names, and the YAML that it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml

from tailstack.charts.custom_resources import check_custom_resource
from tailstack.charts.values import unknown_values
from tailstack.charts.versions import SUPPORTED, version_text
from tailstack.topology.shape import shape_at

PAGE = (Path(__file__).parents[2] / "docs" / "operator.md").read_text(encoding="utf-8")
BLOCKS = [cast("dict[str, Any]", yaml.safe_load(block)) for block in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE)]


def paths(value: object, above: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """To every key, but not into what is handed on as it is."""
    if isinstance(value, dict) and above[-1] not in {"values", "statefulSet"}:
        for key, inner in cast("dict[str, object]", value).items():
            yield (*above, key)
            yield from paths(inner, (*above, key))


def test_every_supported_version_is_named() -> None:
    assert re.search(r"\*\*1\.104, 1\.102 and 1\.100\*\*", PAGE)
    assert all(version_text(version) in PAGE for version in SUPPORTED)


def test_every_key_that_is_shown_is_one_of_the_language() -> None:
    shown = [path for block in BLOCKS for path in paths(block, ("clusters", "a"))]
    assert len(shown) > 10
    assert [path for path in shown if shape_at(path) == {}] == []


def test_what_is_handed_on_is_taken_by_every_version() -> None:
    values = [block["operator"]["values"] for block in BLOCKS if "values" in block.get("operator", {})]
    classes = [each for block in BLOCKS for each in block.get("proxyClasses", {}).values()]
    assert (len(values), len(classes)) == (1, 1)
    for version in SUPPORTED:
        assert [unknown_values(each, version) for each in values] == [()]
        assert [check_custom_resource("ProxyClass", each, version) for each in classes] == [()]
