"""The one process that owns a running sandbox: it starts everything, watches it, and takes it all along when it ends.

Started by `lifecycle` as `python -m tailstack.sandbox.supervisor`, with an order as JSON in its first argument. On stdout
it writes JSON lines: {"event": "progress", "text": …}, then {"event": "ready"} or {"event": "failed", "message": …}.
On stdin it listens: the line `detach` lets it go on without its parent; the end of the pipe without it ends the sandbox,
so that nothing stays behind when the parent is killed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tailstack.sandbox import clusters, processes
from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.folder import Folder, ProcessRecord, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

API_MODULE = "tailstack.sandbox.api"

_READY_SECONDS = 120.0
_GRACE_SECONDS = 8.0
_POLL_SECONDS = 0.03
_PORT_TRIES = 5
_LOG_LINES = 8
DETACH = b"detach\n"
_PORT_TAKEN = b"address already in use"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to run."""

    folder: str
    clusters: tuple[str, ...]
    tools: Mapping[str, str]
    plugins: str


@dataclass(kw_only=True, slots=True)
class Child:
    """A process that was started, and what is known about it."""

    name: str
    process: subprocess.Popen[bytes]
    identity: processes.Identity
    log: Path
    address: str = ""
    ended: bool = False


class Stopped(Exception):  # noqa: N818 -- a request, not an error
    """Somebody asked the sandbox to end, or the parent that it belongs to is gone."""


class Requests:
    """What others ask of this process: by a signal, or on stdin."""

    def __init__(self) -> None:
        self._ended = False
        self._detached = False
        self._woken, waker = os.pipe()
        for descriptor in (self._woken, waker):
            os.set_blocking(descriptor, False)
        # The byte in the pipe wakes the wait below; the handlers themselves have nothing to do.
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._end)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def wait(self, seconds: float | None) -> None:
        """Wait for `seconds`, or until something happens. Raises Stopped when the sandbox is to end."""
        waited_for = [self._woken] if self._detached else [self._woken, 0]
        readable, _, _ = select.select(waited_for, [], [], seconds)
        if self._woken in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken, 4096)
        if 0 in readable:
            self._detached = os.read(0, 4096).startswith(DETACH)
            self._ended = self._ended or not self._detached
            if self._detached:
                # The parent waits for the end of our stdout to know that it may go.
                with Path(os.devnull).open("wb") as nowhere:
                    os.dup2(nowhere.fileno(), 1)
        if self._ended:
            raise Stopped

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ended = True


@dataclass(kw_only=True, slots=True)
class Supervisor:
    """Starts the processes of one sandbox, in the order in which they need each other."""

    order: Order
    folder: Folder
    guard: subprocess.Popen[str]
    requests: Requests
    children: list[Child] = field(default_factory=list[Child])
    api_url: str = ""
    variables: dict[str, str] = field(default_factory=dict[str, str])
    ports: dict[str, int] = field(default_factory=dict[str, int])

    def start(self) -> Record:
        """Start everything and wait until it answers. Raises SandboxError when something does not."""
        deadline = time.monotonic() + _READY_SECONDS
        etcd = self.spawn(
            "etcd", clusters.etcd_command(self.tool("etcd")), address=str(clusters.etcd_socket(self.folder))
        )
        api = self.start_api()
        known = [clusters.prepare(self.folder, name) for name in self.order.clusters]
        self.wait("etcd", lambda: clusters.etcd_socket(self.folder).exists(), [etcd], deadline)
        starting = {cluster.name: (cluster, self.start_apiserver(cluster)) for cluster in known}
        tries = dict.fromkeys(starting, 1)
        while starting:
            for name, (cluster, child) in list(starting.items()):
                if child.process.poll() is not None and tries[name] < _PORT_TRIES and _lost_its_port(child):
                    self.children.remove(child)
                    tries[name] += 1
                    starting[name] = (cluster, self.start_apiserver(cluster))
                elif clusters.answers(cluster, self.ports[name], "/readyz"):
                    clusters.write_kubeconfig(cluster.kubeconfig, [cluster], self.ports)
                    self.start_controllers(cluster)
                    del starting[name]
            self.wait_a_moment(f"kube-apiserver {next(iter(starting), '')}", self.children, deadline)
        if api is not None:
            self.wait_for_api(api, deadline)
        for cluster in known:
            self.wait(
                f"kube-controller-manager {cluster.name}",
                # Made by a controller: whoever makes it has started them all.
                lambda cluster=cluster: clusters.answers(
                    cluster, self.ports[cluster.name], "/api/v1/namespaces/default/serviceaccounts/default"
                ),
                self.children,
                deadline,
            )
        clusters.write_kubeconfig(self.folder.kubeconfig, known, self.ports)
        return self.record()

    def record(self) -> Record:
        """What runs now."""
        own = processes.identity(os.getpid())
        assert own is not None  # noqa: S101 -- this process runs
        return Record(
            supervisor=own,
            processes=tuple(
                ProcessRecord(name=child.name, process=child.identity, address=child.address, log=str(child.log))
                for child in self.children
            ),
            clusters={name: clusters.url(self.ports[name]) for name in self.order.clusters},
            api_url=self.api_url,
            variables=self.variables,
            tools=self.order.tools,
            plugins=self.order.plugins,
        )

    def tool(self, name: str) -> Path:
        return Path(self.order.tools[name])

    def spawn(self, name: str, command: Sequence[str], *, address: str = "", answers: bool = False) -> Child:
        log = self.folder.log(name)
        process = processes.spawn(
            command, folder=self.folder.etcd, log=log, environment=_environment(), answers=answers
        )
        identity = processes.identity(process.pid)
        if identity is None:
            raise SandboxError(f"{name} ended as soon as it was started.{_end_of(log)}")
        child = Child(name=name, process=process, identity=identity, log=log, address=address)
        self.children.append(child)
        assert self.guard.stdin is not None  # noqa: S101 -- it was started with a pipe
        self.guard.stdin.write(f"{identity.pid} {identity.started}\n")
        self.guard.stdin.flush()
        return child

    def start_apiserver(self, cluster: clusters.Cluster) -> Child:
        port = clusters.port_for(cluster)
        self.ports[cluster.name] = port
        cluster.port_file.write_text(str(port))
        return self.spawn(
            f"kube-apiserver {cluster.name}",
            clusters.apiserver_command(self.tool("kube-apiserver"), cluster, port),
            address=clusters.url(port),
        )

    def start_controllers(self, cluster: clusters.Cluster) -> Child:
        command = clusters.controllers_command(self.tool("kube-controller-manager"), cluster)
        return self.spawn(f"kube-controller-manager {cluster.name}", command)

    def start_api(self) -> Child | None:
        if importlib.util.find_spec(f"{API_MODULE}.__main__") is None:
            return None
        command = [sys.executable, "-P", "-m", API_MODULE, "--folder", str(self.folder.api)]
        return self.spawn("tailscale-api", command, answers=True)

    def wait_for_api(self, api: Child, deadline: float) -> None:
        """Read the line in which the stand-in says where it listens."""
        pipe = api.process.stdout
        assert pipe is not None  # noqa: S101 -- it was started with a pipe
        os.set_blocking(pipe.fileno(), False)
        text = b""

        def said() -> bool:
            nonlocal text
            text += pipe.read() or b""
            return b"\n" in text

        self.wait("tailscale-api", said, [api], deadline)
        try:
            document = json.loads(text.split(b"\n", 1)[0])
            self.api_url = str(document["url"])
        except (ValueError, KeyError, TypeError) as error:
            raise SandboxError(f"tailscale-api does not say where it listens.{_end_of(api.log)}") from error
        api.address = self.api_url
        self.variables = {str(name): str(value) for name, value in document.get("variables", {}).items()}

    def wait(self, name: str, done: Callable[[], bool], alive: Sequence[Child], deadline: float) -> None:
        """Wait until `done`, as long as all of `alive` are, and time is left."""
        while not done():
            self.wait_a_moment(name, alive, deadline)

    def wait_a_moment(self, name: str, alive: Sequence[Child], deadline: float) -> None:
        self.requests.wait(_POLL_SECONDS)
        for child in alive:
            code = child.process.poll()
            if code is not None and not _lost_its_port(child):
                raise SandboxError(f"{child.name} ended with {code} while it was starting.{_end_of(child.log)}")
        if time.monotonic() > deadline:
            log = self.folder.log(name)
            raise SandboxError(f"{name} was not ready after {_READY_SECONDS:.0f} s.{_end_of(log)}")

    def watch(self) -> None:
        """Stay until somebody asks for the end; note in the log who of the children ended before."""
        while True:
            self.requests.wait(None)
            for child in self.children:
                code = child.process.poll()
                if code is not None and not child.ended:
                    child.ended = True
                    _note(f"{child.name} ended with {code}; its log is {child.log}")

    def stop(self) -> None:
        """End all children, those who use others first."""
        layers = ("kube-controller-manager", "tailscale-api"), ("kube-apiserver",), ("etcd",)
        for layer in layers:
            ending = [child for child in self.children if child.name.startswith(layer)]
            processes.end_all([child.identity for child in ending], grace=_GRACE_SECONDS)
            for child in ending:
                child.process.wait()


def main() -> None:
    """Run the sandbox of the order in the first argument until it is to end."""
    document = json.loads(sys.argv[1])
    order = Order(
        folder=str(document["folder"]),
        clusters=tuple(document["clusters"]),
        tools=dict(document["tools"]),
        plugins=str(document["plugins"]),
    )
    folder = Folder(Path(order.folder))
    requests = Requests()
    with folder.locked() as mine:
        if not mine:
            _say({"event": "failed", "message": f"The sandbox in {folder.path} runs already, or is being started."})
            return
        _run(order, folder, requests)


def _run(order: Order, folder: Folder, requests: Requests) -> None:
    folder.record_file.unlink(missing_ok=True)
    guard = subprocess.Popen(
        [sys.executable, "-P", "-m", "tailstack.sandbox.guard"],
        cwd=folder.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    supervisor = Supervisor(order=order, folder=folder, guard=guard, requests=requests)
    try:
        folder.write(supervisor.start())
        _say({"event": "ready"})
        supervisor.watch()
    except Stopped:
        _note("the sandbox was asked to end")
    except SandboxError as error:
        _say({"event": "failed", "message": str(error)})
    finally:
        supervisor.stop()
        folder.record_file.unlink(missing_ok=True)
        guard.communicate()


def _lost_its_port(child: Child) -> bool:
    return child.name.startswith("kube-apiserver") and _PORT_TAKEN in child.log.read_bytes()


def _environment() -> dict[str, str]:
    """For the children: nothing of the user's clusters, proxies and accounts."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "PYTHONPATH")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _end_of(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return ""
    return "\n".join((" The end of its log:", *(f"    {line}" for line in lines), f"The log is {log}."))


def _say(event: Mapping[str, str]) -> None:
    # A parent that is gone is noticed on stdin.
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(event).encode() + b"\n")


def _note(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
