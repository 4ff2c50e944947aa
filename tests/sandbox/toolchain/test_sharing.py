"""Runs that start together or are interrupted do each other no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tailstack.sandbox import processes
from tests.sandbox.toolchain.conftest import HELLO, Workshop

RUN = """
import sys
from pathlib import Path
from tailstack.sandbox.toolchain.ensure import ensure
from tests.sandbox.toolchain.conftest import HELLO
print(ensure(["hello"], tools={"hello": HELLO}, modules=Path(sys.argv[1]))["hello"], flush=True)
"""


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def run(workshop: Workshop, tmp_path: Path) -> Generator[Callable[[str], subprocess.Popen[str]]]:
    """Start another process that ensures HELLO; its stderr goes to a file of the given name."""
    started: list[subprocess.Popen[str]] = []

    def start(name: str) -> subprocess.Popen[str]:
        with (tmp_path / name).open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-c", RUN, str(workshop.modules)],
                cwd=Path(__file__).parents[3],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_the_second_of_two_runs_waits_and_says_so(
    workshop: Workshop, run: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    workshop.go.hold()
    first = run("first")
    wait_for(workshop.go.pid_file.exists)
    second = run("second")
    says = f"hello 1.2.3: process {first.pid} is building it already; waiting for that\n"
    wait_for(lambda: (tmp_path / "second").read_text() == says)
    workshop.go.release()

    path, _ = first.communicate()
    assert second.communicate()[0] == path
    assert Path(path.strip()).exists()
    assert (tmp_path / "second").read_text() == says
    assert len(workshop.go.calls()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_leaves_no_process_and_goes_on_later(
    workshop: Workshop, run: Callable[[str], subprocess.Popen[str]], number: signal.Signals
) -> None:
    workshop.go.hold()
    first = run("first")
    wait_for(workshop.go.pid_file.exists)
    compiler = processes.identity(int(workshop.go.pid_file.read_text()))
    assert compiler is not None
    os.kill(first.pid, number)
    first.communicate()
    wait_for(lambda: not processes.is_running(compiler))
    assert workshop.missing(HELLO) == ["hello"]

    workshop.go.release()
    [path], _ = workshop.ensure(HELLO)
    assert path.exists()
    assert workshop.left_over() == []


def test_a_waiting_run_takes_over_from_one_that_is_killed(
    workshop: Workshop, run: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    workshop.go.hold()
    first = run("first")
    wait_for(workshop.go.pid_file.exists)
    second = run("second")
    wait_for(lambda: "waiting" in (tmp_path / "second").read_text())
    first.kill()
    workshop.go.release()

    path, _ = second.communicate()
    assert Path(path.strip()).exists()
    assert len(workshop.go.calls()) == 2
    assert workshop.left_over() == []
