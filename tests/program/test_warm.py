"""The Python that the engine tests start ends as the one would that it stands in for."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

PROGRAM = """
import os, signal, sys, time
sys.stdout.write(f"{os.getpid()} {os.getcwd()} {os.environ['WORD']} {sys.argv[1:]} {'pulumi' in sys.modules}\\n")
if sys.argv[1] == "wait":
    time.sleep(60)
if sys.argv[1] == "abort":
    os.kill(os.getpid(), signal.SIGABRT)
sys.exit(int(sys.argv[1]))
"""


def started(python: Path, folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    return subprocess.Popen(
        [python, "-u", "program.py", *arguments],
        cwd=folder,
        env=os.environ | {"WORD": "said"} | variables,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )


@pytest.mark.parametrize(("asked", "code"), [("0", 0), ("3", 3), ("abort", -signal.SIGABRT)])
def test_it_runs_warm_and_its_end_is_handed_on(python: Path, tmp_path: Path, asked: str, code: int) -> None:
    process = started(python, tmp_path, asked, "more")
    out, _ = process.communicate()
    assert out.split(" ", 1)[1] == f"{tmp_path} said ['{asked}', 'more'] True\n"
    assert process.returncode == code


def test_it_starts_cold_where_the_environment_changes_how_python_starts(python: Path, tmp_path: Path) -> None:
    out, _ = started(python, tmp_path, "0", PYTHONPATH=str(tmp_path)).communicate()
    assert out.endswith("False\n")


@pytest.mark.parametrize(
    ("number", "is_group"),
    [
        (signal.SIGINT, True),
        (signal.SIGTERM, True),
        (signal.SIGTERM, False),
        (signal.SIGKILL, True),
        (signal.SIGKILL, False),
    ],
)
def test_whoever_ends_it_ends_the_fork(python: Path, tmp_path: Path, number: int, *, is_group: bool) -> None:
    with started(python, tmp_path, "wait") as process:
        assert process.stdout is not None
        fork = int(process.stdout.readline().split()[0])
        (os.killpg if is_group else os.kill)(process.pid, number)
        assert process.wait(10) != 0
    end = time.monotonic() + 10
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.kill(fork, 0)
            time.sleep(0.02)
        pytest.fail("the fork goes on")
