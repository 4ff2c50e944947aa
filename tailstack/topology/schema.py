"""The JSON Schema of one file of an environment, for editors, and the reference of the language made from it.

Draft 7, because yaml-language-server handles it best (https://github.com/redhat-developer/yaml-language-server), while
pydantic writes draft 2020-12. Only what both have in common is used. `resolve` stays the authority: it also says what
no schema can, such as whether a reference leads anywhere.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic.json_schema import models_json_schema

from tailstack.topology.declaration import EnvironmentDeclaration, Scope

Schema: TypeAlias = dict[str, Any]

SCOPE = "scope"
"""The one key of a file that is about the file, and no part of the merged environment."""

_DRAFT = "http://json-schema.org/draft-07/schema#"
_MODELS = "#/$defs/"
DEFINITIONS = "#/definitions/"
"""What a reference inside of the schema begins with."""

_ROOT = EnvironmentDeclaration.__name__


@lru_cache(maxsize=1)
def file_schema() -> Schema:
    """The schema of one file: every section may be absent, because it may stand in another file. Do not change it."""
    _, written = models_json_schema([(EnvironmentDeclaration, "validation"), (Scope, "validation")])
    definitions: dict[str, Schema] = {name: _converted(model) for name, model in written["$defs"].items()}
    root = definitions.pop(_ROOT)
    # The parts of a cluster, too, may stand in several files.
    for model in (root, definitions["ClusterDeclaration"]):
        del model["required"]
    return {
        "$schema": _DRAFT,
        "title": "tailstack: a file of an environment",
        "description": "All files of an environment are merged by section.",
        "type": "object",
        "additionalProperties": False,
        "properties": {SCOPE: {"$ref": DEFINITIONS + Scope.__name__}, **root["properties"]},
        "definitions": definitions,
    }


def schema_text() -> str:
    """The schema as it is committed: indented, keys in the order of the models, a newline at the end."""
    return json.dumps(file_schema(), indent=2, ensure_ascii=False) + "\n"


def _converted(schema: Schema) -> Schema:
    """A draft 2020-12 schema of pydantic as draft 7: without null, which the language refuses, and made-up titles."""
    new: Schema = {}
    for key, value in schema.items():
        match key:
            case "title" | "propertyNames":
                pass
            case "default" if value is None:
                pass
            case "properties" | "patternProperties":
                new[key] = {name: _converted(below) for name, below in value.items()}
            case "items":
                new[key] = _converted(value)
            case "oneOf":
                new[key] = [_converted(way) for way in value]
            case "anyOf":
                # A field that may be absent: the one way to write it, or null.
                (way,) = (w for w in value if w != {"type": "null"})
                new = {**_converted(way), **new}
            case "$ref":
                new[key] = value.replace(_MODELS, DEFINITIONS)
            case _:
                new[key] = value
    if "patternProperties" in new:
        new["additionalProperties"] = False
    if "$ref" in new and len(new) > 1:
        # In draft 7 whatever stands beside a reference is ignored.
        new["allOf"] = [{"$ref": new.pop("$ref")}]
    return new
