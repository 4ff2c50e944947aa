"""The demo as a user starts it: one command, from nothing to nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
CHAPTERS = (
    "A sandbox",
    "What a person wrote",
    "pulumi up",
    "What exists now",
    "Who reaches what, and why",
    "Look at it yourself",
    "Somebody changes things behind the stack's back",
    "It is put right",
    "Everything goes down again",
)


def test_the_demo_shows_the_whole_of_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder, record = tmp_path / "sandbox", tmp_path / "demo.txt"
    result = subprocess.run(
        [sys.executable, "-m", "tailstack", "sandbox", "demo", "--folder", str(folder), "--record", str(record)],
        cwd=PROJECT,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    for chapter in CHAPTERS:
        assert chapter in result.stdout
    assert "1 link, 1 complete." in result.stdout
    assert (
        "autogroup:member gains every port to tag:k8s-operator, but for what other entries gave before."
        in result.stdout
    )
    assert (
        'its tags (metadata.annotations["tailscale.com/tags"]): was "tag:k8s", is "tag:k8s-operator"' in result.stdout
    )
    assert "No drift: everything in sandbox is as the stack left it." in result.stdout
    assert "no credential of the stack is left in the tailnet" in result.stdout
    assert "\x1b[" not in result.stdout
    assert record.read_text(encoding="utf-8") == result.stdout
    wide = [line for line in result.stdout.splitlines() if len(line) > 100 and not line.startswith("  $ ")]
    assert wide == []
    assert not folder.exists()
