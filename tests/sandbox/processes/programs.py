"""Small programs for the tests, run as `python -c …` by `command`: what a sandbox runs, without its weight."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tailstack.sandbox import processes, supervisor
from tailstack.sandbox.folder import Folder, ProcessRecord
from tailstack.sandbox.services import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PROJECT = Path(__file__).parents[3]
_RUN = f"import sys; sys.path.insert(0, {str(_PROJECT)!r}); import {__name__} as programs; programs.run(*sys.argv[1:])"


def command(name: str, *arguments: object) -> list[str]:
    """The command line of the function `name` of this module."""
    return [sys.executable, "-c", _RUN, name, *map(str, arguments)]


def run(name: str, *arguments: str) -> None:
    """What the command line does."""
    {
        "sleeper": sleeper,
        "stubborn": stubborn,
        "silent": silent,
        "listener": listener,
        "failing": failing,
        "supervised": supervised,
    }[name](*arguments)


def sleeper(ready: str) -> None:
    """Say in the file `ready` that it runs, and stay."""
    Path(ready).write_text(str(os.getpid()))
    while True:
        time.sleep(1)


def stubborn(ready: str) -> None:
    """A sleeper that does not mind SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleeper(ready)


def silent(_ready: str) -> None:
    """A program that runs and is never ready."""
    while True:
        time.sleep(1)


def listener(port: str, ready: str) -> None:
    """A sleeper that listens on a port, or says that it is taken."""
    with socket.socket() as server:
        try:
            server.bind(("127.0.0.1", int(port)))
        except OSError:
            sys.stderr.write("the port is taken\n")
            sys.exit(7)
        server.listen()
        sleeper(ready)


def failing(_ready: str) -> None:
    """Write some lines and fail."""
    sys.stderr.write("".join(f"line {number}\n" for number in range(20)))
    sys.exit(3)


def supervised(folder: str, plan: str) -> None:
    """A supervisor of services that the JSON document `plan` describes: by name, what runs and after whom.

    A service is ready when the file with its name and `.ready` is there. Once all are, `settled.json` holds the processes.
    """
    place = Folder(Path(folder))
    document = json.loads(plan)
    if document.get("without the kernel's help"):
        processes.end_with_parent = lambda: None  # as on systems that have nothing of the kind

    if document.get("mistaken about the first port"):
        processes.is_free = _mistaken_once(processes.is_free)

    def settle(running: Sequence[ProcessRecord]) -> None:
        ports = {entry.name: entry.address for entry in running}
        (place.path / "settled.json").write_text(json.dumps(ports))

    supervisor.serve(
        place, lambda: [_service(place, name, entry) for name, entry in document["services"].items()], settle
    )


def _mistaken_once(really: Callable[[int], bool]) -> Callable[[int], bool]:
    """As when somebody takes a port between the choice and the start."""
    asked: list[int] = []

    def is_free(port: int) -> bool:
        asked.append(port)
        return len(asked) == 1 or really(port)

    return is_free


def _service(place: Folder, name: str, entry: Mapping[str, str]) -> Service:
    ready = place.path / f"{name}.ready"
    port_file = place.path / f"{name}.port" if entry["runs"] == "listener" else None
    return Service(
        name=name,
        folder=place.path,
        command=lambda port: command(entry["runs"], *([port] if port else []), ready),
        ready=lambda _port: ready.exists(),
        address=str,
        after=tuple(entry.get("after", "").split()),
        port_file=port_file,
        port_taken=b"the port is taken",
    )
