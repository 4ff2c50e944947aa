"""The Python that a program or a policy pack runs in, as `runtime.options.virtualenv` of its project file names it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tailstack.sandbox.plugins.frame import PluginError


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A Pulumi package that is installed, with the plugin it needs."""

    name: str
    version: str
    server: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A Python executable and, where it belongs to one, its virtual environment."""

    python: Path
    virtualenv: Path | None

    def variables(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with the virtual environment activated, as the SDK's `toolchain.ActivateVirtualEnv` does."""
        variables = dict(base)
        if self.virtualenv is not None:
            variables.pop("PYTHONHOME", None)
            variables["VIRTUAL_ENV"] = str(self.virtualenv)
            paths = [str(self.virtualenv / "bin"), variables.get("PATH", "")]
            variables["PATH"] = os.pathsep.join(filter(None, paths))
        return variables

    def packages(self) -> list[Package]:
        """The installed Pulumi packages that need a plugin, by the `pulumi-plugin.json` that each SDK brings."""
        found = list[Package]()
        for folder in self._site_packages():
            for file in sorted(folder.glob("pulumi_*/pulumi-plugin.json")):
                described = json.loads(file.read_text("utf-8"))
                if described.get("resource"):
                    found.append(
                        Package(
                            name=described["name"],
                            version=f"v{described['version'].removeprefix('v')}",
                            server=described.get("server", ""),
                        )
                    )
        return found

    def dependencies(self, *, transitive: bool) -> list[tuple[str, str]]:
        """Name (as PyPI normalizes it) and version of what is installed; unless `transitive`, only what nothing else there asks for."""
        installed = [*importlib.metadata.distributions(path=[str(folder) for folder in self._site_packages()])]
        asked_for = set[str]() if transitive else {_name(line) for each in installed for line in each.requires or ()}
        return sorted((_name(each.name), each.version) for each in installed if _name(each.name) not in asked_for)

    def _site_packages(self) -> Iterable[Path]:
        return sorted(self.python.parent.parent.glob("lib/python3*/site-packages"))


def resolve(root: Path, options: Mapping[str, object]) -> Environment:
    """The environment of the project in `root`. Raises PluginError where there is none.

    Without a `virtualenv` it is `PULUMI_PYTHON_CMD`, `python3` or `python` from PATH.
    """
    named = options.get("virtualenv")
    if isinstance(named, str) and named:
        virtualenv = root / named
        python = virtualenv / "bin" / "python"
        if not python.is_file():
            state = "is not a virtual environment" if virtualenv.exists() else "does not exist"
            raise PluginError(
                f"The 'virtualenv' option of the project in {root} is {named!r}, but {virtualenv} {state}. "
                f"Make it with `python3 -m venv {virtualenv}` and install the program's dependencies into it."
            )
        return Environment(python=python, virtualenv=virtualenv)
    commands = [os.environ["PULUMI_PYTHON_CMD"]] if os.environ.get("PULUMI_PYTHON_CMD") else ["python3", "python"]
    for command in commands:
        if found := shutil.which(command):
            return Environment(python=Path(found), virtualenv=None)
    raise PluginError(f"None of {', '.join(commands)} is on PATH, and the project in {root} names no virtualenv.")


def _name(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""
