"""What a difference of access is made of: one right that somebody gained or lost, on which condition, and how risky it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from tailstack.access.hujson import Json
from tailstack.access.ports import NO_PORTS, Ports
from tailstack.finding import Place


class Direction(StrEnum):
    """Widened: had before, but on a harder condition. Narrowed: kept, but on a harder one."""

    GAINED = "gained"
    LOST = "lost"
    WIDENED = "widened"
    NARROWED = "narrowed"


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

    `name` is a capability's name, the users to log in as and how (`root`, `check: root`), the route that is approved or the
    node attribute.
    """

    kind: RightKind
    ports: Ports = NO_PORTS
    name: str = ""
    value: Json = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """`who` gained or lost `right` at `what`; both are selectors as people wrote them.

    `postures` are those of which one is needed, `via` the tags of routers of which one is passed: as it is now, or as it
    was if the right is lost. `before` and `before_via` are what was needed, where the condition changed; with `is_swap`
    the new condition is easier for some and harder for others. `through` is the group by whose change of members it comes.
    `is_partial`: other entries still give some of what is lost to some of those who lose it. `places` are where the
    entries stand that cause it: in the new policy, or in the old one if it is lost.
    """

    direction: Direction
    who: tuple[str, ...]
    what: tuple[str, ...]
    right: Right
    postures: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    before_via: tuple[str, ...] = ()
    through: str = ""
    is_swap: bool = False
    is_partial: bool = False
    risk: Risk = Risk.ORDINARY
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """All changes of access between two policies, the riskiest first, and notes on what changed without changing access."""

    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nobody gains or loses anything."""
        return not self.changes
