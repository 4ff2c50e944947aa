"""What is written in the words of the operator's chart, or of a custom resource, and handed on as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from tailstack.charts.annotations import ANNOTATIONS
from tailstack.charts.checking import Mistake, MistakeKind
from tailstack.charts.custom_resources import check_custom_resource
from tailstack.charts.values import unknown_values
from tailstack.charts.versions import version_of, version_text
from tailstack.finding import Rule
from tailstack.topology.chart_mistakes import meant_key
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path, plain
from tailstack.topology.wording import did_you_mean, path_text

_VALUES = "clusters:\n  blue:\n    kubernetes: {context: blue}\n    operator: {values: {operatorConfig: {WHAT: {team: platform}}}}\n"

NOT_TAKEN = Rule(
    code="TS035",
    slug="not-taken",
    what="A value of the chart, or a part of a custom resource, that this version of the operator does not take.",
    why="Helm ignores an unknown value without a word, and the API server refuses the object or drops the key.",
    mend="Correct it, or use a version of the chart that takes it.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/deploy/chart/values.yaml",
    bad=_VALUES.replace("WHAT", "podLabel"),
    good=_VALUES.replace("WHAT", "podLabels"),
)

RULES = (NOT_TAKEN,)

_NO_NAMES: Mapping[Path, str] = {}
_OF_A_KEY = frozenset({MistakeKind.UNKNOWN, MistakeKind.NOT_YET, MistakeKind.IDLE, MistakeKind.RESERVED})


def check_chart_values(notes: Notes, path: Path, values: Mapping[str, Any], version: str) -> None:
    """Note what is wrong with further values of the chart, written at this path."""
    _say(notes, path, unknown_values(values, version_of(version)), of=f"the operator's chart {version}".rstrip())


def check_part(
    notes: Notes,
    path: Path,
    kind: str,
    spec: Mapping[str, Any],
    version: str,
    *,
    called: Mapping[Path, str] = _NO_NAMES,
) -> None:
    """Note what is wrong with a part of the `spec` of a custom resource, of which the keys are those at this path.

    `called` are the keys there of what has another place in the spec. Whether this version has the kind at all is for the
    rules to say.
    """
    mistakes = [
        replace(mistake, path=_as_written(mistake.path, called))
        for mistake in check_custom_resource(kind, spec, version_of(version))
        if mistake.path
    ]
    _say(notes, path, mistakes, of=f"a {kind} of the operator {version}".rstrip())


def check_annotation(notes: Notes, path: Path, name: str, version: str) -> None:
    """Note a key at this path that becomes the annotation `tailscale.com/<name>`, which this version does not read yet."""
    since, known = ANNOTATIONS[name].since, version_of(version)
    if known is not None and known < since:
        expected = f"the chart {version_text(since)} or newer"
        mistake = Mistake(path=(), kind=MistakeKind.NOT_YET, expected=expected)
        _say(notes, path, [mistake], of=f"the operator {version}")


def _as_written(path: Path, called: Mapping[Path, str]) -> Path:
    return next(((key, *path[len(begin) :]) for begin, key in called.items() if path[: len(begin)] == begin), path)


def without_places(written: Mapping[str, Any]) -> dict[str, Any]:
    """What is handed on, as plain mappings and lists."""
    return {key: plain(value) for key, value in written.items()}


def part_of(written: object, *path: str) -> Mapping[str, object]:
    """A mapping inside of what is handed on; an empty one where there is none."""
    for step in path:
        written = cast("Mapping[str, object]", written).get(step) if isinstance(written, Mapping) else None
    return cast("Mapping[str, object]", written) if isinstance(written, Mapping) else {}


def _say(notes: Notes, path: Path, mistakes: Iterable[Mistake], *, of: str) -> None:
    for mistake in mistakes:
        here = (*path, *mistake.path)
        place = notes.key(*here) if mistake.kind in _OF_A_KEY else notes.value(*here)
        mend = ""
        match mistake.kind:
            case MistakeKind.UNKNOWN | MistakeKind.IDLE:
                message = f"{path_text(here)} has no effect: {of} has no such key, or does not read it."
                meant = meant_key(mistake)
                mend = f"Did you mean {path_text((*path, *meant))}?" if meant else ""
            case MistakeKind.NOT_YET:
                message = f"{path_text(here)} has no effect yet with {of}."
            case MistakeKind.RESERVED:
                message = f"{path_text(here)} follows from what is declared, and is not written by hand."
                mend = f"Take it out; write {mistake.expected}." if mistake.expected.startswith("operator.") else ""
            case MistakeKind.MISSING:
                message = f"{path_text(here[:-1])} needs the key {here[-1]}."
            case MistakeKind.WORD:
                message = f"{path_text(here)} is none of the words that {of} knows."
                mend = did_you_mean(str(mistake.found), mistake.known)
            case _:
                message = f"{path_text(here)} is not what {of} takes."
        notes.say(NOT_TAKEN, place, message=message, expected=mistake.expected, mend=mend)
