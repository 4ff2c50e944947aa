"""The packet filter that the service sends to a node: which sources reach which of its addresses and routes, on which ports.

The service compiles it for each node out of the policy and the nodes, and the node enforces it. What is done here was read
off recorded filters (github.com/juanfont/headscale, hscontrol/policy/v2/testdata), which a test compares node by node:
selectors of users and tags stand for addresses of nodes and never for the subnets behind them; a prefix stands as it is
written, on the nodes whose addresses or approved subnet routes it overlaps; `*` as a source is the tailnet and every
approved subnet; `autogroup:internet` makes no entry, because use of an exit node is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tailstack.access.addresses import DEFAULT_ROUTES, EVERYWHERE, NO_ADDRESSES, TAILNET, AddressSet, Span, spans_of
from tailstack.access.addresses import INTERNET as INTERNET_ADDRESSES
from tailstack.access.entries import Entry
from tailstack.access.evaluate import Access, capability_values
from tailstack.access.hujson import Json
from tailstack.access.inventory import Node
from tailstack.access.ports import Ports
from tailstack.access.selectors import DANGER_ALL, INTERNET, SELF, Selector, SelectorKind

COMPANIONS: Mapping[str, str] = {
    "tailscale.com/cap/drive": "tailscale.com/cap/drive-sharer",
    "tailscale.com/cap/relay": "tailscale.com/cap/relay-target",
}
"""Capabilities that the service grants the other way round with one that a policy grants."""

_BEYOND = {span.family: span for span in spans_of("8.8.8.8", "2001:4860:4860::8888")}
"""An address on the internet of each family: who reaches it through an exit node may use that node."""

_PLAIN = frozenset({SelectorKind.ADDRESS, SelectorKind.NAME, SelectorKind.IPSET})


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterRule:
    """Every source may send to every target on every port."""

    sources: AddressSet
    targets: AddressSet
    ports: Ports


@dataclass(frozen=True, kw_only=True, slots=True)
class CapabilityRule:
    """Every source has these capabilities at every target: by name, the list of values."""

    sources: AddressSet
    targets: AddressSet
    capabilities: Mapping[str, tuple[Json, ...]]


class Filters:
    """Compiles the filters of nodes. A posture that is not known to be met leaves a source out."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._nodes = access.inventory.nodes
        self._everyone = TAILNET.union(access.inventory.subnet_routes())
        self._kept: dict[str, tuple[tuple[Entry, AddressSet, AddressSet], ...]] = {}
        self._by_key: dict[str, list[Node]] = {}
        for node in self._nodes:
            for key in access.principal(node).keys:
                self._by_key.setdefault(key, []).append(node)

    def network(self, node: Node) -> Iterator[FilterRule]:
        """What may be sent to a node, to what is behind it, or through it."""
        for entry, sources, targets in self._links(node):
            if entry.ports and sources:
                yield FilterRule(sources=sources, targets=targets, ports=entry.ports)

    def _links(self, node: Node) -> tuple[tuple[Entry, AddressSet, AddressSet], ...]:
        """Each entry that leads to a node, with its sources and with its targets at the node."""
        kept = self._kept.get(node.name)
        if kept is None:
            sides = ((entry, *side) for entry in self._access.entries for side in self._sides(entry, node))
            kept = self._kept[node.name] = tuple(link for link in sides if link[2])
        return kept

    def _sides(self, entry: Entry, node: Node) -> Iterator[tuple[AddressSet, AddressSet]]:
        targets = [self._target(selector, node) for selector in entry.dst if selector.name != SELF]
        if not entry.via or not set(entry.via).isdisjoint(node.tags):
            yield self._sources(entry), _union(targets)
        if any(selector.name == SELF for selector in entry.dst) and node.user is not None and not node.tags:
            own = [other for other in self._nodes if other.user == node.user and not other.tags]
            yield self._own_sources(entry, own), AddressSet.of(node.addresses)

    def _target(self, selector: Selector, node: Node) -> AddressSet:
        if selector.kind is SelectorKind.EVERYONE:
            return EVERYWHERE
        if selector.kind in _PLAIN:
            reached = (*node.addresses, *node.subnet_routes)
            prefixes = self._access.names.addresses(selector)
            return AddressSet.of(prefix for prefix in prefixes if any(prefix.overlaps(own) for own in reached))
        if selector.name == INTERNET:
            return INTERNET_ADDRESSES if node.is_exit_node else NO_ADDRESSES
        if selector.name in self._access.principal(node).keys:
            return AddressSet.of(node.addresses)
        return NO_ADDRESSES

    def _sources(self, entry: Entry) -> AddressSet:
        return _union(self._source(selector, entry) for selector in entry.src)

    def _source(self, selector: Selector, entry: Entry) -> AddressSet:
        if selector.name == DANGER_ALL:
            return EVERYWHERE
        if selector.kind is SelectorKind.EVERYONE and not entry.postures:
            return self._everyone
        if selector.kind in _PLAIN:
            return self._access.names.addresses(selector)
        return _addresses(self._met(self._by_key.get(selector.name, ()), entry))

    def _own_sources(self, entry: Entry, own: list[Node]) -> AddressSet:
        return _addresses(
            node
            for node in self._met(own, entry)
            if any(s.name in self._access.principal(node).keys for s in entry.src)
        )

    def _met(self, nodes: Iterable[Node], entry: Entry) -> Iterator[Node]:
        for node in nodes:
            if self._access.open_postures(entry.postures, self._access.principal(node)) == ():
                yield node

    def capabilities(self, node: Node) -> Iterator[CapabilityRule]:
        """The capabilities that others have at a node, and those that come with capabilities it has at others."""
        own = AddressSet.of(node.addresses)
        for entry, sources, targets in self._links(node):
            here = own.minus(own.minus(targets))
            if entry.app and entry.src and here:
                granted = {capability.key: capability_values(capability) for capability in entry.app}
                yield CapabilityRule(sources=sources, targets=here, capabilities=granted)
        for entry in self._access.entries:
            names = (capability.key for capability in entry.app)
            back: dict[str, tuple[Json, ...]] = {COMPANIONS[name]: () for name in names if name in COMPANIONS}
            if back and self._is_source(entry, node):
                sources = _union(self._reached(selector, node) for selector in entry.dst)
                if sources:
                    yield CapabilityRule(sources=sources, targets=own, capabilities=back)

    def peers(self, node: Node) -> tuple[Node, ...]:
        """The nodes that a node is told of: an entry of any kind leads from one to the other, or to what is behind it."""
        return tuple(
            other
            for other in self._nodes
            if other is not node and (self._leads(node, other) or self._leads(other, node))
        )

    def _leads(self, source: Node, target: Node) -> bool:
        own = (*source.addresses, *source.subnet_routes)
        return any(sources.overlaps(span) for _, sources, _ in self._links(target) for span in own)

    def routes(self, node: Node, router: Node) -> tuple[Span, ...]:
        """The approved routes of a router that a node may use. Which of several routers serves one is not said here.

        An exit node's are used with `autogroup:internet` or `*`; a subnet's also by those whom it reaches, for the answers.
        """
        usable = (route for route in router.routes if self._is_usable(route, node, router))
        return tuple(usable)

    def _is_usable(self, route: Span, node: Node, router: Node) -> bool:
        if route in DEFAULT_ROUTES:
            return self._sends(node.addresses, _BEYOND[route.family], router)
        # Routers of one subnet are told of each other's route, and those of two subnets of what one may send to the other.
        if route in node.routes or self._sends((*node.addresses, *node.subnet_routes), route, router):
            return True
        return any(sources.overlaps(route) for _, sources, _ in self._links(node))

    def _sends(self, own: tuple[Span, ...], target: Span, router: Node) -> bool:
        return any(
            targets.overlaps(target) and not sources.isdisjoint(own) for _, sources, targets in self._links(router)
        )

    def _is_source(self, entry: Entry, node: Node) -> bool:
        principal = self._access.principal(node)
        if self._access.open_postures(entry.postures, principal) != ():
            return False
        return any(
            selector.name in principal.keys
            or any(prefix.overlaps(own) for prefix in self._access.names.addresses(selector) for own in node.addresses)
            for selector in entry.src
        )

    def _reached(self, selector: Selector, node: Node) -> AddressSet:
        """The addresses of a destination, as seen from a source."""
        if selector.name == SELF:
            own = [other for other in self._nodes if node.user and other.user == node.user and not other.tags]
            return _addresses(own)
        if selector.kind is SelectorKind.EVERYONE:
            return self._everyone
        if selector.kind in _PLAIN:
            return self._access.names.addresses(selector)
        return _addresses(self._by_key.get(selector.name, ()))


def node_attributes(access: Access, node: Node) -> frozenset[str]:
    """The node attributes that a policy gives a node, its setting randomizeClientPort among them."""
    keys = access.principal(node).keys
    found = {
        attribute.text
        for entry in access.policy.node_attributes
        if any(
            selector.name in keys or not access.names.addresses(selector).isdisjoint(node.addresses)
            for selector in entry.target
        )
        for attribute in entry.attr
    }
    if any(setting.key == "randomizeClientPort" and setting.value is True for setting in access.policy.settings):
        found.add("randomize-client-port")
    return frozenset(found)


def _union(sets: Iterable[AddressSet]) -> AddressSet:
    return AddressSet.of(span for addresses in sets for span in addresses)


def _addresses(nodes: Iterable[Node]) -> AddressSet:
    return AddressSet.of(address for node in nodes for address in node.addresses)
