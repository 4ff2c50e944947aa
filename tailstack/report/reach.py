"""Who reaches what, and by which declaration: one block for each exposure, API server, Tailscale Service, route and so on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tailstack.access.addresses import AddressSet
from tailstack.access.compile import CompiledPolicy
from tailstack.access.derive import ip_entries, ports_of
from tailstack.access.entries import Entry
from tailstack.access.evaluate import Access, Reach
from tailstack.access.inventory import Node
from tailstack.access.kubernetes import impersonated_groups
from tailstack.access.ports import Ports
from tailstack.access.principals import EVERYONE, Principal
from tailstack.access.selectors import INTERNET
from tailstack.report.findings import WIDTH
from tailstack.report.style import Style, wrapped
from tailstack.rules.api_proxies import ApiServerProxy, api_server_proxies
from tailstack.rules.routers import Router, called, routers_of, routes_with_spans
from tailstack.rules.tailscale_services import service_principal
from tailstack.topology.custom import Connector
from tailstack.topology.tailnet import (
    ALL_PORTS,
    HTTPS,
    Cluster,
    Exposure,
    Ingress,
    Port,
    Tailnet,
    TailscaleService,
)
from tailstack.topology.wording import listed

_INTERNET = frozenset({INTERNET, EVERYONE})
_WIDEST_WHO = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """One way to a target: who, on which ports, under which of several postures, as which Kubernetes groups, and why.

    `reason` is a declaration (`access: developers use nginx`) or a place of the hand-written policy file.
    """

    who: tuple[str, ...]
    ports: Ports
    postures: tuple[str, ...]
    groups: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Something that is reached: `exposure blue.nginx`, its name in the tailnet, what it offers, and every way to it.

    Of what leads out of the tailnet `fqdn` is where it leads: a range of addresses, the internet, domains.
    """

    name: str
    fqdn: str
    offers: tuple[Port, ...]
    ways: tuple[Reached, ...]
    is_public: bool = False


def reach(tailnet: Tailnet, policy: CompiledPolicy) -> tuple[Target, ...]:
    """Every exposure, ingress, API server and recorder of each cluster, then the Tailscale Services of several, then what
    leads out of the tailnet: each with all that leads to it, by the whole policy."""
    found = _Targets(tailnet, policy)
    return (
        *(target for cluster in tailnet.clusters for target in found.of_cluster(cluster)),
        *(found.service(service) for service in tailnet.services),
        *(target for router in routers_of(tailnet) for target in found.of_router(router)),
    )


class _Targets:
    """Makes the targets of one tailnet."""

    def __init__(self, tailnet: Tailnet, policy: CompiledPolicy) -> None:
        self._tailnet = tailnet
        self._policy = policy
        self._access = Access(policy.policy)
        self._proxies: dict[str, list[ApiServerProxy]] = {}
        for proxy in api_server_proxies(tailnet):
            self._proxies.setdefault(proxy.cluster, []).append(proxy)
        self._outward = [found for entry in self._access.entries for found in self._leading_out(entry)]

    def _leading_out(self, entry: Entry) -> Iterator[tuple[Entry, AddressSet, frozenset[str]]]:
        """The entry where it leads to addresses or to the internet: those addresses, and everything that it names."""
        names = frozenset(selector.name for selector in entry.dst)
        spans = AddressSet.of(span for selector in entry.dst for span in self._access.names.addresses(selector))
        if entry.ports and (spans or names & _INTERNET):
            yield entry, spans, names

    def of_cluster(self, cluster: Cluster) -> Iterator[Target]:
        """What is exposed there, its API servers and its recorders."""
        for exposure in cluster.exposures:
            if not exposure.is_shared:
                yield self._exposed(f"exposure {exposure.reference}", exposure)
        for ingress in cluster.ingresses:
            if not ingress.is_shared:
                yield self._exposed(f"ingress {ingress.reference}", ingress, is_public=ingress.funnel)
        for proxy in self._proxies.get(cluster.name, ()):
            yield self._api_server(proxy)
        for recorder in cluster.custom.recorders:
            if recorder.has_ui and recorder.tailnet is None:
                fqdn = f"{recorder.hostnames[0]}.{self._tailnet.dns_name}"
                node = Node(name=fqdn, tags=recorder.tags)
                name, ways = f"recorder {recorder.reference}", self._ways(node, (HTTPS,))
                yield Target(name=name, fqdn=fqdn, offers=(HTTPS,), ways=ways)

    def service(self, service: TailscaleService) -> Target:
        """A Tailscale Service that several serve."""
        return self._exposed(f"service {service.name}", service)

    def of_router(self, router: Router) -> Iterator[Target]:
        """Each range that it leads to, and the internet where it leads there."""
        for route, span in routes_with_spans(router):
            entries = (entry for entry, spans, names in self._outward if EVERYONE in names or spans.overlaps(span))
            yield self._way_out(f"route {route} of {called(router)}", route, entries, router)
        domains = router.domains if isinstance(router, Connector) else router.app_connector
        to_internet = [entry for entry, _, names in self._outward if names & _INTERNET]
        if router.exit_node:
            yield self._way_out(f"exit node {router.reference}", INTERNET, to_internet, router)
        if domains is not None:
            where = listed(domains.domains)
            yield self._way_out(f"app connector {router.reference}", where, to_internet, router)

    def _exposed(self, name: str, exposed: Exposure | Ingress | TailscaleService, *, is_public: bool = False) -> Target:
        to: Node | Principal = Node(name=exposed.fqdn, tags=exposed.tags)
        if exposed.tailscale_service is not None:
            to = service_principal(exposed.tailscale_service, exposed.tags)
        offers = exposed.granted_ports
        return Target(name=name, fqdn=exposed.fqdn, offers=offers, ways=self._ways(to, offers), is_public=is_public)

    def _api_server(self, proxy: ApiServerProxy) -> Target:
        """A highly available one is reached by its Tailscale Service, and reads rights by the tags of its nodes."""
        name = f"API server of {proxy.cluster} ({proxy.mode})"
        node = Node(name=proxy.fqdn, tags=proxy.tags)
        if proxy.group is None:
            ways = self._ways(node, (HTTPS,), impersonates=proxy.impersonates)
        else:
            name = f"API server of {proxy.cluster} ({proxy.mode}, {proxy.who})"
            service = service_principal(proxy.group.service or "", proxy.tags)
            rights = self._ways(node, (), impersonates=True) if proxy.impersonates else ()
            ways = tuple(_with_rights(self._ways(service, (HTTPS,)), rights))
        return Target(name=name, fqdn=proxy.fqdn, offers=(HTTPS,), ways=ways)

    def _way_out(self, name: str, where: str, entries: Iterable[Entry], router: Router) -> Target:
        """One with `via` leads through the nodes that it names."""
        leading = (entry for entry in entries if not entry.via or not set(entry.via).isdisjoint(router.tags))
        ways = tuple(
            Reached(
                who=tuple(selector.name for selector in entry.src),
                ports=entry.ports,
                postures=entry.postures,
                groups=(),
                reason=self._policy.declaration(entry.place),
            )
            for entry in leading
        )
        return Target(name=name, fqdn=where, offers=(ALL_PORTS,), ways=ways)

    def _ways(
        self, to: Node | Principal, offers: tuple[Port, ...], *, impersonates: bool = False
    ) -> tuple[Reached, ...]:
        found = self._access.who_reaches(to)
        return tuple(_ways(found, offers, self._policy, impersonates=impersonates))


def _with_rights(ways: Iterable[Reached], rights: Iterable[Reached]) -> Iterator[Reached]:
    """One line for the network and the rights that one declaration gives; rights by another one stand by themselves."""
    left = {(right.who, right.postures, right.reason): right for right in rights}
    for way in ways:
        right = left.pop((way.who, way.postures, way.reason), None)
        yield replace(way, groups=right.groups) if right is not None else way
    yield from left.values()


def _ways(
    found: Sequence[Reach], offers: tuple[Port, ...], policy: CompiledPolicy, *, impersonates: bool
) -> Iterator[Reached]:
    offered = ports_of(offers)
    for line in found:
        ports = offered.intersection(line.ports)
        groups = tuple(sorted(impersonated_groups(line.entry.app))) if impersonates else ()
        if ports or groups:
            yield Reached(
                who=line.src,
                ports=ports,
                postures=line.postures,
                groups=groups,
                reason=policy.declaration(line.entry.place),
            )


def reach_as_text(targets: Sequence[Target], tailnet: Tailnet, *, colour: bool = False, width: int = WIDTH) -> str:
    """A block for each target, then who is in the groups. Ends with a newline."""
    style = Style(colour=colour)
    blocks = [_block(target, style, width) for target in targets]
    members = _members(targets, tailnet, width)
    return "\n".join([*blocks, *([members] if members else [])])


def _block(target: Target, style: Style, width: int) -> str:
    lines = [f"{style.strong(target.name)}  {target.fqdn} {listed(ip_entries(target.offers))}"]
    rows = [(", ".join(way.who), str(way.ports) or "no port", _why(way)) for way in target.ways]
    if target.is_public:
        rows.insert(0, ("everybody on the internet", listed(ip_entries(target.offers)), "Funnel"))
    if not rows:
        lines.append("  nobody")
    who_width = min(max((len(row[0]) for row in rows), default=0), _WIDEST_WHO)
    port_width = max((len(row[1]) for row in rows), default=0)
    for who, ports, why in rows:
        beside = who if len(who) <= who_width else ""
        if not beside:
            lines += _wrapped(who, "  ", 4, width)
        label = f"  {beside:<{who_width}}  {ports:<{port_width}}  "
        lines += _wrapped(why, label, len(label), width)
    return "\n".join(lines) + "\n"


def _wrapped(text: str, label: str, start: int, width: int) -> list[str]:
    return wrapped(text, label, " " * start, max(width, start + 20))


def _why(way: Reached) -> str:
    parts = [way.reason]
    if way.groups:
        parts.append(f"as {listed(way.groups)}")
    if way.postures:
        parts.append(f"in {' or '.join(way.postures)}")
    return "; ".join(parts)


def _members(targets: Sequence[Target], tailnet: Tailnet, width: int) -> str:
    """Who is in the groups that reach something, as far as it is known here."""
    named = {who for target in targets for way in target.ways for who in way.who}
    lines: list[str] = []
    for group in tailnet.groups:
        if group.name not in named:
            continue
        if group.members is None:
            who = "members are kept by the identity provider and not known here"
        else:
            who = listed(group.members, none="nobody") + (", by rotation" if group.on_rotation else "")
        lines += _wrapped(who, f"{group.name}: ", 4, width)
    return "\n".join(lines) + "\n" if lines else ""
