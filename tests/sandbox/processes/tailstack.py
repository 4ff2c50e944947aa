"""The command line in a process of its own: `python -m tests.sandbox.processes.tailstack …`."""

from __future__ import annotations

from tailstack.commands.main import main

main()
