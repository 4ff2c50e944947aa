"""Processes are recognised, and ended for certain, and no other in their place."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tailstack.sandbox import processes
from tailstack.sandbox.processes import Identity
from tests.sandbox.processes.programs import command


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def start(tmp_path: Path) -> Generator[Callable[[str], Identity]]:
    """Start one of the small programs and wait until it runs."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str) -> Identity:
        ready = tmp_path / f"{name}-{len(started)}"
        child = subprocess.Popen(command(name, ready))
        started.append(child)
        wait_for(ready.exists)
        found = processes.identity(child.pid)
        assert found is not None
        return found

    yield begin
    for child in started:
        child.kill()
        child.wait()


def test_a_process_is_known_by_its_number_and_its_start(start: Callable[[str], Identity]) -> None:
    own = processes.identity(os.getpid())
    assert own is not None
    assert processes.identity(os.getpid()) == own
    assert processes.is_running(own)
    assert not processes.is_running(Identity(pid=own.pid, started="another time"))
    first, second = start("sleeper"), start("sleeper")
    assert first.started != second.started or first.pid != second.pid


def test_nobody_has_an_identity_under_a_free_number(start: Callable[[str], Identity]) -> None:
    ended = start("sleeper")
    os.kill(ended.pid, signal.SIGKILL)
    # It stays as a zombie here, since nobody has waited for it: that counts as ended.
    wait_for(lambda: processes.identity(ended.pid) is None)
    assert processes.identity(2**22 + 1) is None


def test_the_start_is_told_without_proc_too(start: Callable[[str], Identity], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    # `ps` here cannot say when a process started unless it is there; the answer is only compared.
    sleeper = start("sleeper")
    assert processes.is_running(sleeper)
    processes.end(sleeper, grace=10)
    assert processes.identity(sleeper.pid) is None


def test_a_process_ends_politely(start: Callable[[str], Identity]) -> None:
    sleeper = start("sleeper")
    processes.end(sleeper, grace=60)
    assert not processes.is_running(sleeper)


def test_one_that_does_not_listen_is_killed(start: Callable[[str], Identity]) -> None:
    several = [start("stubborn"), start("sleeper"), start("stubborn")]
    processes.end_all(several, grace=0.2)
    assert not any(processes.is_running(process) for process in several)


def test_another_process_under_the_same_number_lives(start: Callable[[str], Identity]) -> None:
    sleeper = start("sleeper")
    processes.end(Identity(pid=sleeper.pid, started="another time"), grace=0.2)
    assert processes.is_running(sleeper)


def test_a_child_inherits_nothing_and_logs_to_its_file(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as kept:
        os.set_inheritable(kept.fileno(), True)
        script = "import os; print(sorted(os.listdir('/dev/fd')), os.environ.get('A'), os.getcwd(), input.__name__)"
        child = processes.spawn(
            [sys.executable, "-c", script], folder=tmp_path, log=tmp_path / "log", environment={"A": "b"}
        )
        assert child.wait() == 0
    # 3 is the folder that is being listed.
    assert (tmp_path / "log").read_text() == f"['0', '1', '2', '3'] b {tmp_path} input\n"


def test_a_port_is_free_until_somebody_listens() -> None:
    port = processes.free_port()
    assert processes.is_free(port)
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()
        assert not processes.is_free(port)
    assert not processes.is_free(70000)


def test_the_guard_ends_what_was_named_when_its_pipe_ends(start: Callable[[str], Identity]) -> None:
    named, spared, other = start("sleeper"), start("sleeper"), start("sleeper")
    guard = subprocess.Popen([sys.executable, "-m", "tailstack.sandbox.guard"], stdin=subprocess.PIPE, text=True)
    assert guard.stdin is not None
    guard.stdin.write(f"{named.pid} {named.started}\n{spared.pid} another time\n")
    guard.stdin.flush()
    assert processes.is_running(named)
    guard.communicate()

    assert guard.returncode == 0
    assert not processes.is_running(named)
    assert processes.is_running(spared)
    assert processes.is_running(other)
