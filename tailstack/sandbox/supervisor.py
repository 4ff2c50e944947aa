"""The one process that owns a running sandbox: it starts everything, watches it, and takes it all along when it ends.

Started by `lifecycle` as `python -m tailstack.sandbox.supervisor`, with an order as JSON in its first argument. On stdout
it writes one JSON line, {"event": "ready"} or {"event": "failed", "message": …}. On stdin it listens: the line `detach`
lets it go on without its parent; the end of the pipe without it ends the sandbox, so that nothing stays behind when the
parent is killed.
"""

from __future__ import annotations

import contextlib
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
from tailstack.sandbox.services import API, Order, Service, apiserver, services_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

DETACH = b"detach\n"

_READY_SECONDS = 120.0
_GRACE_SECONDS = 8.0
_POLL_SECONDS = 0.03
_WATCH_SECONDS = 2.0
_PORT_TRIES = 5
_LOG_LINES = 8


@dataclass(kw_only=True, slots=True)
class Child:
    """A service that was started."""

    service: Service
    port: int
    process: subprocess.Popen[bytes]
    identity: processes.Identity
    log: Path
    tries: int
    ready: bool = False
    missed: bool = False
    """Whether its end was noticed and written down."""


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
    """Starts services in the order in which they need each other, and ends them in reverse."""

    folder: Folder
    guard: subprocess.Popen[str]
    requests: Requests
    children: dict[str, Child] = field(default_factory=dict[str, Child])

    def start(self, services: Sequence[Service]) -> None:
        """Start everything and wait until it is ready. Raises SandboxError when something is not."""
        deadline = time.monotonic() + _READY_SECONDS
        while not all(self.is_ready(service.name) for service in services):
            for service in services:
                self.advance(service)
            if time.monotonic() > deadline:
                late = [service.name for service in services if not self.is_ready(service.name)]
                logs = f"The logs are in {self.folder.logs}."
                raise SandboxError(f"Not ready after {_READY_SECONDS:.0f} s: {', '.join(late)}. {logs}")
            self.requests.wait(_POLL_SECONDS)

    def is_ready(self, name: str) -> bool:
        child = self.children.get(name)
        return child is not None and child.ready

    def advance(self, service: Service) -> None:
        """Take one service a step further, if it can go one."""
        child = self.children.get(service.name)
        if child is None:
            if all(self.is_ready(name) for name in service.after):
                self.spawn(service, tries=1)
        elif (code := child.process.poll()) is not None:
            lost = service.port_taken and service.port_taken in child.log.read_bytes()
            if not lost or child.tries >= _PORT_TRIES:
                raise SandboxError(f"{service.name} ended with {code} while it was starting.{_end_of(child.log)}")
            self.spawn(service, tries=child.tries + 1)
        elif not child.ready:
            child.ready = service.ready(child.port)

    def spawn(self, service: Service, *, tries: int) -> None:
        port = service.choose_port()
        log = self.folder.log(service.name)
        log.unlink(missing_ok=True)
        process = processes.spawn(
            service.command(port), folder=service.folder, log=log, environment={**_environment(), **service.variables}
        )
        identity = processes.identity(process.pid)
        if identity is None:
            raise SandboxError(f"{service.name} ended with {process.wait()} as soon as it started.{_end_of(log)}")
        self.children[service.name] = Child(
            service=service, port=port, process=process, identity=identity, log=log, tries=tries
        )
        assert self.guard.stdin is not None  # noqa: S101 -- it was started with a pipe
        self.guard.stdin.write(f"{identity.pid} {identity.started}\n")
        self.guard.stdin.flush()

    def records(self) -> tuple[ProcessRecord, ...]:
        """What runs now."""
        return tuple(
            ProcessRecord(
                name=name, process=child.identity, address=child.service.address(child.port), log=str(child.log)
            )
            for name, child in self.children.items()
        )

    def watch(self) -> None:
        """Stay until somebody asks for the end, or deletes the folder; note in the log which children ended before."""
        while self.folder.marker.exists():
            self.requests.wait(_WATCH_SECONDS)
            for name, child in self.children.items():
                code = child.process.poll()
                if code is not None and not child.missed:
                    child.missed = True
                    _note(f"{name} ended with {code}; its log is {child.log}")

    def stop(self) -> None:
        """End all children, those that use others before those."""
        left = dict(self.children)
        while left:
            used = {name for child in left.values() for name in child.service.after}
            ending = [left.pop(name) for name in list(left) if name not in used]
            processes.end_all([child.identity for child in ending], grace=_GRACE_SECONDS)
            for child in ending:
                child.process.wait()


def main() -> None:
    """Run the sandbox of the order in the first argument until it is to end."""
    order = Order.from_json(sys.argv[1])
    folder = Folder(Path(order.folder))
    serve(folder, lambda: services_for(order), lambda running: _settle(order, folder, running))


def serve(
    folder: Folder,
    services: Callable[[], Sequence[Service]],
    settle: Callable[[Sequence[ProcessRecord]], None],
) -> None:
    """Run the services until they are to end, talking to the parent as described above.

    `services` is called once this process owns the folder, `settle` once all services are ready.
    """
    requests = Requests()
    with folder.locked() as mine:
        if not mine:
            _say({"event": "failed", "message": f"The sandbox in {folder.path} runs already, or is being started."})
            return
        folder.record_file.unlink(missing_ok=True)
        guard = subprocess.Popen(
            [sys.executable, "-P", "-m", "tailstack.sandbox.guard"],
            cwd=folder.path,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        supervisor = Supervisor(folder=folder, guard=guard, requests=requests)
        try:
            supervisor.start(services())
            settle(supervisor.records())
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


def _settle(order: Order, folder: Folder, running: Sequence[ProcessRecord]) -> None:
    """Write down what runs, for those who use it."""
    own = processes.identity(os.getpid())
    assert own is not None  # noqa: S101 -- this process runs
    addresses = {entry.name: entry.address for entry in running}
    urls = {clusters.find(folder, name): addresses[apiserver(name)] for name in order.clusters}
    clusters.write_kubeconfig(folder.kubeconfig, urls)
    folder.write(
        Record(
            supervisor=own,
            processes=tuple(running),
            clusters={cluster.name: url for cluster, url in urls.items()},
            api_url=addresses[API],
            tools=order.tools,
            plugins=order.plugins,
        )
    )


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
