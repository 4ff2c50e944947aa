"""The server as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tailstack.sandbox.api.__main__ import main
from tailstack.sandbox.api.client import SandboxClient
from tests.sandbox.api.conftest import POLICY


@contextmanager
def running(folder: Path, *options: str) -> Generator[tuple[subprocess.Popen[str], SandboxClient]]:
    command = [sys.executable, "-m", "tailstack.sandbox.api", "--folder", str(folder), *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            yield process, SandboxClient.of_folder(url, folder)
        finally:
            process.kill()


def test_it_says_where_it_listens_and_stops_when_told(tmp_path: Path) -> None:
    with running(tmp_path, "--tailnet", "acme.org", "--dns-name", "tail9.ts.net", "--unworn-tags", "fail") as (
        process,
        client,
    ):
        assert client.url.startswith("http://127.0.0.1:")
        client.set_policy(POLICY)
        key = client.create_auth_key(tags=["tag:k8s"])
        assert client.register_device("a", auth_key=key.secret).name == "a.tail9.ts.net"
        assert client.control("GET", "behaviour")["unwornTags"] == "fail"
        process.send_signal(signal.SIGTERM)
        out, log = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "")
    assert "POST /api/v2/tailnet/-/acl 200" in log
    assert "tskey-" not in log


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path) as (process, client):
        client.set_policy(POLICY)
        before = client.get_policy()
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
    with running(tmp_path) as (_, client):
        assert client.get_policy() == before


def test_reasons_not_to_start_are_given_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--folder", str(tmp_path / "a"), "--port", port]) == 1
    assert f"cannot listen on port {port}" in capsys.readouterr().err
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "state.json").write_text("{")
    assert main(["--folder", str(tmp_path / "b")]) == 1
    assert "delete it to start afresh" in capsys.readouterr().err
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before, "whoever calls it can be ended as before"


def test_it_starts_without_what_is_slow_to_import() -> None:
    code = "import sys, tailstack.sandbox.api.__main__; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"pulumi", "pydantic", "kubernetes", "yaml", "rich"}.isdisjoint(found.stdout.split())
