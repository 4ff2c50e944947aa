"""Policy tests for what is declared: every link and every access that a test can express, and a few denials.

Tailscale runs them at each save and refuses a policy in which one fails, so a later change by anyone cannot silently cut a
declared connection or open an exposure. What a test can say is little: its source is one user, group or tag, and each
destination has one port (https://tailscale.com/kb/1337/policy-syntax#tests). Left out are therefore:

- sources such as autogroup:admin or *, and groups whose members are not known here (synced from an identity provider);
- grants under a posture, their own or the policy's default: a test without attributes counts them as not matching;
- destinations that are neither a tag, a Tailscale Service nor one address; ways through certain nodes only (`via`);
- application capabilities.

There is one test for each source, protocol and outcome: the policy of a large tailnet would be mostly tests otherwise.
Of a range of ports the first is tested, of all ports 443. Denials are judged against the whole policy, its hand-written
part included, and with every role that a user and every address that a node could have: one for each exposure, ingress
and Tailscale Service, where one is certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from tailstack.access.derive import Derived, Permission, Section, ip_entries, some_of
from tailstack.access.derived_ssh_tests import can_be_source, derive_ssh_tests
from tailstack.access.entries import Entry, entries
from tailstack.access.inventory import NOTHING_KNOWN
from tailstack.access.nodes import DeclaredNode, NodeKind, narrowest, tag_wearers
from tailstack.access.policy import Grant, IpEntry, Listed, Policy
from tailstack.access.ports import parse_ip_entry, parse_protocol
from tailstack.access.principals import Names
from tailstack.access.selectors import ROLES, SHARED, TAGGED, Selector, SelectorKind, Text, parse_selector
from tailstack.finding import Place
from tailstack.topology.tailnet import ALL_PORTS, Exposure, Ingress, Port, Tailnet, TailscaleService

PORT_OF_ALL = 443
"""The port that stands for all of them in a test."""

MOST_CANDIDATES = 16
"""How many sources are tried for a denial of one exposure, so that an open tailnet does not cost the square of its size."""

_NOWHERE = Place("", 1, 1)
_BY_ADDRESS = frozenset({SelectorKind.ADDRESS, SelectorKind.NAME, SelectorKind.IPSET})


def derive_tests(
    tailnet: Tailnet, effective: Policy, nodes: Sequence[DeclaredNode], permitted: Iterable[Permission]
) -> tuple[Derived, ...]:
    """The tests of a tailnet, with its `declared_nodes` and `permissions`.

    `effective` is its whole policy without tests, which decides what is denied.
    """
    return (
        *_accepting(effective, permitted),
        *_denying(tailnet, effective, nodes),
        *derive_ssh_tests(tailnet, effective, nodes),
    )


def effective_policy(tailnet: Tailnet, base: Policy, permitted: Iterable[Permission]) -> Policy:
    """All that a tailnet's policy grants, without its text: the hand-written part and the derived grants and groups."""
    defined = {group.name for group in base.groups}
    groups = (
        Listed(
            name=group.name,
            place=group.place,
            entries=tuple(parse_selector(member, group.place) for member in group.members),
        )
        for group in tailnet.groups
        if group.members is not None and group.name not in defined
    )
    grants = (_typed(permission) for permission in permitted)
    return replace(base, groups=(*base.groups, *groups), grants=(*(base.grants or ()), *grants))


def _typed(permission: Permission) -> Grant:
    place = permission.place
    return Grant(
        place=place,
        src=tuple(parse_selector(text, at) for text, at in permission.sources.items()),
        dst=tuple(parse_selector(text, at) for text, at in permission.destinations.items()),
        ip=tuple(IpEntry(text=text, place=place, ports=parse_ip_entry(text)) for text in ip_entries(permission.ports)),
        src_posture=tuple(Text(posture, place) for posture in permission.postures),
        via=tuple(parse_selector(tag, place) for tag in permission.via),
    )


def _accepting(effective: Policy, permitted: Iterable[Permission]) -> Iterator[Derived]:
    if effective.default_src_posture:
        return  # every grant without a posture of its own is under that one
    with_members = {group.name for group in effective.groups if group.entries}
    tests: dict[tuple[str, str], _Accepted] = {}
    for permission in permitted:
        if permission.postures or permission.via:
            continue
        for source in permission.sources:
            if can_be_source(parse_selector(source, _NOWHERE), with_members):
                for protocol, target in _targets(permission):
                    accepted = tests.setdefault((source, protocol), _Accepted())
                    accepted.targets.setdefault(target, permission.place)
                    accepted.declarations.setdefault(permission.declaration)
    for (source, protocol), accepted in tests.items():
        yield _test(source, protocol, "accept", accepted.targets, some_of(tuple(accepted.declarations)))


@dataclass(slots=True)
class _Accepted:
    """What one source reaches on one protocol: each target of a test with its place, and the declarations that say so."""

    targets: dict[str, Place] = field(default_factory=dict[str, Place])
    declarations: dict[str, None] = field(default_factory=dict[str, None])


def _targets(permission: Permission) -> Iterator[tuple[str, str]]:
    """A protocol and a destination with one port, for each that a test can name."""
    ports = dict.fromkeys(map(concrete, permission.ports))
    for destination in permission.destinations:
        target = _test_target(destination)
        if target:
            yield from ((protocol, f"{target}:{port}") for protocol, port in ports)


def _test_target(destination: str) -> str:
    """How a test writes a destination; empty for one that it cannot."""
    selector = parse_selector(destination, _NOWHERE)
    if selector.kind in (SelectorKind.TAG, SelectorKind.SERVICE):
        return destination
    if selector.span is None or not selector.span.is_single or "/" in destination:
        return ""
    return f"[{destination.strip('[]')}]" if ":" in destination else destination


def concrete(port: Port) -> tuple[str, int]:
    """One protocol and one port that stand for a port, a range or all ports. ICMP has port 0."""
    if port.protocol == "icmp":
        return port.protocol, 0
    protocol = "tcp" if port.protocol == "*" else port.protocol
    return protocol, PORT_OF_ALL if (port.first, port.last) == (ALL_PORTS.first, ALL_PORTS.last) else port.first


def _test(source: str, protocol: str, outcome: str, targets: Mapping[str, Place], declaration: str) -> Derived:
    return Derived(
        section=Section.TESTS,
        key=None,
        value={"src": source, "proto": protocol, outcome: list(targets)},
        is_spread=len(targets) > 1,
        declaration=declaration,
        places=tuple(dict.fromkeys(targets.values())),
        parts={(outcome, index): place for index, place in enumerate(targets.values())},
    )


def _denying(tailnet: Tailnet, effective: Policy, nodes: Sequence[DeclaredNode]) -> Iterator[Derived]:
    worn = tag_wearers(nodes)
    closed = _Closed(effective, nodes, _services(tailnet))
    denied: dict[tuple[str, str], dict[str, Place]] = {}
    for exposed in (*tailnet.exposures, *tailnet.ingresses, *tailnet.services):
        tested = _tested_port(exposed)
        target = _service_name(exposed) or narrowest(exposed.tags, worn)
        source = closed.source(target, *tested) if tested else None
        if tested and source:
            protocol, port = tested
            denied.setdefault((source, protocol), {}).setdefault(f"{target}:{port}", exposed.place)
    for (source, protocol), targets in denied.items():
        yield _test(source, protocol, "deny", targets, f"what is closed to {source}")


def _service_name(exposed: Exposure | Ingress | TailscaleService) -> str | None:
    return exposed.name if isinstance(exposed, TailscaleService) else exposed.tailscale_service


def _services(tailnet: Tailnet) -> dict[str, tuple[str, ...]]:
    """The tags of each Tailscale Service that is exposed or declared, by its name."""
    every = (*tailnet.exposures, *tailnet.ingresses, *tailnet.services)
    return {name: each.tags for each in every for name in (_service_name(each),) if name is not None}


def _tested_port(exposed: Exposure | Ingress | TailscaleService) -> tuple[str, int] | None:
    """The first port that says something: an echo passes as soon as anything does."""
    return next((concrete(port) for port in exposed.granted_ports if port.protocol != "icmp"), None)


class _Closed:
    """Finds a source that certainly does not reach a tag or Tailscale Service, whatever is not known of users and nodes."""

    def __init__(
        self, effective: Policy, nodes: Sequence[DeclaredNode], services: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._names = Names(effective, NOTHING_KNOWN)
        self._tag_sets: dict[str, dict[frozenset[str], None]] = {}
        for node in sorted(nodes, key=lambda node: node.kind is not NodeKind.MACHINE):
            for tag in node.tags:
                self._tag_sets.setdefault(tag, {})[frozenset(node.tags)] = None
        self._services = {name: frozenset((name, *tags)) for name, tags in services.items()}
        defined = {group.name for group in effective.groups}
        granted = entries(effective)
        sources = [selector for entry in granted for selector in entry.src]
        targets = [selector for entry in granted for selector in entry.dst]
        self._leading_to: dict[str, list[Entry]] = {}
        self._leading_anywhere: dict[tuple[int, int], frozenset[str]] = {}
        for entry in granted:
            for target in entry.dst:
                self._leading_to.setdefault(target.name, []).append(entry)
        self._tagged = self._names.principal(TAGGED).keys
        # A device may turn out to have any address that the policy names, and a user any role and any unknown group.
        self._any_source = _names(sources, _BY_ADDRESS)
        self._any_target = _names(targets, _BY_ADDRESS)
        self._any_user = ROLES | {SHARED} | (_names(sources, {SelectorKind.GROUP, SelectorKind.DOMAIN}) - defined)
        self._candidates = tuple(self._all_candidates([group.name for group in effective.groups if group.entries]))

    def source(self, target: str, protocol: str, port: int) -> str | None:
        """The first source without access to the Service, or to any node with this tag: a group, else a node's tag."""
        number = parse_protocol(protocol)
        if (number, port) not in self._leading_anywhere:
            self._leading_anywhere[number, port] = self._leading(self._tagged | self._any_target, number, port)
        anywhere = self._leading_anywhere[number, port]
        names = frozenset[str]().union(
            *((self._services[target],) if target in self._services else self._tag_sets[target])
        )
        here = self._leading(names, number, port)
        return next(
            (
                name
                for name, keys in self._candidates
                if all(anywhere.isdisjoint(one) and here.isdisjoint(one) for one in keys)
            ),
            None,
        )

    def _leading(self, targets: AbstractSet[str], protocol: int, port: int) -> frozenset[str]:
        """The sources of the entries that lead to one of these selectors."""
        return frozenset(
            source.name
            for target in targets
            for entry in self._leading_to.get(target, ())
            if entry.ports.allows(protocol, port)
            for source in entry.src
        )

    def _all_candidates(self, groups: Sequence[str]) -> Iterator[tuple[str, tuple[frozenset[str], ...]]]:
        """Sources with the selectors that could match each of their members or nodes."""
        tried = groups[: MOST_CANDIDATES // 2]
        for group in tried:
            members = self._names.members(group) or ()
            yield (
                group,
                tuple(self._names.principal(member).keys | self._any_user | self._any_source for member in members),
            )
        for tag in list(self._tag_sets)[: MOST_CANDIDATES - len(tried)]:
            yield tag, tuple(self._tagged | self._any_source | tags for tags in self._tag_sets[tag])


def _names(selectors: Iterable[Selector], kinds: Iterable[SelectorKind]) -> frozenset[str]:
    wanted = frozenset(kinds)
    return frozenset(selector.name for selector in selectors if selector.kind in wanted)
