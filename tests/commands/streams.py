"""What a program reads of a command with `--format json` that works long: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast


def records_of(text: str) -> list[Mapping[str, Any]]:
    """Each line; the first must name the version of the format."""
    records = [cast("Mapping[str, Any]", json.loads(line)) for line in text.splitlines()]
    assert records[0] == {"format_version": "1.0", "kind": "version"}
    return records


def result_of(text: str) -> Mapping[str, Any]:
    """The command's report, which must be the last line, after the work."""
    *_, ended, result = records_of(text)
    assert (ended["kind"], result["kind"]) == ("ended", "result")
    return result
