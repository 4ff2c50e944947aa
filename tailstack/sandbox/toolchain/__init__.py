"""The programs the sandbox runs: found on PATH when new enough, else built once from pinned Go modules into a cache."""

from __future__ import annotations

from tailstack.sandbox.toolchain.ensure import ensure, missing
from tailstack.sandbox.toolchain.tools import DEMO_TOOLS, TOOLS

__all__ = ["DEMO_TOOLS", "TOOLS", "ensure", "missing"]
