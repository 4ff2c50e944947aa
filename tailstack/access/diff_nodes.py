"""What changes because the nodes do: those that are new, gone or tagged otherwise, and the routes that they serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tailstack.access.addresses import DEFAULT_ROUTES, AddressSet, Span
from tailstack.access.changes import Cause, Change, Direction, Right, RightKind, Risk
from tailstack.access.diff_view import End, Pair, View
from tailstack.access.entries import Entry
from tailstack.access.inventory import Node
from tailstack.access.ports import NO_PORTS, Ports
from tailstack.access.principals import EVERYONE
from tailstack.access.selectors import INTERNET, SELF

NEW, GONE = "new", "gone"
_WAYS = {True: "through", False: "behind"}


def changed_nodes(before: View, after: View) -> Mapping[str, str]:
    """The nodes that an entry may treat otherwise than before, by name, with what became of them."""
    found = dict.fromkeys((name for name in after.nodes if name not in before.nodes), NEW)
    found |= dict.fromkeys((name for name in before.nodes if name not in after.nodes), GONE)
    for name, old in before.nodes.items():
        new = after.nodes.get(name)
        if new is not None and (words := _change(old, new)):
            found[name] = words
    return found


def _change(old: Node, new: Node) -> str:
    if set(old.tags) != set(new.tags):
        return f"now {', '.join(new.tags) or f'of {new.user}'}"
    if old.user != new.user and not new.tags:
        return f"now of {new.user}"
    if set(old.addresses) != set(new.addresses):
        return "under another address"
    return "with other posture attributes" if old.attributes != new.attributes else ""


def node_pairs(view: View, nodes: Mapping[str, str]) -> Iterator[Pair]:
    """Each of the nodes with whatever the entries of one side lead it to, and with whatever they lead to it."""
    for name in nodes:
        node = view.nodes.get(name)
        if node is None:
            continue
        end = End(name, is_node=True)
        for number in sorted(view.access.entries_from(node)):
            for selector in view.access.entries[number].dst:
                # What is one's own is other devices for another user.
                own = End(node.user) if selector.name == SELF and node.user is not None else None
                yield end, own or view.end(selector.name)
        for number in sorted(view.access.entries_to(node)):
            entry = view.access.entries[number]
            for selector in entry.src:
                yield view.end(selector.name), end
            if node.user is not None and any(selector.name == SELF for selector in entry.dst):
                yield End(node.user), end


Sides = tuple[dict[int, list[End]], dict[int, list[End]]]
"""By the index of an entry, the ends that are among its sources, and those among its destinations."""


def retagged(here: View, there: View, nodes: Mapping[str, str]) -> Sides:
    """The nodes on both sides that became what an entry names, or are so no longer."""
    found: Sides = {}, {}
    for name in nodes:
        node, other = here.nodes.get(name), there.nodes.get(name)
        if node is None or other is None:
            continue
        end = End(name, is_node=True)
        changed = here.principal(end).keys ^ there.principal(end).keys
        if node.user != other.user:
            changed |= {SELF}
        for side, numbers in enumerate((here.access.entries_from(node), here.access.entries_to(node))):
            for number in numbers:
                entry = here.access.entries[number]
                selectors = entry.dst if side else entry.src
                if any(selector.name in changed or here.end(selector.name).addresses for selector in selectors):
                    found[side].setdefault(number, []).append(end)
    return found


def route_changes(before: View, after: View) -> Iterator[Change]:
    """Who reaches more or less because a route has its first router, or lost its last, under entries that did not change."""
    was, now = _routers(before), _routers(after)
    for route in sorted({*was, *now}):
        old, new = was.get(route, []), now.get(route, [])
        if {node.name for node in old} == {node.name for node in new}:
            continue
        for direction, here, routers, others in (
            (Direction.GAINED, after, new, old),
            (Direction.LOST, before, old, new),
        ):
            there = before if here is after else after
            for entry, target in _entries_to(here, route):
                if here.content(entry) not in there.by_content or not (serving := _serving(entry, routers)):
                    continue
                ports = entry.ports.minus(_served(entry, route, there, others))
                if ports:
                    what = f"{target} {_WAYS[target == INTERNET]} {', '.join(node.name for node in serving)}"
                    yield _route_change(direction, entry, what, ports, _causes(here, entry, serving))


def _routers(view: View) -> dict[Span, list[Node]]:
    """The nodes that serve each approved route."""
    found: dict[Span, list[Node]] = {}
    for node in view.nodes.values():
        for route in node.routes:
            found.setdefault(route, []).append(node)
    return found


def _entries_to(view: View, route: Span) -> Iterator[tuple[Entry, str]]:
    """The entries that open ports at what is behind a route, each with the part of it that they name."""
    end = End(str(route), AddressSet((route,)))
    if route in DEFAULT_ROUTES:
        numbers = view.access.entries_to(INTERNET) | view.access.entries_to(EVERYONE)
    else:
        numbers = view.giving(end, view, is_source=False)
    for number in sorted(numbers):
        entry = view.access.entries[number]
        for selector in entry.dst:
            for span in view.end(selector.name).addresses:
                if span.overlaps(route) and route not in DEFAULT_ROUTES:
                    yield entry, str(max(span, route, key=lambda one: (one.low, -one.high)))
            if selector.name == EVERYONE or (selector.name == INTERNET and route in DEFAULT_ROUTES):
                yield entry, INTERNET if route in DEFAULT_ROUTES else str(route)


def _serving(entry: Entry, routers: list[Node]) -> list[Node]:
    """The routers that an entry lets its traffic pass."""
    return [node for node in routers if not entry.via or not set(entry.via).isdisjoint(node.tags)]


def _served(entry: Entry, route: Span, view: View, routers: list[Node]) -> Ports:
    """The ports that the sources of an entry had at a route already, by entries that name them all."""
    names = {selector.name for selector in entry.src}
    ports = NO_PORTS
    for other, _ in _entries_to(view, route):
        has_all = names <= {selector.name for selector in other.src}
        if has_all and set(other.postures) == set(entry.postures) and _serving(other, routers):
            ports = ports.union(other.ports)
    return ports


def _route_change(direction: Direction, entry: Entry, what: str, ports: Ports, causes: tuple[Cause, ...]) -> Change:
    gained = Risk.HIGH if what.startswith(INTERNET) else Risk.RAISED
    return Change(
        direction=direction,
        who=tuple(selector.name for selector in entry.src),
        what=(what,),
        right=Right(kind=RightKind.NETWORK, ports=ports),
        postures=entry.postures,
        risk=gained if direction is Direction.GAINED else Risk.LOSS,
        causes=causes,
    )


def _causes(view: View, entry: Entry, routers: list[Node]) -> tuple[Cause, ...]:
    places = [node.place for node in routers if node.place] or [entry.place]
    return tuple(map(view.cause, places))
