"""Who holds the lock, in the engine's words and in ours."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tailstack.engine.locks import CONFLICT, Holder, Life, explain_lock, holders, is_lock

SINCE = "2026-01-05T09:00:00Z"


def line(user: str, host: str, pid: int) -> str:
    return f"\n  file:///states/.pulumi/locks/x/1.json: created by {user}@{host} (pid {pid}) at {SINCE}"


def said(*lines: str) -> str:
    """As `checkForLock` of pulumi 3.250.0 writes it."""
    return (
        f"error: the stack is currently locked by {len(lines)} lock(s). Either wait for the other process(es) to end or "
        f"delete the lock file with `pulumi cancel`.{''.join(lines)}\n"
    )


@pytest.fixture(scope="module")
def ended() -> int:
    """The number of a process that has run on this machine and ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (said(line("ana", "ci", 1)), True),
        (f"error: {CONFLICT}.", True),
        ("error: no stack named 'x' found", False),
        ("", False),
    ],
)
def test_a_lock_is_told_from_other_errors(text: str, expected: bool) -> None:
    assert is_lock(text) is expected


def test_every_holder_is_read_once() -> None:
    text = said(line("ana", "ci-7", 41), line("DOMAIN\\li", "laptop", 42))
    ana, li = holders(text + text)
    assert ana == Holder(user="ana", host="ci-7", pid=41, since=SINCE)
    assert li == Holder(user="DOMAIN\\li", host="laptop", pid=42, since=SINCE)
    assert holders(CONFLICT) == ()


def test_a_name_with_an_at_sign_is_read() -> None:
    assert holders(line("ana@example.com", "ci", 1)) == (Holder(user="ana@example.com", host="ci", pid=1, since=SINCE),)


def test_whether_the_holder_still_runs(ended: int) -> None:
    here = socket.gethostname()
    lives = [
        Holder(user="a", host=host, pid=pid, since=SINCE).life
        for host, pid in ((here, os.getpid()), (here, ended), (here, 2**70), ("elsewhere", os.getpid()))
    ]
    assert lives == [Life.RUNS, Life.GONE, Life.RUNS, Life.UNKNOWN]


def test_a_run_at_work_is_waited_for() -> None:
    text = explain_lock(said(line("ana", socket.gethostname(), os.getpid())), "prod")
    first, holder, wait, out = text.splitlines()
    assert first == "The stack prod is locked. Nothing was changed."
    assert holder == f"  ana on {socket.gethostname()}, process {os.getpid()}, since {SINCE}"
    assert wait.startswith("Wait until it has ended")
    assert "`pulumi cancel --stack prod` takes the lock from a run that works" in out


def test_the_lock_of_a_run_that_was_killed_is_freed(ended: int) -> None:
    text = explain_lock(said(line("ana", socket.gethostname(), ended)), "prod")
    assert "it no longer runs" in text
    assert "Free the stack: pulumi cancel --stack prod\n" in text
    assert "tailstack drift" in text
    assert "Wait" not in text


def test_of_a_run_elsewhere_nothing_is_known() -> None:
    text = explain_lock(said(line("ana", "elsewhere", 1)), "prod", done="Half of it was done.")
    assert text.startswith("The stack prod is locked. Half of it was done.\n")
    assert "(on another machine)" in text
    assert text.endswith("If it was killed, free the stack: pulumi cancel --stack prod")


def test_a_backend_that_names_nobody() -> None:
    text = explain_lock(CONFLICT, "org/tailstack/prod")
    assert text.startswith("The stack org/tailstack/prod is locked: another update of it is in progress.")
    assert text.endswith("pulumi cancel --stack org/tailstack/prod")
