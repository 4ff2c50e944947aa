"""Egresses and where they lead: to something declared (a link), or to an address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tailstack.finding import Rule
from tailstack.topology import naming
from tailstack.topology.clusters import ClusterResolver
from tailstack.topology.declaration import EgressDeclaration, EgressTarget
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.ports import check_offered, read_ports
from tailstack.topology.references import References
from tailstack.topology.tailnet import Address, Egress, Exposure, Ingress, Machine, Port, Target
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
    what="An egress leads to a name or an address that is none of this tailnet's.",
    why="An egress proxy reaches nodes of its own tailnet only; the operator refuses other names or waits for ever.",
    mend="Write the full name of a node of this tailnet, or its Tailscale IP address.",
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
    clusters: ClusterResolver
    references: References
    by_fqdn: Mapping[str, Exposure | Ingress | Machine]

    def egress(self, path: Path, declared: EgressDeclaration) -> Egress | None:
        """The egress at this path; None, with findings, where its target or its ports are unknown."""
        cluster, name = str(path[1]), str(path[3])
        hostname, tags = self.clusters.node(path, declared)
        target = self._target((*path, "to"), declared.to)
        if target is None:
            return None
        self._check_consumer(cluster, path, target)
        ports = self._ports(path, declared.ports, target)
        if ports is None:
            return None
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
            place=self.notes.key(*path),
        )

    def _target(self, path: Path, to: EgressTarget) -> Target | None:
        keys = {"exposure": to.exposure, "ingress": to.ingress, "machine": to.machine, "fqdn": to.fqdn, "ip": to.ip}
        key = self.notes.exactly_one(path, keys)
        text = keys.get(key or "") or ""
        match key:
            case None:
                return None
            case "exposure":
                return self.references.exposure(text, *path, key)
            case "ingress":
                return self.references.ingress(text, *path, key)
            case "machine":
                return self.references.machine(text, *path, key)
            case "fqdn":
                return self._node_called(text, *path, key)
            case _:
                return self._node_with_address(text, *path, key)

    def _node_called(self, fqdn: str, *path: str | int) -> Target | None:
        """What is declared with this full name, so that it becomes a link, or else the name itself."""
        dns_name = self.clusters.dns_name
        label, dot, domain = fqdn.partition(".")
        if self.notes.is_broken("tailnet") or (_LABEL.match(label) and dot and domain == dns_name):
            return self.by_fqdn.get(fqdn, Address(fqdn=fqdn))
        self.notes.say(
            FOREIGN_ADDRESS,
            self.notes.value(*path),
            message=f"{quoted(fqdn)} is not the full name of a node of this tailnet.",
            expected=f"<node>.{dns_name}, in small letters and without a dot at the end",
        )
        return None

    def _node_with_address(self, ip: str, *path: str | int) -> Address | None:
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            address = None
        if address is not None and any(address in network for network in TAILSCALE_RANGES):
            return Address(ip=str(address))
        self.notes.say(
            FOREIGN_ADDRESS,
            self.notes.value(*path),
            message=f"{quoted(ip)} is not the Tailscale IP address of a node.",
            expected="an address in " + " or ".join(str(network) for network in TAILSCALE_RANGES),
        )
        return None

    def _check_consumer(self, cluster: str, path: Path, target: Target) -> None:
        if isinstance(target, Machine | Address) or target.consumers is None or cluster in target.consumers:
            return
        part = "expose" if isinstance(target, Exposure) else "ingress"
        self.notes.say(
            NOT_A_CONSUMER,
            self.notes.value(*path, "to"),
            self.notes.key("clusters", target.cluster, part, target.name, "consumers"),
            message=f"{target.reference} may be linked to from {listed(target.consumers)}, and not from {cluster}.",
        )

    def _ports(self, path: Path, texts: Sequence[str] | None, target: Target) -> tuple[Port, ...] | None:
        offered = None if isinstance(target, Machine | Address) else target.granted_ports
        if texts is None:
            if offered is None:
                self.notes.needs(
                    *path,
                    key="ports",
                    why="nobody declared what its target listens on",
                    expected="a list of ports, for example [tcp:5432]",
                )
            return offered
        ports = read_ports(self.notes, (*path, "ports"), texts)
        if ports is not None and not isinstance(target, Machine | Address):
            check_offered(self.notes, (*path, "ports"), ports, target.granted_ports, target.reference)
        return ports
