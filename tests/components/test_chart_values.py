"""The values that we set must be values of the chart: a key that it does not know is ignored without a word."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, cast

import pytest
import yaml

from components.chart_values import chart_values
from tailstack.sandbox.toolchain import ensure
from tailstack.topology.declaration import ApiServerProxyMode
from tests.components.tailnets import operator

OPEN = ("operatorConfig.podAnnotations", "oauthSecretVolume")
"""Values of any shape: annotations, and a volume source of Kubernetes."""


@pytest.fixture(scope="module")
def chart() -> dict[str, Any]:
    folder = ensure(["chart"])["chart"]
    return cast("dict[str, Any]", yaml.safe_load((folder / "values.yaml").read_text(encoding="utf-8")))


def leaves(values: dict[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        here = f"{path}.{key}".removeprefix(".")
        if isinstance(value, dict) and here not in OPEN:
            yield from leaves(cast("dict[str, Any]", value), here)
        else:
            yield here, value


@pytest.mark.parametrize("mode", list(ApiServerProxyMode))
@pytest.mark.parametrize("secret", [None, "operator-oauth", "from-vault"])
def test_every_value_is_one_of_the_chart_with_the_type_it_has_there(
    chart: dict[str, Any], mode: ApiServerProxyMode, secret: str | None
) -> None:
    described = dataclasses.replace(operator("blue", mode), existing_secret=secret)
    values = cast("dict[str, Any]", chart_values(described, credentials="k123"))
    found = dict(leaves(values))
    defaults = dict(leaves(chart))
    assert set(found) <= set(defaults)
    assert {path: type(value) for path, value in found.items()} == {path: type(defaults[path]) for path in found}
    assert ("oauthSecretVolume" in found) is (secret == "from-vault")


def test_the_modes_of_the_proxy_are_the_texts_that_the_operator_reads() -> None:
    modes = {
        mode: chart_values(operator("blue", mode), credentials="k")["apiServerProxyConfig"]["mode"]
        for mode in ApiServerProxyMode
    }
    assert modes == {
        ApiServerProxyMode.OFF: "false",
        ApiServerProxyMode.AUTH: "true",
        ApiServerProxyMode.NOAUTH: "noauth",
    }
