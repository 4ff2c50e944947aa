"""The folder of one sandbox: what lies where, and who may delete it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.processes import Identity, identity, is_running

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

_MARKER = "tailstack-sandbox"
_MARKER_TEXT = "A sandbox of tailstack. `tailstack sandbox down` deletes this folder.\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessRecord:
    """One process of a running sandbox."""

    name: str
    """What it is, and of which cluster: "etcd", "kube-apiserver green"."""
    process: Identity
    address: str
    """Where it listens; "" where it does not."""
    log: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginsRecord:
    """The plugins that the engine of a sandbox uses."""

    source: str
    """"official", "stand-in" or "folder"; never a mix."""
    names: tuple[str, ...]
    """As "resource-tailscale 0.29.2"."""
    environment: Mapping[str, str]
    """Variables that every run of the engine needs to find them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What a sandbox says about itself once it is ready; in the folder only while it runs."""

    supervisor: Identity
    processes: tuple[ProcessRecord, ...]
    clusters: Mapping[str, str]
    """The address of the API server of each cluster, by the cluster's name, which is its context in the kubeconfig."""
    api_url: str
    """The HTTP API's stand-in."""
    tools: Mapping[str, str]
    """The path of each tool."""
    plugins: PluginsRecord


@dataclass(frozen=True, slots=True)
class Folder:
    """The paths below `path`, which is absolute."""

    path: Path

    @property
    def record_file(self) -> Path:
        """Written when the sandbox is ready, removed when it ends; readable by its owner only."""
        return self.path / "sandbox.json"

    @property
    def kubeconfig(self) -> Path:
        """A context for each cluster; readable by its owner only."""
        return self.path / "kubeconfig"

    @property
    def logs(self) -> Path:
        """A file for each process."""
        return self.path / "logs"

    @property
    def etcd(self) -> Path:
        """What the clusters hold; etcd also runs here, so that its sockets have short names."""
        return self.path / "etcd"

    @property
    def api(self) -> Path:
        """What the HTTP API's stand-in holds."""
        return self.path / "api"

    @property
    def api_key(self) -> Path:
        """The key of the stand-in's admin; readable by its owner only."""
        return self.api / "api-key"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's own folder: plugins and credentials."""
        return self.path / "pulumi"

    @property
    def backend(self) -> Path:
        """The state of the stacks."""
        return self.path / "state"

    @property
    def helm(self) -> Path:
        """Helm's own folders."""
        return self.path / "helm"

    @property
    def bin(self) -> Path:
        """A link to each tool that is not on PATH."""
        return self.path / "bin"

    @property
    def chart(self) -> Path:
        """A link to the operator's chart."""
        return self.path / "chart"

    @property
    def marker(self) -> Path:
        """Says that the folder is ours to delete."""
        return self.path / _MARKER

    @property
    def _lock_file(self) -> Path:
        return self.path / "lock"

    def log(self, name: str) -> Path:
        """The log of the process `name`."""
        return self.logs / f"{name.replace(' ', '-')}.log"

    def make(self) -> None:
        """Make the folder with what must be there; readable by its owner only.

        Raises SandboxError when it has contents that are not a sandbox's.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self.marker.exists():
                if any(self.path.iterdir()):
                    raise SandboxError(
                        f"{self.path} is not empty and not a sandbox of tailstack: name another folder with --folder."
                    )
                self.path.chmod(0o700)
                self.marker.write_text(_MARKER_TEXT)
            folders = (self.logs, self.etcd, self.api, self.pulumi_home, self.backend, self.helm, self.bin)
            for folder in folders:
                folder.mkdir(exist_ok=True)
            # etcd refuses a data folder that others may read.
            self.etcd.chmod(0o700)
        except OSError as error:
            raise SandboxError(f"The sandbox's folder cannot be made: {error}") from error

    def delete(self) -> None:
        """Remove the folder with all it holds. Raises SandboxError when it is not a sandbox's."""
        if not self.path.exists():
            return
        if not self.marker.exists():
            raise SandboxError(f"{self.path} is not a sandbox of tailstack: nothing was deleted.")
        shutil.rmtree(self.path)

    @contextlib.contextmanager
    def locked(self) -> Generator[bool]:
        """Try to become the one process that runs this sandbox; gives whether that worked.

        The kernel drops the lock when its holder ends, however it ends.
        """
        with self._lock_file.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                own = identity(os.getpid())
                assert own is not None  # noqa: S101 -- this process runs
                file.truncate(0)
                file.write(json.dumps(asdict(own)))
                file.flush()
                yield True
                file.truncate(0)

    def holder(self) -> Identity | None:
        """The supervisor that runs this sandbox, ready or not."""
        try:
            holder = Identity(**json.loads(self._lock_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return holder if is_running(holder) else None

    def write(self, record: Record) -> None:
        """Put `record` into the folder, all at once."""
        write_private(self.record_file, json.dumps(asdict(record), indent=1))

    def read(self) -> Record | None:
        """The record, if the sandbox has one that this version understands."""
        try:
            return _record(json.loads(self.record_file.read_text()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def running(self) -> Record | None:
        """The record, if its supervisor runs."""
        record = self.read()
        return record if record is not None and is_running(record.supervisor) else None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all at once: it is never there with half its contents."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)


def plugins_record(document: Mapping[str, Any]) -> PluginsRecord:
    """Of a PluginsRecord that went through JSON."""
    return PluginsRecord(
        source=str(document["source"]), names=tuple(document["names"]), environment=dict(document["environment"])
    )


def _record(document: dict[str, Any]) -> Record:
    return Record(
        supervisor=Identity(**document["supervisor"]),
        processes=tuple(
            ProcessRecord(
                name=str(entry["name"]),
                process=Identity(**entry["process"]),
                address=str(entry["address"]),
                log=str(entry["log"]),
            )
            for entry in document["processes"]
        ),
        clusters=dict(document["clusters"]),
        api_url=str(document["api_url"]),
        tools=dict(document["tools"]),
        plugins=plugins_record(document["plugins"]),
    )
