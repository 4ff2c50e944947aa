"""The shape of the declarations: what pydantic finds, said with the place, what was expected and how to mend it.

After the mistakes are noted, the values that have one are cut out and the rest is validated again, so that mistakes in
how things fit together are found in the same run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tailstack.finding import Finding, Place, Rule
from tailstack.topology.cutting import Cutter
from tailstack.topology.declaration import EnvironmentDeclaration, Kind, Scope
from tailstack.topology.placed import (
    Path,
    PlacedList,
    PlacedMap,
    Step,
    Value,
    key_place,
    value_at,
    value_place,
)
from tailstack.topology.schema import SCOPE, Schema, file_schema
from tailstack.topology.shape import below, expectation, keys_at, name_syntax_at, resolved, shape_at
from tailstack.topology.wording import did_you_mean, listed, nearest, path_text, quoted

UNKNOWN_KEY = Rule(
    code="TS030",
    slug="unknown-key",
    what="A key that the language does not have at this place.",
    why="It would have no effect, and whoever wrote it thinks that it has one.",
    mend="Correct the key or take it out; `docs/language.md` lists the keys of everything.",
    bad=("clusters:\n  blue:\n    kubernetes: {context: blue}\n    exposes: {}\n"),
    good=("clusters:\n  blue:\n    kubernetes: {context: blue}\n    expose: {}\n"),
)
MISSING_KEY = Rule(
    code="TS031",
    slug="missing-key",
    what="A key that is needed is not there.",
    why="There is no default that would be right.",
    mend="Add the key.",
    bad=("clusters:\n  blue: {labels: {env: prod}}\n"),
    good=("clusters:\n  blue: {labels: {env: prod}, kubernetes: {context: blue}}\n"),
)
WRONG_TYPE = Rule(
    code="TS032",
    slug="wrong-type",
    what="A value is written as something else than what is expected: a text for a list, a number for a text.",
    why="It cannot be understood without guessing.",
    mend="Write the value in the way that is expected.",
    bad="groups: {group:ops: ana@example.com}\n",
    good="groups: {group:ops: [ana@example.com]}\n",
)
WRONG_VALUE = Rule(
    code="TS033",
    slug="wrong-value",
    what="A value is none of those that are possible here.",
    why="Tailscale, Kubernetes or tailstack would refuse it later, or misread it.",
    mend="Write one of the values that are expected.",
    bad=("clusters:\n  blue:\n    kubernetes: {context: blue}\n    operator: {apiServerProxy: {mode: sometimes}}\n"),
    good=("clusters:\n  blue:\n    kubernetes: {context: blue}\n    operator: {apiServerProxy: {mode: auth}}\n"),
)
WRONG_NAME = Rule(
    code="TS034",
    slug="wrong-name",
    what="A name that somebody chose does not have the form that names of its kind have.",
    why="Names become parts of tags, of nodes' names and of Kubernetes objects, which have these forms.",
    mend="Choose another name.",
    bad=("clusters:\n  Blue:\n    kubernetes: {context: blue}\n"),
    good=("clusters:\n  blue:\n    kubernetes: {context: blue}\n"),
)

RULES = (UNKNOWN_KEY, MISSING_KEY, WRONG_TYPE, WRONG_VALUE, WRONG_NAME)

_KEY_OF_MAPPING = "[key]"
_WAYS = {Kind.TEXT: "string", Kind.NUMBER: "integer", Kind.LIST: "array", Kind.MAPPING: "object"}

_A_PORT = "tcp:80"
NAMED_PARTS = frozenset(
    {
        *("expose", "ingress", "egress", "proxyGroups", "connectors", "recorders", "peerRelays"),
        *("proxyClasses", "proxyGroupPolicies", "tailnets"),
    }
)
"""The parts of a cluster that are maps of named things."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Where a mistake is, and what is said about it. `meant` is the key that was likely meant by one that there is not."""

    path: Path
    finding: Finding
    meant: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Validated:
    """What could be validated.

    `broken` are the paths of what was cut out: it is declared, but nothing is known of it. `dropped` is what was declared
    under keys and names that cannot be; it may be what is missing elsewhere.
    """

    declaration: EnvironmentDeclaration
    mistakes: tuple[Mistake, ...]
    broken: AbstractSet[Path]
    dropped: Sequence[Value]


def validate(root: PlacedMap) -> Validated:
    """Validate a merged environment. Never raises for what a person wrote. Cuts what has mistakes out of `root`."""
    mistakes: tuple[Mistake, ...] = ()
    cutter = Cutter(root=root)
    while True:
        try:
            declaration = EnvironmentDeclaration.model_validate(root)
        except ValidationError as error:
            found = mistakes_of(error, root)
            # All is found at first: what comes later is that nothing is left of a mapping or a list.
            mistakes = mistakes or found
            for mistake in sorted(found, key=_depth, reverse=True):
                _cut(cutter, mistake)
        else:
            return Validated(
                declaration=declaration,
                mistakes=_without_misspelt(mistakes),
                broken=cutter.broken,
                dropped=cutter.dropped,
            )


def _depth(mistake: Mistake) -> tuple[int, bool]:
    """What is deeper is cut first, and a name before the thing that it is the name of."""
    return len(mistake.path), mistake.finding.rule is WRONG_NAME


def _cut(cutter: Cutter, mistake: Mistake) -> None:
    if mistake.finding.rule is UNKNOWN_KEY:
        cutter.unknown_key(mistake.path, mistake.meant)
    elif mistake.finding.rule is WRONG_NAME:
        cutter.wrong_name(mistake.path)
    else:
        cutter.wrong_value(mistake.path)


def _without_misspelt(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    """Without the missing keys that are there under a name that is nearly right: each is one mistake and not two."""
    misspelt = {(*mistake.path[:-1], mistake.meant) for mistake in mistakes if mistake.meant}
    return tuple(m for m in mistakes if m.finding.rule is not MISSING_KEY or m.path not in misspelt)


def validate_scope(root: PlacedMap) -> tuple[Scope | None, tuple[Mistake, ...]]:
    """Validate the `scope` of one file, if it has one."""
    if SCOPE not in root:
        return None, ()
    try:
        return Scope.model_validate(root[SCOPE]), ()
    except ValidationError as error:
        return None, mistakes_of(error, root, (SCOPE,))


def mistakes_of(error: ValidationError, root: PlacedMap, prefix: Path = ()) -> tuple[Mistake, ...]:
    """One mistake for each error of pydantic, in its order. `prefix` leads from the top to what was validated."""
    return tuple(_mistake(details, root, prefix) for details in error.errors(include_url=False))


def _mistake(details: ErrorDetails, root: PlacedMap, prefix: Path) -> Mistake:
    kind, location = details["type"], prefix + details["loc"]
    is_about_key = location[-1] == _KEY_OF_MAPPING and kind != "extra_forbidden"
    if is_about_key and "patternProperties" in shape_at(_path(location[:-2])):
        path = _path(location[:-1])
        return Mistake(path, _wrong_name(root, path))
    path = _path(location)
    match kind:
        case "extra_forbidden":
            meant = nearest(str(path[-1]), keys_at(path[:-1])) or ""
            return Mistake(path, _unknown_key(root, path), meant)
        case "missing":
            finding = _missing_key(root, path)
        case "too_short":
            finding = _wrong_value(root, path, "is empty")
        case "string_too_long":
            finding = _wrong_value(root, path, f"is longer than {details.get('ctx', {})['max_length']} characters")
        case _ if kind.endswith("_type") or kind == "wrong_kind":
            finding = wrong_type(path, value_at(root, path), value_place(root, path))
        case _:
            finding = _wrong_value(root, path, f"is {_shown(value_at(root, path))}")
    return Mistake(path, finding)


def _path(location: Path) -> Path:
    """The path in the file. Where there are two ways to write a value, pydantic adds a step for the way that it took."""
    path: list[Step] = []
    shape = file_schema()
    for step in location:
        if "oneOf" in shape:
            ways = (resolved(way) for way in shape["oneOf"])
            shape = next(way for way in ways if way["type"] == _WAYS[Kind(step)])
        else:
            path.append(step)
            shape = below(shape, step)
    return tuple(path)


def _shown(value: Value | None) -> str:
    """A value in words, for after "is"."""
    if isinstance(value, str):
        return f"the text {quoted(value)}" if value else "an empty text"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"the number {value}"
    return "a list" if isinstance(value, PlacedList) else "a mapping"


def _unknown_key(root: PlacedMap, path: Path) -> Finding:
    known, key = keys_at(path[:-1]), str(path[-1])
    where = path_text(path[:-1]) or "A file"
    return UNKNOWN_KEY.at(
        key_place(root, path),
        message=f"{where} has no key {quoted(key)}.",
        expected=f"one of {listed(known)}",
        mend=did_you_mean(key, known),
    )


def _missing_key(root: PlacedMap, path: Path) -> Finding:
    key, where = path[-1], path_text(path[:-1]) or "The environment"
    return MISSING_KEY.at(
        value_place(root, path[:-1]),
        message=f"{where} needs the key {key}.",
        expected=expectation(shape_at(path)),
        mend=f"Add `{key}:`.",
    )


def wrong_type(path: Path, value: Value | None, place: Place) -> Finding:
    """The finding for the value at this path, and at this place, that is written as something else than expected."""
    shape = shape_at(path)
    mend = _port_mend(shape, value)
    if isinstance(value, str | int) and not mend:
        text = quoted(value) if isinstance(value, str) else str(value).lower()
        if shape.get("type") == "array" and text[:1] != "(":
            mend = f"Write a list: [{text}]."
        elif shape.get("type") == "string":
            mend = f'Write it in quotes: "{text}".'
        elif isinstance(value, str) and shape.get("type") in {"integer", "boolean"}:
            mend = "Write it without quotes."
    return WRONG_TYPE.at(
        place,
        message=f"{path_text(path)} is {_shown(value)}.",
        expected=expectation(shape),
        mend=mend,
    )


def _wrong_value(root: PlacedMap, path: Path, what: str) -> Finding:
    shape, value = shape_at(path), value_at(root, path)
    choices: list[str] = [choice for choice in shape.get("enum", ()) if isinstance(choice, str)]
    return WRONG_VALUE.at(
        value_place(root, path),
        message=f"{path_text(path)} {what}.",
        expected=expectation(shape),
        mend=_port_mend(shape, value) or (did_you_mean(value, choices) if isinstance(value, str) else ""),
    )


def _port_mend(shape: Schema, value: Value | None) -> str:
    """What to write for a port without its protocol, which is what most people write first."""
    is_port = any(_A_PORT in resolved(way).get("examples", ()) for way in shape.get("oneOf", (shape,)))
    return f"Write tcp:{value}, or another protocol." if is_port and re.fullmatch("[0-9]{1,5}", str(value)) else ""


def _wrong_name(root: PlacedMap, path: Path) -> Finding:
    return WRONG_NAME.at(
        key_place(root, path),
        message=f"{quoted(str(path[-1]))} is no name that {path_text(path[:-1])} can have.",
        expected=name_syntax_at(path[:-1]),
    )
