"""The OAuth secrets and the kubeconfigs are nowhere in clear text: not in state, logs, engine events, reports or errors.

But for the engine's own debugging logs: from `-v=9` on it writes what it says to plugins, secrets among it, and warns of it.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailstack.sandbox.lifecycle import Sandbox
from tests.program.conftest import STACK, Bench


def secrets_of(bench: Bench) -> Iterator[bytes]:
    """Every secret that the stack handles: the OAuth secrets as the clusters have them, the API key, the kubeconfigs."""
    for cluster in bench.sandbox.clusters:
        secret = bench.cluster(cluster).one("v1", "Secret", "tailscale", "operator-oauth")
        assert secret is not None
        yield base64.b64decode(secret["data"]["client_secret"])
    yield bench.sandbox.environment()["TAILSCALE_API_KEY"].encode()
    outputs = bench.pulumi().plain("stack", "output", "kubeconfigs", "--json", "--show-secrets", "--stack", STACK)
    assert outputs.returncode == 0
    assert b"tail1a2b" in outputs.stdout.encode()
    yield b"token: unused"


def forms(secret: bytes) -> Iterator[bytes]:
    """The secret itself, and its base64 wherever it may begin within a group of three bytes."""
    yield secret
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret)
        # The first and the last group of four may mix with what stands beside the secret.
        yield encoded[4:-4]


def written_files(sandbox: Sandbox) -> Iterator[Path]:
    """State, history and backups of the stack, and every log. Not what must hold secrets: the clusters' own stores, the
    API's, and the credentials that the sandbox hands out."""
    for folder in (sandbox.folder / "logs", Path(sandbox.environment()["PULUMI_BACKEND_URL"].removeprefix("file://"))):
        files = [file for file in folder.rglob("*") if file.is_file()]
        assert files, folder
        yield from files


@pytest.mark.parametrize("operation", ["up", "preview", "refresh"])
def test_no_secret_is_in_what_the_engine_says(applied: Bench, operation: str) -> None:
    arguments = {
        "up": ("up", "--yes", "--skip-preview", "--refresh", "--diff"),
        "preview": ("preview", "--diff", "--show-sames", "--show-config"),
        "refresh": ("refresh", "--preview-only", "--diff"),
    }[operation]
    said = applied.pulumi().plain(*arguments, "--stack", STACK)
    events = applied.pulumi().plain(*arguments, "--stack", STACK, "--json")
    text = (said.stdout + said.stderr + events.stdout + events.stderr).encode()
    assert len(text) > 1000
    for secret in secrets_of(applied):
        assert not [form for form in forms(secret) if form in text]


def test_no_secret_is_in_state_history_or_logs(applied: Bench) -> None:
    assert applied.up("--refresh").succeeded
    for file in written_files(applied.sandbox):
        content = file.read_bytes()
        for secret in secrets_of(applied):
            assert not [form for form in forms(secret) if form in content], file


def test_no_secret_is_in_an_exported_stack(applied: Bench, tmp_path: Path) -> None:
    exported = tmp_path / "stack.json"
    result = applied.pulumi().plain("stack", "export", "--stack", STACK, "--file", str(exported))
    assert result.returncode == 0, result.stderr
    content = exported.read_bytes()
    for secret in secrets_of(applied):
        assert not [form for form in forms(secret) if form in content]


def test_no_secret_is_in_an_error(applied: Bench) -> None:
    """A failing write of the very object that holds the secret: the namespace is gone, and the API says so."""
    shutil.copytree(applied.project / "stacks", applied.project / "before")
    applied.api.inject_fault(500, path="/keys/", method="PUT", times=0)
    applied.edit("stacks/sandbox/tailnet.yaml", "proxyTags: [tag:k8s]", "proxyTags: [tag:k8s, tag:k8s-operator]")
    try:
        outcome = applied.up()
    finally:
        applied.api.clear_faults()
        shutil.rmtree(applied.project / "stacks")
        shutil.move(applied.project / "before", applied.project / "stacks")
    text = (outcome.explain() + outcome.text).encode()
    for secret in secrets_of(applied):
        assert not [form for form in forms(secret) if form in text]
