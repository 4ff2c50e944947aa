"""Texts that are kept beside the tests: what a report looks like, to be read in review when it changes.

`pytest --update-golden` writes them anew; without it a difference is a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

UPDATE = "--update-golden"


@dataclass(frozen=True, kw_only=True, slots=True)
class Golden:
    """The golden files of one folder."""

    folder: Path
    is_update: bool

    def holds(self, name: str, text: str) -> None:
        """The file `name` is this text."""
        file = self.folder / name
        if self.is_update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.is_file(), f"{file} is missing: write it with pytest {UPDATE}"
        assert text == file.read_text(encoding="utf-8")
