"""What would go wrong with a tailnet, found by playing it through and not by any rule: the judge of mutated tailnets.

It asks the access engine and repeats, in as few words as possible, what the policy service and the operator do: which policies
and which keys are refused, who gets a name, what a proxy finds behind a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tailstack.access.compile import CompiledPolicy
from tailstack.access.derive import normal_fqdn
from tailstack.access.evaluate import Access, Verdict
from tailstack.access.inventory import Node
from tailstack.access.nodes import DeclaredNode, declared_nodes
from tailstack.access.policy import Listed
from tailstack.access.policy_tests import run_tests
from tailstack.access.ports import parse_protocol
from tailstack.access.validate import refusal, validate
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import (
    ALL_PORTS,
    Address,
    Egress,
    Exposure,
    Ingress,
    Machine,
    Port,
    Tailnet,
    TailscaleService,
)


def harm(tailnet: Tailnet, policy: CompiledPolicy) -> list[str]:
    """What goes wrong, in words; nothing where all that is declared works."""
    nodes = declared_nodes(tailnet)
    access = Access(policy.policy)
    return [
        *_refused(policy),
        *_names(tailnet, nodes),
        *_keys(tailnet, nodes, policy),
        *_links(tailnet, nodes, access),
        *_services(tailnet),
        *_unreached(tailnet, access),
        *_approvals(tailnet, policy),
    ]


def _refused(policy: CompiledPolicy) -> Iterator[str]:
    if said := refusal(validate(policy.policy)):
        yield f"the service refuses the policy: {said}"
    for failure in run_tests(policy.policy):
        yield f"a test fails: {failure.src}"


def _names(tailnet: Tailnet, nodes: Sequence[DeclaredNode]) -> Iterator[str]:
    served = {made.tailscale_service for made in _served(tailnet)} - {None}
    names = Counter([node.hostname for node in nodes] + [str(name).removeprefix("svc:") for name in served])
    for name, number in names.items():
        if number > 1:
            yield f"{number} nodes are called {name}, and all but one get another name"


def _served(tailnet: Tailnet) -> tuple[Exposure | Ingress | TailscaleService, ...]:
    return (*tailnet.exposures, *tailnet.ingresses, *tailnet.services)


def _keys(tailnet: Tailnet, nodes: Sequence[DeclaredNode], policy: CompiledPolicy) -> Iterator[str]:
    owners = {owned.name: owned for owned in policy.policy.tag_owners}
    operators = {cluster.name: set(cluster.operator.tags) for cluster in tailnet.clusters}
    for node in nodes:
        for tag in node.tags:
            if tag not in owners:
                yield f"{node} wears {tag}, which the policy does not define"
        if node.cluster is not None and not _may_mint(operators[node.cluster], set(node.tags), owners):
            yield f"no key is made for {node}: {', '.join(node.tags)}"


def _may_mint(own: set[str], wanted: set[str], owners: dict[str, Listed]) -> bool:
    if wanted == own:
        return True
    return all(tag in owners and own & {owner.name for owner in owners[tag].entries} for tag in wanted)


def _links(tailnet: Tailnet, nodes: Sequence[DeclaredNode], access: Access) -> Iterator[str]:
    by_name = {normal_fqdn(node.fqdn): node for node in reversed(nodes)}
    deaf = _without_routes(tailnet)
    offers = {e.reference: e.granted_ports for e in (*tailnet.exposures, *tailnet.ingresses)}
    for egress in tailnet.egresses:
        if egress.reference in deaf:
            yield f"{egress.reference} does not accept the routes that lead to its target"
        service = _service_of(egress)
        if service is not None:
            if not _is_open(access, egress.tags, service.tailscale_service or "", egress.ports):
                yield f"{egress.reference} is not let through to {service.tailscale_service}"
            if not all(any(one.covers(port) for one in service.granted_ports) for port in egress.ports):
                yield f"{service.tailscale_service} does not offer what {egress.reference} asks for"
            continue
        target = by_name.get(normal_fqdn(_name_of(egress)))
        if isinstance(egress.target, Address) and egress.target.ip is not None:
            if not _is_open(access, egress.tags, egress.target.ip, egress.ports):
                yield f"{egress.reference} is not let through to {egress.target.ip}"
            continue
        if target is None:
            yield f"{egress.reference} finds nothing called {_name_of(egress)}"
            continue
        if not _is_open(access, egress.tags, Node(name=target.fqdn, tags=target.tags), egress.ports):
            yield f"{egress.reference} is not let through to {target}"
        offered = offers.get(target.reference)
        if offered is not None and not all(any(one.covers(port) for one in offered) for port in egress.ports):
            yield f"{target} does not offer what {egress.reference} asks for"
        if not tailnet.magic_dns:
            yield f"{egress.reference} goes to a name, and MagicDNS is off"


def _service_of(egress: Egress) -> Exposure | Ingress | TailscaleService | None:
    match egress.target:
        case Exposure() | Ingress() | TailscaleService() as target:
            return target if target.tailscale_service is not None else None
        case Machine() | Address():
            return None


def _without_routes(tailnet: Tailnet) -> set[str]:
    """The egresses whose proxies do not take routes of others, which Tailscale Services and networks are."""
    found: set[str] = set()
    for cluster in tailnet.clusters:
        accepting = {each.name for each in cluster.custom.proxy_classes if each.accept_routes}
        groups = {group.name: group.proxy_class for group in cluster.custom.proxy_groups}
        for egress in cluster.egresses:
            is_behind = isinstance(egress.target, Address) and egress.target.route is not None
            its_class = groups.get(egress.proxy_group) if egress.proxy_group else egress.proxy_class
            if (is_behind or _service_of(egress)) and its_class not in accepting:
                found.add(egress.reference)
    return found


def _name_of(egress: Egress) -> str:
    match egress.target:
        case Exposure() | Ingress() | Machine() | TailscaleService():
            return egress.target.fqdn
        case Address():
            return egress.target.fqdn or ""


def _is_open(access: Access, tags: tuple[str, ...], target: str | Node, ports: tuple[Port, ...]) -> bool:
    source = Node(name="the proxy", tags=tags)
    return all(
        access.reach(
            source, target, "tcp" if port == ALL_PORTS else parse_protocol(port.protocol), port.first or 443
        ).verdict
        is Verdict.ALLOWED
        for port in ports
    )


def _services(tailnet: Tailnet) -> Iterator[str]:
    """What needs a certificate, and who shares the name of a Tailscale Service without meaning the same."""
    servers = [c for c in tailnet.clusters if c.operator.api_server_proxy is not ApiServerProxyMode.OFF]
    if (tailnet.ingresses or servers) and not (tailnet.https_certificates and tailnet.magic_dns):
        yield "there are no certificates for what is served over HTTPS"
    tags: dict[str, set[tuple[str, ...]]] = {}
    for made in (*tailnet.exposures, *tailnet.ingresses):
        if made.tailscale_service:
            tags.setdefault(made.tailscale_service, set()).add(made.tags)
    yield from (f"{name} has different tags in two clusters" for name, found in tags.items() if len(found) > 1)
    for cluster in tailnet.clusters:
        groups = {group.name: group.kind for group in cluster.custom.proxy_groups}
        for made in (*cluster.exposures, *cluster.ingresses, *cluster.egresses):
            wanted = "egress" if isinstance(made, Egress) else "ingress"
            if made.proxy_group is not None and groups.get(made.proxy_group) != wanted:
                yield f"{made.reference} names the ProxyGroup {made.proxy_group}, which is not there for it"


def _unreached(tailnet: Tailnet, access: Access) -> Iterator[str]:
    """What is exposed and reached by nobody, or by everybody."""
    for made in _served(tailnet):
        target = made.tailscale_service or Node(name=made.fqdn, tags=made.tags)
        ways = [way for way in access.who_reaches(target) if way.ports]
        if not ways and not (isinstance(made, Ingress) and made.funnel):
            yield f"{made.reference} is reached by nobody"
        if any("*" in way.src and not way.postures for way in ways):
            yield f"{made.reference} is reached by everybody"


def _approvals(tailnet: Tailnet, policy: CompiledPolicy) -> Iterator[str]:
    """Routes, exit nodes and hosts of Tailscale Services that wait for somebody to approve them."""
    approvers = policy.policy.auto_approvers
    services = {listed.name: {entry.name for entry in listed.entries} for listed in approvers.services}
    for cluster in tailnet.clusters:
        groups = {group.name: group for group in cluster.custom.proxy_groups}
        for made in (*cluster.exposures, *cluster.ingresses):
            hosts = groups.get(made.proxy_group or "")
            if hosts is not None and _approving(services, made).isdisjoint(hosts.tags):
                yield f"{made.reference} waits for approval"
    for service in tailnet.services:
        for machine in service.machines:
            if _approving(services, service).isdisjoint(machine.tags):
                yield f"{machine.name} waits for approval as a host of {service.name}"
    exits = {entry.name for entry in approvers.exit_node}
    routes = {listed.name: {entry.name for entry in listed.entries} for listed in approvers.routes}
    for router in (*tailnet.machines, *tailnet.connectors):
        if router.exit_node and exits.isdisjoint(router.tags):
            yield f"{router.reference} waits for approval as an exit node"
        for route in router.routes:
            if routes.get(route, set()).isdisjoint(router.tags):
                yield f"{route} of {router.reference} waits for approval"


def _approving(services: dict[str, set[str]], made: Exposure | Ingress | TailscaleService) -> set[str]:
    """The tags of hosts that are approved for a Tailscale Service by themselves."""
    return {tag for key in (made.tailscale_service or "", *made.tags) for tag in services.get(key, ())}
