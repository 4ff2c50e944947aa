from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.checking import Declared, without_errors
from components.refusal import RefusedError
from tailstack.report.checked import checked_as_text
from tailstack.rules.check import check_environment
from tests.components.recording import record

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
GOOD = """\
tailnet: {dnsName: tail1a2b.ts.net}
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {chart: {version: "1.102.3"}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks" / "demo").mkdir(parents=True)
    return tmp_path


def checked(project: Path, text: str) -> Declared:
    (project / "stacks" / "demo" / "tailnet.yaml").write_text(text)
    found: list[Declared] = []
    record(lambda: found.append(without_errors(project, "demo", AT)))
    return found[0]


def test_an_environment_without_mistakes_gives_its_tailnet_and_its_policy(project: Path) -> None:
    declared = checked(project, GOOD)
    assert [cluster.name for cluster in declared.tailnet.clusters] == ["blue"]
    assert "tag:k8s-op-blue" in declared.policy.text
    assert declared.whole is declared.tailnet


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("dnsName", "dnsname"),
        GOOD + "access: [{name: a, from: [group:nobody], to: [{apiServer: blue}]}]\n",
    ],
)
def test_mistakes_are_told_in_the_words_of_check(project: Path, text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        checked(project, text)
    said = checked_as_text(check_environment(project, "demo", AT))
    assert str(refused.value) == f"The environment demo has mistakes. Nothing was changed.\n\n{said}"
    assert "stacks/demo/tailnet.yaml:" in said


def test_a_warning_is_shown_and_stops_nothing(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        declared = checked(project, GOOD.replace("1.102.3", "1.90.0"))
    assert declared.tailnet.clusters[0].operator.chart.version == "1.90.0"
    assert "TS701" in caplog.text


def test_without_warnings_nothing_is_said(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        checked(project, GOOD)
    assert [each for each in caplog.records if each.name == "root"] == []


def test_an_environment_that_is_not_there_is_refused(project: Path) -> None:
    with pytest.raises(RefusedError, match="elsewhere"):
        record(lambda: without_errors(project, "elsewhere", AT) and None)
