"""What this machine has for a project: Python, the engine with its plugins, git, kubeconfig contexts, and the stack's backend.

Nothing is written. What a program said is never shown whole, because it may be a secret.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import yaml

from tailstack.engine.pulumi import Pulumi
from tailstack.plain import entries, mapping
from tailstack.report.diagnosed import Mark, Point
from tailstack.topology.tailnet import Cluster

AREA = "this machine"
OLDEST_PYTHON = (3, 11)
PLUGINS = (("kubernetes", "pulumi-kubernetes"), ("tailscale", "pulumi-tailscale"))
"""Plugins of resources, and the packages whose versions theirs are."""

_COMPARISON = re.compile(r"(>=|<=|!=|>|<|=|)\s*v?(\d+)\.(\d+)\.(\d+)\Z")
_SECONDS = 30
_DEFAULT_KUBECONFIG = "~/.kube/config"

Version = tuple[int, int, int]


def python_point() -> Point:
    """The interpreter that runs this."""
    version = platform.python_version()
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Point(area=AREA, what="Python", mark=Mark.OK, told=version)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return Point(area=AREA, what="Python", mark=Mark.MISSING, told=version, mend=f"Install Python {oldest} or newer.")


def git_point(variables: Mapping[str, str]) -> Point:
    """Git, by which `diff` and `preview` compare revisions."""
    binary = shutil.which("git", path=variables.get("PATH"))
    if binary is None:
        mend = "Install git; `tailstack diff` and `tailstack preview` compare revisions with it."
        return Point(area=AREA, what="git", mark=Mark.MISSING, mend=mend)
    try:
        said = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return Point(area=AREA, what="git", mark=Mark.MISSING, told=f"{binary} does not run", mend="Install git anew.")
    return Point(area=AREA, what="git", mark=Mark.OK, told=said.strip().removeprefix("git version "))


def virtual_environment_point(project: Path) -> Point | None:
    """The virtual environment that the project's Pulumi.yaml names; None where it names none."""
    runtime = mapping(_project_file(project).get("runtime"))
    named = mapping(runtime.get("options")).get("virtualenv")
    if not isinstance(named, str):
        return None
    what = f"virtual environment {named}"
    if any(
        (project / named / folder / name).exists() for folder, name in (("bin", "python"), ("Scripts", "python.exe"))
    ):
        return Point(area=AREA, what=what, mark=Mark.OK)
    mend = f"python -m venv {named}, and install requirements/requirements.txt into it."
    return Point(area=AREA, what=what, mark=Mark.MISSING, mend=mend)


def engine_points(engine: Pulumi | None, project: Path) -> Iterator[Point]:
    """The engine and its version, and the plugins by theirs."""
    if engine is None:
        mend = "Install it (https://www.pulumi.com/docs/install), or work inside `tailstack sandbox shell`."
        yield Point(area=AREA, what="pulumi", mark=Mark.MISSING, told="not on PATH", mend=mend)
        return
    yield _engine_point(engine, str(_project_file(project).get("requiredPulumiVersion") or ""))
    yield from _plugin_points(engine)


def _engine_point(engine: Pulumi, required: str) -> Point:
    text = engine.plain("version").stdout.strip()
    version = version_of(text)
    needs = f" (the project needs {required})" if required else ""
    suits = version is not None and allows(required, version)
    if version is None or suits is None:
        return Point(area=AREA, what="pulumi", mark=Mark.UNKNOWN, told=f"{text or 'no version'}{needs}")
    if suits:
        return Point(area=AREA, what="pulumi", mark=Mark.OK, told=f"{text}{needs}")
    mend = f"Install a version of pulumi that is {required}."
    return Point(area=AREA, what="pulumi", mark=Mark.MISSING, told=f"{text}{needs}", mend=mend)


def _plugin_points(engine: Pulumi) -> Iterator[Point]:
    listed = _json_of(engine, "plugin", "ls", "--json")
    if not isinstance(listed, list):
        yield Point(area=AREA, what="plugins", mark=Mark.UNKNOWN, told="pulumi does not list them")
        return
    plugins = [mapping(one) for one in cast("list[object]", listed)]
    there = {(one.get("name"), str(one.get("version", "")).removeprefix("v")) for one in plugins}
    for name, package in PLUGINS:
        what = f"plugin {name}"
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            mend = "Install requirements/requirements.txt."
            yield Point(area=AREA, what=what, mark=Mark.MISSING, told=f"{package} is not installed", mend=mend)
            continue
        if (name, version) in there:
            yield Point(area=AREA, what=what, mark=Mark.OK, told=version)
        else:
            mend = f"pulumi plugin install resource {name} {version} (the engine does it by itself where it may)"
            yield Point(area=AREA, what=what, mark=Mark.MISSING, told=f"{version} is not installed", mend=mend)


def context_points(clusters: Sequence[Cluster], variables: Mapping[str, str]) -> Iterator[Point]:
    """Each context of a kubeconfig that the environment names."""
    named = {cluster.context: cluster.name for cluster in clusters if cluster.kubeconfig_secret is None}
    if not named:
        return
    files = [Path(each).expanduser() for each in (variables.get("KUBECONFIG") or _DEFAULT_KUBECONFIG).split(os.pathsep)]
    known, broken = _contexts(files)
    for file in broken:
        mend = "Mend the file, or leave it out of KUBECONFIG."
        yield Point(area=AREA, what=f"kubeconfig {file}", mark=Mark.MISSING, told="cannot be read as YAML", mend=mend)
    for context, cluster in named.items():
        what = f"context {context} for cluster {cluster}" if context else f"a current context for cluster {cluster}"
        if (context in known) if context else known:
            yield Point(area=AREA, what=what, mark=Mark.OK)
        else:
            mend = "Add it to the kubeconfig, or set KUBECONFIG to the file that has it."
            yield Point(area=AREA, what=what, mark=Mark.MISSING, told=f"not in {_joined(files)}", mend=mend)


def _contexts(files: Sequence[Path]) -> tuple[frozenset[str], tuple[Path, ...]]:
    known: set[str] = set()
    broken: list[Path] = []
    for file in files:
        try:
            loaded: object = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
        except (OSError, yaml.YAMLError, UnicodeDecodeError):
            broken.append(file)
            continue
        known.update(str(one.get("name", "")) for one in entries(mapping(loaded).get("contexts")))
    return frozenset(known), tuple(broken)


def stack_points(engine: Pulumi, project_name: str, stacks: Sequence[str], files: Sequence[Path]) -> Iterator[Point]:
    """The backend, whether it has the stacks, what decrypts their config, and whether somebody holds a lock."""
    who = _json_of(engine, "whoami", "--json")
    listed = _json_of(engine, "stack", "ls", "--json") if isinstance(who, dict) else None
    if not isinstance(who, dict) or not isinstance(listed, list):
        mend = "`pulumi login` to it, or set PULUMI_BACKEND_URL."
        yield Point(
            area=AREA, what="backend", mark=Mark.MISSING, told="it does not answer, or nobody is logged in", mend=mend
        )
        return
    url = str(cast("Mapping[str, object]", who).get("url", ""))
    yield Point(area=AREA, what="backend", mark=Mark.OK, told=_without_user(url))
    summaries = {str(one.get("name", "")): one for one in map(mapping, cast("list[object]", listed))}
    for stack, file in zip(stacks, files, strict=True):
        summary = summaries.get(stack) or summaries.get(stack.rpartition("/")[2])
        if summary is None:
            yield Point(area=AREA, what=f"stack {stack}", mark=Mark.MISSING, mend=f"pulumi stack init {stack}")
            continue
        yield Point(area=AREA, what=f"stack {stack}", mark=Mark.OK)
        yield from _secrets_points(engine, stack, file)
        yield _lock_point(stack, summary, url, project_name)


def _secrets_points(engine: Pulumi, stack: str, file: Path) -> Iterator[Point]:
    try:
        loaded: object = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        mend = "Mend the file; `pulumi config --stack` reads it too."
        yield Point(area=AREA, what=f"config of {stack}", mark=Mark.MISSING, told="it is not YAML", mend=mend)
        return
    settings = mapping(loaded)
    provider = str(settings.get("secretsprovider") or ("passphrase" if "encryptionsalt" in settings else ""))
    if not provider:
        return
    what = f"secrets of {stack}"
    kind = provider.partition(":")[0]
    if engine.plain("config", "--show-secrets", "--json", "--stack", stack).returncode == 0:
        yield Point(area=AREA, what=what, mark=Mark.OK, told=f"{kind} decrypts them")
    elif kind == "passphrase":
        mend = "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the stack's passphrase."
        yield Point(area=AREA, what=what, mark=Mark.MISSING, told="the passphrase is not there, or wrong", mend=mend)
    else:
        mend = f"Log in to {kind} with rights to use the key that the stack's config names."
        yield Point(area=AREA, what=what, mark=Mark.MISSING, told=f"{kind} does not decrypt them", mend=mend)


def _lock_point(stack: str, summary: Mapping[str, Any], url: str, project_name: str) -> Point:
    what = f"lock of {stack}"
    held = summary.get("updateInProgress")
    if isinstance(held, bool):
        told = "another update is in progress" if held else "nobody holds it"
        mend = f"Wait until it has ended. If it was killed: pulumi cancel --stack {stack}" if held else ""
        return Point(area=AREA, what=what, mark=Mark.MISSING if held else Mark.OK, told=told, mend=mend)
    parts = urlsplit(url)
    if parts.scheme != "file":
        return Point(area=AREA, what=what, mark=Mark.UNKNOWN, told="this backend tells it only to an update")
    # `stackLockDir` in pkg/backend/diy/lock.go of pulumi 3.250.0.
    name = stack.rpartition("/")[2]
    root = Path(unquote(parts.netloc + parts.path)).expanduser()
    folder = root / ".pulumi" / "locks" / "organization" / project_name / name
    locks = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not locks:
        return Point(area=AREA, what=what, mark=Mark.OK, told="nobody holds it")
    mend = f"Wait until it has ended. If it was killed: pulumi cancel --stack {stack}"
    return Point(area=AREA, what=what, mark=Mark.MISSING, told=f"held by {_joined(map(_holder, locks))}", mend=mend)


def _holder(file: Path) -> str:
    try:
        lock = mapping(cast("object", json.loads(file.read_text(encoding="utf-8"))))
        since = datetime.fromisoformat(str(lock["timestamp"])).strftime("%Y-%m-%d %H:%M")
        return f"{lock['username']} on {lock['hostname']} since {since}"
    except (OSError, ValueError, KeyError):
        return "somebody"


def version_of(text: str) -> Version | None:
    """The three numbers of `v3.250.0`, whatever stands behind them; None for anything else."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def allows(required: str, version: Version) -> bool | None:
    """Whether a range such as `>=3.250.0 <4.0.0` holds the version (`||` between alternatives); None where it is written
    otherwise: https://www.pulumi.com/docs/iac/concepts/projects/project-file/#attributes."""
    alternatives = [[_COMPARISON.match(one) for one in _comparisons(part)] for part in required.split("||")]
    if any(one is None for alternative in alternatives for one in alternative):
        return None
    return any(
        all(_holds(one[1], version, (int(one[2]), int(one[3]), int(one[4]))) for one in alternative if one is not None)
        for alternative in alternatives
    )


def _comparisons(text: str) -> list[str]:
    return re.sub(r"([<>=!])\s+", r"\1", text).split()


def _holds(sign: str, version: Version, other: Version) -> bool:
    match sign:
        case ">=":
            return version >= other
        case "<=":
            return version <= other
        case ">":
            return version > other
        case "<":
            return version < other
        case "!=":
            return version != other
        case _:
            return version == other


def _json_of(engine: Pulumi, *arguments: str) -> object:
    """What a command of the engine prints as JSON; None where it fails or prints something else."""
    done = engine.plain(*arguments)
    try:
        return cast("object", json.loads(done.stdout)) if done.returncode == 0 else None
    except ValueError:
        return None


def _project_file(project: Path) -> Mapping[str, Any]:
    loaded: object = yaml.safe_load((project / "Pulumi.yaml").read_text(encoding="utf-8"))
    return mapping(loaded)


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(f"{parts.netloc}", parts.netloc.rpartition("@")[2], 1) if "@" in parts.netloc else url


def _joined(items: Any) -> str:  # noqa: ANN401  anything that can be listed
    return ", ".join(map(str, items))
