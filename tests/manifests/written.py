"""Manifests written in tests, several files in one text."""

from __future__ import annotations

import re

_HEADER = re.compile(r"^# (\S+\.(?:yaml|json))$", re.MULTILINE)


def files_of(text: str) -> dict[str, str]:
    """The files of a text by their paths, each below a line such as `# blue/app.yaml`."""
    _, *rest = _HEADER.split(text)
    return dict(zip(rest[::2], rest[1::2], strict=True))
