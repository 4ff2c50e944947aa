"""Data flows one way, and what stands left of the components is pure: no Pulumi, no network, no clock."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent

ORDER = ("allocation", "finding", "plain", "charts", "topology", "manifests", "access", "rules", "live", "report")
"""Each may import those before it (and itself), and nothing else of tailstack."""

IMPURE = {
    *("pulumi", "pulumi_kubernetes", "pulumi_tailscale", "pulumi_policy", "kubernetes", "grpc"),
    *("socket", "http", "urllib3", "requests", "aiohttp", "subprocess", "asyncio", "time", "random", "secrets"),
}
CLOCK = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}


def pure_modules() -> list[Path]:
    folders = [PROJECT / "tailstack" / room for room in ORDER]
    return [
        *(file for folder in folders if (file := folder.with_suffix(".py")).is_file()),
        *(file for folder in folders for file in sorted(folder.rglob("*.py"))),
    ]


def imports_of(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("file", pure_modules(), ids=lambda file: str(file.relative_to(PROJECT)))
def test_pure_code_stays_pure_and_in_order(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = imports_of(tree)
    assert {name.split(".")[0] for name in imported} & IMPURE == set()
    assert {name for name in imported if name.startswith("urllib.request")} == set()

    room = file.relative_to(PROJECT / "tailstack").parts[0].removesuffix(".py")
    allowed = ORDER[: ORDER.index(room) + 1]
    ours = {name.split(".")[1] for name in imported if name.startswith("tailstack.")}
    assert ours <= set(allowed), f"{room} may import {allowed}"

    clock = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in CLOCK
    ]
    assert clock == []
