"""The supported charts themselves, out of the Go modules that the toolchain pins."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, cast

import yaml

from tailstack.charts.versions import SUPPORTED, Version
from tailstack.sandbox.toolchain import TOOLS, ensure

Document = dict[str, Any]

TOOL_OF = {
    version: next(name for name, tool in TOOLS.items() if name.startswith("chart") and tool.version == text)
    for version in SUPPORTED
    for text in [".".join(map(str, version))]
}
"""The tool that makes the chart of each supported version."""


@functools.cache
def chart_folder(version: Version) -> Path:
    return ensure([TOOL_OF[version]])[TOOL_OF[version]]


@functools.cache
def default_values(version: Version) -> Document:
    """values.yaml; do not change it."""
    return cast("Document", _loaded((chart_folder(version) / "values.yaml").read_text(encoding="utf-8")))


def templates(version: Version) -> str:
    """All templates but those of the CRDs, one after the other."""
    files = sorted((chart_folder(version) / "templates").glob("[!c]*"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


@functools.cache
def definitions(version: Version) -> dict[str, Document]:
    """The spec of each CRD by its kind; do not change them."""
    found: dict[str, Document] = {}
    for file in (chart_folder(version) / "templates").glob("crd-*.yaml"):
        _, _, text = file.read_text(encoding="utf-8").partition("\n")
        spec = _loaded(text.replace("{{- end -}}", ""))["spec"]
        found[spec["names"]["kind"]] = spec
    return found


def spec_schema(definition: Document) -> Document:
    """The schema of `spec` in the one version that a CRD has."""
    (version,) = definition["versions"]
    return cast("Document", version["schema"]["openAPIV3Schema"]["properties"]["spec"])


def _loaded(text: str) -> Any:  # noqa: ANN401  whatever the text says
    return yaml.load(text, Loader=yaml.CSafeLoader)
