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
from tailstack.topology.tailnet import ALL_PORTS, Address, Egress, Exposure, Ingress, Machine, Port, Tailnet


def harm(tailnet: Tailnet, policy: CompiledPolicy) -> list[str]:
    """What goes wrong, in words; nothing where all that is declared works."""
    nodes = declared_nodes(tailnet)
    access = Access(policy.policy)
    return [
        *_refused(policy),
        *_names(nodes),
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


def _names(nodes: Sequence[DeclaredNode]) -> Iterator[str]:
    for name, number in Counter(node.hostname for node in nodes).items():
        if number > 1:
            yield f"{number} nodes are called {name}, and all but one get another name"


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
    offers = {e.reference: e.granted_ports for e in (*tailnet.exposures, *tailnet.ingresses)}
    for egress in tailnet.egresses:
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


def _name_of(egress: Egress) -> str:
    match egress.target:
        case Exposure() | Ingress() | Machine():
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
    for made in (*tailnet.exposures, *tailnet.ingresses):
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
    exits = {entry.name for entry in approvers.exit_node}
    for cluster in tailnet.clusters:
        groups = {group.name: group for group in cluster.custom.proxy_groups}
        for made in (*cluster.exposures, *cluster.ingresses):
            hosts = groups.get(made.proxy_group or "")
            if hosts is not None:
                allowed = {tag for key in (made.tailscale_service or "", *made.tags) for tag in services.get(key, ())}
                if allowed.isdisjoint(hosts.tags):
                    yield f"{made.reference} waits for approval"
        for connector in cluster.custom.connectors:
            if connector.exit_node and exits.isdisjoint(connector.tags):
                yield f"{connector.reference} waits for approval as an exit node"
