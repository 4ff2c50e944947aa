"""`tailstack preview` of a stack that is up, through the engine: what it says, and that it writes nothing.

One stack serves all of these tests; each changes files of its copy, and puts them back.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tailstack.commands.exit_codes import ExitCode
from tests.commands.streams import result_of
from tests.program.conftest import STACK, Bench

FILE = "stacks/sandbox/tailnet.yaml"
NGINX = "service: nginx-service\n        ports: [tcp:80]"
POLICIES = ("--policy-pack", "policies", "--policy-pack-config", "policies/sandbox.json")
EDIT = '"dst": ["tag:k8s"], "ip": ["tcp:9090"]'


@pytest.fixture(autouse=True)
def _back_to_what_is_applied(applied: Bench) -> Generator[None]:
    file = applied.project / FILE
    text, policy = file.read_text(encoding="utf-8"), applied.api.get_policy().text
    yield
    file.write_text(text, encoding="utf-8")
    applied.api.set_policy(policy)
    applied.api.clear_faults()


def preview(bench: Bench, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return bench.tailstack("preview", STACK, *options, **variables)


def test_a_change_is_told_once_for_people_once_for_programs_and_changes_nothing(applied: Bench, tmp_path: Path) -> None:
    applied.edit(FILE, "    to: [{exposure: blue.metrics}]", "    to: [{exposure: blue.nginx}]")
    applied.edit(FILE, NGINX, NGINX.replace("nginx-service", "nginx-other"))
    before = applied.api.get_policy().etag
    outputs = [f"--output={tmp_path / name}" for name in ("whole.json", "whole.md")]
    done = preview(applied, *POLICIES, "--limit", "1200", "--format", "markdown", *outputs)
    assert done.returncode == ExitCode.CHANGES, done.stderr
    assert len(done.stdout.encode()) <= 1200
    assert done.stdout.startswith(":warning: **Look before you apply sandbox: access is taken away once;")
    whole = (tmp_path / "whole.md").read_text(encoding="utf-8")
    assert "group:admin loses tcp:9090 to" in whole
    assert "exposure blue.nginx (Service default/nginx-other in blue) is replaced, because of its metadata" in whole
    report: dict[str, Any] = json.loads((tmp_path / "whole.json").read_text(encoding="utf-8"))
    assert report["livePolicy"]["state"] == "in step"
    assert report["plan"]["counts"] == {"update": 1, "replace": 1}
    assert report["cost"] == {
        "devices": [7, 7],
        "groups": [2, 2],
        "certificates": [],
        "restarts": [],
        "replaced": ["exposure blue.nginx"],
    }
    again = result_of(preview(applied, *POLICIES, "--format", "json").stdout)
    assert again["plan"] == report["plan"], "the digest binds an apply to what was reviewed"
    assert applied.api.get_policy().etag == before


def test_nothing_to_do_is_safe_and_an_edit_of_the_live_policy_is_not(applied: Bench) -> None:
    clean = preview(applied, "--no-policy-pack")
    assert clean.returncode == ExitCode.CLEAN, clean.stderr
    assert clean.stdout.startswith("Safe: nothing changes in sandbox.\n")
    live = applied.api.get_policy().text
    assert EDIT in live
    applied.api.set_policy(live.replace(EDIT, EDIT.replace("tcp:9090", "*")))
    edited = preview(applied, "--no-policy-pack")
    assert edited.returncode == ExitCode.CHANGES, edited.stderr
    assert edited.stdout.startswith("Look before you apply sandbox: the live policy file was edited")
    assert "group:admin gains" in edited.stdout, "who gained access by the edit"
    assert "group:admin loses" not in edited.stdout, "an apply has nothing to write, and leaves the edit"


def test_a_mandatory_policy_refuses(applied: Bench) -> None:
    applied.edit(FILE, "    srcPosture: [posture:latestMac]\n", "")
    done = preview(applied, *POLICIES)
    assert done.returncode == ExitCode.REFUSED, done.stderr
    assert done.stdout.startswith("Not safe: no-system-masters-without-posture refuses sandbox.\n")
    assert "policy file" in done.stdout


def test_errors_end_it_before_the_engine_and_a_failure_is_a_report(applied: Bench) -> None:
    failed = preview(applied, "--no-policy-pack", "--format", "markdown", PULUMI_CONFIG_PASSPHRASE="not the one")
    assert failed.returncode == ExitCode.ERROR
    assert failed.stdout.startswith(":x: **The preview of sandbox failed, and nobody can say what would change:")
    assert "Traceback" not in failed.stdout + failed.stderr
    applied.edit(FILE, "hostname: tailscale-operator-green", "hostname: tailscale-operator")
    done = preview(applied)
    assert done.returncode == ExitCode.FINDINGS
    assert done.stdout.startswith("Not safe: sandbox has 1 error, and nothing would be applied.\n")
    assert "TS101" in done.stdout
