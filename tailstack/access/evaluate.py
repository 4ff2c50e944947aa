"""Who reaches what under a policy, by which entries, on which conditions, with which application capabilities.

The answer to one question costs as much as there are entries that name either side, not as many as there are nodes or
entries: entries are indexed by the selectors and prefixes that they name, and a principal knows the selectors that match
it. Semantics: https://tailscale.com/kb/1324/grants and the recorded answers of the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from tailstack.access.addresses import AddressSet, Span
from tailstack.access.entries import Entry, entries
from tailstack.access.hujson import Json
from tailstack.access.inventory import NOTHING_KNOWN, Inventory, Node
from tailstack.access.policy import Keyed, Policy
from tailstack.access.ports import Ports, parse_protocol
from tailstack.access.postures import Assertion, AssertionSyntaxError, all_hold, parse_assertion
from tailstack.access.principals import EVERYONE, Names, Principal
from tailstack.access.selectors import SELF, Selector


class Verdict(StrEnum):
    """The answer to a question of access. Conditional: allowed where one of the postures named is met."""

    ALLOWED = "allowed"
    CONDITIONAL = "conditional"
    DENIED = "denied"


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """An entry that applies between two principals. `postures` are those of which any one is yet needed."""

    entry: Entry
    postures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one principal may do with another, with the entries that say so."""

    verdict: Verdict
    matches: tuple[Match, ...]

    @property
    def postures(self) -> tuple[str, ...]:
        """The postures of which any one allows it, where it is conditional."""
        if self.verdict is not Verdict.CONDITIONAL:
            return ()
        return tuple(dict.fromkeys(posture for match in self.matches for posture in match.postures))


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """One line of an answer to `who reaches this`: the sources of one entry, as they are written."""

    src: tuple[str, ...]
    dst: tuple[str, ...]
    entry: Entry
    postures: tuple[str, ...]

    @property
    def ports(self) -> Ports:
        return self.entry.ports


class PrefixIndex:
    """Entries by the addresses that they name, found by an address in as many steps as there are lengths of prefixes."""

    def __init__(self) -> None:
        self.spans: set[Span] = set()
        self._by_size: dict[tuple[int, int], dict[int, list[int]]] = {}
        self._odd: list[tuple[Span, int]] = []

    def add(self, span: Span, number: int) -> None:
        self.spans.add(span)
        size = span.high - span.low + 1
        if span.low % size:
            self._odd.append((span, number))
        else:
            self._by_size.setdefault((span.family, size), {}).setdefault(span.low, []).append(number)

    def containing(self, span: Span) -> Iterator[int]:
        """The numbers added with a span that holds the whole of this one."""
        for (family, size), by_low in self._by_size.items():
            low = span.low - span.low % size
            if family == span.family and span.high < low + size:
                yield from by_low.get(low, ())
        for odd, number in self._odd:
            if span in odd:
                yield number


class _Side:
    """The entries by what one of their sides names."""

    def __init__(self, names: Names, sides: Iterable[tuple[int, tuple[Selector, ...]]]) -> None:
        self._by_key: dict[str, list[int]] = {}
        self._by_address = PrefixIndex()
        self._found: dict[int, tuple[Principal, frozenset[int]]] = {}
        for number, selectors in sides:
            for selector in selectors:
                self._by_key.setdefault(selector.name, []).append(number)
                for span in names.addresses(selector):
                    self._by_address.add(span, number)

    def matching(self, principal: Principal) -> frozenset[int]:
        """Numbers of the entries that match the whole of a principal."""
        # Kept by identity, with the principal itself so that its id stays its own: hashing one costs more than the search.
        kept = self._found.get(id(principal))
        if kept is None:
            kept = principal, frozenset(self._search(principal))
            self._found[id(principal)] = kept
        return kept[1]

    def _search(self, principal: Principal) -> set[int]:
        found: set[int] = set()
        for key in principal.keys:
            found.update(self._by_key.get(key, ()))
        found |= self._by_addresses(principal)
        if principal.known_members:
            found |= _in_all([self.matching(member) for member in principal.known_members])
        return found

    def _by_addresses(self, principal: Principal) -> set[int]:
        if not self._by_address.spans:
            return set()
        sets = [set(self._by_address.containing(span)) for span in principal.addresses]
        return set[int]().union(*sets) if principal.is_device else _in_all(sets)

    @property
    def spans(self) -> Iterable[Span]:
        """Every span that an entry names on this side."""
        return self._by_address.spans

    def naming(self, key: str) -> frozenset[int]:
        """Numbers of the entries with this selector."""
        return frozenset(self._by_key.get(key, ()))


def _in_all(sets: Sequence[AbstractSet[int]]) -> set[int]:
    """What is in each of the sets; nothing where there is none."""
    common = set(sets[0]) if sets else set[int]()
    for other in sets[1:]:
        common &= other
    return common


class Access:
    """The access that a policy gives, over what is known of the tailnet."""

    def __init__(self, policy: Policy, inventory: Inventory = NOTHING_KNOWN) -> None:
        self.policy = policy
        self.inventory = inventory
        self.names = Names(policy, inventory)
        self.entries = entries(policy)
        self._src = _Side(self.names, ((number, entry.src) for number, entry in enumerate(self.entries)))
        self._dst = _Side(self.names, ((number, entry.dst) for number, entry in enumerate(self.entries)))
        self._own = self._dst.naming(SELF)
        self._postures = _postures(policy)
        self._principals: dict[str, Principal] = {}
        self._node_principals: dict[int, tuple[Node, Principal]] = {}
        self._nodes = {node.name: node for node in inventory.nodes}
        self._node_at = {address: node for node in inventory.nodes for address in node.addresses}
        self._hosted: dict[str, dict[str, None]] = {}
        for node in inventory.nodes:
            for name in (node.name, *node.tags) if node.services else ():
                self._hosted.setdefault(name, {}).update(dict.fromkeys(node.services))

    def principal(self, who: str | Node | Principal) -> Principal:
        """A node, given or by its name; else whom a selector stands for. A node's address stands for the node."""
        if isinstance(who, Principal):
            return who
        if isinstance(who, Node):
            return self._node(who)
        if who not in self._principals:
            self._principals[who] = self._named(who)
        return self._principals[who]

    def _node(self, node: Node) -> Principal:
        kept = self._node_principals.get(id(node))
        if kept is None:
            kept = node, self.names.node(node)
            self._node_principals[id(node)] = kept
        return kept[1]

    def _named(self, who: str) -> Principal:
        node = self._nodes.get(who)
        if node is not None:
            return self._node(node)
        principal = self.names.principal(who)
        spans = principal.addresses.spans
        if len(spans) == 1 and spans[0] in self._node_at:
            owner = self._node(self._node_at[spans[0]])
            return Principal(
                name=principal.name,
                keys=owner.keys | principal.keys,
                addresses=principal.addresses,
                is_device=True,
                user=owner.user,
                attributes=owner.attributes,
            )
        return principal

    def matches(self, src: str | Node | Principal, dst: str | Node | Principal) -> tuple[Match, ...]:
        """The entries that apply from one principal to another, in the order of the policy."""
        source, target = self.principal(src), self.principal(dst)
        is_own = source.user is not None and source.user == target.user
        reached = self.entries_to(target, with_own=is_own)
        found = (self._match(number, source) for number in sorted(self._src.matching(source) & reached))
        return tuple(match for match in found if match is not None)

    def hosted_by(self, dst: str | Node | Principal) -> tuple[str, ...]:
        """The Tailscale Services that a node hosts, or any of the known nodes with a tag."""
        return tuple(self._hosted.get(self.principal(dst).name, ()))

    def opened(self, src: str | Node | Principal, dst: str | Node | Principal) -> Ports:
        """What is open from one principal to another in any posture, or to a Tailscale Service that it hosts.

        Routers are not asked. The proxy behind the Service of an API server reads capabilities by the tags of its nodes.
        """
        found = Ports()
        for target in (dst, *self.hosted_by(dst)):
            for match in self.matches(src, target):
                found = found.union(match.entry.ports)
        return found

    def entries_from(self, src: str | Node | Principal) -> frozenset[int]:
        """Indexes in `entries` of those that name the whole of a source, whatever their postures."""
        return self._src.matching(self.principal(src))

    def entries_to(self, dst: str | Node | Principal, *, with_own: bool = True) -> frozenset[int]:
        """Indexes in `entries` of those that name the whole of a destination.

        Among them those to autogroup:self if it has a user, unless `with_own` is False: they hold for that user alone.
        """
        target = self.principal(dst)
        found = self._dst.matching(target)
        if target.addresses and EVERYONE not in target.keys:
            # As a destination `*` is every address there is, as a source only those of the tailnet and its subnets.
            found |= self._dst.naming(EVERYONE)
        return found | self._own if with_own and target.user is not None else found

    @property
    def entries_to_self(self) -> frozenset[int]:
        """Indexes in `entries` of those to autogroup:self."""
        return self._own

    def open_postures(self, postures: tuple[str, ...], source: Principal) -> tuple[str, ...] | None:
        """Of which postures one is yet needed: none of them where one is met or none is asked; None if all are missed."""
        if not postures or source.is_unchecked:
            return ()
        if source.attributes is None:
            return postures
        attributes = source.attributes
        met = any(all_hold(self._postures.get(posture, _NEVER), attributes) for posture in postures)
        return () if met else None

    def _match(self, number: int, source: Principal) -> Match | None:
        entry = self.entries[number]
        postures = self.open_postures(entry.postures, source)
        return None if postures is None else Match(entry=entry, postures=postures)

    def reach(
        self, src: str | Node | Principal, dst: str | Node | Principal, protocol: str | int, port: int = 0
    ) -> Answer:
        """Whether one principal reaches another on a port of a protocol (by name or number; no port for ICMP).

        A group or a prefix reaches, or is reached, where this holds for each member or address, be it by different entries.
        Raises PortError for a protocol that is none.
        """
        number = protocol if isinstance(protocol, int) else parse_protocol(protocol)
        whole = answer_of(self.matches(src, dst), number, port)
        if whole.verdict is Verdict.ALLOWED:
            return whole
        sources, targets = self._parts(self.principal(src), self._src), self._parts(self.principal(dst), self._dst)
        if len(sources) == len(targets) == 1:
            return whole
        answers = [answer_of(self.matches(one, other), number, port) for one in sources for other in targets]
        return self._together(answers) or whole

    def _together(self, answers: Sequence[Answer]) -> Answer | None:
        """The answer for all parts; None where one is denied, or where they need different postures."""
        conditional = [answer for answer in answers if answer.verdict is Verdict.CONDITIONAL]
        if (
            any(answer.verdict is Verdict.DENIED for answer in answers)
            or len({one.postures for one in conditional}) > 1
        ):
            return None
        found = {id(match.entry): match for answer in (*answers, *conditional) for match in answer.matches}
        return Answer(
            verdict=Verdict.CONDITIONAL if conditional else Verdict.ALLOWED,
            matches=tuple(found[id(entry)] for entry in self.entries if id(entry) in found),
        )

    def _parts(self, principal: Principal, side: _Side) -> tuple[Principal, ...]:
        """The members of a group; the parts of a prefix or an IP set that no entry tells apart; else the principal itself."""
        if principal.known_members:
            return principal.known_members
        if principal.is_device or not principal.addresses:
            return (principal,)
        pieces = principal.addresses.split_at((*side.spans, *self.names.borders))
        return tuple(self.names.addressed(principal.name, AddressSet((piece,))) for piece in pieces)

    def capabilities(
        self, src: str | Node | Principal, dst: str | Node | Principal, *, met: frozenset[str] = frozenset()
    ) -> Mapping[str, tuple[Json, ...]]:
        """The application capabilities that a source has at a destination: of several entries, all their values.

        `met` are postures that the source is taken to be in. They open no port: see `reach` for that.
        """
        found: dict[str, tuple[Json, ...]] = {}
        for match in self.matches(src, dst):
            if match.postures and not met.intersection(match.postures):
                continue
            for capability in match.entry.app:
                found[capability.key] = (*found.get(capability.key, ()), *capability_values(capability))
        return found

    def who_reaches(self, dst: str | Node | Principal) -> tuple[Reach, ...]:
        """Every entry that leads to a destination, with its sources as they are written."""
        return tuple(self._line(self.entries[number]) for number in sorted(self.entries_to(dst)))

    def what_reaches(self, src: str | Node | Principal) -> tuple[Reach, ...]:
        """Every entry that leads from a source, with its destinations as they are written."""
        source = self.principal(src)
        found = (self._match(number, source) for number in sorted(self._src.matching(source)))
        return tuple(self._line(match.entry, match.postures) for match in found if match is not None)

    def _line(self, entry: Entry, postures: tuple[str, ...] | None = None) -> Reach:
        return Reach(
            src=tuple(selector.name for selector in entry.src),
            dst=tuple(selector.name for selector in entry.dst),
            entry=entry,
            postures=entry.postures if postures is None else postures,
        )


_NEVER = (parse_assertion("node:os IS SET"), parse_assertion("node:os NOT SET"))
"""A posture that no device is in: what a name that is not defined must mean."""


def who_reaches(policy: Policy, inventory: Inventory, target: str) -> tuple[Reach, ...]:
    """Who reaches a node, an address or all that a selector stands for, and by which entries of the policy."""
    return Access(policy, inventory).who_reaches(target)


def answer_of(matches: Iterable[Match], protocol: int, port: int) -> Answer:
    """What the entries that apply between two principals say of one port of a protocol."""
    fitting = tuple(match for match in matches if match.entry.ports.allows(protocol, port))
    free = tuple(match for match in fitting if not match.postures)
    if free:
        return Answer(verdict=Verdict.ALLOWED, matches=free)
    return Answer(verdict=Verdict.CONDITIONAL if fitting else Verdict.DENIED, matches=fitting)


def capability_values(capability: Keyed) -> tuple[Json, ...]:
    """The list that stands behind a capability's name."""
    return tuple(capability.value) if isinstance(capability.value, list) else ()


def _postures(policy: Policy) -> dict[str, tuple[Assertion, ...]]:
    found: dict[str, tuple[Assertion, ...]] = {}
    for posture in policy.postures:
        try:
            found[posture.name] = tuple(parse_assertion(assertion.text) for assertion in posture.entries)
        except AssertionSyntaxError:
            found[posture.name] = _NEVER
    return found
