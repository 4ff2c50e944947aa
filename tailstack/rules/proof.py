"""The chain of every declared link, step by step: from the client's namespace to the Service at the other end.

Each step is shown to hold, or the chain breaks there, with the smallest mend. A link is complete when a request can pass.
The operator says little of this: an egress counts as ready while its proxy's log says `could not find ...`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tailstack.access.addresses import TAILNET, Span, parse_span
from tailstack.access.compile import CompiledPolicy
from tailstack.access.derive import ip_entries, normal_fqdn, ports_of, target_name
from tailstack.access.evaluate import Access, Match, PrefixIndex
from tailstack.access.inventory import Inventory, Node
from tailstack.access.nodes import DeclaredNode, declared_nodes
from tailstack.access.policy import Policy
from tailstack.access.ports import Ports
from tailstack.access.principals import Principal
from tailstack.access.selectors import TAGGED
from tailstack.finding import Place
from tailstack.rules.named import everything_named
from tailstack.rules.ownership import not_given, owners_by_tag
from tailstack.rules.routers import Router, approving_routes, called, host_names, routers_of, routes_with_spans
from tailstack.rules.tailscale_services import DeclaredService, declared_services
from tailstack.topology.custom import Connector, ProxyGroup, ProxyGroupKind
from tailstack.topology.tailnet import (
    HTTPS,
    Address,
    Cluster,
    Egress,
    Exposure,
    Ingress,
    Machine,
    Port,
    Tailnet,
    TailscaleService,
)
from tailstack.topology.wording import listed


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of a chain: what it is about, why it holds or what is wrong, where that stands, and how to mend it.

    `is_told` says that a rule of its own tells of what is wrong here.
    """

    name: str
    holds: bool
    text: str
    places: tuple[Place, ...] = ()
    mend: str = ""
    is_told: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Lacking:
    """One that is to serve a Tailscale Service and cannot: who it is, and the step that is missing."""

    service: str
    who: str
    step: Step


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkProof:
    """A link (`green.nginx-remote -> blue.nginx`) with the steps of its chain, in the order of a request.

    Of several that serve one Tailscale Service the chain leads to one; `lacking` is where the chain to each other one breaks
    that does not reach so far.
    """

    link: str
    egress: str
    place: Place
    steps: tuple[Step, ...]
    lacking: tuple[Lacking, ...] = ()

    @property
    def broken(self) -> Step | None:
        """The first step that does not hold; None where the link is complete."""
        return _broken(self.steps)

    @property
    def is_complete(self) -> bool:
        return self.broken is None


def links(
    tailnet: Tailnet,
    policy: CompiledPolicy,
    access: Access | None = None,
    nodes: Sequence[DeclaredNode] | None = None,
) -> tuple[LinkProof, ...]:
    """The proof of every egress, in the order of the files.

    `access` is that of the policy and `nodes` are those of the tailnet, where they are at hand.
    """
    prover = _Prover(tailnet, policy, access or Access(policy.policy), nodes or declared_nodes(tailnet))
    return tuple(prover.proof(egress) for egress in tailnet.egresses)


class _Prover:
    """Holds what all proofs of a tailnet need, so that each costs little."""

    def __init__(self, tailnet: Tailnet, policy: CompiledPolicy, access: Access, nodes: Sequence[DeclaredNode]) -> None:
        self._tailnet = tailnet
        self._policy = policy
        self._access = access
        self._owners = owners_by_tag(policy.policy)
        self._clusters = {cluster.name: cluster for cluster in tailnet.clusters}
        self._named = everything_named(nodes, declared_services(tailnet), access.inventory, tailnet.dns_name)
        self._hosts = _hosts(access.inventory)
        self._live_routes = {device.name.partition(".")[0].lower(): device.routes for device in access.inventory.nodes}
        self._principals: dict[tuple[str, ...], Principal] = {}
        self._reasons: dict[Place, tuple[str, tuple[Place, ...]]] = {}
        self._groups = {
            (cluster.name, group.name): group for cluster in tailnet.clusters for group in cluster.custom.proxy_groups
        }
        self._routers = _Routers(tailnet)

    def proof(self, egress: Egress) -> LinkProof:
        """The proof of one egress."""
        steps = [self._client(egress), *self._proxy(egress)]
        lacking: tuple[Lacking, ...] = ()
        if isinstance(egress.target, Address) and egress.target.ip is not None:
            steps += self._to_address(egress, egress.target.ip, is_route=egress.target.route is not None)
        else:
            fqdn = normal_fqdn(_fqdn(egress))
            steps.append(self._name(egress, fqdn))
            hosts = self._named.services.get(fqdn, ())
            chains = [list(self._to_service(egress, host)) for host in hosts]
            if chains:
                best = next((chain for chain in chains if _broken(chain) is None), chains[0])
                steps += best
                lacking = tuple(_lacking(best, hosts, chains))
            else:
                steps += self._to_named(egress, fqdn)
        return LinkProof(
            link=f"{egress.reference} -> {target_name(egress)}",
            egress=egress.reference,
            place=egress.place,
            steps=tuple(steps),
            lacking=lacking,
        )

    def _client(self, egress: Egress) -> Step:
        """A ProxyGroup serves whoever dials it, unless a NetworkPolicy closes it; of manifests' NetworkPolicies nothing is known."""
        calls = f"{egress.service}.{egress.namespace} on {_ports_text(egress.ports)}"
        group = self._groups.get((egress.cluster, egress.proxy_group or ""))
        if group is None or self._clusters[egress.cluster].deployed is not None:
            return Step(
                name="client", holds=True, text=f"Pods of {egress.cluster} call {calls}.", places=(egress.place,)
            )
        allowed = group.allowed_namespaces
        if allowed is None:
            text = f"Every pod of {egress.cluster} that can dial ProxyGroup {group.name} can call {calls}."
            return Step(name="client", holds=True, text=text, places=(egress.place,))
        if egress.namespace in allowed:
            text = f"Pods of {listed(allowed)} of {egress.cluster} can call {calls}: a NetworkPolicy lets no others through."
            return Step(name="client", holds=True, text=text, places=(egress.place, group.place))
        return Step(
            name="client",
            holds=False,
            text=f"The NetworkPolicy of ProxyGroup {group.name} lets pods of {listed(allowed)} through, and not those of "
            f"{egress.namespace}.",
            places=(egress.place, group.place),
            mend=f"Add {egress.namespace} to `fromNamespaces` of the proxy group {group.reference}.",
        )

    def _to_named(self, egress: Egress, fqdn: str) -> Iterator[Step]:
        if fqdn in self._named.nodes:
            yield from self._to_node(egress, self._named.nodes[fqdn])
        elif fqdn in self._named.devices:
            device = self._named.devices[fqdn]
            reached_by = device.tags or ((device.user,) if device.user else ())
            yield self._grant(egress, device, f"the device {_fqdn(egress)}", (*reached_by, device.name)[0])
        elif fqdn in self._named.live_services:
            service = f"svc:{fqdn.partition('.')[0]}"
            yield self._routed(egress, f"{service} is a Tailscale Service")
            yield self._grant(egress, service, service, service)

    def _proxy(self, egress: Egress) -> Iterator[Step]:
        cluster = self._clusters[egress.cluster]
        if egress.proxy_group is None:
            yield self._credential("proxy", f"The proxy {egress.hostname}", cluster, egress.tags, egress.place)
            return
        group = self._groups.get((egress.cluster, egress.proxy_group))
        if group is None or group.kind is not ProxyGroupKind.EGRESS:
            yield Step(
                name="proxy",
                holds=False,
                text=f"{egress.cluster} has no ProxyGroup {egress.proxy_group} of the type egress.",
                places=(egress.place, *((group.place,) if group else ())),
                mend=f"Declare the ProxyGroup {egress.proxy_group} of the type egress in {egress.cluster}.",
                is_told=True,
            )
            return
        refused = _refused(cluster, egress)
        if refused:
            yield Step(
                name="proxy",
                holds=False,
                text=f"The ProxyGroupPolicy of {egress.namespace} does not list {egress.proxy_group} under `egress`.",
                places=(egress.place, *refused),
                mend=f"Add {egress.proxy_group} to `egress` of the ProxyGroupPolicy.",
                is_told=True,
            )
        yield self._credential("proxy", f"The ProxyGroup {group.name}", cluster, group.tags, group.place)

    def _to_address(self, egress: Egress, ip: str, *, is_route: bool) -> Iterator[Step]:
        """The ranges of 4via6 are among the tailnet's own addresses, and belong to no node."""
        span = parse_span(ip)
        if span is not None and (is_route or span not in TAILNET):
            found = self._routers.to(span)
            if found:
                yield from min((list(self._by_router(ip, *one)) for one in found), key=_missing_steps)
            yield self._routed(egress, f"{ip} is behind a subnet router")
        yield self._grant(egress, ip, ip, ip)

    def _by_router(self, ip: str, route: str, router: Router) -> Iterator[Step]:
        who = called(router)
        text = f"{ip} lies in {route}, which {who} leads to."
        yield Step(name="route", holds=True, text=text, places=(router.place,))
        if isinstance(router, Connector):
            cluster = self._clusters[router.cluster]
            yield self._credential("router", who[:1].upper() + who[1:], cluster, router.tags, router.place)
        approved = approving_routes(self._policy.policy, route, router.tags)
        live = {span for name in host_names(router) for span in self._live_routes.get(name.lower(), ())}
        by_hand = parse_span(route) in live
        if approved or by_hand:
            by = f"autoApprovers.routes of {listed(approved)}" if approved else "an admin"
            yield Step(name="approval", holds=True, text=f"{route} is approved by {by}.", places=(router.place,))
        else:
            yield Step(
                name="approval",
                holds=False,
                text=f"Nothing approves that nodes with {listed(router.tags)} lead to {route}.",
                places=(router.place,),
                mend=f"Add {_object(route, router.tags[:1])} to autoApprovers.routes of the policy file.",
                is_told=True,
            )

    def _to_node(self, egress: Egress, node: DeclaredNode) -> Iterator[Step]:
        if isinstance(egress.target, Ingress):
            yield from self._https(egress, always=False)
        yield self._grant(egress, self._wearing(node.tags), str(node), (*node.tags, node.fqdn)[0])
        if node.cluster is not None:
            cluster = self._clusters[node.cluster]
            yield self._credential("target", str(node), cluster, node.tags, node.place)
        if not isinstance(egress.target, Machine | Address):
            yield _service(egress, egress.target)

    def _to_service(self, egress: Egress, service: DeclaredService) -> Iterator[Step]:
        if isinstance(service.declared, Ingress | ProxyGroup):
            yield from self._https(egress, always=True)
        yield self._approval(service)
        yield self._routed(egress, f"{service.name} is a Tailscale Service")
        yield self._grant(egress, service.principal, service.name, service.name)
        if service.cluster is not None:
            cluster = self._clusters[service.cluster]
            hosts = f"The ProxyGroup {service.host.name}"
            yield self._credential("target", hosts, cluster, service.host.tags, service.host.place)
        yield _service(egress, service.declared)

    def _https(self, egress: Egress, *, always: bool) -> Iterator[Step]:
        if not self._tailnet.https_certificates:
            yield Step(
                name="https",
                holds=False,
                text=f"The tailnet issues no HTTPS certificates, and {_fqdn(egress)} needs one.",
                places=(self._tailnet.place,),
                mend="Write `httpsCertificates: true` under `tailnet`.",
                is_told=True,
            )
        elif always:
            yield Step(name="https", holds=True, text=f"The tailnet issues a certificate for {_fqdn(egress)}.")

    def _approval(self, service: DeclaredService) -> Step:
        where = f" of {service.cluster}" if service.cluster else ""
        host = f"the machine {service.host.name}" if service.cluster is None else f"the ProxyGroup {service.host.name}"
        approved = approving(self._policy.policy, service)
        if approved or not self._hosts.get(service.name, set[str]()).isdisjoint(service.host_names):
            by = f"autoApprovers.services of {listed(approved)}" if approved else "an admin"
            text = f"{service.name} is hosted by {host}{where}, approved by {by}."
            return Step(name="approval", holds=True, text=text, places=(service.place,))
        return Step(
            name="approval",
            holds=False,
            text=f"Nothing approves that nodes with {listed(service.host.tags)} host {service.name}.",
            places=(service.place, service.host.place),
            mend=f"Add {_object(service.name, service.host.tags[:1])} to autoApprovers.services of the policy file.",
        )

    def _routed(self, egress: Egress, why: str) -> Step:
        """Proxies accept no routes unless their ProxyClass says so, and then neither subnets nor Tailscale Services."""
        cluster = self._clusters[egress.cluster]
        group = self._groups.get((egress.cluster, egress.proxy_group or ""))
        name = group.proxy_class if group else egress.proxy_class or cluster.operator.default_proxy_class
        found = next((each for each in cluster.custom.proxy_classes if each.name == name), None)
        if found is not None and found.accept_routes:
            text = f"{why}, and the proxy accepts routes by ProxyClass {found.name}."
            return Step(name="routes", holds=True, text=text, places=(found.place,))
        if name is None and cluster.operator.is_assumed:
            text = f"{why}; whether the proxy accepts routes, the chart's default ProxyClass says, which is not shown."
            return Step(name="routes", holds=True, text=text)
        who = group if group is not None else egress
        if found is None:
            mend = "Give the proxy a ProxyClass with `tailscale: {acceptRoutes: true}`."
        else:
            mend = f"Write `tailscale: {{acceptRoutes: true}}` in ProxyClass {found.name} of {cluster.name}."
        return Step(
            name="routes",
            holds=False,
            text=f"{why}, which only a proxy that accepts routes reaches, and that of {egress.reference} accepts none.",
            places=(who.place, *((found.place,) if found else ())),
            mend=mend,
            is_told=name is not None and found is None,
        )

    def _credential(self, name: str, who: str, cluster: Cluster, tags: tuple[str, ...], place: Place) -> Step:
        wears = f"{who} wears {listed(tags)}"
        if cluster.operator.is_assumed:
            return Step(name=name, holds=True, text=f"{wears}; the operator of {cluster.name} is not shown.")
        missing = not_given(cluster, tags, self._owners)
        if not missing:
            return Step(name=name, holds=True, text=f"{wears}, which the operator of {cluster.name} may give.")
        defined = [self._owners[tag] for tag in missing if tag in self._owners]
        return Step(
            name=name,
            holds=False,
            text=f"{wears}, and the operator of {cluster.name} may not give {listed(missing)}.",
            places=(place, *(place for owners in defined for place in self._policy.sources(owners.place))),
            mend=f"Add {cluster.operator.tags[0]} to the owners of {listed(missing)}.",
        )

    def _name(self, egress: Egress, fqdn: str) -> Step:
        called = _fqdn(egress)
        if fqdn not in self._named:
            return Step(
                name="name",
                holds=False,
                text=f"No declared node is called {called}.",
                places=(egress.place,),
                mend="Lead the egress to something that is declared, or declare the node under `machines`.",
                is_told=True,
            )
        if self._named.wishes.get(fqdn, 0) > 1:
            declared = self._named.services.get(fqdn, ()) or (self._named.nodes[fqdn],)
            return Step(
                name="name",
                holds=False,
                text=f"Several nodes ask for the name {called}, and only one will have it.",
                places=(declared[0].place,),
                mend="Give each of them a hostname of its own.",
            )
        if not self._tailnet.magic_dns:
            return Step(
                name="name",
                holds=False,
                text=f"MagicDNS is off, so {called} means nothing.",
                places=(self._tailnet.place,),
                mend="Write `magicDNS: true` under `tailnet`.",
                is_told=True,
            )
        return Step(name="name", holds=True, text=f"{called} is {self._named.who(fqdn)}.")

    def _wearing(self, tags: tuple[str, ...]) -> Principal:
        """Any node with these tags."""
        if tags not in self._principals:
            self._principals[tags] = self._access.names.node(Node(name="", tags=tags))
        return self._principals[tags]

    def _reason(self, place: Place) -> tuple[str, tuple[Place, ...]]:
        """What brought the entry at a place of the policy, and where that stands."""
        if place not in self._reasons:
            self._reasons[place] = (self._policy.declaration(place), self._policy.sources(place))
        return self._reasons[place]

    def _grant(self, egress: Egress, target: Node | Principal | str, called: str, selector: str) -> Step:
        matches = self._access.matches(self._wearing(egress.tags), target)
        free = [match for match in matches if not match.postures]
        wanted = ports_of(egress.ports)
        missing = wanted.minus(_allowed(free))
        if not missing and _allowed(free):
            useful = [match for match in free if not wanted or wanted != wanted.minus(match.entry.ports)]
            reasons = dict.fromkeys(self._reason(match.entry.place)[0] for match in useful)
            return Step(
                name="grant",
                holds=True,
                text=f"{listed(egress.tags)} reaches {called} on {_ports_text(egress.ports)}, by {listed(reasons)}.",
                places=tuple(dict.fromkeys(p for match in useful for p in self._reason(match.entry.place)[1])),
            )
        under = " without a posture" if _allowed(matches) and not missing.minus(_allowed(matches)) else ""
        grant = {"src": list(egress.tags[:1]), "dst": [selector], "ip": ip_entries(egress.ports) or ["*"]}
        return Step(
            name="grant",
            holds=False,
            text=f"Nothing grants {listed(egress.tags)} to reach {called} on {missing or _ports_text(())}{under}.",
            places=(egress.place,),
            mend=(
                "Add an access entry from the egress's tag to the target on these ports."
                if self._policy.derived
                else f"Add {json.dumps(grant)} to the grants of the policy file."
            ),
        )


class _Routers:
    """What leads to ranges of addresses, found by an address."""

    def __init__(self, tailnet: Tailnet) -> None:
        self._known: list[tuple[str, Router]] = []
        self._index = PrefixIndex()
        for router in routers_of(tailnet):
            for route, span in routes_with_spans(router):
                self._index.add(span, len(self._known))
                self._known.append((route, router))

    def to(self, span: Span) -> list[tuple[str, Router]]:
        """Each route that holds these addresses, with what advertises it."""
        return [self._known[number] for number in sorted(set(self._index.containing(span)))]


def _broken(chain: Sequence[Step]) -> Step | None:
    return next((step for step in chain if not step.holds), None)


def _missing_steps(chain: Sequence[Step]) -> int:
    return sum(not step.holds for step in chain)


def _lacking(
    best: Sequence[Step], hosts: Sequence[DeclaredService], chains: Sequence[Sequence[Step]]
) -> Iterator[Lacking]:
    """The others that break, where the best does not: else all break, and one reason is enough."""
    for host, chain in zip(hosts, chains, strict=True) if _broken(best) is None else ():
        broken = _broken(chain)
        if broken is not None:
            yield Lacking(service=host.name, who=host.who, step=broken)


def _hosts(inventory: Inventory) -> dict[str, set[str]]:
    """The first labels of the devices that host each Tailscale Service already."""
    found: dict[str, set[str]] = {}
    for device in inventory.nodes:
        for service in device.services:
            found.setdefault(service, set()).add(device.name.partition(".")[0])
    return found


def approving(policy: Policy, service: DeclaredService) -> tuple[str, ...]:
    """The keys of autoApprovers.services by which the nodes behind a Service may host it."""
    keys = {service.name, *service.tags}
    hosts = {TAGGED, *service.host.tags}
    return tuple(
        approved.name
        for approved in policy.auto_approvers.services
        if approved.name in keys and any(entry.name in hosts for entry in approved.entries)
    )


def _refused(cluster: Cluster, egress: Egress) -> tuple[Place, ...]:
    """The policies of a namespace, where none of them lets it use the group of its egress."""
    found = [each for each in cluster.custom.proxy_group_policies if each.namespace == egress.namespace]
    if any(egress.proxy_group in policy.egress for policy in found):
        return ()
    return tuple(policy.place for policy in found)


def _service(egress: Egress, target: Exposure | Ingress | ProxyGroup | TailscaleService) -> Step:
    """What stands behind the node at the other end."""
    if isinstance(target, Exposure):
        behind = f"Service {target.namespace}/{target.service} of {target.cluster}"
    elif isinstance(target, Ingress):
        behind = f"Service {target.namespace}/{target.backend_service} of {target.cluster}, port {target.backend_port}"
    elif isinstance(target, TailscaleService):
        behind = f"what {listed(machine.name for machine in target.machines)} serve"
    else:
        behind = f"the API server of {target.cluster}"
    ports = (HTTPS,) if isinstance(target, ProxyGroup) else target.granted_ports
    closed = [port for port in egress.ports if ports and not any(offered.covers(port) for offered in ports)]
    if closed:
        return Step(
            name="service",
            holds=False,
            text=f"{target.reference} offers {_ports_text(ports)}, and not {_ports_text(tuple(closed))}.",
            places=(egress.place, target.place),
            mend=f"Add the port to {target.reference}, or take it from {egress.reference}.",
        )
    return Step(name="service", holds=True, text=f"Behind it is {behind}.", places=(target.place,))


def _object(key: str, values: Sequence[str]) -> str:
    return json.dumps({key: list(values)})[1:-1]


def _fqdn(egress: Egress) -> str:
    return (egress.target.fqdn or "").rstrip(".")


def _ports_text(ports: tuple[Port, ...]) -> str:
    return listed(ip_entries(ports), none="any port")


def _allowed(matches: tuple[Match, ...] | list[Match]) -> Ports:
    every = Ports()
    for match in matches:
        every = every.union(match.entry.ports)
    return every
