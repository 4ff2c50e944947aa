"""Where the operator's chart comes from: a repository, a registry, a folder of the project, or one of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from components.operator_crds import Crd, find_crds
from components.refusal import RefusedError
from tailstack.topology.tailnet import Operator

CHART_NAME = "tailscale-operator"
REGISTRY = "oci://"
CHART_FOLDER = "TAILSTACK_OPERATOR_CHART"
"""Environment variable: a folder with the operator's chart, used for every cluster in place of what is declared.

For where the chart repository is out of reach, such as the sandbox. Its version must be the declared one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartSource:
    """What Helm is told: a chart's name with its repository, or a folder or an OCI reference without one.

    `crds` are those that the stack applies in place of the chart.
    """

    chart: str
    repository: str | None = None
    crds: tuple[Crd, ...] = ()


def find_chart(operator: Operator, *, project: Path, environment: Mapping[str, str]) -> ChartSource:
    """The chart of one cluster's operator. A folder of the project stays relative, so that it is the same everywhere.

    Raises RefusedError for a folder that holds no chart, or a chart of another version than the declared one, and what
    find_crds raises.
    """
    declared = operator.chart
    crds = find_crds(operator, project=project)
    if folder := environment.get(CHART_FOLDER):
        _check(Path(folder), operator, named_by=f"The environment variable {CHART_FOLDER}")
        return ChartSource(chart=folder, crds=crds)
    if declared.path is not None:
        _check(project / declared.path, operator, named_by=f"{operator.place}: the chart's path")
        # Helm looks for a bare name in repositories first.
        return ChartSource(chart=f"./{declared.path.removeprefix('./')}", crds=crds)
    if declared.repository.startswith(REGISTRY):
        # Helm takes the whole reference as the chart's name, and refuses a repository beside it.
        return ChartSource(chart=f"{declared.repository.rstrip('/')}/{CHART_NAME}", crds=crds)
    return ChartSource(chart=CHART_NAME, repository=declared.repository, crds=crds)


def _check(folder: Path, operator: Operator, *, named_by: str) -> None:
    try:
        about: object = yaml.safe_load((folder / "Chart.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not YAML"
        raise RefusedError(
            f"{named_by} is {folder}, but its Chart.yaml cannot be read: {reason}. Name the folder of a Helm chart."
        ) from error
    version = cast("dict[str, object]", about).get("version") if isinstance(about, dict) else None
    if version != operator.chart.version:
        raise RefusedError(
            f"{named_by} is {folder}, which holds version {version} of the chart, but {operator.chart.version} is "
            f"declared for the operator at {operator.place}. Make them the same."
        )
