"""Principals: who reaches and who is reached, a node or everyone whom a selector stands for, and what the names mean.

A principal carries the selectors that match every one of its members. So access of a whole group can be told without
knowing a single device, and an entry of the policy is found by looking its selectors up, not by trying all nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tailstack.access.addresses import INTERNET as INTERNET_ADDRESSES
from tailstack.access.addresses import NO_ADDRESSES, TAILNET, AddressSet, Span, parse_span
from tailstack.access.inventory import Inventory, Node, User
from tailstack.access.policy import Policy
from tailstack.access.postures import Attribute
from tailstack.access.selectors import (
    DANGER_ALL,
    DOMAIN_PREFIX,
    INTERNET,
    MEMBER,
    ROLES,
    SELF,
    SHARED,
    TAGGED,
    Selector,
    SelectorKind,
    parse_selector,
)
from tailstack.access.validate import ipset_operation
from tailstack.finding import Place

EVERYONE = "*"
_ANYONE = frozenset({EVERYONE, DANGER_ALL})
# The owner is an admin too (recording nodeattrs-target-a10-autogroup-admin).
_HELD_BESIDE = {"autogroup:owner": frozenset({"autogroup:admin"})}
_NOWHERE = Place("", 1, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """One node, or all that a selector stands for.

    `keys` are the selectors that match all of it; `addresses` what it has, `known_members` its parts where they are known
    (an entry that matches each of them matches it). A device is matched through any one of its addresses, a prefix only
    as a whole. `user` is whose devices they are, for autogroup:self. `attributes` are posture attributes, None where they
    are not known; `is_unchecked` says that postures are not asked of it.
    """

    name: str
    keys: frozenset[str]
    addresses: AddressSet = NO_ADDRESSES
    is_device: bool = False
    known_members: tuple[Principal, ...] = ()
    user: str | None = None
    attributes: Mapping[str, Attribute] | None = None
    is_unchecked: bool = False


class Names:
    """What the names of a policy stand for: groups, hosts and IP sets; and the principals of its selectors and nodes."""

    def __init__(self, policy: Policy, inventory: Inventory) -> None:
        self._groups: dict[str, tuple[str, ...]] = dict(inventory.groups)
        for group in policy.groups:
            # Anything but users is refused by validation; a group among them could go round in a circle.
            users = (member.name for member in group.entries if member.kind is SelectorKind.USER)
            self._groups[group.name] = tuple(users)
        self._groups_of: dict[str, set[str]] = {}
        for group, members in self._groups.items():
            for member in members:
                self._groups_of.setdefault(member, set()).add(group)
        self._hosts = {host.name: AddressSet((host.span,)) for host in policy.hosts if host.span}
        self._ipsets = {ipset.name: tuple(entry.text for entry in ipset.entries) for ipset in policy.ipsets}
        self._users = {user.login: user for user in inventory.users}
        self._services = {service.name: service.addresses for service in inventory.services}
        self._routed = inventory.subnet_routes()
        self._resolved: dict[str, AddressSet] = {}
        self._principals: dict[str, Principal] = {}

    def members(self, group: str) -> tuple[str, ...] | None:
        """The logins in a group; None where they are not known, as for a group of an identity provider."""
        return self._groups.get(group)

    def addresses(self, selector: Selector) -> AddressSet:
        """The addresses that a host, IP set, address or prefix stands for; empty for every other kind."""
        match selector.kind:
            case SelectorKind.ADDRESS:
                return AddressSet((selector.span,)) if selector.span else NO_ADDRESSES
            case SelectorKind.NAME:
                return self._hosts.get(selector.name, NO_ADDRESSES)
            case SelectorKind.IPSET:
                return self._ipset(selector.name, frozenset())
            case _:
                return NO_ADDRESSES

    def _ipset(self, name: str, above: frozenset[str]) -> AddressSet:
        if name in self._resolved:
            return self._resolved[name]
        found = NO_ADDRESSES
        for text in self._ipsets.get(name, ()):
            adds, member = ipset_operation(text)
            part = self._ipset_member(member, above | {name})
            found = found.union(part) if adds else found.minus(part)
        if not above:
            self._resolved[name] = found
        return found

    def _ipset_member(self, member: str, above: frozenset[str]) -> AddressSet:
        if member == INTERNET:
            return INTERNET_ADDRESSES
        if member.startswith("host:"):
            return self._hosts.get(member.removeprefix("host:"), NO_ADDRESSES)
        if member.startswith("ipset:"):
            # A set that holds itself is refused by validation; here it must only not run for ever.
            return NO_ADDRESSES if member in above else self._ipset(member, above)
        span = parse_span(member)
        return AddressSet((span,)) if span else NO_ADDRESSES

    def principal(self, text: str) -> Principal:
        """All that a selector stands for. A name that nothing is known of stands for itself alone."""
        selector = parse_selector(text, _NOWHERE)
        if selector.name not in self._principals:
            self._principals[selector.name] = self._principal(selector)
        return self._principals[selector.name]

    def _principal(self, selector: Selector) -> Principal:
        name = selector.name
        match selector.kind:
            case SelectorKind.USER:
                return Principal(name=name, keys=self._user_keys(name), user=name)
            case SelectorKind.GROUP:
                return self._group(name)
            case SelectorKind.TAG:
                return Principal(name=name, keys=_ANYONE | {name, TAGGED})
            case SelectorKind.DOMAIN:
                return Principal(name=name, keys=_ANYONE | {name, MEMBER})
            case SelectorKind.AUTOGROUP:
                return Principal(name=name, keys=_autogroup_keys(name))
            case SelectorKind.SERVICE:
                spans = self._services.get(name, ())
                return Principal(name=name, keys=_ANYONE | {name}, addresses=AddressSet.of(spans), is_device=True)
            case SelectorKind.NAME | SelectorKind.ADDRESS | SelectorKind.IPSET:
                return self.addressed(name, self.addresses(selector))
            case _:
                return Principal(name=name, keys=_ANYONE | {name})

    def addressed(self, name: str, addresses: AddressSet) -> Principal:
        """Whatever has these addresses; by its name alone where it has none."""
        keys = self._address_keys(addresses) if addresses else _ANYONE | {name}
        # Postures are asked of devices of the tailnet; what is behind a subnet router has none.
        is_unchecked = not all(span in TAILNET for span in addresses)
        return Principal(name=name, keys=keys, addresses=addresses, is_unchecked=is_unchecked)

    @property
    def borders(self) -> tuple[Span, ...]:
        """Where `*` and autogroup:internet begin and end: addresses on both sides of one are not matched alike."""
        return (*TAILNET, *self._routed, *INTERNET_ADDRESSES)

    def _user_keys(self, login: str) -> frozenset[str]:
        user = self._users.get(login, User(login=login))
        keys = _ANYONE | {login} | self._groups_of.get(login, set())
        if user.is_shared:
            return keys | {SHARED}
        _, _, domain = login.rpartition("@")
        roles = {f"autogroup:{role}" for role in user.roles}
        return keys | {MEMBER, DOMAIN_PREFIX + domain} | roles.union(*(_HELD_BESIDE.get(role, ()) for role in roles))

    def _group(self, name: str) -> Principal:
        members = self._groups.get(name)
        if not members:
            return Principal(name=name, keys=_ANYONE | {name, MEMBER})
        return self.group_of(name, members)

    def group_of(self, name: str, members: Iterable[str]) -> Principal:
        """A group of these members, of whom there must be one at least."""
        known = tuple(self.principal(member) for member in members)
        keys = known[0].keys
        for member in known[1:]:
            keys &= member.keys
        return Principal(name=name, keys=keys | {name}, known_members=known)

    def _address_keys(self, addresses: AddressSet) -> frozenset[str]:
        """As a source, `*` is the tailnet and its approved subnets; addresses elsewhere are only in danger-all."""
        inside = TAILNET.union(self._routed)
        keys = {DANGER_ALL}
        if all(span in inside for span in addresses):
            keys.add(EVERYONE)
        if all(span in INTERNET_ADDRESSES for span in addresses):
            keys.add(INTERNET)
        return frozenset(keys)

    def node(self, node: Node) -> Principal:
        """A node as a source or a destination."""
        if node.tags:
            keys = _ANYONE | {TAGGED} | frozenset(node.tags)
        else:
            keys = self._user_keys(node.user) if node.user else _ANYONE
        return Principal(
            name=node.name,
            keys=keys,
            addresses=AddressSet.of(node.addresses),
            is_device=True,
            user=None if node.tags else node.user,
            attributes=node.attributes,
            is_unchecked=SHARED in keys,
        )


def _autogroup_keys(name: str) -> frozenset[str]:
    members = {MEMBER} if name in ROLES or name == SELF else set[str]()
    return _ANYONE | {name} | members | _HELD_BESIDE.get(name, frozenset())


def spans(texts: Iterable[str]) -> tuple[Span, ...]:
    """Addresses and prefixes as spans; what is none is left out."""
    return tuple(span for span in map(parse_span, texts) if span)
