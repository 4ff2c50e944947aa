"""Suppressions in Kubernetes manifests: the annotation `tailstack/suppress` of an object, one for each line of its text."""

from __future__ import annotations

from tailstack.finding import Finding
from tailstack.manifests.objects import KubernetesObject, Objects
from tailstack.manifests.values import ManifestList, ManifestMap, Mark, Value
from tailstack.rules.suppress_comments import Written
from tailstack.topology.suppressions import read_suppression
from tailstack.topology.tailnet import Stretch, Suppression

ANNOTATION = "tailstack/suppress"

_PATH = ("metadata", "annotations", ANNOTATION)


def suppressions_in_objects(objects: Objects | None) -> Written:
    """Every suppression of every object; each holds in the whole object."""
    suppressions: list[Suppression] = []
    findings: list[Finding] = []
    for each in objects.all if objects is not None else ():
        if each.has(*_PATH):
            place, stretch = each.place(*_PATH), _stretch(each)
            lines = [line for line in (each.text(*_PATH) or "").splitlines() if line.strip()]
            for line in lines or [""]:
                read = read_suppression(line, place, (stretch,))
                if isinstance(read, Finding):
                    findings.append(read)
                else:
                    suppressions.append(read)
    return Written(suppressions=tuple(suppressions), findings=tuple(findings))


def _stretch(each: KubernetesObject) -> Stretch:
    return Stretch(each.file, each.root.at, _last(each.root, each.root.at))


def _last(value: Value, at: Mark) -> Mark:
    """The last place inside of a value that stands at `at`."""
    if isinstance(value, ManifestMap):
        inside = [(value[key], mark) for key, (_, mark) in value.marks.items()]
    elif isinstance(value, ManifestList):
        inside = [(below, mark) for below, (_, mark) in zip(value, value.marks, strict=True)]
    else:
        return at
    return max([at, *(_last(below, mark) for below, mark in inside)])
