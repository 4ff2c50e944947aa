"""`tailstack up` over the real engine: what it refuses, what it applies, and what is left when something breaks in the middle.

One stack serves all of these tests; each starts from what the checkout declares, and puts it back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from typing import Any, cast

import pytest

from tailstack.commands.exit_codes import ExitCode
from tests.program.conftest import STACK, Bench

FILE = "stacks/sandbox/tailnet.yaml"
CONFIG = "stacks/Pulumi.sandbox.yaml"
PLAIN = ("--no-policy-pack", "--no-verify")
"""No operator answers in the sandbox, so that nothing would ever be live."""


def started(bench: Bench, *options: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tailstack", "up", STACK, *PLAIN, *options],
        cwd=bench.project,
        env=os.environ | bench.sandbox.environment() | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def up(bench: Bench, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    process = started(bench, *options, **variables)
    out, err = process.communicate()
    assert "Traceback" not in out + err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def records(text: str) -> list[Mapping[str, Any]]:
    return [cast("Mapping[str, Any]", json.loads(line)) for line in text.splitlines()]


@pytest.fixture(scope="module")
def first(bench: Bench) -> list[Mapping[str, Any]]:
    """What the first apply of an empty stack says to a program."""
    done = up(bench, "--yes", "--format", "json")
    assert done.returncode == ExitCode.CLEAN, done.stdout[-3000:] + done.stderr
    return records(done.stdout)


@pytest.fixture
def stack(bench: Bench, first: list[Mapping[str, Any]]) -> Generator[Bench]:
    """A stack that is up, and a change that a test may make to its files."""
    before = {file: file.read_text(encoding="utf-8") for file in (bench.project / "stacks").rglob("*.*")}
    yield bench
    for file, text in before.items():
        file.write_text(text, encoding="utf-8")
    bench.api.clear_faults()


def test_a_program_reads_a_stream_that_ends_with_the_result(first: list[Mapping[str, Any]]) -> None:
    assert first[0] == {"format_version": "1.0", "kind": "version"}
    assert {"version", "begun", "step", "said", "result"} <= {record["kind"] for record in first}
    (result,) = [record for record in first if record["kind"] == "result"]
    assert result["exit_code"] == 0
    assert "create policy file" in result["applied"]
    assert result["preview"]["plan"]["digest"].startswith("sha256:")
