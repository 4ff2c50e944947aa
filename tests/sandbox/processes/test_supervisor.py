"""The supervisor starts services in their order, and takes all of them along, whatever happens to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tailstack.sandbox import processes
from tailstack.sandbox.folder import Folder
from tailstack.sandbox.processes import Identity
from tailstack.sandbox.supervisor import DETACH
from tests.sandbox.processes.programs import command
from tests.sandbox.processes.test_processes import wait_for

Plan = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Supervised:
    """A supervisor that was started."""

    folder: Folder
    process: subprocess.Popen[bytes]

    def event(self) -> dict[str, Any]:
        """What it says first; nothing if it ends without a word."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {}

    def end(self) -> None:
        """Let go of it, and wait for its end."""
        self.process.communicate(timeout=60)

    def children(self, *names: str) -> list[Identity]:
        """The processes of the services, once they run."""
        found: list[Identity] = []
        for name in names:
            file = self.folder.path / f"{name}.ready"
            wait_for(lambda file=file: file.exists() and bool(file.read_text()))
            child = processes.identity(int(file.read_text()))
            assert child is not None
            found.append(child)
        return found


Start = Callable[..., Supervised]


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start]:
    """Start a supervisor of such services, in the same folder each time."""
    started: list[Supervised] = []

    def begin(services: Plan, *circumstances: str) -> Supervised:
        folder = Folder(tmp_path / "sandbox")
        folder.make()
        plan = json.dumps({"services": services, **dict.fromkeys(circumstances, True)})
        with (tmp_path / "stderr").open("w") as stderr:
            process = subprocess.Popen(
                command("supervised", folder.path, plan),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        started.append(Supervised(folder, process))
        return started[-1]

    yield begin
    for supervised in started:
        for pipe in (supervised.process.stdin, supervised.process.stdout):
            assert pipe is not None
            pipe.close()
        supervised.process.wait(60)


TWO: Plan = {"api": {"runs": "sleeper"}, "store": {"runs": "sleeper"}}


def test_services_start_after_those_they_need(start: Start) -> None:
    plan = {
        "controllers": {"runs": "sleeper", "after": "server"},
        "server": {"runs": "sleeper", "after": "store"},
        "store": {"runs": "sleeper"},
    }
    supervised = start(plan)
    assert supervised.event() == {"event": "ready"}

    path = supervised.folder.path
    assert list(json.loads((path / "settled.json").read_text())) == ["store", "server", "controllers"]
    times = [(path / f"{name}.ready").stat().st_mtime_ns for name in ("store", "server", "controllers")]
    assert times == sorted(times)
    children = supervised.children(*plan)
    assert all(processes.is_running(child) for child in children)
    assert supervised.folder.holder() == processes.identity(supervised.process.pid)

    supervised.end()
    assert not any(processes.is_running(child) for child in children)
    assert supervised.folder.holder() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_all_children(start: Start, number: signal.Signals) -> None:
    supervised = start({"stubborn": {"runs": "sleeper", "after": "store"}, "store": {"runs": "sleeper"}})
    assert supervised.event() == {"event": "ready"}
    children = supervised.children("stubborn", "store")
    os.kill(supervised.process.pid, number)

    assert supervised.process.wait(60) == 0
    assert not any(processes.is_running(child) for child in children)


@pytest.mark.parametrize("circumstances", [(), ("without the kernel's help",)])
def test_killed_it_takes_its_children_along(start: Start, circumstances: tuple[str, ...]) -> None:
    supervised = start(TWO, *circumstances)
    assert supervised.event() == {"event": "ready"}
    children = supervised.children("api", "store")
    supervised.process.kill()

    wait_for(lambda: not any(processes.is_running(child) for child in children))
    assert supervised.folder.holder() is None
    # Nothing of it is in the way of the next one.
    assert start(TWO).event() == {"event": "ready"}


def test_killed_while_it_starts_it_takes_them_along_too(start: Start) -> None:
    supervised = start({"api": {"runs": "sleeper"}, "never": {"runs": "silent"}})
    [child] = supervised.children("api")
    supervised.process.kill()
    wait_for(lambda: not processes.is_running(child))


def test_detached_it_outlives_its_parent(start: Start) -> None:
    supervised = start(TWO)
    assert supervised.event() == {"event": "ready"}
    children = supervised.children("api", "store")
    assert supervised.process.stdin is not None
    assert supervised.process.stdout is not None
    supervised.process.stdin.write(DETACH)
    supervised.process.stdin.close()
    # It closes its side, which is how a parent knows.
    assert supervised.process.stdout.read() == b""

    assert all(processes.is_running(child) for child in children)
    holder = supervised.folder.holder()
    assert holder is not None
    processes.end(holder, grace=60)
    assert not any(processes.is_running(child) for child in children)


def test_let_go_while_it_starts_it_ends(start: Start) -> None:
    supervised = start({"api": {"runs": "sleeper"}, "never": {"runs": "silent"}})
    [child] = supervised.children("api")
    supervised.end()
    assert not processes.is_running(child)


def test_with_its_folder_deleted_it_ends(start: Start) -> None:
    supervised = start(TWO)
    assert supervised.event() == {"event": "ready"}
    children = supervised.children("api", "store")
    supervised.folder.delete()
    assert supervised.process.wait(60) == 0
    assert not any(processes.is_running(child) for child in children)


def test_a_second_one_in_the_same_folder_is_refused(start: Start) -> None:
    first = start(TWO)
    assert first.event() == {"event": "ready"}
    second = start(TWO)
    event = second.event()
    assert event["event"] == "failed"
    assert "runs already" in event["message"]
    assert second.process.wait(60) == 0
    assert first.folder.holder() == processes.identity(first.process.pid)


def test_a_service_that_fails_is_named_with_the_end_of_its_log(start: Start) -> None:
    supervised = start({"store": {"runs": "sleeper"}, "broken": {"runs": "failing", "after": "store"}})
    [store] = supervised.children("store")
    event = supervised.event()

    assert event["event"] == "failed"
    assert event["message"].startswith("broken ended with 3 while it was starting. The end of its log:\n    line 12\n")
    assert event["message"].endswith(f"    line 19\nThe log is {supervised.folder.log('broken')}.")
    assert supervised.process.wait(60) == 0
    assert not processes.is_running(store)


def test_a_service_that_ends_later_does_not_end_the_others(start: Start, tmp_path: Path) -> None:
    supervised = start(TWO)
    assert supervised.event() == {"event": "ready"}
    api, store = supervised.children("api", "store")
    os.kill(api.pid, signal.SIGKILL)

    wait_for(lambda: "api ended with -9; its log is" in (tmp_path / "stderr").read_text())
    assert processes.is_running(store)
    assert supervised.process.poll() is None


def test_a_port_that_was_lost_is_replaced(start: Start, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "sandbox")
    folder.make()
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        taken = str(thief.getsockname()[1])
        (folder.path / "server.port").write_text(taken)
        supervised = start({"server": {"runs": "listener"}}, "mistaken about the first port")
        assert supervised.event() == {"event": "ready"}
    address = json.loads((folder.path / "settled.json").read_text())["server"]
    assert address != taken
    assert (folder.path / "server.port").read_text() == address


def test_a_port_is_asked_for_again(start: Start) -> None:
    plan = {"server": {"runs": "listener"}}
    addresses: list[str] = []
    for _ in range(2):
        supervised = start(plan)
        assert supervised.event() == {"event": "ready"}
        addresses.append(json.loads((supervised.folder.path / "settled.json").read_text())["server"])
        supervised.end()
    assert addresses[0] == addresses[1]
