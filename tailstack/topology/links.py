"""Egresses and where they lead: to something declared (a link), or to an address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tailstack.finding import Rule
from tailstack.topology import naming
from tailstack.topology.custom import Connector, ProxyGroup, ProxyGroupKind
from tailstack.topology.declaration import EgressDeclaration, EgressTarget
from tailstack.topology.exposing import say_class_of_group, say_no_effect
from tailstack.topology.nodes import NodeResolver
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.ports import WRONG_PORT, check_offered, is_one_port, read_ports
from tailstack.topology.references import References, leads_to
from tailstack.topology.routes import IpAddress, via_address
from tailstack.topology.tailnet import Address, Egress, Exposure, Ingress, Machine, Port, TailscaleService, Target
from tailstack.topology.wording import listed, quoted

NOT_A_CONSUMER = Rule(
    code="TS049",
    slug="not-a-consumer",
    what="An egress leads to something whose `consumers` do not name the egress's cluster.",
    why="The owner of an exposure or ingress says there which clusters may link to it.",
    mend="Ask the owner to add the cluster to `consumers`, or lead the egress elsewhere.",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}, consumers: []}\n"
        "  green:\n"
        "    kubernetes: {context: green}\n"
        "    egress:\n"
        "      web: {namespace: default, to: {exposure: blue.web}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}, consumers: [green]}\n"
        "  green:\n"
        "    kubernetes: {context: green}\n"
        "    egress:\n"
        "      web: {namespace: default, to: {exposure: blue.web}}\n"
    ),
)
FOREIGN_ADDRESS = Rule(
    code="TS050",
    slug="foreign-address",
    what="An egress leads to a name or an address that is none of this tailnet's, and that no connector leads to.",
    why="An egress proxy reaches nodes of its own tailnet only; the operator refuses other names or waits for ever.",
    mend="Write the full name of a node of this tailnet, its Tailscale IP address, or an address and its connector (`through`).",
    source="https://tailscale.com/kb/1438/kubernetes-operator-cluster-egress",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    egress:\n"
        "      db: {namespace: default, to: {fqdn: db.other.ts.net}, ports: [tcp:5432]}\n"
    ),
    good=(
        "machines: {db: {tags: [tag:db]}}\n"
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    egress:\n"
        "      db: {namespace: default, to: {fqdn: db.tail1a2b.ts.net}, ports: [tcp:5432]}\n"
    ),
)

RULES = (NOT_A_CONSUMER, FOREIGN_ADDRESS)

TAILSCALE_RANGES = (ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("fd7a:115c:a1e0::/48"))
"""Where the addresses of nodes come from: https://tailscale.com/kb/1015/100.x-addresses, https://tailscale.com/kb/1033/ip-and-dns-addresses."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkResolver:
    """Follows the targets of egresses. `by_fqdn` are the declared things by the full name of their node."""

    notes: Notes
    nodes: NodeResolver
    references: References
    by_fqdn: Mapping[str, Exposure | Ingress | TailscaleService | Machine]

    def egress(self, path: Path, declared: EgressDeclaration) -> Egress | None:
        """The egress at this path; None, with findings, where its target, its proxies or its ports are unknown."""
        cluster, name = str(path[1]), str(path[3])
        hostname, tags = self._proxy(path, declared)
        target = self._target((*path, "to"), declared.to)
        if target is not None:
            self._check_consumer(cluster, path, target)
        ports = self._ports(path, declared.ports, target)
        if declared.proxy_group is not None and self.notes.knows(path, "ports"):
            self._check_single(path, ports, is_written=declared.ports is not None)
        if target is None or tags is None:
            return None
        default_class = self.references.clusters[cluster].operator.default_proxy_class
        return Egress(
            cluster=cluster,
            name=name,
            namespace=declared.namespace,
            service=declared.service or naming.first_name(name, declared.formerly),
            target=target,
            ports=ports,
            hostname=hostname,
            tags=tags,
            former_names=tuple(declared.formerly),
            proxy_group=declared.proxy_group,
            proxy_class=None if declared.proxy_group else declared.proxy_class or default_class,
            place=self.notes.key(*path),
        )

    def _check_single(self, path: Path, ports: Sequence[Port], *, is_written: bool) -> None:
        """Note ports that a Service of a proxy group cannot have: the operator maps each to one of the proxies' ports."""
        for index, port in enumerate(ports):
            if not is_one_port(port):
                self.notes.say(
                    WRONG_PORT,
                    self.notes.value(*path, *(("ports", index) if is_written else ())),
                    message=f"An egress with a proxyGroup cannot have the port {port}.",
                    expected="one port of tcp, udp or sctp, for example tcp:80",
                    mend="" if is_written else "Add `ports:` with those that are needed.",
                )

    def _proxy(self, path: Path, declared: EgressDeclaration) -> tuple[str, tuple[str, ...] | None]:
        """Name and tags of the node that it leaves by; tags are those of its group, None where that is not known."""
        if declared.proxy_group is None:
            hostname = self.nodes.hostname(path, declared.hostname, declared.formerly)
            return hostname, self.nodes.member_tags(path, declared.tags, declared.formerly)
        if declared.proxy_class is not None:
            say_class_of_group(self.notes, path)
        for key, is_written in (("hostname", declared.hostname is not None), ("tags", declared.tags is not None)):
            if is_written:
                say_no_effect(self.notes, path, key, "proxyGroup: it leaves by the nodes of the group")
        hostname = naming.node_name(str(path[1]), naming.first_name(str(path[3]), declared.formerly))
        group = self._group(path, declared.proxy_group)
        return hostname, group.tags if group else None

    def _group(self, path: Path, name: str) -> ProxyGroup | None:
        cluster = str(path[1])
        every = {group.name: group for group in self.references.clusters[cluster].custom.proxy_groups}
        known = [other for other, group in every.items() if group.kind is ProxyGroupKind.EGRESS and not group.tailnet]
        if name in known:
            return every[name]
        if self.notes.is_known("clusters", cluster, "proxyGroups", name, "type"):
            mend = ""
            if name in every:
                kind, tailnet = every[name].kind, every[name].tailnet
                mend = f"{name} belongs to the tailnet {tailnet}." if tailnet else f"{name} is of type {kind}."
            self.notes.unknown(*path, "proxyGroup", kind="egress group", name=name, known=known, mend=mend)
        return None

    def _target(self, path: Path, to: EgressTarget) -> Target | None:
        keys = {
            "exposure": to.exposure,
            "ingress": to.ingress,
            "service": to.service,
            "machine": to.machine,
            "fqdn": to.fqdn,
            "ip": to.ip,
        }
        key = self.notes.exactly_one(path, keys)
        if key is None:
            return None
        if to.through is not None and key != "ip":
            say_no_effect(self.notes, path, "through", f"{key}: it is for an address", "Write `ip:`, or take it out.")
        text = keys[key] or ""
        match key:
            case "exposure":
                return self.references.exposure(text, *path, key)
            case "ingress":
                return self.references.ingress(text, *path, key)
            case "service":
                return self.references.service(text, *path, key)
            case "machine":
                return self.references.machine(text, *path, key)
            case "fqdn":
                return self._node_called(text, *path, key)
            case _ if to.through is not None:
                return self._address_behind(text, to.through, *path)
            case _ if self.notes.knows(path, "through"):
                return self._node_with_address(text, *path, key)
            case _:
                return None

    def _node_called(self, fqdn: str, *path: str | int) -> Target | None:
        """What is declared with this full name, so that it becomes a link, or else the name itself."""
        dns_name = self.nodes.dns_name
        label, dot, domain = fqdn.partition(".")
        declared = self.by_fqdn.get(f"{label}.{dns_name}")
        if not self.notes.is_known("tailnet", "dnsName"):
            return declared
        if _LABEL.match(label) and dot and domain == dns_name:
            return declared or Address(fqdn=fqdn)
        self.notes.say(
            FOREIGN_ADDRESS,
            self.notes.value(*path),
            message=f"{quoted(fqdn)} is not the full name of a node of this tailnet.",
            expected=f"<node>.{dns_name}, in small letters and without a dot at the end",
        )
        return None

    def _node_with_address(self, ip: str, *path: str | int) -> Address | None:
        address = _address(ip)
        if address is not None and any(address in network for network in TAILSCALE_RANGES):
            return Address(ip=str(address))
        self.notes.say(
            FOREIGN_ADDRESS,
            self.notes.value(*path),
            message=f"{quoted(ip)} is not the Tailscale IP address of a node.",
            expected="an address in " + " or ".join(str(network) for network in TAILSCALE_RANGES),
            mend="Name what leads to it with `through`, if it lies behind a connector." if address else "",
        )
        return None

    def _address_behind(self, ip: str, through: str, *path: str | int) -> Address | None:
        """An address in a range that a node leads to; of a range of a site, the IPv6 address that stands for it."""
        router = self.references.subnet_router(through, *path, "through")
        if router is None:
            return None
        address = _address(ip)
        ranges = list(leads_to(router))
        if address is not None:
            for route in ranges:
                if address in ipaddress.ip_network(route):
                    return Address(ip=str(address), route=route)
            for site in router.sites if isinstance(router, Connector) else ():
                if isinstance(address, ipaddress.IPv4Address) and address in ipaddress.ip_network(site.cidr):
                    return Address(ip=str(via_address(site.site, address)), route=site.route)
            ranges += [site.cidr for site in (router.sites if isinstance(router, Connector) else ())]
        self.notes.say(
            FOREIGN_ADDRESS,
            self.notes.value(*path, "ip"),
            router.place,
            message=f"{through} does not lead to {quoted(ip)}.",
            expected=f"an address in {listed(ranges)}",
        )
        return None

    def _check_consumer(self, cluster: str, path: Path, target: Target) -> None:
        if isinstance(target, Machine | Address) or target.consumers is None or cluster in target.consumers:
            return
        self.notes.say(
            NOT_A_CONSUMER,
            self.notes.value(*path, "to"),
            self.notes.key(*_path_of(target), "consumers"),
            message=f"{target.reference} may be linked to from {listed(target.consumers)}, and not from {cluster}.",
        )

    def _ports(self, path: Path, texts: Sequence[str] | None, target: Target | None) -> tuple[Port, ...]:
        """Those that are written, or else those of the target; none where nobody says them."""
        offered = () if isinstance(target, Machine | Address) or target is None else target.granted_ports
        if texts is None:
            if isinstance(target, Machine | Address):
                self.notes.needs(
                    *path,
                    key="ports",
                    why="nobody declared what its target listens on",
                    expected="a list of ports, for example [tcp:5432]",
                )
            return offered
        ports = read_ports(self.notes, (*path, "ports"), texts)
        if target is not None and not isinstance(target, Machine | Address):
            check_offered(self.notes, (*path, "ports"), ports, offered, target.reference)
        return ports


def _address(text: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _path_of(target: Exposure | Ingress | TailscaleService) -> Path:
    if isinstance(target, TailscaleService):
        return ("services", target.name)
    return ("clusters", target.cluster, "expose" if isinstance(target, Exposure) else "ingress", target.name)
