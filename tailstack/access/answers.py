"""Answers to questions of access, as data: `explain` and `listing` make them, the reports put them into words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tailstack.access.evaluate import Verdict
from tailstack.access.layers import CapabilityWay, LoginWay
from tailstack.access.missing import Miss
from tailstack.access.parties import Cause, Party, Role
from tailstack.access.ports import NO_PORTS, Ports
from tailstack.access.routers import Hop
from tailstack.access.suggest import Suggestion


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One entry that opens ports: under any of the postures, if there are any, and through any of the hops, if there are any.

    Of the known devices that the source stands for, `met_by` are in one of the postures and `missed_by` in none.
    """

    ports: Ports
    postures: tuple[str, ...]
    hops: tuple[Hop, ...]
    met_by: tuple[str, ...]
    missed_by: tuple[str, ...]
    cause: Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Whether `source` reaches `target`.

    `asked` are the ports of the question, None where it named none. `open` are those of them that are open to the source
    at once, `conditional` those that are open only in a posture. Without a question of ports it is allowed as soon as any
    is open; with one, when all are.
    """

    source: Party
    target: Party
    asked: Ports | None
    verdict: Verdict
    open: Ports
    conditional: Ports
    ways: tuple[Way, ...]
    capabilities: tuple[CapabilityWay, ...] = ()
    logins: tuple[LoginWay, ...] = ()
    missing: tuple[Miss, ...] = ()
    suggestion: Suggestion | None = None
    notes: tuple[str, ...] = ()

    @property
    def wanted(self) -> Ports | None:
        """The ports that the answer is about: those asked about, or else those that the target offers, if it is known."""
        return self.asked if self.asked is not None else self.target.offers

    @property
    def closed(self) -> Ports:
        """What of the ports wanted is not open in any posture."""
        return (self.wanted or NO_PORTS).minus(self.open).minus(self.conditional)

    @property
    def postures(self) -> tuple[str, ...]:
        """The postures of which any one opens what is conditional."""
        found = (way.postures for way in self.ways if way.ports.intersection(self.conditional))
        return tuple(dict.fromkeys(posture for postures in found for posture in postures))


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One entry in a list of who reaches a target, or of what a source reaches; selectors as they are written.

    `ports` are empty for an entry that gives capabilities only. `dead` are the capabilities of the entry that give nothing,
    each with the port that it needs and that no entry opens.
    """

    who: tuple[str, ...]
    what: tuple[str, ...]
    ports: Ports
    postures: tuple[str, ...]
    via: tuple[str, ...]
    hops: tuple[Hop, ...]
    capabilities: tuple[str, ...]
    groups: tuple[str, ...]
    dead: tuple[str, ...]
    cause: Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginLine:
    """One SSH rule in a list; `who` and `what` as they are written."""

    who: tuple[str, ...]
    what: tuple[str, ...]
    way: LoginWay


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Who reaches `party` (where it is the target), or what it reaches (where it is the source).

    `members` are those of the groups that are named, None where they are not known here; `known_as` are the nodes behind
    the tags that are named.
    """

    party: Party
    role: Role
    asked: Ports | None
    lines: tuple[Line, ...]
    logins: tuple[LoginLine, ...]
    members: tuple[tuple[str, tuple[str, ...] | None], ...] = ()
    known_as: tuple[tuple[str, tuple[str, ...]], ...] = ()
    notes: tuple[str, ...] = ()


def union(every: Iterable[Ports]) -> Ports:
    """What is in any of the sets."""
    found = Ports()
    for ports in every:
        found = found.union(ports)
    return found
