"""Who and what is on a tailnet, as far as it is known: its nodes, users and services. What a policy is evaluated over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tailstack.access.addresses import DEFAULT_ROUTES, AddressSet, Span
from tailstack.access.ports import Ports
from tailstack.access.postures import Attribute
from tailstack.finding import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person. `roles` are those of the autogroups without the prefix (`admin`); a shared user is of another tailnet."""

    login: str
    roles: frozenset[str] = frozenset()
    is_shared: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A device. It has a user or tags, never both: tags take the user's place.

    `routes` are the prefixes that it advertises and that are approved, exit routes among them; `unapproved` those that it
    advertises and that nobody approved; `services` are those that it hosts; `attributes` are its posture attributes, None
    where they are not known. `place` is where it is declared, if it is.
    """

    name: str
    addresses: tuple[Span, ...] = ()
    user: str | None = None
    tags: tuple[str, ...] = ()
    routes: tuple[Span, ...] = ()
    unapproved: tuple[Span, ...] = ()
    services: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] | None = None
    place: Place | None = field(default=None, compare=False)

    @property
    def is_exit_node(self) -> bool:
        """Whether its approved routes make it an exit node."""
        return any(route in DEFAULT_ROUTES for route in self.routes)

    @property
    def subnet_routes(self) -> tuple[Span, ...]:
        """Its approved routes but for those of an exit node."""
        return tuple(route for route in self.routes if route not in DEFAULT_ROUTES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A Tailscale Service: one name and one pair of addresses on several hosts. `ports` is None where they are not known.

    `is_of_operator` tells whether an operator made it: those of operators carry an annotation with their owners, and of
    others no operator takes charge. None where its annotations are not known.
    """

    name: str
    addresses: tuple[Span, ...] = ()
    ports: Ports | None = None
    is_of_operator: bool | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """Everything known of a tailnet. `groups` are members of groups that the policy file does not hold (synced ones)."""

    nodes: tuple[Node, ...] = ()
    users: tuple[User, ...] = ()
    services: tuple[Service, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def subnet_routes(self) -> AddressSet:
        """Every approved subnet route."""
        return AddressSet.of(route for node in self.nodes for route in node.subnet_routes)


NOTHING_KNOWN = Inventory()
