"""A sandbox's life: up, down, what runs, and the environment in which programs use it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tailstack.sandbox import clusters as control_planes
from tailstack.sandbox import processes, supervisor
from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.folder import Folder, PluginsRecord, ProcessRecord, Record
from tailstack.sandbox.plugins.install import Choice, install
from tailstack.sandbox.services import Order
from tailstack.sandbox.toolchain import DEMO_TOOLS, ensure

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

_STOP_SECONDS = 40.0

# What would lead a program out of the sandbox, to the user's own accounts and clusters.
_FOREIGN_PREFIXES = ("PULUMI_", "TAILSCALE_", "OAUTH_CLIENT_", "TS_", "HELM_", "KUBE", "TAILSTACK_")
_LOOPBACK = "127.0.0.1,localhost"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """A sandbox that runs."""

    folder: Path
    kubeconfig: Path
    """A context for each cluster, named as the cluster."""
    clusters: Mapping[str, str]
    """The address of each API server, by the cluster's name."""
    api_url: str
    """The address of the HTTP API's stand-in."""
    processes: Mapping[str, int]
    """Process ids by name: "etcd", "kube-apiserver blue", "kube-controller-manager blue", "tailscale-api"."""
    tools: Mapping[str, Path]
    """Paths of the programs, by name; "chart" is a folder."""
    plugins: PluginsRecord
    """Which plugins the engine uses."""

    def environment(self) -> dict[str, str]:
        """As `environment` of this module."""
        return environment(self.folder)


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """What is known about the sandbox in a folder."""

    folder: Path
    record: Record | None
    """None when it does not run."""
    starting: bool
    """Whether it is being started at this moment."""
    ended: tuple[ProcessRecord, ...]
    """Those of its processes that ended although the sandbox runs."""


def up(
    folder: Path,
    *,
    clusters: Sequence[str] | None = None,
    plugins: str = "auto",
    tools: Mapping[str, Path] | None = None,
) -> Sandbox:
    """Start the sandbox in `folder` and leave it running; one that runs already is given as it is.

    `clusters` are the clusters' names (by default blue and green), `plugins` is "auto", "official",
    "stand-in" or the path of a folder. `tools` are built when they are not given. Raises SandboxError when anything does not start; nothing runs then.
    """
    place = Folder(folder.resolve())
    running = place.running()
    if running is not None:
        if clusters is not None and set(clusters) != set(running.clusters):
            raise SandboxError(
                f"The sandbox in {place.path} runs already, with the clusters {', '.join(running.clusters)}."
                " Take it down first: tailstack sandbox down"
            )
        return _sandbox(place, running)
    parent = _start(place, clusters or control_planes.DEFAULT_CLUSTERS, plugins, tools)
    parent.detach()
    return _ready(place)


@contextlib.contextmanager
def running_sandbox(
    folder: Path,
    *,
    clusters: Sequence[str] = control_planes.DEFAULT_CLUSTERS,
    tools: Mapping[str, Path] | None = None,
    keep: bool = False,
) -> Generator[Sandbox]:
    """A sandbox that runs as long as the block, and ends with this process even when that is killed.

    `folder` is deleted afterwards unless `keep`. Raises SandboxError when anything does not start, or when a sandbox
    runs there already.
    """
    place = Folder(folder.resolve())
    parent = _start(place, clusters, "auto", tools)
    try:
        yield _ready(place)
    finally:
        parent.end()
        if not keep:
            place.delete()


def down(folder: Path, *, keep: bool = False) -> bool:
    """End the sandbox in `folder`, and delete the folder unless `keep`; says whether it was running.

    Only processes that are still those that were started are ended. Raises SandboxError when the folder is not a
    sandbox's.
    """
    place = Folder(folder.resolve())
    holder, record = place.holder(), place.read()
    if holder is not None:
        processes.end(holder, grace=_STOP_SECONDS)
    if record is not None:
        # Nobody is left of these unless the supervisor was killed where the kernel does not see to it.
        processes.end_all([entry.process for entry in record.processes], grace=_STOP_SECONDS)
    if keep:
        place.record_file.unlink(missing_ok=True)
    else:
        place.delete()
    return holder is not None


def status(folder: Path) -> Status:
    """What runs of the sandbox in `folder`."""
    place = Folder(folder.resolve())
    record = place.running()
    ended = [entry for entry in record.processes if not processes.is_running(entry.process)] if record else []
    return Status(
        folder=place.path,
        record=record,
        starting=record is None and place.holder() is not None,
        ended=tuple(ended),
    )


def environment(folder: Path) -> dict[str, str]:
    """A whole environment in which pulumi, kubectl and helm use the sandbox in `folder` and nothing else.

    What this process has is kept but for variables of Pulumi, Tailscale, Helm and Kubernetes. Besides their own variables
    it sets TAILSTACK_SANDBOX (the folder) and TAILSTACK_OPERATOR_CHART (the operator's chart). Raises SandboxError when
    the sandbox does not run.
    """
    place = Folder(folder.resolve())
    record = place.running()
    if record is None:
        raise SandboxError(f"No sandbox runs in {place.path}. Start it: tailstack sandbox up")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN_PREFIXES)}
    programs = [str(place.bin)]
    if sys.prefix != sys.base_prefix:
        kept["VIRTUAL_ENV"] = sys.prefix
        programs.append(os.path.join(sys.prefix, "bin"))  # noqa: PTH118 -- not to be resolved
    not_proxied = ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), _LOOPBACK)))
    return kept | {
        "PATH": os.pathsep.join([*programs, kept.get("PATH", os.defpath)]),
        "KUBECONFIG": str(place.kubeconfig),
        "PULUMI_HOME": str(place.pulumi_home),
        "PULUMI_BACKEND_URL": place.backend.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "HELM_CACHE_HOME": str(place.helm / "cache"),
        "HELM_CONFIG_HOME": str(place.helm / "config"),
        "HELM_DATA_HOME": str(place.helm / "data"),
        # Where helm keeps what API servers told it of their kinds; by default in the user's home.
        "KUBECACHEDIR": str(place.helm / "kube"),
        "NO_PROXY": not_proxied,
        "no_proxy": not_proxied,
        "TAILSCALE_BASE_URL": record.api_url,
        "TAILSCALE_API_KEY": place.api_key.read_text().strip(),
        **record.plugins.environment,
        "TAILSTACK_SANDBOX": str(place.path),
        "TAILSTACK_OPERATOR_CHART": record.tools["chart"],
    }


class _Parent:
    """The parent's side of a supervisor: the pipes between them."""

    def __init__(self, place: Folder, order: Order) -> None:
        self._log = place.log("supervisor")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", supervisor.__name__, order.to_json()],
                cwd=place.path,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Raises SandboxError when the supervisor says that it failed, or ends without a word."""
        assert self._process.stdout is not None  # noqa: S101 -- it was started with a pipe
        line = self._process.stdout.readline()
        event = json.loads(line) if line.endswith(b"\n") else {"event": "failed"}
        if event["event"] != "ready":
            raise SandboxError(event.get("message") or f"The sandbox's supervisor ended; its log is {self._log}.")

    def end(self) -> None:
        """Let the sandbox end, and wait for that."""
        self._process.communicate()

    def detach(self) -> None:
        """Let the sandbox go on without us."""
        assert self._process.stdin is not None  # noqa: S101 -- it was started with pipes
        assert self._process.stdout is not None  # noqa: S101 -- as above
        with self._process.stdin as pipe:
            pipe.write(supervisor.DETACH)
        # The supervisor closes its side once it has understood.
        with self._process.stdout as pipe:
            pipe.read()
        # It lives on, and nobody is to wait for it, nor to complain that nobody did.
        self._process.returncode = 0


def _start(
    place: Folder,
    clusters: Sequence[str],
    plugins: str,
    tools: Mapping[str, Path] | None,
) -> _Parent:
    control_planes.check_names(clusters)
    choice = Choice.parse(plugins)
    tools = tools or ensure(DEMO_TOOLS)
    place.make()
    if place.holder() is not None:
        raise SandboxError(f"The sandbox in {place.path} runs already, or is being started.")
    installed = install(place.pulumi_home, choice, engine=tools["pulumi"])
    tools = {**tools, "pulumi": installed.engine or tools["pulumi"]}
    _link(place, tools)
    order = Order(
        folder=str(place.path),
        clusters=tuple(clusters),
        tools={name: str(path) for name, path in tools.items()},
        plugins=PluginsRecord(source=installed.source, names=installed.plugins, environment=installed.environment),
    )
    parent = _Parent(place, order)
    try:
        parent.wait_until_ready()
    except BaseException:
        parent.end()
        raise
    return parent


def _link(place: Folder, tools: Mapping[str, Path]) -> None:
    """Put what is not on PATH where PATH finds it, and the chart where a file in the project can name it."""
    for stale in place.bin.iterdir():
        stale.unlink()
    for name, path in tools.items():
        link = place.chart if name == "chart" else place.bin / name
        link.unlink(missing_ok=True)
        if shutil.which(name) != str(path):
            link.symlink_to(path)


def _ready(place: Folder) -> Sandbox:
    record = place.running()
    if record is None:
        raise SandboxError(f"The sandbox ended as soon as it was ready; its logs are in {place.logs}.")
    return _sandbox(place, record)


def _sandbox(place: Folder, record: Record) -> Sandbox:
    return Sandbox(
        folder=place.path,
        kubeconfig=place.kubeconfig,
        clusters=record.clusters,
        api_url=record.api_url,
        processes={entry.name: entry.process.pid for entry in record.processes},
        tools={name: Path(path) for name, path in record.tools.items()},
        plugins=record.plugins,
    )
