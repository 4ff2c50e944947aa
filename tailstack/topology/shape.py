"""What the language allows at a place, in words: read from the schema, so that no message says it a second time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from pydantic import TypeAdapter

from tailstack.topology import declaration
from tailstack.topology.placed import Mark, Path, PlacedList, PlacedMap, Step, Value
from tailstack.topology.schema import DEFINITIONS, Schema, file_schema
from tailstack.topology.wording import listed

_NOTHING: Schema = {}
_SYNTAXES = (
    declaration.Name,
    declaration.Tag,
    declaration.GroupName,
    declaration.PostureName,
    declaration.Selector,
    declaration.Port,
    declaration.DnsLabel,
    declaration.KubernetesName,
    declaration.ClusterMember,
    declaration.Login,
    declaration.LabelKey,
    declaration.LabelValue,
    declaration.KubernetesGroup,
    declaration.RoleName,
    declaration.PortName,
    declaration.Reason,
    declaration.RuleName,
    declaration.ServiceName,
    declaration.NamespacedService,
    declaration.NodeReference,
    declaration.Cidr,
    declaration.Domain,
    declaration.HttpsUrl,
    declaration.HttpPath,
    declaration.Email,
    declaration.LoginUser,
    declaration.EnvironmentName,
)


@lru_cache(maxsize=1)
def _syntax_by_pattern() -> Mapping[str, Schema]:
    """A field that has a description of its own hides that of its syntax; the pattern leads back to it."""
    schemas = (TypeAdapter[Any](syntax).json_schema() for syntax in _SYNTAXES)
    return {schema["pattern"]: schema for schema in schemas}


def resolved(schema: Schema) -> Schema:
    """The schema with the definition that it refers to, if any, taken in."""
    for reference in (schema, *schema.get("allOf", ())):
        if "$ref" in reference:
            name = cast("str", reference["$ref"]).removeprefix(DEFINITIONS)
            return {
                **file_schema()["definitions"][name],
                **{k: v for k, v in schema.items() if k not in {"allOf", "$ref"}},
            }
    return schema


def shape_at(path: Path) -> Schema:
    """What may stand at this path; an empty schema where nothing may."""
    shape = file_schema()
    for step in path:
        ways = (below(resolved(way), step) for way in shape.get("oneOf", (shape,)))
        shape = next(filter(None, ways), _NOTHING)
    return shape


def below(shape: Schema, step: Step) -> Schema:
    """What may stand one step further down; an empty schema where nothing may."""
    if isinstance(step, int):
        return resolved(shape.get("items", _NOTHING))
    found: Schema | None = shape.get("properties", _NOTHING).get(step)
    return resolved(found or next(iter(shape.get("patternProperties", _NOTHING).values()), _NOTHING))


def keys_at(path: Path) -> list[str]:
    """The keys that a mapping at this path may have, in the order of the models; none where people choose them."""
    shape = shape_at(path)
    return [key for way in shape.get("oneOf", (shape,)) for key in resolved(way).get("properties", ())]


def is_needed(path: Path) -> bool:
    """Whether the key at the end of this path has to be there, in one of the files."""
    shape = shape_at(path[:-1])
    ways = (resolved(way) for way in shape.get("oneOf", (shape,)))
    return is_needed_somewhere(path) or any(path[-1] in way.get("required", ()) for way in ways)


def is_needed_somewhere(path: Path) -> bool:
    """Whether it has to be there in one of the files, whichever."""
    return path == ("tailnet",) or (path[:1] == ("clusters",) and path[2:] == ("kubernetes",))


def name_pattern_at(path: Path) -> str:
    """The pattern of the keys of the mapping at this path, where people choose the keys."""
    return next(iter(shape_at(path)["patternProperties"]))


def name_syntax_at(path: Path) -> str:
    """What a key of the mapping at this path looks like, where people choose the keys."""
    return _with_example(_syntax_by_pattern()[name_pattern_at(path)])


def example(shape: Schema, at: Mark) -> Value:
    """Something valid of this shape, with no more in it than is needed, and all of it at one place."""
    shape = resolved(shape)
    if "oneOf" in shape:
        return example(shape["oneOf"][0], at)
    match shape.get("type"):
        case "object":
            made = PlacedMap(at)
            for key in shape.get("required", ()):
                made.put(key, example(shape["properties"][key], at), at, at)
            for pattern, named in shape.get("patternProperties", _NOTHING).items():
                made.put(str(example({"pattern": pattern}, at)), example(named, at), at, at)
            return made
        case "array":
            items = PlacedList(at)
            items.add(example(shape["items"], at), at)
            return items
        case _:
            syntax = _syntax_by_pattern().get(shape.get("pattern", ""), _NOTHING)
            words = (*shape.get("enum", ()), *shape.get("examples", ()), *syntax.get("examples", ()))
            return next(iter(words), shape.get("minimum", ""))


def expectation(shape: Schema) -> str:
    """What is expected, as words that follow "expected:"."""
    if "oneOf" in shape:
        return ", or ".join(expectation(resolved(way)) for way in shape["oneOf"])
    if "enum" in shape:
        return "one of " + listed(shape["enum"])
    if "const" in shape:
        return json.dumps(shape["const"])
    match shape.get("type"):
        case "string":
            return _with_example({**shape, **_syntax_by_pattern().get(shape.get("pattern", ""), {})})
        case "integer":
            return "a whole number" + _limits(shape)
        case "boolean":
            return "true or false"
        case "array":
            return "a list" + _example_of_items(shape)
        case _:
            keys = list(shape.get("properties", ()))
            return "a mapping" + (f" with the keys {listed(keys)}" if keys else "")


def _with_example(shape: Schema) -> str:
    text = uncapitalised(shape.get("description", "a text"))
    examples = shape.get("examples")
    return f"{text}, for example {examples[0]}" if examples else text


def uncapitalised(text: str) -> str:
    """The text with a small first letter, unless that letter belongs to an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _limits(shape: Schema) -> str:
    low, high = shape.get("minimum"), shape.get("maximum")
    return f" from {low} to {high}" if high is not None else f" of at least {low}"


def _example_of_items(shape: Schema) -> str:
    ways = [resolved(way) for way in shape["items"].get("oneOf", (shape["items"],))]
    example = next((way["examples"][0] for way in ways if "examples" in way), None)
    at_least_one = " of at least one" if shape.get("minItems") else ""
    return at_least_one + (f", for example [{example}]" if example else "")
