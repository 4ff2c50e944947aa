"""The operator's CRDs from a folder, where the stack applies them itself instead of the chart.

Helm deletes on an upgrade what the chart no longer makes, and with a CRD every custom resource of its kind, unless the live
object carries `helm.sh/resource-policy: keep` (`Update` in `pkg/kube/client.go` of helm.sh/helm/v3 v3.22.0). So each CRD has
that annotation, and the release comes after them: a release that made the CRDs so far leaves them behind. They stay when the
stack is destroyed, because they would take what others made of their kinds along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml
from pulumi_kubernetes.apiextensions import v1 as apiextensions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.options import child, resource_name
from components.refusal import RefusedError
from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.charts.versions import version_of
from tailstack.plain import mapping
from tailstack.topology.tailnet import Operator

SECTION = "crd"
GROUP = "tailscale.com"
KEEP = {"helm.sh/resource-policy": "keep"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Crd:
    """One CustomResourceDefinition as it stands in its file."""

    name: str
    kind: str
    annotations: Mapping[str, str]
    spec: Mapping[str, Any]


def find_crds(operator: Operator, *, project: Path) -> tuple[Crd, ...]:
    """The CRDs of one cluster's operator, by name; none where the chart makes them.

    Raises RefusedError for a folder that cannot be read, for what is no CRD of the operator, and where one is missing
    without which the operator would not start.
    """
    declared = operator.chart.crds
    if declared is None:
        return ()
    named_by = f"{operator.place}: the folder of CRDs {declared}"
    found = {crd.kind: crd for file in _files(project / declared, named_by) for crd in _read(file, named_by)}
    version = version_of(operator.chart.version)
    missing = [
        kind
        for kind, about in CUSTOM_KINDS.items()
        if kind not in found and (version is None or about.since <= version)
    ]
    if missing:
        raise RefusedError(
            f"{named_by} has no CRD for {', '.join(missing)}. The operator needs each of version "
            f"{operator.chart.version}; they are in cmd/k8s-operator/deploy/crds of its sources."
        )
    return tuple(sorted(found.values(), key=lambda crd: crd.name))


def _files(folder: Path, named_by: str) -> Sequence[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})
    except OSError as error:
        raise RefusedError(f"{named_by} cannot be read: {error.strerror}. Name a folder of the project.") from error


def _read(file: Path, named_by: str) -> Iterator[Crd]:
    try:
        documents: list[object] = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not YAML"
        raise RefusedError(
            f"{named_by}: {file.name} cannot be read: {reason}. Put the CRDs there as they are in the operator's sources, "
            "not as templates of the chart."
        ) from error
    for document in documents:
        if document is not None:
            yield _crd(document, f"{named_by}: {file.name}")


def _crd(document: object, named_by: str) -> Crd:
    parts = mapping(document)
    spec, about = mapping(parts.get("spec")), mapping(parts.get("metadata"))
    if parts.get("kind") != "CustomResourceDefinition" or not spec or not about:
        raise RefusedError(f"{named_by} holds something else than CRDs. Keep nothing else in this folder.")
    if spec.get("group") != GROUP:
        raise RefusedError(f"{named_by} holds a CRD of {spec.get('group')}; expected one of {GROUP}.")
    return Crd(name=about["name"], kind=spec["names"]["kind"], annotations=about.get("annotations") or {}, spec=spec)


def apply_crds(
    parent: pulumi.Resource, cluster: str, crds: Sequence[Crd], *, depends_on: Sequence[pulumi.Resource]
) -> list[pulumi.Resource]:
    """A resource for each CRD. None has our label: those that a release made carry Helm's."""
    return [
        apiextensions.CustomResourceDefinition(
            resource_name(cluster, SECTION, crd.name),
            metadata=ObjectMetaArgs(name=crd.name, annotations={**crd.annotations, **KEEP}),
            spec=cast("Any", dict(crd.spec)),
            opts=child(parent, depends_on=depends_on, retain_on_delete=True),
        )
        for crd in crds
    ]
