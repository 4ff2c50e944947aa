"""`tailstack up` over the real engine: what it refuses, what it applies, and what is left when something breaks in the middle.

One stack serves all of these tests; each starts from what the checkout declares, and puts it back.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import pytest
import yaml

from tailstack.access import hujson
from tailstack.commands.exit_codes import ExitCode
from tailstack.engine.pulumi import ASKED_TO_END, STILL_WAITING
from tailstack.sandbox.processes import free_port
from tests.commands.streams import records_of, result_of
from tests.program.conftest import STACK, Bench

FILE = "stacks/sandbox/tailnet.yaml"
CONFIG = "stacks/Pulumi.sandbox.yaml"
PLAIN = ("--no-policy-pack", "--no-verify")
"""No operator answers in the sandbox, so that nothing would ever be live."""


STARTED: list[subprocess.Popen[str]] = []


def started(bench: Bench, *options: str, **variables: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tailstack", "up", STACK, *PLAIN, *options],
        cwd=bench.project,
        env=os.environ | bench.sandbox.environment() | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    STARTED.append(process)
    return process


def up(bench: Bench, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return bench.tailstack("up", STACK, *PLAIN, *options, **variables)


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """How an empty stack came up: killed, refused by the lock that this left, interrupted, and at last applied."""

    killed: int
    engine: int
    locked: subprocess.CompletedProcess[str]
    interrupted: subprocess.CompletedProcess[str]
    applied: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def beginning(bench: Bench) -> Beginning:
    bench.emptied()
    bench.api.inject_fault("timeout", path=r"/keys$", method="POST", times=0)
    killed = started(bench, "--yes", "--format", "json")
    wait_for_step(killed, "operator")
    time.sleep(1)
    (engine,) = children(killed.pid, "pulumi")
    os.kill(engine, signal.SIGKILL)
    killed.communicate()
    bench.api.clear_faults()
    locked = up(bench, "--yes")
    assert bench.pulumi().plain("cancel", "--yes", "--stack", STACK).returncode == 0

    process = started(bench, "--yes", "--format", "json")
    out = wait_for_step(process, "operator")
    server = bench.sandbox.processes["kube-apiserver blue"]
    os.kill(server, signal.SIGSTOP)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            time.sleep(0.5)
            process.send_signal(number)
    finally:
        time.sleep(0.5)
        os.kill(server, signal.SIGCONT)
    rest, err = process.communicate()
    return Beginning(
        killed=killed.returncode,
        engine=engine,
        locked=locked,
        interrupted=subprocess.CompletedProcess(process.args, process.returncode, out + rest, err),
        # Nothing else is said on the command line: what the sandbox needs stands in the stack's config.
        applied=bench.tailstack("up", STACK, "--yes", "--format", "json"),
    )


@pytest.fixture
def stack(bench: Bench, beginning: Beginning) -> Generator[Bench]:
    """A stack that is up, and a change that a test may make to its files."""
    assert beginning.applied.returncode == ExitCode.CLEAN, beginning.applied.stdout[-3000:] + beginning.applied.stderr
    before = {file: file.read_text(encoding="utf-8") for file in (bench.project / "stacks").rglob("*.*")}
    yield bench
    while STARTED:
        process = STARTED.pop()
        if process.poll() is None:
            process.terminate()
        process.communicate()
    for file, text in before.items():
        file.write_text(text, encoding="utf-8")
    bench.api.clear_faults()


def test_a_run_that_was_killed_leaves_a_lock_whose_message_says_how_to_go_on(beginning: Beginning) -> None:
    assert beginning.killed == ExitCode.ERROR
    assert beginning.locked.returncode == ExitCode.LOCKED, beginning.locked.stderr
    assert f"process {beginning.engine}" in beginning.locked.stderr
    assert "it no longer runs" in beginning.locked.stderr
    assert "pulumi cancel --stack sandbox" in beginning.locked.stderr


def test_ctrl_c_is_passed_on_once_and_waited_for(beginning: Beginning) -> None:
    found = beginning.interrupted
    assert found.returncode == ExitCode.INTERRUPTED, found.stdout[-3000:] + found.stderr
    assert ASKED_TO_END in found.stderr
    assert STILL_WAITING in found.stderr
    assert "It was interrupted" in result_of(found.stdout)["said"][-1]


def test_after_all_that_everything_is_there_once(stack: Bench) -> None:
    assert clients(stack) == ["tailstack sandbox blue", "tailstack sandbox green"]
    assert stack.live("blue", "v1", "Service", "default/nginx-service")
    assert "tag:k8s-operator" in stack.api.get_policy().text


def test_what_the_killed_run_left_in_the_state_is_taken_away_as_the_documentation_says(stack: Bench) -> None:
    def is_unfinished() -> bool:
        exported = json.loads(stack.pulumi().plain("stack", "export", "--stack", STACK).stdout)
        return bool(exported["deployment"].get("pending_operations"))

    assert is_unfinished()
    mended = stack.pulumi().plain("refresh", "--clear-pending-creates", "--yes", "--skip-preview", "--stack", STACK)
    assert mended.returncode == 0, mended.stderr
    assert not is_unfinished()
    assert len(clients(stack)) == 2


def test_a_program_reads_a_stream_that_ends_with_the_result(beginning: Beginning) -> None:
    assert {"begun", "step", "said"} <= {record["kind"] for record in records_of(beginning.applied.stdout)}
    result = result_of(beginning.applied.stdout)
    assert result["exit_code"] == 0
    assert any("in green" in text for text in result["applied"])
    assert result["preview"]["plan"]["digest"].startswith("sha256:")


def remove_link(bench: Bench) -> None:
    """What leads from green to nginx in blue is no longer declared."""
    file = bench.project / FILE
    declared: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    del declared["clusters"]["green"]["egress"]
    file.write_text(yaml.safe_dump(declared), encoding="utf-8")


def is_linked(bench: Bench) -> bool:
    """Whether the live policy file lets the proxies reach each other."""
    policy = cast("Mapping[str, Any]", hujson.to_python(hujson.parse(bench.api.get_policy().text).root))
    return any("tag:k8s" in grant["src"] and "tag:k8s" in grant["dst"] for grant in policy["grants"])


def without_a_server(kubeconfig: str, context: str) -> str:
    """The same with an address for one cluster at which nobody listens."""
    config: dict[str, Any] = yaml.safe_load(kubeconfig)
    named = {one["name"]: one["context"]["cluster"] for one in config["contexts"]}
    for one in config["clusters"]:
        if one["name"] == named[context]:
            one["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    return yaml.safe_dump(config)


def writes(bench: Bench) -> int:
    """How often the policy file was written since the requests were forgotten."""
    return sum(one.method == "POST" and one.path.endswith("/acl") and one.status == 200 for one in bench.api.requests())


def clients(bench: Bench) -> list[str]:
    credentials = bench.api.keys()
    return sorted(key.description for key in credentials if key.kind == "client")


def test_only_the_plan_that_was_reviewed_is_applied(stack: Bench) -> None:
    stack.edit(FILE, "ports: [tcp:9090]", "ports: [tcp:9091]")
    before = stack.api.get_policy()
    refused = up(stack, "--plan-digest", "sha256:" + 64 * "0")
    assert refused.returncode == ExitCode.REFUSED
    assert "This is another plan than the one that was reviewed." in refused.stderr
    assert stack.api.get_policy() == before
    (digest,) = re.findall(r"Plan digest: (sha256:\w{64})", refused.stdout)
    assert digest in refused.stderr
    applied = up(stack, "--plan-digest", digest)
    assert applied.returncode == ExitCode.CLEAN, applied.stderr
    assert "tcp:9091" in stack.api.get_policy().text


def test_removing_too_much_and_what_all_hangs_on_is_refused_with_the_way_on(stack: Bench) -> None:
    stack.edit(CONFIG, "config:\n", 'config:\n  tailstack:removalLimit: 20\n  tailstack:removalLimitFrom: "2"\n')
    file = stack.project / FILE
    declared: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    del declared["clusters"]["green"]
    declared["access"] = [one for one in declared["access"] if {"apiServer": "green"} not in one["to"]]
    file.write_text(yaml.safe_dump(declared), encoding="utf-8")
    before = stack.api.get_policy()
    refused = up(stack, "--yes")
    assert refused.returncode == ExitCode.REFUSED, refused.stdout + refused.stderr
    assert "Refused. Nothing was changed." in refused.stderr
    assert "OAuth client green.operator would be deleted." in refused.stderr
    assert "2 of 7 nodes would go or lose something" in refused.stderr
    assert re.search(r"If all of it is meant: .*--allow nodes.* --allow cluster:green", refused.stderr)
    assert stack.api.get_policy() == before
    assert len(clients(stack)) == 2


def test_a_cluster_that_is_gone_in_the_middle_keeps_its_access_until_it_was_brought_over(
    stack: Bench, tmp_path: Path
) -> None:
    if not is_linked(stack):
        assert up(stack, "--yes").returncode == ExitCode.CLEAN
    remove_link(stack)
    reached = tmp_path / "kubeconfig"
    shutil.copy(stack.sandbox.kubeconfig, reached)
    process = started(stack, "--yes", "--format", "json", KUBECONFIG=str(reached))
    out: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        out.append(line)
        if '"kind": "said"' in line and "keeping what nodes still use" in line:
            reached.write_text(without_a_server(stack.sandbox.kubeconfig.read_text(), "green"))
    process.communicate()
    result = result_of("".join(out))
    assert result["exit_code"] == ExitCode.ERROR
    assert result["kept"]["entries"] == ["tag:k8s to tag:k8s"]
    assert result["narrowed"] is False
    said = "\n".join(result["said"])
    assert "What failed is in green." in said
    assert "The policy file was not narrowed" in said
    assert is_linked(stack)
    stack.api.clear_requests()
    again = up(stack, "--yes")
    assert again.returncode == ExitCode.CLEAN, again.stderr
    assert "the policy file last" in again.stdout
    assert not is_linked(stack)
    assert writes(stack) == 1, "the first pass finds the policy file as it left it"
    assert stack.cluster("green").one("v1", "Service", "default", "nginx-remote") is None


def test_an_edit_between_the_report_and_the_apply_is_not_overwritten(stack: Bench) -> None:
    stack.edit(FILE, "ports: [tcp:9090]", "ports: [tcp:9092]")
    before = stack.api.get_policy().text
    edited = before.replace('"tag:k8s-operator": []', '"tag:k8s-operator": ["autogroup:admin"]')
    assert edited != before
    with Terminal(stack) as terminal:
        terminal.wait_for("Apply this to sandbox?")
        stack.api.set_policy(edited)
        terminal.answer("y\n")
        code, said = terminal.end()
    try:
        assert code == ExitCode.REFUSED, said
        assert "edited behind this stack" in said
        assert "run the same command again" in said
        assert stack.api.get_policy().text == edited
        found = up(stack, "--yes")
        assert found.returncode == ExitCode.REFUSED
        assert "autogroup:admin gains" in found.stderr or "autogroup:admin may" in found.stderr, found.stderr
        assert "pulumi refresh --stack sandbox" in found.stderr
    finally:
        stack.api.set_policy(before)


def test_whoever_says_no_changes_nothing(stack: Bench) -> None:
    stack.edit(FILE, "ports: [tcp:9090]", "ports: [tcp:9093]")
    before = stack.api.get_policy()
    with Terminal(stack) as terminal:
        terminal.wait_for("Apply this to sandbox?")
        terminal.answer("n\n")
        code, said = terminal.end()
    assert code == ExitCode.REFUSED
    assert "Not agreed to. Nothing was changed." in said
    assert stack.api.get_policy() == before


@pytest.mark.parametrize("status", [429, "drop"])
def test_an_api_that_fails_is_told_with_the_way_on(stack: Bench, status: int | str) -> None:
    """That the next apply goes on from there is held in test_failures.py."""
    stack.edit(FILE, "ports: [tcp:9090]", "ports: [tcp:9094]")
    before = stack.api.get_policy()
    stack.api.inject_fault(status, path=r"/acl$", method="POST", times=50)
    failed = up(stack, "--yes")
    assert failed.returncode == ExitCode.ERROR
    assert {429: "429", "drop": "Remote end closed connection"}[status] in failed.stderr
    assert "run the same command again" in failed.stderr
    assert "tskey-" not in failed.stdout + failed.stderr
    assert stack.api.get_policy() == before


def wait_for_step(process: subprocess.Popen[str], step: str) -> str:
    """Until the engine begins with a part of the work, after the report; gives what was said up to then."""
    assert process.stdout is not None
    is_applying = False
    said = ""
    for line in process.stdout:
        said += line
        record = json.loads(line)
        is_applying = is_applying or (record["kind"] == "said" and record["text"].startswith("Applying "))
        if is_applying and record["kind"] == "step" and record["step"] == step:
            return said
    pytest.fail(f"the run ended without {step}: {said[-3000:]}")


def children(pid: int, name: str) -> list[int]:
    """The processes of a name that another one has started."""
    found: list[int] = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            if fields["PPid"] == str(pid) and fields["Name"] == name:
                found.append(int(fields["Pid"]))
    return found


class Terminal:
    """`tailstack up` on a terminal of its own, so that it asks."""

    def __init__(self, bench: Bench) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tailstack", "up", STACK, *PLAIN],
            cwd=bench.project,
            env=os.environ | bench.sandbox.environment() | {"NO_COLOR": "1"},
            stdin=slave,
            stdout=slave,
            stderr=subprocess.STDOUT,
        )
        os.close(slave)
        self._said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    def wait_for(self, text: str) -> None:
        while text not in self._said:
            assert self._read(), self._said

    def answer(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> tuple[int, str]:
        """The exit code, and all that was said."""
        while self._read():
            pass
        return self._process.wait(), " ".join(self._said.split())

    def _read(self) -> bool:
        try:
            found = os.read(self._master, 65536)
        except OSError:
            # Linux says so when the other side of a terminal is closed.
            return False
        self._said += found.decode(errors="replace")
        return bool(found)
