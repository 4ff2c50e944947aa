"""Fixtures: a cache of our own, a Go of our own, and a module to build."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from tailstack.sandbox.toolchain.ensure import ensure, missing
from tailstack.sandbox.toolchain.progress import Progress
from tailstack.sandbox.toolchain.tools import Chart, Program, Tool
from tests.sandbox.toolchain.go_program import GoProgram, install

HELLO = Program(
    name="hello",
    version="1.2.3",
    module="hello",
    package="example.com/hello",
    seconds=5,
    values=MappingProxyType({"example.com/hello/version.Version": "v1.2.3"}),
)
CHART = Chart(name="chart", version="1.102.3", module="chart", path="tailscale.com", seconds=5, crds=8)


@dataclass(frozen=True)
class Workshop:
    """Everything that `ensure` works with."""

    cache: Path
    modules: Path
    path: Path
    go: GoProgram

    def ensure(self, *tools: Tool) -> tuple[list[Path], str]:
        """The paths of `tools`, and what was said meanwhile."""
        said = io.StringIO()
        found = ensure(
            [tool.name for tool in tools],
            tools={tool.name: tool for tool in tools},
            modules=self.modules,
            progress=Progress(said),
        )
        return [found[tool.name] for tool in tools], said.getvalue()

    def missing(self, *tools: Tool) -> list[str]:
        """The names of those that would be built."""
        known = {tool.name: tool for tool in tools}
        return [tool.name for tool in missing(list(known), tools=known, modules=self.modules)]

    def left_over(self) -> list[str]:
        """What lies in the cache beside finished tools."""
        return [entry.name for entry in (self.cache / "tailstack" / "bin").iterdir() if entry.name.startswith(".")]


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A workshop in which nothing has been built; PATH holds our Go and the system's programs."""
    for module in ("hello", "chart"):
        folder = tmp_path / "modules" / module
        folder.mkdir(parents=True)
        (folder / "go.mod").write_text(f"module tools/{module}\n")
        (folder / "go.sum").write_text("example.com/thing v1.0.0 h1:abc=\n")
    path = tmp_path / "path"
    path.mkdir()
    go = install(tmp_path / "go")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{path}:{go.folder}:/usr/bin:/bin")
    for name in ("GOFLAGS", "GOPROXY", "GOOS"):
        monkeypatch.delenv(name, raising=False)
    return Workshop(cache=tmp_path / "cache", modules=tmp_path / "modules", path=path, go=go)
