"""Approvals without an admin: routes, exit nodes, and the hosts of Tailscale Services.

Each is for what is declared and no more. Approvers are tags of the nodes themselves, so that an approval outlives the person
who set a node up. https://tailscale.com/kb/1337/policy-syntax#auto-approvers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tailstack.access.addresses import DEFAULT_ROUTES, parse_span
from tailstack.access.derive import Derived, Section, some_of
from tailstack.access.nodes import DeclaredNode, NodeKind, narrowest, tag_wearers
from tailstack.finding import Place
from tailstack.topology.custom import AppConnector
from tailstack.topology.tailnet import Tailnet

EVERY_ROUTE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Router:
    """A node that leads out of the tailnet, or the replicas of one."""

    who: str
    tag: str
    routes: tuple[str, ...]
    is_exit_node: bool
    app: AppConnector | None
    place: Place


@dataclass(slots=True)
class _Approvers:
    """The tags of one approval, each with the first place that asks for it, and everything that does."""

    tags: dict[str, Place] = field(default_factory=dict[str, Place])
    who: dict[str, None] = field(default_factory=dict[str, None])
    places: dict[Place, None] = field(default_factory=dict[Place, None])

    def add(self, tag: str, who: str, place: Place) -> None:
        self.tags.setdefault(tag, place)
        self.who.setdefault(who)
        self.places.setdefault(place)


def auto_approvers(tailnet: Tailnet, nodes: Sequence[DeclaredNode]) -> Iterator[Derived]:
    """All approvals: of routes, of exit nodes, of Tailscale Services."""
    worn = tag_wearers(nodes)
    routers = tuple(_routers(tailnet, worn))
    yield from _listed(Section.APPROVED_ROUTES, _routes(routers))
    yield from _exit_nodes(routers)
    yield from _listed(Section.APPROVED_SERVICES, _services(tailnet, worn))


def _listed(section: Section, approved: dict[str, _Approvers]) -> Iterator[Derived]:
    for key, approvers in approved.items():
        yield Derived(
            section=section,
            key=key,
            value=list(approvers.tags),
            declaration=some_of(list(approvers.who)),
            places=tuple(approvers.places),
            parts={(index,): place for index, place in enumerate(approvers.tags.values())},
        )


def _routers(tailnet: Tailnet, worn: Counter[str]) -> Iterator[_Router]:
    for connector in tailnet.connectors:
        if connector.tailnet is None:
            yield _Router(
                who=f"{NodeKind.CONNECTOR} {connector.reference}",
                tag=narrowest(connector.tags, worn),
                routes=connector.routes,
                is_exit_node=connector.exit_node,
                app=connector.domains,
                place=connector.place,
            )
    for machine in tailnet.machines:
        yield _Router(
            who=f"{NodeKind.MACHINE} {machine.name}",
            tag=narrowest(machine.tags, worn),
            routes=machine.routes,
            is_exit_node=machine.exit_node,
            app=machine.app_connector,
            place=machine.place,
        )


def _routes(routers: Iterable[_Router]) -> dict[str, _Approvers]:
    """An app connector advertises each address that its domains turn out to have. Where those are declared they alone are
    approved; else every route of its tag is, as https://tailscale.com/kb/1342/how-app-connectors-work asks for.
    """
    found: dict[str, _Approvers] = {}
    for router in routers:
        for route in router.routes:
            if parse_span(route) not in DEFAULT_ROUTES:
                found.setdefault(route, _Approvers()).add(router.tag, router.who, router.place)
        if router.app is not None:
            who = router.who if router.app.routes else f"{router.who}, whose domains may have any address"
            for route in router.app.routes or EVERY_ROUTE:
                found.setdefault(route, _Approvers()).add(router.tag, who, router.place)
    return found


def _exit_nodes(routers: Iterable[_Router]) -> Iterator[Derived]:
    """A route to all addresses among the routes is that of an exit node, and is approved as one only."""
    found: dict[str, _Approvers] = {}
    for router in routers:
        if router.is_exit_node or any(parse_span(route) in DEFAULT_ROUTES for route in router.routes):
            found.setdefault(router.tag, _Approvers()).add(router.tag, router.who, router.place)
    for tag, approvers in found.items():
        yield Derived(
            section=Section.APPROVED_EXIT_NODES,
            key=None,
            value=tag,
            declaration=some_of(list(approvers.who)),
            places=tuple(approvers.places),
        )


def _services(tailnet: Tailnet, worn: Counter[str]) -> dict[str, _Approvers]:
    """By name, which lets nodes host this one Service and no other. One of the whole tailnet is approved by its tags too, so
    that it stays approved under another name.
    """
    found: dict[str, _Approvers] = {}
    tags = {
        (cluster.name, group.name): narrowest(group.tags, worn)
        for cluster in tailnet.clusters
        for group in cluster.custom.proxy_groups
        if group.tailnet is None
    }
    for service in tailnet.services:
        hosts = [tags.get((backend.cluster, backend.proxy_group or "")) for backend in service.backends]
        hosts += [narrowest(machine.tags, worn) for machine in service.machines]
        for key in (service.name, *service.tags):
            for host in filter(None, hosts):
                found.setdefault(key, _Approvers()).add(host, f"service {service.name}", service.place)
    for kind, several in ((NodeKind.EXPOSURE, tailnet.exposures), (NodeKind.INGRESS, tailnet.ingresses)):
        for each in several:
            host = tags.get((each.cluster, each.proxy_group or ""))
            if each.tailscale_service is not None and host is not None and not each.is_shared:
                found.setdefault(each.tailscale_service, _Approvers()).add(host, f"{kind} {each.reference}", each.place)
    for cluster in tailnet.clusters:
        for group in cluster.custom.proxy_groups:
            if group.service is not None and group.tailnet is None:
                found.setdefault(group.service, _Approvers()).add(
                    tags[cluster.name, group.name], f"{NodeKind.PROXY_GROUP} {group.reference}", group.place
                )
    return found
