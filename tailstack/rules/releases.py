"""The values of the operator's chart wherever they are known: in the facts, and in releases of Flux and Argo CD."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tailstack.charts.checking import Path
from tailstack.charts.versions import Version, version_of
from tailstack.finding import Place
from tailstack.manifests.objects import KubernetesObject, Objects
from tailstack.manifests.reading import OPERATOR_CHART
from tailstack.manifests.values import ManifestMap, Step
from tailstack.rules.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """The values that one release of the chart is given. `version` is None where it is not known, or a range.

    `place` leads to the value at a path, or to the nearest thing above it.
    """

    who: str
    version: Version | None
    values: Mapping[str, object]
    place: Callable[[Path], Place]


def releases(subject: Subject) -> Iterator[Release]:
    """Every release whose values are known."""
    for name, chart in subject.facts.charts.items():
        cluster = subject.clusters.get(name)
        declared = cluster.operator.chart.version if cluster is not None else ""
        yield Release(
            who=name,
            version=version_of(chart.version or declared),
            values=chart.values,
            place=lambda path, chart=chart: chart.place_of(*map(str, path)),
        )
    if subject.objects is not None:
        yield from _of_flux(subject.objects)
        yield from _of_argo(subject.objects)


def _of_flux(objects: Objects) -> Iterator[Release]:
    """https://fluxcd.io/flux/components/helm/helmreleases/."""
    for made in objects.of_kind("HelmRelease"):
        if made.text("spec", "chart", "spec", "chart") == OPERATOR_CHART:
            yield from _release(made, made.text("spec", "chart", "spec", "version"), ("spec", "values"))


def _of_argo(objects: Objects) -> Iterator[Release]:
    """https://argo-cd.readthedocs.io/en/stable/user-guide/helm/."""
    for made in objects.of_kind("Application"):
        sources: list[tuple[Step, ...]] = [("spec", "source")]
        sources += [("spec", "sources", index) for index in range(made.length("spec", "sources"))]
        for source in sources:
            if made.text(*source, "chart") == OPERATOR_CHART:
                version = made.text(*source, "targetRevision")
                yield from _release(made, version, (*source, "helm", "valuesObject"))


def _release(made: KubernetesObject, version: str | None, path: tuple[Step, ...]) -> Iterator[Release]:
    values = made.value(*path)
    if isinstance(values, ManifestMap):
        yield Release(
            who=f"{made.title} of {made.cluster}",
            version=version_of(version or ""),
            values=values,
            place=lambda inner: made.place(*path, *inner),
        )
