"""What is missing where one party does not reach another: the entries that come nearest, and what else is in the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tailstack.access.entries import Entry
from tailstack.access.evaluate import Match
from tailstack.access.parties import Cause, Directory, Party, PartyKind
from tailstack.access.ports import Ports
from tailstack.access.postures import AssertionSyntaxError, Attribute, holds, parse_assertion
from tailstack.access.routers import Hop, Routing
from tailstack.access.selectors import SelectorKind, parse_selector
from tailstack.finding import Place
from tailstack.topology.wording import listed

SHOWN = 4
"""How many entries of one kind are named; the rest are counted."""

_NOWHERE = Place("", 1, 1)


class Lack(StrEnum):
    """What an entry that comes near does not have, or what else is in the way. The nearest first."""

    POSTURE = "posture"
    ROUTE = "route"
    SERVICE = "service"
    VIA = "via"
    PORT = "port"
    SOURCE = "source"
    TARGET = "target"
    UNDEFINED = "undefined"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Miss:
    """One reason in a sentence without its full stop, and the entry that it is about, if it is about one."""

    lack: Lack
    text: str
    cause: Cause | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """An entry that matches both parties, and the routers by which it leads there; None where it does not."""

    match: Match
    hops: tuple[Hop, ...] | None


def missing(
    directory: Directory,
    source: Party,
    target: Party,
    *,
    wanted: Ports | None,
    route: Routing,
    attempts: Sequence[Attempt],
) -> Iterator[Miss]:
    """Why a source does not reach a target, the nearest reason first."""
    finder = _Finder(directory, source, target, wanted)
    both = {id(match.entry): match for match in finder.unchecked()}
    found = [
        *finder.postures(both.values()),
        *_routes(directory, target, route),
        *_services(source, target, wanted),
        *finder.vias(attempts, route),
        *finder.ports(attempts),
        *finder.sources(both),
        *finder.targets(both),
        *_undefined(directory, source, target),
    ]
    if found:
        yield from _counted(found)
    else:
        yield Miss(lack=Lack.NOTHING, text=f"no entry names {source.name} or {target.name}")


def _counted(found: Iterable[Miss]) -> Iterator[Miss]:
    seen: dict[Lack, int] = {}
    for miss in found:
        seen[miss.lack] = seen.get(miss.lack, 0) + 1
        if seen[miss.lack] <= SHOWN:
            yield miss
    for lack, number in seen.items():
        if number > SHOWN:
            yield Miss(lack=lack, text=f"and {number - SHOWN} more of which the {lack} does not fit")


@dataclass(frozen=True, slots=True)
class _Finder:
    directory: Directory
    source: Party
    target: Party
    wanted: Ports | None

    def unchecked(self) -> tuple[Match, ...]:
        """The entries that match both parties in any posture."""
        anyone = replace(self.source.principal, is_unchecked=True)
        return self.directory.access.matches(anyone, self.target.principal)

    def _has_ports(self, entry: Entry) -> bool:
        return bool(entry.ports if self.wanted is None else entry.ports.intersection(self.wanted))

    def _miss(self, lack: Lack, text: str, entry: Entry) -> Miss:
        return Miss(lack=lack, text=text, cause=self.directory.cause(entry.place))

    def postures(self, both: Iterable[Match]) -> Iterator[Miss]:
        for match in both:
            entry = match.entry
            if self._has_ports(entry) and (
                self.directory.access.open_postures(entry.postures, self.source.principal) is None
            ):
                why = "; ".join(self._failures(posture) for posture in entry.postures)
                yield self._miss(Lack.POSTURE, f"asks for {' or '.join(entry.postures)}: {why}", entry)

    def _failures(self, name: str) -> str:
        """Which assertions of a posture the source's device does not meet."""
        attributes = self.source.principal.attributes or {}
        posture = next((one for one in self.directory.access.policy.postures if one.name == name), None)
        if posture is None:
            return f"{name} is not defined"
        failed = [text.text for text in posture.entries if not _holds(text.text, attributes)]
        have = [_attribute(text, attributes) for text in failed]
        return f"{name} fails on {listed(f'{text} ({has})' for text, has in zip(failed, have, strict=True))}"

    def vias(self, attempts: Iterable[Attempt], route: Routing) -> Iterator[Miss]:
        for attempt in attempts:
            entry = attempt.match.entry
            if attempt.hops is None and entry.via and self._has_ports(entry):
                what = "serves it" if not route.is_direct else "it is"
                yield self._miss(Lack.VIA, f"leads only through {listed(entry.via)}, and no such router {what}", entry)

    def ports(self, attempts: Iterable[Attempt]) -> Iterator[Miss]:
        for attempt in attempts:
            entry = attempt.match.entry
            if self._has_ports(entry):
                continue
            if entry.ports:
                yield self._miss(Lack.PORT, f"opens {entry.ports} only", entry)
            else:
                names = listed(capability.key for capability in entry.app)
                yield self._miss(Lack.PORT, f"grants {names}, which opens no port", entry)

    def sources(self, both: dict[int, Match]) -> Iterator[Miss]:
        for reach in self.directory.access.who_reaches(self.target.principal):
            if id(reach.entry) not in both and self._has_ports(reach.entry):
                yield self._miss(Lack.SOURCE, f"is for {listed(dict.fromkeys(reach.src))}", reach.entry)

    def targets(self, both: dict[int, Match]) -> Iterator[Miss]:
        for reach in self.directory.access.what_reaches(replace(self.source.principal, is_unchecked=True)):
            if id(reach.entry) not in both and self._has_ports(reach.entry):
                yield self._miss(Lack.TARGET, f"leads to {listed(dict.fromkeys(reach.dst))}", reach.entry)


def _holds(text: str, attributes: Mapping[str, Attribute]) -> bool:
    try:
        return holds(parse_assertion(text), attributes)
    except AssertionSyntaxError:
        return False  # validation says what is wrong with it; no device is in such a posture


def _attribute(text: str, attributes: Mapping[str, Attribute]) -> str:
    """What the device has of the attribute that an assertion is about."""
    name = text.split(maxsplit=1)[0]
    return f"{name} is {attributes[name]}" if name in attributes else f"{name} is not set"


def _routes(directory: Directory, target: Party, route: Routing) -> Iterator[Miss]:
    if route.is_direct or route.hops or not route.is_known:
        return
    for hop in route.waiting:
        yield Miss(
            lack=Lack.ROUTE,
            text=f"{directory.called(hop.router)} advertises {hop.route}, and nobody approved it"
            + _approval(directory, hop),
        )
    if not route.waiting:
        what = "exit node" if route.is_internet else f"router with an approved route to {target.name}"
        yield Miss(lack=Lack.ROUTE, text=f"there is no {what}")


def _approval(directory: Directory, hop: Hop) -> str:
    """Whether the policy would approve the route of itself, the next time that it is advertised."""
    approvers = directory.access.policy.auto_approvers
    keys = directory.access.principal(hop.router).keys
    if hop.is_exit:
        is_approved = any(selector.name in keys for selector in approvers.exit_node)
        where = "autoApprovers.exitNode"
    else:
        is_approved = any(
            selector.name in keys
            for listed_route in approvers.routes
            for selector in listed_route.entries
            if (span := parse_selector(listed_route.name, _NOWHERE).span) is not None and hop.route in span
        )
        where = "autoApprovers.routes"
    if is_approved:
        return f" ({where} names it: it is approved when it is advertised anew)"
    return f" (and {where} does not name it)"


def _services(source: Party, target: Party, wanted: Ports | None) -> Iterator[Miss]:
    if target.kind is not PartyKind.SERVICE:
        return
    if source.node is not None and target.name in source.node.services:
        yield Miss(
            lack=Lack.SERVICE, text=f"{source.name} hosts {target.name}, and a host does not reach its own service"
        )
    beyond = (wanted or Ports()).minus(target.offers) if target.offers is not None else Ports()
    if beyond:
        yield Miss(lack=Lack.SERVICE, text=f"{target.name} is defined with {target.offers}, and not with {beyond}")


def _undefined(directory: Directory, source: Party, target: Party) -> Iterator[Miss]:
    defined = {owned.name for owned in directory.access.policy.tag_owners}
    for party in (source, target):
        if party.node is not None:
            tags, verb = party.node.tags, f", which {party.name} wears,"
        else:
            is_tag = parse_selector(party.reference, _NOWHERE).kind is SelectorKind.TAG
            tags, verb = ((party.reference,) if is_tag else ()), ""
        for tag in tags:
            if tag not in defined:
                yield Miss(lack=Lack.UNDEFINED, text=f"{tag}{verb} is not defined in tagOwners")
