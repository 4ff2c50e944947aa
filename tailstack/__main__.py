"""`python -m tailstack`."""

from __future__ import annotations

from tailstack.commands.main import main

main()
