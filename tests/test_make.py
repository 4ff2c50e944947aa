"""Every test is in one of the two runs of `make test`."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def test_no_test_is_left_out_of_make_test() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\btests/[\w./]+", " ".join(re.findall(r"_TESTS := (.*)", makefile))))
    assert {name for name in named if not (PROJECT / name).exists()} == set()
    found = {
        str(entry.relative_to(PROJECT))
        for entry in (PROJECT / "tests").iterdir()
        if entry.name.startswith("test_") or (entry.is_dir() and any(entry.rglob("test_*.py")))
    }
    assert {"/".join(name.split("/")[:2]) for name in named} == found
