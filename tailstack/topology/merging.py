"""All files of an environment as one: sections merge by name, and nothing may be declared twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tailstack.finding import Finding, Place, Rule
from tailstack.topology.cutting import join_doubled
from tailstack.topology.placed import Path, PlacedList, PlacedMap
from tailstack.topology.validation import NAMED_PARTS, wrong_type
from tailstack.topology.wording import path_text

DECLARED_TWICE = Rule(
    code="TS023",
    slug="declared-twice",
    what="The same thing is declared in two files, or two access entries have the same name.",
    why="It would not be clear which of the two holds.",
    mend="Keep one of the two, or give one of them another name.",
    bad=("# one.yaml\ngroups: {group:ops: []}\n# two.yaml\ngroups: {group:ops: [ana@example.com]}\n"),
    good=("# one.yaml\ngroups: {group:ops: []}\n# two.yaml\ngroups: {group:dev: [ana@example.com]}\n"),
)

_Spread: TypeAlias = "Mapping[str, _Spread | None]"
_ANY_NAME = "*"
_JOINED: _Spread = {}
"""Stands for a list, which is joined with those of other files."""
_CLUSTER: _Spread = {**{part: {} for part in sorted(NAMED_PARTS)}, "suppress": _JOINED}

# What may be spread over files, by key; * stands for every name.
_SPREAD: _Spread = {
    "groups": {},
    "postures": {},
    "machines": {},
    "clusters": {_ANY_NAME: _CLUSTER},
    "services": {},
    "access": _JOINED,
    "ssh": _JOINED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """All files as one tree. `unknown` are the paths of what only one of two declarations of a thing says."""

    root: PlacedMap
    findings: list[Finding] = field(default_factory=list[Finding])
    unknown: set[Path] = field(default_factory=set[Path])


def merge(roots: Iterable[PlacedMap]) -> Merged:
    """Merge the files in the order given; the first of them is taken over and changed.

    A section that is a map of named things merges by name, and so do the parts of one cluster; `access` and
    `ssh` are joined, and so is what a cluster suppresses.
    Of what is declared twice the first stays, and a finding names both places.
    """
    first, *others = roots
    merged = Merged(root=first)
    for other in others:
        _merge_into(first, other, _SPREAD, (), merged)
    return merged


def _merge_into(into: PlacedMap, more: PlacedMap, spread: _Spread, path: Path, merged: Merged) -> None:
    for key, value in more.items():
        inside = spread.get(key, spread.get(_ANY_NAME))
        there = into.get(key)
        if there is None:
            into.put(key, value, *more.marks[key])
        elif inside is None:
            places = (Place(*more.marks[key][0]), Place(*into.marks[key][0]))
            merged.findings.append(DECLARED_TWICE.at(*places, message=f"{path_text((*path, key))} is declared twice."))
            if isinstance(there, PlacedMap) and isinstance(value, PlacedMap):
                merged.unknown.update(join_doubled(there, value, (*path, key)))
        elif isinstance(there, PlacedMap) and isinstance(value, PlacedMap):
            _merge_into(there, value, inside, (*path, key), merged)
        elif isinstance(there, PlacedList) and isinstance(value, PlacedList):
            there += value
            there.marks += value.marks
        elif isinstance(value, PlacedList if inside is _JOINED else PlacedMap):
            merged.findings.append(wrong_type((*path, key), there, Place(*into.marks[key][1])))
            into.put(key, value, *more.marks[key])
        else:
            merged.findings.append(wrong_type((*path, key), value, Place(*more.marks[key][1])))
