"""What the engine would do to a stack, as data: one change for each object, in people's words and without a secret.

Made by `tailstack.engine.plans.plan_of` from the event stream; reports, the safety limits and the digest by which an apply is
bound to what was reviewed read it, and nothing else. Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Op(StrEnum):
    """What becomes of an object. FORGET: it leaves the stack and stays where it is (`[retain]` in the engine's words)."""

    CREATE = "create"
    IMPORT = "import"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    FORGET = "forget"

    @property
    def removes(self) -> bool:
        """Whether what is there now goes, if only for another to come."""
        return self in (Op.REPLACE, Op.DELETE)


class ChangeClass(StrEnum):
    """What a change is about, the gravest first: a reader looks at them in this order.

    DATA_LOSS: something goes that cannot be had back as it was. REPLACE: another object takes the place, with a gap between
    them. ACCESS: who may do what. NETWORK: what is reached, and by which name. METADATA: what nobody reaches or is reached by.
    NOISE: what is only bookkeeping of the stack.
    """

    DATA_LOSS = "data-loss"
    REPLACE = "replace"
    ACCESS = "access"
    NETWORK = "network"
    METADATA = "metadata"
    NOISE = "noise"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedValue:
    """One path of an object that has another value. `before` and `after` are JSON on one line, or nothing where that side
    has no such path; secrets are masked in them. `words` say what the path means, where that is known."""

    path: str
    before: str
    after: str
    words: str = ""
    is_secret: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedChange:
    """One object that changes.

    `declaration` is what people call what they wrote (`exposure blue.nginx`), `kind` the kind of the object (`Service`), `what`
    the object itself (`Service default/nginx in blue`); `cluster` is empty for what belongs to the tailnet. `type`, `urn` and
    `name` are the engine's. `because` are the paths for which an object is replaced; none where something that it hangs on is.
    `sentences` say the change in words where a type has better ones than its paths.
    """

    urn: str
    type: str
    name: str
    declaration: str
    kind: str
    what: str
    cluster: str = ""
    op: Op
    change_class: ChangeClass
    values: tuple[ChangedValue, ...] = ()
    because: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyEdit:
    """The policy file as the stack has it and as it wants it; empty where there is none on that side."""

    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All changes, the gravest first.

    `policy` is None where the plan leaves the policy file alone; `applied_policy` is what the stack has written or read last,
    empty where it has none. `standing` are the names of the objects that are there
    before, by their type, whether they change or not: of so many a share is taken. `is_complete` tells that the engine
    reached its end. `devices` is how many nodes the objects are before and after, None where nobody counted.
    """

    changes: tuple[PlannedChange, ...] = ()
    policy: PolicyEdit | None = None
    applied_policy: str = ""
    standing: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    is_complete: bool = True
    devices: tuple[int, int] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing that anybody cares about changes."""
        return all(change.change_class is ChangeClass.NOISE for change in self.changes)

    @property
    def counts(self) -> Mapping[Op, int]:
        """How many objects each op is done to, noise left out; ops of which there is none are not in it."""
        found = Counter(change.op for change in self.changes if change.change_class is not ChangeClass.NOISE)
        return {op: found[op] for op in Op if found[op]}

    def of_class(self, wanted: ChangeClass) -> tuple[PlannedChange, ...]:
        """The changes of one class, in order."""
        return tuple(change for change in self.changes if change.change_class is wanted)


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ORDER = {kind: number for number, kind in enumerate(ChangeClass)}
_OPS = {op: number for number, op in enumerate((Op.DELETE, Op.REPLACE, Op.UPDATE, Op.CREATE, Op.IMPORT, Op.FORGET))}


def in_order(change: PlannedChange) -> tuple[object, ...]:
    """Sorts changes by how grave they are, then by what people look for."""
    return _ORDER[change.change_class], _OPS[change.op], change.cluster, change.what, change.urn


def digest_of(plan: Plan) -> str:
    """`sha256:…` of what the plan does: equal for two runs that would do the same.

    Of a secret it holds that it changes, and not to what: keys by which secrets are masked differ from run to run. It holds
    neither times nor the state that is not touched. Noise is left out too.
    """
    data = {
        "changes": sorted(
            (_as_digested(change) for change in plan.changes if change.change_class is not ChangeClass.NOISE),
            key=lambda data: str(data["urn"]),
        ),
        "policy": None if plan.policy is None else [plan.policy.before, plan.policy.after],
        "complete": plan.is_complete,
    }
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether it is written as `digest_of` writes it."""
    return _DIGEST.fullmatch(text) is not None


def _as_digested(change: PlannedChange) -> dict[str, object]:
    return {
        "urn": change.urn,
        "op": change.op,
        "values": [
            [value.path, "secret", "secret"] if value.is_secret else [value.path, value.before, value.after]
            for value in change.values
        ],
    }


def plan_as_data(plan: Plan) -> dict[str, object]:
    """A plan as plain data, for JSON. The texts of the policy file are not in it."""
    return {
        "digest": digest_of(plan),
        "complete": plan.is_complete,
        "counts": {str(op): number for op, number in plan.counts.items()},
        "changes": [_as_data(change) for change in plan.changes],
    }


def _as_data(change: PlannedChange) -> dict[str, object]:
    return {
        "op": str(change.op),
        "class": str(change.change_class),
        "declaration": change.declaration,
        "kind": change.kind,
        "what": change.what,
        "cluster": change.cluster,
        "resource": change.name,
        "type": change.type,
        "because": list(change.because),
        "sentences": list(change.sentences),
        "values": [
            {
                "path": value.path,
                "words": value.words,
                "before": value.before,
                "after": value.after,
                "secret": value.is_secret,
            }
            for value in change.values
        ],
    }
