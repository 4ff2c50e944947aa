"""Environments made of the language's schema: each key that there is, with values of the right form and now and then of another.

What is added to the language is in them without a word here.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, TypeAlias

from tailstack.topology.schema import file_schema

Schema: TypeAlias = "Mapping[str, Any]"
Way: TypeAlias = "tuple[str | int, ...]"
"""How to get from the schema of a file to a key: keys and patterns of mappings, forms by their numbers, `[]` for an item."""

SCHEMA: Schema = file_schema()
ITEM = "[]"
NAMES = (
    *(
        "blue",
        "green",
        "in",
        "net",
        "group:a",
        "tag:a",
        "svc:pay",
        "posture:a",
        "blue.in",
        "blue.net",
        "1.104.5",
        "tcp:80",
    ),
    *(
        "/a",
        "10.1.0.0/16",
        "203.0.113.1:41641",
        "https://a.example.com",
        "ana@example.com",
        "sha256:" + "0a" * 32,
        "7d",
    ),
    *("mirror/a:v1", "a/b", "2026-01-05T09:00:00Z"),
)
"""Few, so that what is named is often there."""
STRANGE: tuple[object, ...] = ("", "a--b", 0, -1, 70_000, None, [], {}, ["a"], {"a": "b"}, True)
MOST_OTHERS = 3
_RARELY = 40


def environment(way: Way, seed: int | str) -> dict[str, Any]:
    """The content of a file with the key that a way leads to, as plain data; the same for the same seed."""
    found: dict[str, Any] = _value(SCHEMA, way, Random(seed))  # noqa: S311  chance in a test, not a secret
    found.setdefault("tailnet", {"dnsName": "tail1a2b.ts.net"})
    found.setdefault("defaults", {"operator": {"chart": {"version": "1.104.5"}}})
    return found


def ways() -> dict[str, Way]:
    """The shortest way to each key of each mapping of the language, by a name such as `MachineDeclaration.routes`."""
    found: dict[str, Way] = {}
    open_ways: deque[tuple[Way, Schema, str]] = deque([((), SCHEMA, "file")])
    while open_ways:
        way, schema, title = open_ways.popleft()
        for step, inner in _steps(schema):
            resolved, inner_title = _resolved(inner, title)
            name = f"{title}.{step}" if step in schema.get("properties", {}) else ""
            if name in found:
                continue
            if name:
                found[name] = (*way, step)
            open_ways.append(((*way, step), resolved, inner_title))
    return found


def _steps(schema: Schema) -> Iterator[tuple[str | int, Schema]]:
    yield from (schema["properties"].items() if "properties" in schema else enumerate(schema.get("oneOf", ())))
    yield from schema.get("patternProperties", {}).items()
    if "items" in schema:
        yield ITEM, schema["items"]


def _resolved(schema: Schema, title: str = "") -> tuple[Schema, str]:
    # What stands beside properties are conditions on them.
    while "properties" not in schema and ("$ref" in schema or "allOf" in schema):
        if "$ref" in schema:
            title = str(schema["$ref"]).rpartition("/")[2]
            schema = SCHEMA["definitions"][title]
        else:
            schema = schema["allOf"][0]
    return schema, title


def _value(schema: Schema, way: Way, random: Random) -> Any:  # noqa: ANN401  data of any shape
    schema, _ = _resolved(schema)
    first, rest = (way[0], way[1:]) if way else (None, ())
    if not way and random.randrange(_RARELY) == 0:
        return random.choice(STRANGE)
    if "properties" not in schema and (forms := schema.get("oneOf")):
        number = first if isinstance(first, int) else random.randrange(len(forms))
        return _value(forms[number], rest, random)
    if words := schema.get("enum"):
        return random.choice(words)
    match schema.get("type"):
        case "object":
            return _mapping(schema, way, random)
        case "array":
            several = [_value(schema["items"], rest, random)] if way else []
            others = random.randint(0 if several else schema.get("minItems", 0), 2)
            return several + [_value(schema["items"], (), random) for _ in range(others)]
        case "string":
            return _text(schema, random)
        case "integer":
            return random.randint(schema.get("minimum", 0), schema.get("maximum", 99_999))
        case "boolean":
            return random.random() < 0.5
        case _:
            return random.choice([*schema.get("examples", ()), *STRANGE])


def _mapping(schema: Schema, way: Way, random: Random) -> dict[str, Any]:
    known: Schema = schema.get("properties", {})
    first, rest = (way[0], way[1:]) if way else (None, ())
    others = random.sample(sorted(known), min(len(known), random.randint(0, MOST_OTHERS)))
    wanted = [*schema.get("required", ()), *others, *(key for key in known if key == first)]
    made = {key: _value(known[key], rest if key == first else (), random) for key in dict.fromkeys(wanted)}
    for pattern, inner in schema.get("patternProperties", {}).items():
        for number in range(random.randint(1, 2)):
            name = _text({"pattern": pattern}, random)
            made[name] = _value(inner, rest if pattern == first and number == 0 else (), random)
    return made


def _text(schema: Schema, random: Random) -> str:
    fitting = [*(name for name in NAMES if re.search(schema.get("pattern", ""), name)), *schema.get("examples", ())]
    return random.choice(fitting or [""])
