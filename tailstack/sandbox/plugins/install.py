"""Put the three plugins that the program needs where the engine of the sandbox looks for them, all of one origin.

The engine looks for a plugin on PATH, then (the language host) beside the `pulumi` executable, then in
`$PULUMI_HOME/plugins/<kind>-<name>-v<version>/` (`go/common/workspace/plugins.go` of the SDK's Go module). The stand-ins
go into the last place, and what the first two would slip in is kept out.
"""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from tailstack.sandbox.failure import SandboxError


class Source(StrEnum):
    """Where the plugins come from."""

    AUTO = "auto"
    """The official ones if all three are there, else the stand-ins."""
    OFFICIAL = "official"
    STAND_IN = "stand-in"
    FOLDER = "folder"
    """A folder that holds all three, laid out as `$PULUMI_HOME/plugins`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What the user asked for with `--plugins`."""

    source: Source = Source.AUTO
    folder: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Choice:
        """`auto`, `official`, `stand-in` or the path of a folder. Raises SandboxError for anything else."""
        if text in (Source.AUTO, Source.OFFICIAL, Source.STAND_IN):
            return cls(source=Source(text))
        folder = Path(text).expanduser()
        if not folder.is_dir():
            raise SandboxError(f"Plugins can be auto, official, stand-in or a folder; {text!r} is none of them.")
        return cls(source=Source.FOLDER, folder=folder.resolve())


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """What `install` has put in place."""

    source: Source
    """Never AUTO: what auto came to."""
    plugins: tuple[str, ...]
    """The plugins, as `language-python 3.250.0`."""
    engine: Path | None
    """The `pulumi` to run: the one given, or a link to it that has no language host beside it."""
    environment: Mapping[str, str]
    """Variables that every run of the engine needs, so that nothing on PATH comes before these plugins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plugin:
    kind: str
    name: str
    distribution: str
    module: str

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.distribution)

    @property
    def folder(self) -> str:
        return f"{self.kind}-{self.name}-v{self.version}"

    @property
    def program(self) -> str:
        return f"pulumi-{self.kind}-{self.name}"

    @property
    def how_to_get(self) -> str:
        if self.kind == "language":
            return f"install Pulumi {self.version}, which brings it"
        return f"pulumi plugin install {self.kind} {self.name} {self.version}"


_LANGUAGE: Final = _Plugin(
    kind="language", name="python", distribution="pulumi", module="tailstack.sandbox.plugins.language"
)
_KUBERNETES: Final = _Plugin(
    kind="resource",
    name="kubernetes",
    distribution="pulumi-kubernetes",
    module="tailstack.sandbox.plugins.kubernetes",
)
_TAILSCALE: Final = _Plugin(
    kind="resource", name="tailscale", distribution="pulumi-tailscale", module="tailstack.sandbox.plugins.tailscale"
)
_ALL: Final = (_LANGUAGE, _KUBERNETES, _TAILSCALE)
_ENVIRONMENT: Final = {"PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}


def install(pulumi_home: Path, choice: Choice, *, engine: Path | None = None) -> Installed:
    """Fill `pulumi_home/plugins` with the three plugins of one origin; what was there of them is replaced.

    `engine` is the `pulumi` that will run. Raises SandboxError where a plugin is missing, and says how to get it.
    """
    if choice.source is Source.FOLDER and choice.folder is not None:
        return _linked(pulumi_home, Source.FOLDER, _in_folder(choice.folder), engine)
    found = _official(pulumi_home, engine) if choice.source is not Source.STAND_IN else {}
    missing = [plugin for plugin in _ALL if plugin not in found]
    if choice.source is Source.OFFICIAL and missing:
        raise SandboxError(
            "Of the official plugins, these are missing:\n"
            + "\n".join(f"  {plugin.folder}: {plugin.how_to_get}" for plugin in missing)
            + "\nOr use the sandbox's own: --plugins stand-in"
        )
    if choice.source is Source.STAND_IN or missing:
        return _stand_ins(pulumi_home, engine)
    return _linked(pulumi_home, Source.OFFICIAL, found, engine)


def _in_folder(folder: Path) -> dict[_Plugin, Path]:
    found = {plugin: folder / plugin.folder for plugin in _ALL if (folder / plugin.folder / plugin.program).is_file()}
    missing = [f"{plugin.folder}/{plugin.program}" for plugin in _ALL if plugin not in found]
    if missing:
        raise SandboxError(f"The folder {folder} lacks {', '.join(missing)}.")
    return found


def _official(pulumi_home: Path, engine: Path | None) -> dict[_Plugin, Path]:
    """The folders of those official plugins that the user has, by exact version."""
    homes = [Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser(), Path("~/.pulumi").expanduser()]
    caches = [home / "plugins" for home in homes if home.resolve() != pulumi_home.resolve()]
    found = {
        plugin: cache / plugin.folder
        for plugin in _ALL
        for cache in reversed(caches)
        if (cache / plugin.folder / plugin.program).is_file() and not _is_stand_in(cache / plugin.folder, plugin)
    }
    host = _host_of(engine)
    if _LANGUAGE not in found and host is not None:
        found[_LANGUAGE] = host.parent
    return found


def _host_of(engine: Path | None) -> Path | None:
    """The language host that comes with `engine`."""
    if engine is None:
        return None
    host = engine.resolve().with_name(_LANGUAGE.program)
    return host if os.access(host, os.X_OK) else None


def _is_stand_in(folder: Path, plugin: _Plugin) -> bool:
    with (folder / plugin.program).open("rb") as file:
        return plugin.module.encode() in file.read(4096)


def _linked(pulumi_home: Path, source: Source, found: Mapping[_Plugin, Path], engine: Path | None) -> Installed:
    for plugin in _ALL:
        origin = found[plugin]
        # A language host that came with the engine lies among other programs, of which none belongs to it but its helper.
        pattern = f"{plugin.program}*" if origin.name != plugin.folder else "*"
        target = _emptied(pulumi_home, plugin)
        for file in origin.glob(pattern):
            (target / file.name).symlink_to(file.resolve())
    # A host of ours in a folder must not lose to the one that came with the engine.
    bare = _without_host(pulumi_home, engine) if source is Source.FOLDER else engine
    return Installed(source=source, plugins=_names(_ALL), engine=bare, environment=_ENVIRONMENT)


def _stand_ins(pulumi_home: Path, engine: Path | None) -> Installed:
    for plugin in _ALL:
        script = _emptied(pulumi_home, plugin) / plugin.program
        # -P: the working directory is the user's program, and its modules are not this plugin's.
        command = f'exec {shlex.quote(sys.executable)} -P -m {plugin.module} "$@"'
        script.write_text(f"#!/bin/sh\n{command}\n", "utf-8")
        script.chmod(0o755)
    return Installed(
        source=Source.STAND_IN,
        plugins=_names(_ALL),
        engine=_without_host(pulumi_home, engine),
        environment=_ENVIRONMENT,
    )


def _emptied(pulumi_home: Path, plugin: _Plugin) -> Path:
    """The plugin's folder, new; no other version of it is left, of which the engine might take the newest."""
    plugins = pulumi_home / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    for old in plugins.glob(f"{plugin.kind}-{plugin.name}-v*"):
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink()
    folder = plugins / plugin.folder
    folder.mkdir()
    return folder


def _without_host(pulumi_home: Path, engine: Path | None) -> Path | None:
    """`engine`, or where a language host lies beside it, the same program in a place of its own."""
    if engine is None or _host_of(engine) is None:
        return engine
    own = pulumi_home / "bin" / "pulumi"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.unlink(missing_ok=True)
    # A symbolic link would not do: the engine looks beside the file that it leads to.
    try:
        own.hardlink_to(engine.resolve())
    except OSError:
        shutil.copy2(engine.resolve(), own)
    return own


def _names(plugins: Sequence[_Plugin]) -> tuple[str, ...]:
    return tuple(f"{plugin.kind}-{plugin.name} {plugin.version}" for plugin in plugins)
