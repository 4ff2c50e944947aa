"""The engine's event stream: one JSON object a line, read into the few shapes that reports need.

Source of the shapes: `sdk/go/common/apitype/events.go` of pulumi 3.250.0. Unknown kinds and unknown keys are passed over,
as are lines that are not JSON (https://github.com/pulumi/pulumi/issues/19775). Secrets arrive blinded as `[secret]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from tailstack.plain import mapping
from tailstack.report.masking import BLINDED

Json = Mapping[str, object]

EMPTY: Json = {}

_WRAPPING = ("4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270")
"""Key and value of what is wrapped around a secret that came back from a provider (`sdk/go/common/resource/sig/sig.go`,
3.250.0); it is blinded within, and told so everywhere else."""


_FAILED = frozenset({"preview failed", "update failed"})
"""What the engine says at the end, beside the reason (`reportExecResult` in `resource/deploy/deployment_executor.go`, 3.250.0)."""


class Phase(StrEnum):
    """How far a step is."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step over one resource. `op` is the engine's word: same, create, update, delete, replace, refresh …

    `provider` is the name of the provider resource. `inputs_before`, `outputs_before` and their `_after` twins are empty
    where that side does not exist. `changed` are the property paths that the provider's diff named, `replaced_by` those for
    which it must be replaced. `is_retained` tells that a delete leaves what it is about where it is.
    """

    phase: Phase
    op: str
    urn: str
    type: str
    provider: str
    changed: tuple[str, ...]
    inputs_before: Json
    inputs_after: Json
    outputs_before: Json
    outputs_after: Json
    replaced_by: tuple[str, ...] = ()
    is_retained: bool = False

    @property
    def name(self) -> str:
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """A message of the engine, the program or a plugin. `severity` is info, info#err, warning or error."""

    severity: str
    message: str
    urn: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """A policy of a policy pack that a resource, or the stack, breaks."""

    policy: str
    pack: str
    level: str
    message: str
    urn: str

    @property
    def is_mandatory(self) -> bool:
        return self.level == "mandatory"


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The end of an operation: how many resources had which op."""

    changes: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineError:
    """The engine could not go on."""

    message: str


Event = Step | Diagnostic | Violation | Summary | EngineError


@dataclass(frozen=True, kw_only=True, slots=True)
class EventLog:
    """All events of one operation, in order."""

    events: tuple[Event, ...] = field(default=())

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(e for e in self.events if isinstance(e, Step))

    @property
    def errors(self) -> tuple[str, ...]:
        """Every error, each once, in the order in which it was said; that it failed only where nothing says why."""
        said = [e.message for e in self.events if isinstance(e, EngineError)]
        said += [e.message for e in self.events if isinstance(e, Diagnostic) and e.severity == "error"]
        every = tuple(dict.fromkeys(text.strip() for text in said))
        return tuple(text for text in every if text not in _FAILED) or every

    @property
    def violations(self) -> tuple[Violation, ...]:
        return tuple(e for e in self.events if isinstance(e, Violation))

    @property
    def changes(self) -> Mapping[str, int]:
        """Counts by op of the final summary; empty when the operation did not reach its end."""
        summaries = [e for e in self.events if isinstance(e, Summary)]
        return summaries[-1].changes if summaries else {}


def parse_event(line: str) -> Event | None:
    """The event of one line of the stream, or None for what no report needs."""
    text = line.strip()
    if not text.startswith("{"):
        return None
    try:
        record = cast("dict[str, object]", json.loads(text))
    except json.JSONDecodeError:
        return None
    for kind, read in _READERS.items():
        body = record.get(kind)
        if isinstance(body, dict):
            return read(cast("Json", body))
    return None


def _step(phase: Phase, body: Json) -> Step:
    metadata = mapping(body.get("metadata"))
    old, new = mapping(metadata.get("old")), mapping(metadata.get("new"))
    detailed = mapping(metadata.get("detailedDiff"))
    diffs = cast("list[str]", metadata.get("diffs") or [])
    keys = cast("list[str]", metadata.get("keys") or [])
    return Step(
        phase=phase,
        op=str(metadata.get("op", "")),
        urn=str(metadata.get("urn", "")),
        type=str(metadata.get("type", "")),
        provider=_provider_name(str(metadata.get("provider", ""))),
        changed=tuple(detailed) or tuple(diffs),
        inputs_before=_state(old.get("inputs")),
        inputs_after=_state(new.get("inputs")),
        outputs_before=_state(old.get("outputs")),
        outputs_after=_state(new.get("outputs")),
        replaced_by=tuple(keys),
        is_retained=old.get("retainOnDelete") is True,
    )


def _state(value: object) -> Json:
    """Inputs or outputs, in which a secret is the text that says so, however the engine wrapped it."""
    return mapping(_unwrapped(value))


def _unwrapped(value: object) -> object:
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        if _WRAPPING in fields.items():
            return BLINDED
        return {key: _unwrapped(each) for key, each in fields.items()}
    return [_unwrapped(each) for each in cast("list[object]", value)] if isinstance(value, list) else value


def _provider_name(reference: str) -> str:
    """The name inside `urn:pulumi:…::pulumi:providers:kubernetes::blue::<id>`."""
    parts = reference.split("::")
    return parts[-2] if len(parts) > 1 else ""


def _diagnostic(body: Json) -> Diagnostic | None:
    # Debugging messages of the Python SDK hold values in clear text, secrets among them (runtime/resource.py, 3.250.0).
    if body.get("ephemeral") or body.get("severity") == "debug":
        return None
    return Diagnostic(
        severity=str(body.get("severity", "")), message=str(body.get("message", "")), urn=str(body.get("urn", ""))
    )


def _violation(body: Json) -> Violation:
    return Violation(
        policy=str(body.get("policyName", "")),
        pack=str(body.get("policyPackName", "")),
        level=str(body.get("enforcementLevel", "")),
        message=str(body.get("message", "")),
        urn=str(body.get("resourceUrn", "")),
    )


def _summary(body: Json) -> Summary:
    changes = mapping(body.get("resourceChanges"))
    return Summary(changes={op: n for op, n in changes.items() if isinstance(n, int)})


_READERS: Mapping[str, Callable[[Json], Event | None]] = {
    "resourcePreEvent": lambda body: _step(Phase.STARTED, body),
    "resOutputsEvent": lambda body: _step(Phase.DONE, body),
    "resOpFailedEvent": lambda body: _step(Phase.FAILED, body),
    "diagnosticEvent": _diagnostic,
    "policyEvent": _violation,
    "summaryEvent": _summary,
    "errorEvent": lambda body: EngineError(message=str(body.get("error", ""))),
}
