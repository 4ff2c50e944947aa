"""The reference of the YAML language in Markdown, made from its schema: a table for each mapping, by where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from tailstack.topology.schema import DEFINITIONS, Schema, file_schema
from tailstack.topology.shape import expectation, resolved

BEGIN = "<!-- reference: written by `tailstack schema --write`, do not edit -->"
END = "<!-- end of reference -->"

_NAMED = "<name>"
_ITEM = "[]"
_MOST_PLACES = 4


def reference() -> str:
    """The tables, the file itself first and then every mapping in the order in which it is met. Ends with a newline."""
    root = file_schema()
    places: dict[str, list[str]] = {}
    for definition, place in _mappings(root, ""):
        places.setdefault(definition, []).append(place)
    parts = [_table("A file", "Every section may be absent, because it may stand in another file.", root)]
    for definition, where in places.items():
        schema: Schema = root["definitions"][definition]
        parts.append(_table(_heading(where), schema["description"], schema))
    return "\n".join(parts)


def with_reference(guide: str) -> str:
    """The guide with the reference between its two marks. Raises ValueError where the marks are not there."""
    before, begin, rest = guide.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The guide does not have the lines {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def _mappings(schema: Schema, place: str) -> Iterator[tuple[str, str]]:
    """Every definition of a mapping at or below this place, with the place, in the order of the language."""
    for part in (schema, *schema.get("allOf", ()), *schema.get("oneOf", ())):
        if "$ref" in part:
            name = part["$ref"].removeprefix(DEFINITIONS)
            definition: Schema = file_schema()["definitions"][name]
            if "properties" in definition:
                yield name, place
                yield from _mappings(definition, place)
    for key, below in schema.get("properties", {}).items():
        yield from _mappings(below, f"{place}.{key}" if place else key)
    for below in schema.get("patternProperties", {}).values():
        yield from _mappings(below, f"{place}.{_NAMED}")
    if "items" in schema:
        yield from _mappings(schema["items"], place + _ITEM)


def _heading(places: Sequence[str]) -> str:
    """All places of a mapping; what may stand nearly everywhere is called by its keys alone."""
    if len(places) > _MOST_PLACES:
        places = list(dict.fromkeys(place.rpartition(".")[2] for place in places))
    return ", ".join(f"`{place}`" for place in places)


def _table(heading: str, description: str, schema: Schema) -> str:
    needed = schema.get("required", ())
    rows = [_row(key, value, is_needed=key in needed) for key, value in schema["properties"].items()]
    lines = [
        f"### {heading}",
        "",
        " ".join(description.split()),
        "",
        "| key | value | meaning |",
        "|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _row(key: str, schema: Schema, *, is_needed: bool) -> str:
    shape = resolved(schema)
    meaning = shape["description"] + (". Needed" if is_needed else "")
    if "default" in schema:
        meaning += f". By default {json.dumps(schema['default'])}"
    return f"| `{key}` | {_escaped(_value(shape))} | {_escaped(meaning)} |"


def _escaped(text: str) -> str:
    """Without the characters that Markdown would take for markup, such as the name in angle brackets."""
    return re.sub(r"[<*_|\\]", r"\\\g<0>", text)


def _value(shape: Schema) -> str:
    if "oneOf" in shape:
        return ", or ".join(_value(resolved(way)) for way in shape["oneOf"])
    if shape.get("type") == "array":
        return "a list, each " + _value(resolved(shape["items"]))
    if "patternProperties" in shape:
        (named,) = shape["patternProperties"].values()
        return "a mapping by name, each " + _value(resolved(named))
    if "properties" in shape:
        return "a mapping, see below"
    return expectation({key: value for key, value in shape.items() if key != "description"})
