"""Selectors: the strings of the policy file that say who or what. https://tailscale.com/kb/1337/policy-syntax."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from tailstack.access.addresses import Span, parse_span
from tailstack.finding import Place


class SelectorKind(StrEnum):
    """What a selector is by its form; whether what it names exists is another question."""

    EVERYONE = "*"
    USER = "user"
    DOMAIN = "every user of a domain"
    GROUP = "group"
    TAG = "tag"
    AUTOGROUP = "autogroup"
    IPSET = "ipset"
    SERVICE = "service"
    ADDRESS = "address"
    NAME = "host name"


@dataclass(frozen=True, slots=True)
class Text:
    """A string of the policy file and where it stands."""

    text: str
    place: Place

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector. `name` is its normal form: without space around it, legacy spellings made new.

    `text` is what is written. `span` is there for addresses and prefixes.
    """

    kind: SelectorKind
    name: str
    text: str
    place: Place
    span: Span | None = None

    def __str__(self) -> str:
        return self.name


ROLES = frozenset(
    f"autogroup:{role}"
    for role in ("member", "admin", "owner", "it-admin", "network-admin", "billing-admin", "auditor")
)
"""Autogroups of users by their role; every direct member of the tailnet is in autogroup:member."""

MEMBER, TAGGED, SELF = "autogroup:member", "autogroup:tagged", "autogroup:self"
INTERNET, SHARED, DANGER_ALL, NONROOT = (
    "autogroup:internet",
    "autogroup:shared",
    "autogroup:danger-all",
    "autogroup:nonroot",
)
AUTOGROUPS = ROLES | {TAGGED, SELF, INTERNET, SHARED, DANGER_ALL, NONROOT}

_PREFIXES = {
    "group:": SelectorKind.GROUP,
    "tag:": SelectorKind.TAG,
    "autogroup:": SelectorKind.AUTOGROUP,
    "ipset:": SelectorKind.IPSET,
    "svc:": SelectorKind.SERVICE,
}
_LEGACY = {"autogroup:members": MEMBER}
DOMAIN_PREFIX = "user:*@"


def parse_selector(text: str, place: Place) -> Selector:
    """The selector that a string is. Never fails: what is of no other form is taken for the name of a host."""
    name = text.strip()
    kind, span = _kind(name)
    return Selector(kind, _LEGACY.get(name, name), text, place, span)


@lru_cache(maxsize=65536)
def _kind(name: str) -> tuple[SelectorKind, Span | None]:
    if name == "*":
        return SelectorKind.EVERYONE, None
    prefix, colon, _ = name.partition(":")
    if colon and prefix + colon in _PREFIXES:
        return _PREFIXES[prefix + colon], None
    if name.startswith(DOMAIN_PREFIX):
        return SelectorKind.DOMAIN, None
    if "@" in name:
        return SelectorKind.USER, None
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    span = None if "-" in bare else parse_span(bare)
    return (SelectorKind.ADDRESS, span) if span else (SelectorKind.NAME, None)


def split_port(text: str) -> tuple[str, str]:
    """Target and ports of `target:ports`, parted at the last colon; no ports where there is no colon."""
    target, _, ports = text.strip().rpartition(":")
    return (target, ports) if target else (ports, "")
