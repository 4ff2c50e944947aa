"""Event streams as pulumi 3.250.0 wrote them over stacks/sandbox, one for each kind of change.

Of the recordings the steps over unchanged objects are left out but for a few, and so is what no report reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tailstack.engine.events import EventLog, parse_event
from tailstack.report.masking import Masking

FOLDER = Path(__file__).parent / "recordings"
NAMES = tuple(sorted(file.stem for file in FOLDER.glob("*.ndjson")))
MASKING = Masking(key=b"the key of these tests")


def recorded(name: str) -> EventLog:
    """The log of one recording."""
    return log_of((FOLDER / f"{name}.ndjson").read_text(encoding="utf-8"))


def log_of(text: str) -> EventLog:
    """The log of a stream."""
    return EventLog(events=tuple(event for event in map(parse_event, text.splitlines()) if event is not None))


def step(
    op: str,
    urn: str = "expose.nginx",
    *,
    type: str = "kubernetes:core/v1:Service",  # noqa: A002  the engine's word
    old: Mapping[str, object] | None = None,
    new: Mapping[str, object] | None = None,
    outputs: Mapping[str, object] | None = None,
    retained: bool = False,
    event: str = "resourcePreEvent",
    **metadata: object,
) -> str:
    """A line of a stream: one step over one object of cluster blue."""
    whole = {
        "op": op,
        "urn": f"urn:pulumi:s::p::tailstack:cluster:Cluster${type}::blue.{urn}",
        "type": type,
        "provider": "urn:pulumi:s::p::pulumi:providers:kubernetes::blue::id",
        "old": None if old is None else {"inputs": old, "outputs": outputs or {}, "retainOnDelete": retained},
        "new": None if new is None else {"inputs": new},
        **metadata,
    }
    return json.dumps({"sequence": 1, event: {"metadata": whole, "unheard": "of"}})


SUMMARY = json.dumps({"summaryEvent": {"resourceChanges": {}, "durationSeconds": 1}})


def service(name: str = "nginx", **annotations: str) -> dict[str, object]:
    """The inputs of a Service."""
    told = {f"tailscale.com/{key}": value for key, value in annotations.items()}
    return {"kind": "Service", "metadata": {"name": name, "namespace": "default", "annotations": told}}
