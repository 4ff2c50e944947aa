"""The whole answer to `can this reach that`: by which entries, on which condition, by which way, and what is missing if not.

The verdict is about the network. What lies above it, application capabilities and Tailscale SSH, is joined with it, so
that a right which nobody can use is called so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tailstack.access.answers import Explanation, Way, union
from tailstack.access.evaluate import Match, Verdict
from tailstack.access.layers import SSH_PORT, capability_ways, login_ways
from tailstack.access.missing import Attempt, missing
from tailstack.access.parties import Directory, Party, PartyKind
from tailstack.access.ports import NO_PORTS, Ports
from tailstack.access.routers import Hop, Routing, routing
from tailstack.access.selectors import INTERNET
from tailstack.access.suggest import suggest
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.wording import listed

_MAY_HAVE_SSH = frozenset({PartyKind.NODE, PartyKind.SELECTOR, PartyKind.MACHINE})


@dataclass(frozen=True, slots=True)
class _Network:
    """The network between two parties: every attempt, and the ways of those that lead there."""

    attempts: Sequence[Attempt]
    every: Ports
    ways: tuple[Way, ...]

    @property
    def open(self) -> Ports:
        return union(way.ports for way in self.ways if not way.postures)

    @property
    def conditional(self) -> Ports:
        return union(way.ports for way in self.ways if way.postures).minus(self.open)


def explain(directory: Directory, source: Party, target: Party, asked: Ports | None = None) -> Explanation:
    """Whether one party reaches another on these ports, or on any where none are asked about."""
    route = routing(directory.access.inventory, target)
    wanted = asked if asked is not None else target.offers
    network = _network(directory, source, target, wanted, route)
    verdict = _verdict(asked, network)
    matches = [attempt.match for attempt in network.attempts]
    hosted = union(
        match.entry.ports
        for service in directory.access.hosted_by(target.principal)
        for match in directory.access.matches(source.principal, service)
    )
    found = Explanation(
        source=source,
        target=target,
        asked=asked,
        verdict=verdict,
        open=network.open,
        conditional=network.conditional,
        ways=network.ways,
        capabilities=tuple(capability_ways(directory, target, matches, network.every.union(hosted))),
        logins=tuple(login_ways(directory, source, target, network.every)) if is_about_ssh(asked) else (),
    )
    found = replace(found, notes=tuple(_notes(directory, found, route)))
    if verdict is not Verdict.DENIED:
        return found
    reasons = missing(directory, source, target, wanted=wanted, route=route, attempts=network.attempts)
    if _is_own_service(source, target) or found.closed.minus(_served(target) or found.closed):
        return replace(found, missing=tuple(reasons))
    is_granted = any(
        attempt.hops is None and not attempt.match.entry.via and not found.closed.minus(attempt.match.entry.ports)
        for attempt in network.attempts
    )
    suggestion = None if is_granted else suggest(directory, source, target, found.closed)
    if suggestion is not None and route.is_known and not route.is_direct and not route.hops:
        note = "it takes effect once a route there is approved"
        suggestion = replace(suggestion, notes=(*suggestion.notes, note))
    return replace(found, missing=tuple(reasons), suggestion=suggestion)


def is_about_ssh(asked: Ports | None) -> bool:
    """Whether a question of these ports is one of SSH as well."""
    return asked is None or bool(asked.intersection(SSH_PORT))


def _network(directory: Directory, source: Party, target: Party, wanted: Ports | None, route: Routing) -> _Network:
    attempts = [
        Attempt(match=match, hops=route.through(match.entry, source, target))
        for match in directory.access.matches(source.principal, target.principal)
    ]
    served = _served(target)
    every = NO_PORTS
    ways: list[Way] = []
    for attempt in () if _is_own_service(source, target) else attempts:
        if attempt.hops is None:
            continue
        ports = attempt.match.entry.ports if served is None else attempt.match.entry.ports.intersection(served)
        every = every.union(ports)
        ports = ports if wanted is None else ports.intersection(wanted)
        if ports:
            ways.append(_way(directory, source, attempt.match, ports, attempt.hops))
    return _Network(attempts, every, tuple(ways))


def _verdict(asked: Ports | None, network: _Network) -> Verdict:
    opened, conditional = network.open, network.conditional
    if asked is None:
        return Verdict.ALLOWED if opened else Verdict.CONDITIONAL if conditional else Verdict.DENIED
    if not asked.minus(opened):
        return Verdict.ALLOWED
    return Verdict.DENIED if asked.minus(opened).minus(conditional) else Verdict.CONDITIONAL


def _served(target: Party) -> Ports | None:
    """A service passes on the ports of its definition only; what a node listens on, nothing limits."""
    return target.offers if target.kind is PartyKind.SERVICE else None


def _is_own_service(source: Party, target: Party) -> bool:
    """A host does not come to its own service by the service's name."""
    return target.kind is PartyKind.SERVICE and source.node is not None and target.name in source.node.services


def _way(directory: Directory, source: Party, match: Match, ports: Ports, hops: tuple[Hop, ...]) -> Way:
    met: list[str] = []
    missed: list[str] = []
    for node in source.nodes if match.postures else ():
        if node.attributes is not None:
            principal = directory.access.principal(node)
            is_met = directory.access.open_postures(match.entry.postures, principal) == ()
            (met if is_met else missed).append(directory.called(node))
    return Way(
        ports=ports,
        postures=match.postures,
        hops=hops,
        met_by=tuple(met),
        missed_by=tuple(missed),
        cause=directory.cause(match.entry.place),
    )


def _notes(directory: Directory, found: Explanation, route: Routing) -> Iterator[str]:
    yield from (*found.source.notes, *found.target.notes)
    yield from _of_the_way(found, route)
    yield from _of_the_target(directory, found)
    shared = {user.login for user in directory.access.inventory.users if user.is_shared}
    if found.source.principal.user in shared:
        yield f"{found.source.name} is of another tailnet and reaches only devices that are shared with it"
    yield from _members(directory, found)
    yield from _impersonation(found)
    is_ssh_asked = found.asked is not None and is_about_ssh(found.asked)
    if is_ssh_asked and found.open and not found.logins and found.target.kind in _MAY_HAVE_SSH:
        yield "no ssh rule lets it in: where Tailscale SSH is on, the login is refused"


def _of_the_way(found: Explanation, route: Routing) -> Iterator[str]:
    target = found.target
    if not route.is_direct and not route.is_known:
        what = "exit nodes there are" if route.is_internet else f"router serves {target.name}"
        yield f"which {what} is not known here; --facts tells it"
    is_nobody = target.kind is PartyKind.ADDRESS and not target.nodes and route.is_direct and route.is_known
    if is_nobody:
        yield f"no known node has the address {target.name}"
    if target.reference == INTERNET:
        yield "the internet is reached through exit nodes; no node is"


def _of_the_target(directory: Directory, found: Explanation) -> Iterator[str]:
    target = found.target
    if found.asked is not None and target.offers is not None and target.kind is not PartyKind.SERVICE:
        beyond = found.asked.minus(target.offers)
        if beyond:
            yield f"{target.name} offers {target.offers}, and not {beyond}"
    if target.is_public:
        yield f"{target.name} is open to everybody on the internet, through Funnel"
    if target.kind is PartyKind.SERVICE and directory.access.inventory.services and not target.nodes:
        yield f"no host of {target.name} is known"


def _members(directory: Directory, found: Explanation) -> Iterator[str]:
    """Of a group that does not reach the target as a whole, who does."""
    if found.verdict is not Verdict.DENIED:
        return
    reached: list[str] = []
    for member in found.source.principal.known_members:
        party = replace(found.source, name=member.name, principal=member, nodes=(), notes=())
        if explain(directory, party, found.target, found.asked).verdict is not Verdict.DENIED:
            reached.append(member.name)
    if reached:
        yield f"of its members {listed(reached)} {'does' if len(reached) == 1 else 'do'}, by other selectors"


def _impersonation(found: Explanation) -> Iterator[str]:
    """What an API server makes of somebody who comes through its proxy without any group granted."""
    mode = found.target.proxy
    if mode is ApiServerProxyMode.OFF:
        yield f"{found.target.reference} has no API-server proxy: apiServerProxy: {{mode: auth}} switches it on"
    if mode is not ApiServerProxyMode.AUTH or found.verdict is Verdict.DENIED:
        return
    if not any(way.groups for way in found.capabilities):
        # k8s-operator/api-proxy/proxy.go of tailscale: a tagged node without groups is taken for its tags.
        tags = found.source.node.tags if found.source.node is not None else ()
        what = f"its tags, {listed(tags)}, stand for them" if tags else "it has the rights of its own name only"
        yield f"no entry says as which Kubernetes groups it acts: {what}"
