"""Annotations and variables, against the sources of the newest supported operator and the charts."""

from __future__ import annotations

import re

import pytest

from tailstack.charts.annotations import ANNOTATIONS, OWN_KEYS
from tailstack.charts.values import RESERVED_VARIABLES
from tailstack.charts.versions import SUPPORTED, Version, version_text
from tailstack.sandbox.toolchain import ensure
from tests.charts.real_charts import templates

FREE = {"AUTH_PROXY", "OPERATOR_DEFAULT_LOAD_BALANCER", "PROXY_PRIORITY_CLASS_NAME", "TS_PORT"}
"""Variables that the chart does not set: whoever knows what they do may add them."""


@pytest.fixture(scope="module")
def source() -> str:
    """All Go files of the operator, without their imports."""
    folder = ensure(["operator-1.104"])["operator-1.104"]
    files = [file for file in sorted(folder.rglob("*.go")) if "e2e" not in file.relative_to(folder).parts]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return re.sub(r"(?ms)^import \(.*?^\)|^import .*?$", "", text)


def test_every_key_of_the_operator_is_an_annotation_or_its_own(source: str) -> None:
    found = set(re.findall(r'"tailscale\.com/([a-z0-9-]+)"', source))
    assert found == {*ANNOTATIONS, *OWN_KEYS}


def test_the_operator_reads_the_variables_that_are_reserved(source: str) -> None:
    read = set(re.findall(r'(?:defaultEnv|defaultBool|Getenv)\("([A-Z0-9_]+)"', source))
    assert read - set(RESERVED_VARIABLES) == FREE


@pytest.mark.parametrize("version", SUPPORTED, ids=version_text)
def test_every_variable_that_the_chart_sets_is_reserved(version: Version) -> None:
    found = set(re.findall(r"- name: ([A-Z0-9_]+)$", templates(version), re.MULTILINE))
    assert found <= set(RESERVED_VARIABLES)
    if version == SUPPORTED[0]:
        assert set(RESERVED_VARIABLES) - found == {"K8S_PROXY_IMAGE"}
