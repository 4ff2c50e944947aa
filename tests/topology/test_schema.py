from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from pydantic import TypeAdapter

from tailstack.topology.declaration import EnvironmentDeclaration, syntax
from tailstack.topology.loading import environments
from tailstack.topology.reference import BEGIN, END, reference, with_reference
from tailstack.topology.schema import Schema, file_schema, schema_text

PROJECT = Path(__file__).parents[2]
SCHEMA = PROJECT / "docs" / "schema" / "tailnet.schema.json"
GUIDE = PROJECT / "docs" / "language.md"
EXAMPLES = sorted([*PROJECT.glob("stacks/*/*.yaml"), *PROJECT.glob("examples/whole/*.yaml")])

VALIDATOR: Any = Draft7Validator
"""Its stubs are partly untyped."""

DRAFT_7 = {
    *("$schema", "$ref", "definitions", "title", "description", "default", "examples", "type", "enum", "const"),
    *("properties", "patternProperties", "additionalProperties", "required", "minProperties", "maxProperties"),
    *("items", "minItems", "allOf", "not", "oneOf", "pattern", "minLength", "maxLength", "minimum", "maximum"),
}


def schemas(schema: Schema) -> Iterator[Schema]:
    """A schema and all that are inside of it."""
    yield schema
    for key in ("properties", "patternProperties", "definitions"):
        for inner in schema.get(key, {}).values():
            yield from schemas(inner)
    for key in ("allOf", "oneOf"):
        for inner in schema.get(key, ()):
            yield from schemas(inner)
    if "items" in schema:
        yield from schemas(schema["items"])


def errors(text: str) -> list[str]:
    return [error.message for error in VALIDATOR(file_schema()).iter_errors(yaml.safe_load(text))]


def test_the_committed_schema_is_that_of_the_models() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "run `tailstack schema --write`"


def test_the_reference_in_the_guide_is_that_of_the_models() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert guide == with_reference(guide), "run `tailstack schema --write`"


def test_the_schema_is_draft_7_and_uses_what_newer_drafts_share() -> None:
    VALIDATOR.check_schema(file_schema())
    every = list(schemas(file_schema()))
    assert {key for schema in every for key in schema} <= DRAFT_7
    assert all(schema["$ref"].startswith("#/definitions/") for schema in every if "$ref" in schema)
    assert all(set(schema) == {"$ref"} for schema in every if "$ref" in schema), "draft 7 ignores what stands beside"
    assert all(isinstance(schema.get("type", ""), str) for schema in every)
    assert not [schema for schema in every if schema.get("type") == "null" or schema.get("default", "") is None]


def test_every_mapping_refuses_other_keys_but_those_that_are_handed_on() -> None:
    mappings = [schema for schema in schemas(file_schema()) if schema.get("type") == "object"]
    handed_on = [schema for schema in mappings if schema["additionalProperties"] is not False]
    assert {schema["description"] for schema in handed_on} == {
        "Further claims that a token must have",
        "A volume source of Kubernetes with the files client_id and client_secret, such as csi",
        "Further values of the chart, checked against its version; not those that follow from what is declared",
        "spec.nameserver of the DNSConfig, as it is",
        "spec.statefulSet of the ProxyClass, as it is",
        "spec.statefulSet of the Recorder, as it is",
    }
    assert not any("properties" in schema for schema in handed_on)


def test_everything_says_what_it_is() -> None:
    for schema in schemas(file_schema()):
        for name, value in schema.get("properties", {}).items():
            assert value.get("description") or "$ref" in value, name
    assert all(definition.get("description") for definition in file_schema()["definitions"].values())


def test_examples_in_the_schema_are_valid_themselves() -> None:
    with_examples = [s for s in schemas(file_schema()) if "examples" in s]
    assert len(with_examples) > 30
    for schema in with_examples:
        for example in schema["examples"]:
            VALIDATOR(schema).validate(example)


def test_each_syntax_has_a_pattern_of_its_own() -> None:
    """A pattern leads back to its words and its example; two with one pattern would take each other's."""
    syntaxes = {name: value for name, value in vars(syntax).items() if hasattr(value, "__metadata__")}
    patterns = {name: TypeAdapter[Any](value).json_schema().get("pattern", name) for name, value in syntaxes.items()}
    assert len(patterns) > 20
    assert len(set(patterns.values())) == len(patterns), patterns


def test_references_lead_somewhere() -> None:
    used = {s["$ref"].removeprefix("#/definitions/") for s in schemas(file_schema()) if "$ref" in s}
    assert used == set(file_schema()["definitions"])


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(PROJECT)))
def test_the_examples_are_valid_and_name_their_schema(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named is not None
    assert (file.parent / named.group(1)).resolve() == SCHEMA
    assert errors(text) == []


def test_there_are_examples() -> None:
    assert {file.parent.name for file in EXAMPLES} == {*environments(PROJECT), "whole"}
    assert len(EXAMPLES) >= 4


CLUSTER = "clusters: {blue: {kubernetes: {context: a}, %s}}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "clusters: {blue: {expose: {}}}",
        "scope: {clusters: [blue]}",
        CLUSTER % "expose: {a: {namespace: b, ports: [tcp:1, {port: tcp:2, targetPort: http}]}}",
        CLUSTER % 'operator: {apiServerProxy: {mode: "off"}}',
        "groups: {group:a: [a@x], group:b: {synced: true}}",
        "groups: {group:a: {synced: true, suppress: [{rule: TS404, reason: they know}]}}",
        "postures: {posture:a: {assertions: [node:ipn], suppress: [{rule: a-b, reason: r}]}}",
        CLUSTER % "suppress: [{rule: exposed-to-nobody, reason: later}]",
        "access: [{name: a, from: [x, {machine: b}], to: [{apiServers: {matchLabels: {a: b}}}]}]",
    ],
)
def test_what_the_schema_accepts(text: str) -> None:
    assert errors(text or "{}") == []


@pytest.mark.parametrize(
    "text",
    [
        "clusterz: {}",
        "groups: ~",
        "groups: {platform: []}",
        "groups: {group:a: {}}",
        "groups: {group:a: {members: [], synced: true}}",
        "groups: {group:a: {synced: false}}",
        "groups: {group:a: {members: [], synced: true, suppress: []}}",
        "postures: {posture:a: {suppress: []}}",
        CLUSTER % "suppress: [{rule: exposed-to-nobody}]",
        CLUSTER % 'suppress: [{rule: exposed-to-nobody, reason: " "}]',
        CLUSTER % "suppress: [{rule: Exposed to nobody, reason: later}]",
        CLUSTER % "suppress: [exposed-to-nobody]",
        "clusters: {Blue: {}}",
        "clusters: {blue: {kubernetes: {}}}",
        "scope: {}",
        CLUSTER % "expose: {a: {namespace: b}}",
        CLUSTER % "expose: {a: {namespace: b, ports: [80]}}",
        CLUSTER % "expose: {a: {namespace: b, ports: tcp:80}}",
        CLUSTER % "expose: {a: {namespace: b, ports: [tcp:80], managedBy: me}}",
        CLUSTER % "egress: {a: {namespace: b, to: {machine: a, ip: b}}}",
        CLUSTER % "operator: {apiServerProxy: {mode: off}}",
        CLUSTER % 'operator: {chart: {version: "1.100"}}',
        "access: [{name: a, from: [x], to: [{}]}]",
        "access: [{name: a, from: [x]}]",
    ],
)
def test_what_the_schema_refuses(text: str) -> None:
    assert errors(text)


def test_the_schema_has_every_key_of_the_models() -> None:
    def keys(schema: Any) -> set[str]:  # noqa: ANN401  any JSON
        return {name for inner in schemas(schema) for name in inner.get("properties", {})}

    written = EnvironmentDeclaration.model_json_schema()
    models = {name for model in written["$defs"].values() for name in model.get("properties", {})}
    assert keys(file_schema()) == models | set(written["properties"]) | {"scope"}


def test_the_reference_has_every_key_and_loses_none_to_markup() -> None:
    text = reference()
    for definition in file_schema()["definitions"].values():
        for name in definition.get("properties", {}):
            assert f"| `{name}` |" in text
    assert "### `clusters.<name>.expose.<name>`" in text
    assert "### `access[].from[]`, `access[].to[]`, `ssh[].from[]`, `ssh[].to[]`" in text
    assert "### `suppress[]`\n" in text
    for line in text.splitlines():
        if line.startswith("| `"):
            cells = re.split(r"(?<!\\)\|", line)
            assert len(cells) == 5, line
            assert not re.search(r"(?<!\\)<", cells[2] + cells[3]), line


@pytest.mark.parametrize("guide", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_guide_without_the_marks_is_an_error(guide: str) -> None:
    with pytest.raises(ValueError, match="does not have the lines"):
        with_reference(guide)


def test_what_stands_around_the_reference_stays() -> None:
    guide = with_reference(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert guide.startswith(f"before\n{BEGIN}\n\n### A file\n")
    assert guide.endswith(f"\n{END}\nafter\n")
    assert with_reference(guide) == guide
