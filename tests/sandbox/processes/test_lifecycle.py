"""A sandbox comes up whole or not at all, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tailstack.commands.main import run
from tailstack.sandbox import lifecycle, processes
from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.folder import Folder, Record
from tailstack.sandbox.lifecycle import Sandbox, environment, running_sandbox
from tailstack.sandbox.processes import Identity
from tailstack.sandbox.toolchain import DEMO_TOOLS, ensure
from tests.sandbox.processes.conftest import context
from tests.sandbox.processes.test_processes import wait_for

PROJECT = Path(__file__).parents[3]

pytestmark = pytest.mark.sandbox


def record_of(folder: Path) -> Record:
    record = Folder(folder).running()
    assert record is not None
    return record


def all_of(record: Record) -> list[Identity]:
    return [record.supervisor, *(entry.process for entry in record.processes)]


def test_it_says_what_runs(sandbox: Sandbox) -> None:
    assert list(sandbox.clusters) == ["blue", "green"]
    assert set(sandbox.processes) == {
        "etcd",
        "tailscale-api",
        "kube-apiserver blue",
        "kube-apiserver green",
        "kube-controller-manager blue",
        "kube-controller-manager green",
    }
    assert stat.S_IMODE(sandbox.kubeconfig.stat().st_mode) == 0o600
    assert set(sandbox.tools) == set(DEMO_TOOLS)
    assert all(path.exists() for path in sandbox.tools.values())


def test_the_api_knows_the_key_of_the_environment(sandbox: Sandbox) -> None:
    variables = sandbox.environment()
    address = urlsplit(variables["TAILSCALE_BASE_URL"])
    assert address.geturl() == sandbox.api_url
    for key, status in ((variables["TAILSCALE_API_KEY"], 200), ("tskey-api-other", 401)):
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/api/v2/tailnet/-/acl", headers={"Authorization": f"Bearer {key}"})
            assert connection.getresponse().status == status


def test_the_environment_leads_nowhere_else(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PULUMI_ACCESS_TOKEN", "TAILSCALE_OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "HELM_NAMESPACE", "KUBE_X"):
        monkeypatch.setenv(name, "foreign")
    monkeypatch.setenv("KUBECONFIG", "/foreign")
    monkeypatch.setenv("NO_PROXY", "example.com")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    found = environment(sandbox.folder)

    assert "foreign" not in " ".join(found.values())
    assert found["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert found["NO_PROXY"] == found["no_proxy"] == "example.com,127.0.0.1,localhost"
    assert found["VIRTUAL_ENV"] == sys.prefix
    inside = (
        "KUBECONFIG",
        "PULUMI_HOME",
        "HELM_CACHE_HOME",
        "HELM_CONFIG_HOME",
        "HELM_DATA_HOME",
        "KUBECACHEDIR",
        "TAILSTACK_SANDBOX",
    )
    assert all(Path(found[name]).is_relative_to(sandbox.folder) for name in inside)
    assert found["PULUMI_BACKEND_URL"] == (sandbox.folder / "state").as_uri()


def test_the_tools_are_on_its_path(sandbox: Sandbox) -> None:
    script = "pulumi version && pulumi stack ls --all --json && helm show chart $TAILSTACK_OPERATOR_CHART"
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env=sandbox.environment(),
        cwd=sandbox.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("v3.250.0\n[]\n"), done.stderr
    assert "version: 1.102.3\n" in done.stdout
    linked = subprocess.run(
        [sandbox.tools["helm"], "show", "chart", sandbox.folder / "chart"], capture_output=True, check=True
    )
    assert b"name: tailscale-operator\n" in linked.stdout


def test_up_where_one_runs_gives_that_one(sandbox: Sandbox) -> None:
    assert lifecycle.up(sandbox.folder) == sandbox
    assert lifecycle.up(sandbox.folder, clusters=["green", "blue"]) == sandbox
    with pytest.raises(SandboxError, match="runs already, with the clusters blue, green"):
        lifecycle.up(sandbox.folder, clusters=["red"])


def test_another_owner_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="runs already"), running_sandbox(sandbox.folder):
        pass
    assert lifecycle.up(sandbox.folder) == sandbox


def test_from_up_to_down_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside another sandbox that runs, with what was kept in between."""
    folder = tmp_path / "sandbox"
    assert run(["sandbox", "up", "--folder", str(folder), "--cluster", "solo"]) == 0
    said = capsys.readouterr().out
    assert "The sandbox is up, after " in said
    record = record_of(folder)
    assert record.api_url in said
    solo = context(folder / "kubeconfig", "solo")
    solo.make("/api/v1/namespaces", metadata={"name": "kept"})

    assert run(["sandbox", "status", "--folder", str(folder), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["running"]
    assert document["clusters"] == {"solo": solo.url}
    assert [entry["running"] for entry in document["processes"]] == [True] * 4
    assert all(Path(entry["log"]).exists() for entry in document["processes"])
    assert solo.token not in json.dumps(document)
    shell = [sys.executable, "-m", "tests.sandbox.processes.tailstack", "sandbox", "shell", "--folder", str(folder)]
    done = subprocess.run(
        [*shell, "sh", "-c", "echo $KUBECONFIG; exit 9"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (9, f"{folder / 'kubeconfig'}\n")

    assert run(["sandbox", "down", "--folder", str(folder), "--keep"]) == 0
    assert not any(processes.is_running(process) for process in all_of(record))
    assert run(["sandbox", "status", "--folder", str(folder)]) == 0
    assert capsys.readouterr().out.endswith(f"The sandbox in {folder} does not run.\n")

    assert run(["sandbox", "up", "--folder", str(folder), "--cluster", "solo"]) == 0
    again = context(folder / "kubeconfig", "solo")
    assert again == solo
    assert again.request("GET", "/api/v1/namespaces/kept")[0] == 200
    record = record_of(folder)

    assert run(["sandbox", "down", "--folder", str(folder)]) == 0
    assert not any(processes.is_running(process) for process in all_of(record))
    assert not folder.exists()
    capsys.readouterr()
    assert run(["sandbox", "down", "--folder", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("No sandbox was running")


def test_status_names_what_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "sandbox"

    def spoiled() -> None:
        with running_sandbox(folder, clusters=["solo"]) as running:
            os.kill(running.processes["kube-controller-manager solo"], signal.SIGKILL)
            wait_for(lambda: bool(lifecycle.status(folder).ended))
            assert run(["sandbox", "status", "--folder", str(folder)]) == 0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spoiled()
    said = capsys.readouterr().out
    assert f"The sandbox in {folder} runs, but not all of it.\n" in said
    [line] = [line for line in said.splitlines() if line.startswith("kube-controller-manager solo")]
    assert " ended " in line
    assert not folder.exists()


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "sandbox")
    starting = subprocess.Popen(
        [sys.executable, "-m", "tests.sandbox.processes.tailstack", "sandbox", "up", "--folder", str(folder.path)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: folder.log("kube-apiserver blue").exists())
    supervisor = folder.holder()
    assert supervisor is not None
    children = children_of(supervisor.pid)
    assert children
    assert lifecycle.status(folder.path).starting
    starting.send_signal(signal.SIGINT)
    said = "".join(starting.communicate(timeout=60))

    assert starting.returncode == 130
    assert "Interrupted." in said
    assert "Traceback" not in said
    assert not any(processes.is_running(process) for process in (supervisor, *children))


def children_of(pid: int) -> list[Identity]:
    numbers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [found for number in numbers if (found := processes.identity(int(number))) is not None]


def test_it_ends_with_the_process_that_owns_it(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    script = (
        "import sys, time; from pathlib import Path; from tailstack.sandbox.lifecycle import running_sandbox\n"
        "with running_sandbox(Path(sys.argv[1]), clusters=['solo']): time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(folder)]) as owner:
        wait_for(lambda: Folder(folder).running() is not None)
        record = record_of(folder)
        owner.kill()
    wait_for(lambda: not any(processes.is_running(process) for process in all_of(record)))
    assert lifecycle.status(folder).record is None
    assert not lifecycle.down(folder)
    assert not folder.exists()


def test_what_does_not_start_is_named_and_nothing_stays(tmp_path: Path) -> None:
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho this one is broken >&2\nexit 5\n")
    broken.chmod(0o755)
    folder = tmp_path / "sandbox"
    with pytest.raises(SandboxError, match=r"kube-apiserver solo ended with 5 (?s:.*)this one is broken"):
        lifecycle.up(folder, clusters=["solo"], tools={**ensure(DEMO_TOOLS), "kube-apiserver": broken})
    status = lifecycle.status(folder)
    assert (status.record, status.starting) == (None, False)
    with pytest.raises(SandboxError, match="Start it: tailstack sandbox up"):
        environment(folder)


def test_other_folders_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes").write_text("mine")
    for name in ("up", "down"):
        assert run(["sandbox", name, "--folder", str(tmp_path)]) == 1
        assert "sandbox of tailstack" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
