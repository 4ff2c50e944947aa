"""What a tailnet's declarations ask of the policy file, as data: entries, each with the declaration it comes from.

The modules `derived_<section>` make them, `derivation` gathers them, and `compile` puts them together with the hand-written
base. The shapes are those of the policy file, https://tailscale.com/kb/1337/policy-syntax.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from tailstack.access.hujson import Buildable
from tailstack.access.ports import NO_PORTS, Ports, parse_ip_entry
from tailstack.finding import Place
from tailstack.topology.tailnet import ALL_PORTS, Address, Egress, Port

_NAMED_IN_COMMENT = 3


class Section(StrEnum):
    """The sections of the policy file that entries are derived for, in the order in which they are appended."""

    GROUPS = "groups"
    POSTURES = "postures"
    TAG_OWNERS = "tagOwners"
    APPROVED_ROUTES = "autoApprovers.routes"
    APPROVED_EXIT_NODES = "autoApprovers.exitNode"
    APPROVED_SERVICES = "autoApprovers.services"
    GRANTS = "grants"
    SSH = "ssh"
    NODE_ATTRS = "nodeAttrs"
    TESTS = "tests"
    SSH_TESTS = "sshTests"

    @property
    def path(self) -> tuple[str, ...]:
        """The names that lead to it: it may be a part of another section."""
        return tuple(self.split("."))


LIST_SECTIONS = frozenset(
    {
        Section.APPROVED_EXIT_NODES,
        Section.GRANTS,
        Section.SSH,
        Section.NODE_ATTRS,
        Section.TESTS,
        Section.SSH_TESTS,
    }
)
"""Sections whose entries have no names; the others are objects."""

JOINED_SECTIONS = frozenset({Section.APPROVED_ROUTES, Section.APPROVED_SERVICES})
"""Sections in which a name of the hand-written base keeps its list, and a declaration adds to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """One entry of one section. `key` is its name in a section that is an object, None in a section that is a list.

    `declaration` is the comment that stands above it: what kind of thing asked for it, and its name. `places` are where
    that is declared, and `parts` where single parts of the value are: `("src", 0)`. `app` are application capabilities, to
    stand behind the value's other members. `is_spread` asks for a line for each member of the value. The value of an exit
    node's approval is one tag.
    """

    section: Section
    key: str | None
    value: Mapping[str, Buildable] | Sequence[str]
    declaration: str
    places: tuple[Place, ...]
    parts: Mapping[tuple[str | int, ...], Place] = field(default_factory=dict[tuple[str | int, ...], Place])
    app: Mapping[str, Buildable] = field(default_factory=dict[str, Buildable])
    is_spread: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """Every source may reach every destination on every port, under any of the postures if there are any.

    Sources and destinations are selectors, each with where it is declared. `via` are tags of the nodes that must lead there.
    `app` are application capabilities at the destinations; without any ports they are all that is given.
    """

    sources: Mapping[str, Place]
    destinations: Mapping[str, Place]
    ports: tuple[Port, ...]
    via: tuple[str, ...] = ()
    postures: tuple[str, ...] = ()
    app: Mapping[str, Buildable] = field(default_factory=dict[str, Buildable])
    declaration: str
    place: Place


def some_of(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are: short enough for a comment."""
    more = len(names) - _NAMED_IN_COMMENT
    return ", ".join(names[:_NAMED_IN_COMMENT]) + (f" and {more} more" if more > 0 else "")


@lru_cache(maxsize=4096)
def ports_of(ports: tuple[Port, ...]) -> Ports:
    """The ports of a declaration as the policy file counts them."""
    found = NO_PORTS
    for entry in ip_entries(ports):
        found = found.union(parse_ip_entry(entry))
    return found


def ip_entries(ports: Iterable[Port]) -> list[str]:
    """The `ip` field of a grant."""
    return list(_ip_entries(tuple(ports)))


@lru_cache(maxsize=4096)
def _ip_entries(ports: tuple[Port, ...]) -> tuple[str, ...]:
    return ("*",) if ALL_PORTS in ports else tuple(str(port) for port in dict.fromkeys(ports))


def normal_fqdn(name: str) -> str:
    """A DNS name for comparing: lower case, without the root's dot."""
    return name.rstrip(".").lower()


def target_name(egress: Egress) -> str:
    """What people call the target of an egress: `blue.nginx`, a machine's name, an FQDN or an IP address."""
    target = egress.target
    if isinstance(target, Address):
        return target.fqdn or target.ip or ""
    return target.reference
