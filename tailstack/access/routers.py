"""The way to addresses that no node has: through the subnet routers and exit nodes that serve them.

A prefix behind a router is reached only while its route is approved; the internet only through an approved exit node. An
entry with `via` leads through the routers that wear one of its tags, and to nothing else. Recorded answers of the service:
github.com/juanfont/headscale, hscontrol/policy/v2/testdata (routes_results, and via-grant cases of grant_results).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tailstack.access.addresses import DEFAULT_ROUTES, INTERNET, TAILNET, AddressSet, Span
from tailstack.access.entries import Entry
from tailstack.access.inventory import Inventory, Node
from tailstack.access.parties import Party, addresses_of
from tailstack.access.selectors import INTERNET as INTERNET_SELECTOR
from tailstack.access.selectors import SELF


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """A router or exit node on the way, with the route that leads there."""

    router: Node
    route: Span

    @property
    def is_exit(self) -> bool:
        """Whether it is passed as an exit node."""
        return self.route in DEFAULT_ROUTES


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """How a target is come to.

    `is_direct`: it is nodes of the tailnet or a service, and no router is needed. Otherwise `hops` are the routers and exit
    nodes whose approved routes lead there, and `waiting` those whose routes nobody approved. `is_known` says that live
    nodes are known, so that no hops means no way.
    """

    is_direct: bool
    is_internet: bool = False
    is_known: bool = False
    hops: tuple[Hop, ...] = ()
    waiting: tuple[Hop, ...] = ()

    def through(self, entry: Entry, source: Party, target: Party) -> tuple[Hop, ...] | None:
        """The routers by which one entry leads to the target: none where it is direct, or not known; None for no way."""
        if self.is_direct:
            return () if _is_at(entry, source, target) else None
        hops = [hop for hop in self.hops if not entry.via or not set(entry.via).isdisjoint(hop.router.tags)]
        hops = [hop for hop in hops if hop.router != source.node]
        if not hops:
            return None if self.is_known else ()
        size = min(hop.route.high - hop.route.low for hop in hops)
        # The longest prefix wins, as everywhere in routing; an exit node is the shortest.
        return tuple(hop for hop in hops if hop.is_exit or hop.route.high - hop.route.low == size)


def _is_at(entry: Entry, source: Party, target: Party) -> bool:
    """Whether an entry leads to a node itself. One with `via` leads only to routers with its tags, and what they serve."""
    if not entry.via or not target.principal.keys.isdisjoint(entry.via):
        return True
    is_own = source.principal.user is not None and source.principal.user == target.principal.user
    return is_own and any(selector.name == SELF for selector in entry.dst)


def routing(inventory: Inventory, target: Party) -> Routing:
    """How a target is come to, as far as the nodes of the tailnet are known."""
    is_known = any(node.addresses for node in inventory.nodes)
    addresses = addresses_of(target)
    if target.reference == INTERNET_SELECTOR:
        exits = _serving(inventory.nodes, DEFAULT_ROUTES, approved=True)
        waiting = _serving(inventory.nodes, DEFAULT_ROUTES, approved=False)
        return Routing(is_direct=False, is_internet=True, is_known=is_known, hops=exits, waiting=waiting)
    own = AddressSet.of(address for node in target.nodes for address in node.addresses)
    if not addresses or all(span in own for span in addresses):
        return Routing(is_direct=True, is_known=is_known)
    subnets = _overlapping(inventory.nodes, addresses, approved=True)
    waiting = _overlapping(inventory.nodes, addresses, approved=False)
    if not subnets and all(span in TAILNET for span in addresses):
        return Routing(is_direct=not waiting, is_known=is_known, waiting=waiting)
    is_internet = not subnets and all(span in INTERNET for span in addresses)
    if is_internet:
        families = {span.family for span in addresses}
        routes = [route for route in DEFAULT_ROUTES if route.family in families]
        subnets = _serving(inventory.nodes, routes, approved=True)
        waiting = (*waiting, *_serving(inventory.nodes, routes, approved=False))
    return Routing(is_direct=False, is_internet=is_internet, is_known=is_known, hops=subnets, waiting=waiting)


def _serving(nodes: Iterable[Node], routes: Iterable[Span], *, approved: bool) -> tuple[Hop, ...]:
    """The first of these routes of each node that has one."""
    wanted = tuple(routes)
    found = ((node, node.routes if approved else node.unapproved) for node in nodes)
    first = ((node, next((route for route in has if route in wanted), None)) for node, has in found)
    return tuple(Hop(router=node, route=route) for node, route in first if route is not None)


def _overlapping(nodes: Iterable[Node], addresses: AddressSet, *, approved: bool) -> tuple[Hop, ...]:
    return tuple(
        Hop(router=node, route=route)
        for node in nodes
        for route in (node.subnet_routes if approved else node.unapproved)
        if route not in DEFAULT_ROUTES and addresses.overlaps(route)
    )
