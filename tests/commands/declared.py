"""A small environment for tests of commands, and a project that has it."""

from __future__ import annotations

from pathlib import Path

TEXT = """tailnet: {dnsName: tail1a2b.ts.net}
defaults: {operator: {chart: {version: "1.102.3"}}}
groups:
  group:ops: {rotation: {members: [ana@example.com, li@example.com], every: 7d, from: "2026-01-05T09:00:00Z"}}
clusters:
  blue:
    kubernetes: {context: blue}
    expose:
      nginx: {namespace: default, ports: [tcp:80], selector: {a: b}}
"""


def write(project: Path, environment: str, text: str, name: str = "tailnet.yaml") -> None:
    """Write one file of an environment; its folders are made."""
    folder = project / "stacks" / environment
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
