"""The valid tailnets that false alarms and missed mistakes are measured on, by name, each as its files.

Those of this project's own stacks are two of them; the others are in tests/topologies, with header lines as in the examples
of rules (tests/rules/examples.py).
"""

from __future__ import annotations

from pathlib import Path

from tests.rules.examples import files_of_example

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "tests" / "topologies"
STACKS = ("sandbox", "production")


def topologies() -> dict[str, dict[str, str]]:
    """The files of each topology by their names; manifests have a folder in theirs."""
    own = {
        name: {path.name: path.read_text(encoding="utf-8") for path in sorted((PROJECT / "stacks" / name).iterdir())}
        for name in STACKS
    }
    others = {path.stem: files_of_example(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))}
    return {**own, **others}
