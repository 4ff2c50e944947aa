"""Every example of the guide to the language is valid, by itself or beside what it refers to."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from tailstack.topology.loading import resolve_files
from tailstack.topology.schema import file_schema
from tests.topology.marked import AT, BASE, ENVIRONMENT, path_of

GUIDE = Path(__file__).parents[2] / "docs" / "language.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

WORLD = """
clusters:
  blue:
    kubernetes: {context: world}
    operator: {apiServerProxy: {mode: auth}}
    expose: {nginx: {namespace: default, ports: [tcp:80], managedBy: patch}}
"""
"""What examples of a part refer to."""


def keys_of(definition: str) -> set[str]:
    return set(file_schema()["definitions"][definition]["properties"])


def files_of(example: str) -> dict[str, str]:
    """The example as a file of an environment, with what it needs beside it."""
    sections = re.findall(r"^(\w+):", example, re.MULTILINE)
    if set(sections) <= {"egress", "expose"}:
        inside = textwrap.indent(example, "    ")
        return {
            **BASE,
            "world.yaml": WORLD,
            "main.yaml": f"clusters:\n  green:\n    kubernetes: {{context: a}}\n{inside}",
        }
    if sections == ["scope"]:
        return {**BASE, "main.yaml": f"{example}clusters: {{eu: {{kubernetes: {{context: eu}}}}}}\n"}
    if "tailnet" in sections:
        return {"main.yaml": example}
    base = BASE["a.yaml"].splitlines(keepends=True)
    files = {"a.yaml": base[0] if "defaults" in sections else "".join(base), "main.yaml": example}
    return files if "clusters" in sections else {**files, "world.yaml": WORLD}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_valid(example: str) -> None:
    files = {path_of(name): text for name, text in files_of(example).items()}
    tailnet = resolve_files(files, ENVIRONMENT, AT)
    assert path_of("main.yaml") in tailnet.files


def test_there_is_an_example_for_each_part_of_the_language() -> None:
    written = {key for example in EXAMPLES for key in re.findall(r"(?:^|[{ ,])(\w+):", example, re.MULTILINE)}
    assert set(file_schema()["properties"]) - written == {"postures"}
    assert keys_of("ClusterDeclaration") - written == {"tailnets"}
    assert keys_of("TailnetDeclaration") - written == {"magicDNS", "httpsCertificates", "policy", "guestOf"}
