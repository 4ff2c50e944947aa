"""How far what is live, what the stacks remember and what the files say are from each other. As text, Markdown and JSON. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from tailstack.live.model import Unknown
from tailstack.live.unmanaged import Unmanaged
from tailstack.report.findings import WIDTH
from tailstack.report.plan import Op, Plan, PlannedChange, digest_of, plan_as_data
from tailstack.report.style import counted
from tailstack.report.telling import Part, Told, told_as_markdown, told_as_text

JSON_VERSION = "1"
"""Version of the JSON: raised when a field changes its meaning or goes, not when one is added."""


class DriftKind(StrEnum):
    """What happened to the object."""

    CHANGED = "changed"
    MISSING = "missing"
    REVOKED = "revoked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """One object that is not as the stack left it.

    `what` names it for people (`Service default/nginx-service in blue`), `resource` is its name in the stack and `urn` its whole
    one, and `changes` are sentences, none of which holds a secret. `lasting` says the same in each run as long as nothing more
    happens.
    """

    kind: DriftKind
    stack: str
    what: str
    resource: str
    urn: str
    changes: tuple[str, ...]
    lasting: tuple[str, ...] = ()

    @property
    def remedy(self) -> str:
        up = f"pulumi up --refresh --stack {self.stack}"
        if self.kind is DriftKind.MISSING:
            return f"To have it again: {up}. To let it go: take it out of the files, then the same."
        if self.kind is DriftKind.REVOKED:
            return f"To have another one in its place: pulumi up --stack {self.stack} --replace '{self.urn}'."
        return (
            f"To keep the change: write it into the files, then {up}. To undo it: look at it with pulumi preview --refresh "
            f"--diff --stack {self.stack}, then {up}."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """What the files say and one stack has not applied yet."""

    stack: str
    plan: Plan

    @property
    def remedy(self) -> str:
        return f"To apply it: tailstack up --stack {self.stack}. To give it up: take it back in the files."


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftReport:
    """Everything of one environment, or of those of its stacks that were asked for.

    `drifts`: live and not as a stack left it; `pending`: in the files and not applied; `unmanaged`: live and nobody's;
    `unknown`: what could not be looked at.
    """

    environment: str
    drifts: tuple[Drift, ...]
    stacks: tuple[str, ...] = ()
    pending: tuple[Pending, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    unknown: tuple[Unknown, ...] = field(default=())

    @property
    def changes(self) -> tuple[tuple[Pending, PlannedChange], ...]:
        """The pending changes of all stacks, but for the bookkeeping of the stacks themselves."""
        return tuple(
            (pending, change)
            for pending in self.pending
            if not pending.plan.is_empty
            for change in pending.plan.changes
        )

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found in what could be looked at."""
        return not (self.drifts or self.changes or self.unmanaged)

    @property
    def digest(self) -> str:
        """`sha256:…` of what was found: the same until something else happens, so that an alert is raised once.

        What could not be looked at is not in it: a cluster that comes and goes is no news of what it holds.
        """
        data = {
            "drifts": sorted([str(one.kind), one.resource, *(one.lasting or one.changes)] for one in self.drifts),
            "pending": sorted([one.stack, digest_of(one.plan)] for one in self.pending if not one.plan.is_empty),
            "unmanaged": sorted([str(one.kind), one.id] for one in self.unmanaged),
        }
        canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    def as_text(self, *, colour: bool = False, width: int = WIDTH, remedy: bool = False) -> str:
        """The answer on the first line, then a part for each object. Ends with a newline."""
        return told_as_text(self._told(remedy=remedy), colour=colour, width=width)

    def as_markdown(self, *, remedy: bool = False) -> str:
        """The same in Markdown, for the text of an issue: nothing from outside is markup in it."""
        return told_as_markdown(self._told(remedy=remedy))

    def as_json(self) -> str:
        """One object, ending with a newline."""
        return json.dumps(self.as_data(), indent=2, ensure_ascii=False) + "\n"

    def as_data(self) -> dict[str, object]:
        """Plain data, for JSON; docs/drift.md describes it."""
        return {
            "version": JSON_VERSION,
            "environment": self.environment,
            "stacks": list(self.stacks),
            "digest": self.digest,
            "drifts": [
                {
                    "kind": drift.kind,
                    "stack": drift.stack,
                    "what": drift.what,
                    "resource": drift.resource,
                    "changes": list(drift.changes),
                    "remedy": drift.remedy,
                }
                for drift in self.drifts
            ],
            "pending": [
                {"stack": pending.stack, "remedy": pending.remedy, **plan_as_data(pending.plan)}
                for pending in self.pending
                if not pending.plan.is_empty
            ],
            "unmanaged": [
                {"kind": one.kind, "what": one.what, "id": one.id, "why": one.why, "remedy": one.remedy}
                for one in self.unmanaged
            ],
            "unknown": [{"what": one.what, "reason": one.reason} for one in self.unknown],
        }

    def _told(self, *, remedy: bool) -> Told:
        return Told(
            answer=self._answer,
            parts=tuple(self._parts(remedy=remedy)),
            is_good=True if self.is_clean and not self.unknown else None if self.is_clean else False,
        )

    @property
    def _answer(self) -> str:
        if self.is_clean and not self.unknown:
            return f"No drift: everything in {self.environment} is as the stack left it."
        if self.is_clean:
            missing = counted(len(self.unknown), "part")
            return f"Not known: no drift in what could be looked at of {self.environment}, and {missing} could not."
        told = [
            (len(self.drifts), "object", "changed behind the stack"),
            (len(self.changes), "change", "not applied yet"),
            (len(self.unmanaged), "thing", "that nobody declared"),
            (len(self.unknown), "part", "that could not be looked at"),
        ]
        said = [f"{counted(number, noun)} {what}" for number, noun, what in told if number]
        return f"Drift in {self.environment}: {', '.join(said)}."

    def _parts(self, *, remedy: bool) -> Iterator[Part]:
        for drift in self.drifts:
            yield Part(
                title=f"{drift.what} ({drift.resource}) {_HAPPENED[drift.kind]}",
                items=(*drift.changes, *_remedies(drift.remedy, wanted=remedy)),
            )
        for pending in self.pending:
            if not pending.plan.is_empty:
                yield Part(
                    title=f"Not applied yet in {pending.stack}",
                    items=(
                        *(_planned(change) for change in pending.plan.changes),
                        *_remedies(pending.remedy, wanted=remedy),
                    ),
                )
        if self.unmanaged:
            yield Part(
                title="Live, and nobody declared it",
                items=tuple(
                    " ".join((f"{one.what}: {one.why}", *_remedies(one.remedy, wanted=remedy)))
                    for one in self.unmanaged
                ),
            )
        if self.unknown:
            yield Part(title="Could not be looked at", items=tuple(f"{one}" for one in self.unknown))


_HAPPENED = {
    DriftKind.CHANGED: "was changed behind the stack",
    DriftKind.MISSING: "is missing",
    DriftKind.REVOKED: "was revoked",
}


def _remedies(text: str, *, wanted: bool) -> tuple[str, ...]:
    return (text,) if wanted else ()


def _planned(change: PlannedChange) -> str:
    values = tuple(value.words or value.path for value in change.values) if change.op in _NAMING_VALUES else ()
    told = "; ".join(change.sentences or values[:_MOST_VALUES])
    more = len(values) - _MOST_VALUES
    rest = f" and {more} more" if more > 0 and not change.sentences else ""
    return f"{change.what}: {change.op}" + (f" ({told}{rest})" if told else "")


_NAMING_VALUES = frozenset({Op.UPDATE, Op.REPLACE})
"""Of an object that comes or goes each value does: to name them says nothing."""
_MOST_VALUES = 6
"""Changed values that are named of one object."""
