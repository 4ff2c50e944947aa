"""Find each tool, or make it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.toolchain import build, golang
from tailstack.sandbox.toolchain.progress import Progress
from tailstack.sandbox.toolchain.tools import TOOLS, PathRule, Program, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VERSION_SECONDS = 20


def ensure(
    names: Sequence[str],
    *,
    tools: Mapping[str, Tool] = TOOLS,
    modules: Path = build.MODULES,
    progress: Progress | None = None,
) -> Mapping[str, Path]:
    """The path of each named tool, building those that are neither on PATH (and new enough) nor in the cache.

    "chart" is a folder, everything else a program. Progress goes to stderr; nothing is written when nothing is built.
    Raises SandboxError for an unknown name, a missing Go, or a build that fails.
    """
    found = _found(names, tools=tools, modules=modules)
    wanted = [tool for tool in tools.values() if tool.name in found and found[tool.name] is None]
    if wanted:
        go = golang.find()
        progress = progress or Progress(sys.stderr)
        for tool in wanted:
            target = build.entry(tool, modules=modules, go_version=go.version)
            build.build(tool, target, modules=modules, go=go, progress=progress)
            found[tool.name] = target
    return {name: path for name, path in found.items() if path is not None}


def missing(
    names: Sequence[str], *, tools: Mapping[str, Tool] = TOOLS, modules: Path = build.MODULES
) -> Sequence[Tool]:
    """The tools among `names` that `ensure` would have to build."""
    found = _found(names, tools=tools, modules=modules)
    return [tool for tool in tools.values() if tool.name in found and found[tool.name] is None]


def _found(names: Sequence[str], *, tools: Mapping[str, Tool], modules: Path) -> dict[str, Path | None]:
    unknown = sorted(set(names) - set(tools))
    if unknown:
        raise SandboxError(f"There is no tool {', '.join(unknown)}. There are: {', '.join(tools)}.")
    found: dict[str, Path | None] = {name: _on_path(tools[name]) for name in names}
    if any(path is None for path in found.values()):
        version = golang.find().version
        for name in names:
            target = build.entry(tools[name], modules=modules, go_version=version)
            if found[name] is None and target.exists():
                found[name] = target
    return found


def _on_path(tool: Tool) -> Path | None:
    if not isinstance(tool, Program) or tool.on_path is None:
        return None
    program = shutil.which(tool.name)
    if program is None or not _new_enough(program, tool.on_path):
        return None
    return Path(program)


@functools.cache
def _new_enough(program: str, rule: PathRule) -> bool:
    try:
        done = subprocess.run(
            [program, *rule.arguments],
            env=os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    match = rule.pattern.search(done.stdout)
    if done.returncode != 0 or match is None:
        return False
    version = tuple(int(part) for part in match[1].split("."))
    return rule.at_least <= version < rule.below
