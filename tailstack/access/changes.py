"""What a difference of access is made of: one right that somebody gained or lost, on which condition, and how risky it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from tailstack.access.entries import Entry
from tailstack.access.hujson import Json
from tailstack.access.ports import NO_PORTS, Ports
from tailstack.finding import Place


class Direction(StrEnum):
    """Widened: had before, but on a harder condition. Narrowed: kept, but on a harder one."""

    GAINED = "gained"
    LOST = "lost"
    WIDENED = "widened"
    NARROWED = "narrowed"


class Side(StrEnum):
    """Which of the two that are compared."""

    OLD = "old"
    NEW = "new"


class RightKind(StrEnum):
    """What kind of right a change is about."""

    NETWORK = "network"
    CAPABILITY = "capability"
    SSH = "ssh"
    TAG_OWNER = "tag owner"
    APPROVAL = "approval"
    ATTRIBUTE = "attribute"


class Risk(IntEnum):
    """How soon a reader should see a change: the lower, the sooner."""

    GRAVE = 0
    HIGH = 1
    RAISED = 2
    ORDINARY = 3
    LOSS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Right:
    """What somebody may do. `ports` are those of NETWORK; else `name` says what it is and `value` its JSON, if any.

    `name` is a capability's name, the users to log in as (`autogroup:nonroot, root`), the route that is approved or the node
    attribute. The `value` of a login are the `users`, those that are an exception to autogroup:nonroot (`except`), and of the
    SSH rule `action`, `checkPeriod`, `recorder` and `enforceRecorder`. `lacks` is the port without which the right is of no use and which no entry opens: `tcp:443` for an
    API server, `tcp:22` for SSH.
    """

    kind: RightKind
    ports: Ports = NO_PORTS
    name: str = ""
    value: Json = None
    lacks: str = ""


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Cause:
    """What a change comes from: where it stands, on which side, and the name of the declaration if it has one."""

    side: Side
    place: Place
    declaration: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Elsewhere:
    """An entry of one side that gives some of a changed right to some of those whom the change names, and where it stands."""

    entry: Entry
    cause: Cause

    @property
    def side(self) -> Side:
        return self.cause.side


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """`who` gained or lost `right` at `what`; both are selectors as people wrote them, or names of nodes.

    `postures` are those of which one is needed, `via` the tags of routers of which one is passed: as it is now, or as it
    was if the right is lost. `before` and `before_via` are what was needed, where the condition changed, and `before_value` what
    stood for a login in the rule (without users); with `is_swap` the new condition is easier for some and harder for others. `through` is the group by whose change of members it comes.

    It is every pair of `who` and `what`, but for those to whom entries `elsewhere` gave it before (those of the old side, of
    what is gained) or give it still (those of the new side, of what is lost).
    """

    direction: Direction
    who: tuple[str, ...]
    what: tuple[str, ...]
    right: Right
    postures: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    before_via: tuple[str, ...] = ()
    before_value: Json = None
    through: str = ""
    is_swap: bool = False
    elsewhere: tuple[Elsewhere, ...] = ()
    risk: Risk = Risk.ORDINARY
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """All changes of access, the riskiest first, and notes on what changed without changing access.

    `nodes` are the nodes that are not the same on both sides, by name, with what became of them: `new`, `gone`, or words
    such as `now tag:b`.
    """

    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    nodes: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def is_empty(self) -> bool:
        """Whether nobody gains or loses anything."""
        return not self.changes
