from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from components.operator_chart import CHART_FOLDER, ChartSource, find_chart
from components.operator_crds import Crd
from components.refusal import RefusedError
from tailstack.topology.tailnet import Chart, Operator
from tests.components.tailnets import operator

CRD = Crd(name="proxygroups.tailscale.com", kind="ProxyGroup", annotations={}, spec={})


def with_chart(version: str = "1.102.3", path: str | None = None) -> Operator:
    return dataclasses.replace(
        operator("blue"), chart=Chart(version=version, repository="https://c.example", path=path)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chart = tmp_path / "charts" / "operator"
    chart.mkdir(parents=True)
    (chart / "Chart.yaml").write_text('name: tailscale-operator\nversion: "1.102.3"\n')
    return chart


def test_a_chart_comes_from_its_repository(tmp_path: Path) -> None:
    source = find_chart(with_chart(), project=tmp_path, environment={})
    assert source == ChartSource(chart="tailscale-operator", repository="https://c.example")


@pytest.mark.parametrize("repository", ["oci://ghcr.example.com/charts", "oci://ghcr.example.com/charts/"])
def test_a_chart_of_a_registry_is_one_reference(tmp_path: Path, repository: str) -> None:
    described = dataclasses.replace(operator("blue"), chart=Chart(version="1.102.3", repository=repository, path=None))
    source = find_chart(described, project=tmp_path, environment={})
    assert source == ChartSource(chart="oci://ghcr.example.com/charts/tailscale-operator", repository=None)


@pytest.mark.parametrize("variables", [True, False])
def test_the_crds_of_a_folder_come_with_every_source(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, variables: bool
) -> None:
    asked: list[Path] = []

    def found(_: Operator, *, project: Path) -> tuple[Crd, ...]:
        asked.append(project)
        return (CRD,)

    monkeypatch.setattr("components.operator_chart.find_crds", found)
    project = folder.parent.parent
    for described in (with_chart(), with_chart(path="charts/operator")):
        source = find_chart(described, project=project, environment={CHART_FOLDER: str(folder)} if variables else {})
        assert source.crds == (CRD,)
    assert asked == [project, project]


@pytest.mark.parametrize("path", ["charts/operator", "./charts/operator"])
def test_a_declared_folder_is_given_relative_to_the_project(folder: Path, path: str) -> None:
    source = find_chart(with_chart(path=path), project=folder.parent.parent, environment={})
    assert source == ChartSource(chart="./charts/operator", repository=None)


@pytest.mark.parametrize("path", [None, "somewhere/else"])
def test_a_folder_of_the_environment_wins_over_what_is_declared(folder: Path, tmp_path: Path, path: str | None) -> None:
    source = find_chart(with_chart(path=path), project=tmp_path, environment={CHART_FOLDER: str(folder)})
    assert source == ChartSource(chart=str(folder), repository=None)


@pytest.mark.parametrize("variables", [True, False])
def test_a_chart_of_another_version_is_refused(folder: Path, *, variables: bool) -> None:
    described = with_chart("1.100.0", path=None if variables else "charts/operator")
    environment = {CHART_FOLDER: str(folder)} if variables else {}
    with pytest.raises(RefusedError, match=r"holds version 1\.102\.3 of the chart, but 1\.100\.0 is declared"):
        find_chart(described, project=folder.parent.parent, environment=environment)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        ("a: [", "not YAML"),
        ("[]", "version None"),
        ("version: 1.1", "version 1.1 of the chart"),
    ],
)
def test_a_folder_without_a_chart_is_refused(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "Chart.yaml").write_text(content)
    with pytest.raises(RefusedError, match=re.escape(reason)) as refused:
        find_chart(with_chart(), project=tmp_path, environment={CHART_FOLDER: str(tmp_path)})
    assert CHART_FOLDER in str(refused.value)
