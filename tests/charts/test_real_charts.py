"""What tailstack says of charts and custom resources, against the charts themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

import pytest

from tailstack.charts.custom_resources import API_VERSION, CUSTOM_KINDS
from tailstack.charts.shapes import ANY_KEY, ITEM, Shape, Type, fields_of
from tailstack.charts.values import CHART_VALUES, check_values
from tailstack.charts.versions import OLDEST, SUPPORTED, Version, version_text
from tests.charts.real_charts import Document, default_values, definitions, spec_schema, templates

Path = tuple[str, ...]

EVERY = pytest.mark.parametrize("version", SUPPORTED, ids=version_text)

READ_BUT_NOT_LISTED = {
    ("annotations",),
    ("operatorConfig", "image", "repo"),
    ("proxyConfig", "image", "repo"),
}
"""Values that templates read and values.yaml does not have."""


def is_there(shape: Shape, path: Path, version: Version) -> bool:
    """Whether this version knows the key, and every key above it."""
    known = dict(fields_of(shape))
    return all(known[path[: length + 1]].since <= version for length in range(len(path)))


def leaves(values: Mapping[str, object], path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Values that are no mapping, and mappings that are empty as the chart comes."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(cast("Document", value), (*path, key))
        else:
            yield (*path, key), value


@EVERY
def test_the_keys_of_the_values(version: Version) -> None:
    listed = {path for path, _ in leaves(default_values(version))}
    closed = {path for path, shape in fields_of(CHART_VALUES) if not shape.keys and not {ITEM, ANY_KEY} & set(path)}
    known = {path for path in closed if is_there(CHART_VALUES, path, version)}
    # nodeSelector is the one mapping with free keys that is not empty as the chart comes.
    assert {path[:2] if path[1:2] == ("nodeSelector",) else path for path in listed} == known - READ_BUT_NOT_LISTED


@EVERY
def test_the_default_values_are_well(version: Version) -> None:
    idle = {path for path, shape in fields_of(CHART_VALUES) if shape.is_idle}
    found = check_values(default_values(version), version)
    assert {mistake.path for mistake in found} == {path for path in idle if is_there(CHART_VALUES, path, version)}


@EVERY
def test_the_types_of_the_values(version: Version) -> None:
    expected: dict[type[object], set[Type]] = {
        str: {Type.TEXT, Type.WORD},
        bool: {Type.SWITCH},
        list: {Type.LIST, Type.TEXTS},
        dict: {Type.MAPPING},
    }
    known = dict(fields_of(CHART_VALUES))
    for path, value in leaves(default_values(version)):
        if path[-1] != "kubernetes.io/os":
            assert known[path].type in expected[type(value)], path


@EVERY
def test_the_templates_read_every_value_and_no_other(version: Version) -> None:
    text = templates(version)
    read = {tuple(found.split(".")) for found in re.findall(r"\.Values\.([A-Za-z.]+)", text)}
    known = dict(fields_of(CHART_VALUES))
    assert {path for path in read if path not in known or not is_there(CHART_VALUES, path, version)} == set()
    idle = {path for path, shape in fields_of(CHART_VALUES) if shape.is_idle}
    unread = {
        path
        for path, shape in known.items()
        if not shape.keys and not {ITEM, ANY_KEY} & set(path) and is_there(CHART_VALUES, path, version)
    } - read
    # The CRDs' templates read this one, and are not among those looked at.
    assert unread - {("installCRDs",)} == {path for path in idle if is_there(CHART_VALUES, path, version)}


@EVERY
def test_the_kinds(version: Version) -> None:
    found = definitions(version)
    assert set(found) == {kind for kind, about in CUSTOM_KINDS.items() if about.since <= version}
    for kind, definition in found.items():
        about = CUSTOM_KINDS[kind]
        assert definition["names"]["plural"] == about.plural
        assert (definition["scope"] == "Namespaced") is about.is_namespaced
        assert [f"{definition['group']}/{each['name']}" for each in definition["versions"]] == [API_VERSION]


def of_schema(schema: Document, path: Path = ()) -> Iterator[tuple[Path, Document]]:
    for key, inner in cast("Document", schema.get("properties", {})).items():
        yield (*path, key), inner
        yield from of_schema(inner, (*path, key))
    for below, step in ((schema.get("items"), ITEM), (schema.get("additionalProperties"), ANY_KEY)):
        if below is not None:
            yield (*path, step), below
            yield from of_schema(below, (*path, step))


TYPES = {
    "string": Type.TEXT,
    "boolean": Type.SWITCH,
    "integer": Type.NUMBER,
    "array": Type.LIST,
    "object": Type.MAPPING,
    None: Type.QUANTITY,
}


def facts_of_schema(schema: Document) -> dict[str, object]:
    """What the table says, as the CRD says it."""
    if "type" not in schema:
        assert schema["x-kubernetes-int-or-string"] is True
    return {
        "type": TYPES[schema.get("type")],
        "required": sorted(schema.get("required", ())),
        "words": sorted(schema.get("enum", ())),
        "pattern": schema.get("pattern"),
        "is_cidr": schema.get("format") == "cidr",
        "limits": (schema.get("minimum"), schema.get("maximum")),
        "fewest": schema.get("minItems", 0),
        "longest": schema.get("maxLength"),
    }


def facts_of_shape(shape: Shape) -> dict[str, object]:
    return {
        "type": shape.type,
        "required": sorted(shape.required),
        "words": sorted(shape.words),
        "pattern": shape.form.pattern if shape.form is not None else None,
        "is_cidr": shape.is_cidr,
        "limits": (shape.lowest, shape.highest),
        "fewest": shape.fewest,
        "longest": shape.longest,
    }


@pytest.mark.parametrize(
    ("version", "kind"),
    [(version, kind) for version in SUPPORTED for kind, about in CUSTOM_KINDS.items() if about.since <= version],
    ids=lambda part: part if isinstance(part, str) else version_text(part),
)
def test_the_fields_of_a_kind(version: Version, kind: str) -> None:
    shape = CUSTOM_KINDS[kind].spec
    schema = spec_schema(definitions(version)[kind])
    known = {(): shape, **{path: each for path, each in fields_of(shape) if is_there(shape, path, version)}}
    assert {path: facts_of_shape(each) for path, each in known.items()} == {
        path: facts_of_schema(each) for path, each in [((), schema), *of_schema(schema)]
    }


def test_what_came_later_came_when_the_table_says() -> None:
    """Each version that the table names is one that is looked at, or older than all of those."""
    shapes = [CHART_VALUES, *(about.spec for about in CUSTOM_KINDS.values())]
    named = {each.since for shape in shapes for _, each in fields_of(shape)}
    named |= {about.since for about in CUSTOM_KINDS.values()}
    minors = {version[:2] for version in SUPPORTED}
    assert {version for version in named if version > OLDEST and version[:2] not in minors} == set()
