"""Who or what a question of access is about, by any name that people use for it.

A selector of the policy file, an IP address, a node by its name, or what is declared: `blue.nginx`, the key of a machine,
a cluster for its API server. Where two things share a name, `exposure:`, `ingress:`, `egress:`, `machine:`, `operator:`,
`apiServer:` or `host:` in front says which is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tailstack.access.addresses import AddressSet
from tailstack.access.compile import CompiledPolicy
from tailstack.access.derive import normal_fqdn, ports_of
from tailstack.access.evaluate import Access
from tailstack.access.inventory import NOTHING_KNOWN, Inventory, Node
from tailstack.access.nodes import (
    DeclaredName,
    DeclaredNode,
    NamedKind,
    NodeKind,
    declared_names,
    declared_nodes,
    inventory_of,
)
from tailstack.access.policy import Policy
from tailstack.access.ports import Ports
from tailstack.access.principals import EVERYONE, Principal
from tailstack.access.selectors import (
    AUTOGROUPS,
    DANGER_ALL,
    INTERNET,
    NONROOT,
    SELF,
    SHARED,
    Selector,
    SelectorKind,
    parse_selector,
)
from tailstack.finding import Place
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import HTTPS, Tailnet
from tailstack.topology.wording import listed, nearest

_ASKED = Place("", 1, 1)
_NO_SOURCES = frozenset({SELF, INTERNET, NONROOT})
_NO_TARGETS = frozenset({SHARED, DANGER_ALL, NONROOT})


class PartyError(ValueError):
    """A name leads to nothing, or to nothing that can be asked about; `str()` says so and names the nearest."""


class Role(StrEnum):
    """Which end of a connection is asked about."""

    SOURCE = "source"
    TARGET = "target"


class PartyKind(StrEnum):
    """What a party is; the words are those of the reports."""

    SELECTOR = "selector"
    ADDRESS = "address"
    SERVICE = "service"
    NODE = "node"
    EXPOSURE = "exposure"
    INGRESS = "ingress"
    EGRESS = "egress"
    OPERATOR = "operator"
    MACHINE = "machine"
    API_SERVER = "apiServer"


_OPENS_NOTHING = frozenset({PartyKind.EXPOSURE, PartyKind.INGRESS, PartyKind.API_SERVER, PartyKind.SERVICE})
_DECLARED = {
    NodeKind.EXPOSURE: PartyKind.EXPOSURE,
    NodeKind.INGRESS: PartyKind.INGRESS,
    NodeKind.EGRESS: PartyKind.EGRESS,
    NodeKind.MACHINE: PartyKind.MACHINE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """One end of a question.

    `name` is how reports call it, `reference` what its kind is referred to by (a selector, `blue.nginx`, a cluster).
    `node` is the one node that it is, if it is one; `nodes` are the known nodes that it stands for. `offers` are the ports
    that listen there, None where that is not known. `proxy` is the mode of an API server's proxy.
    """

    kind: PartyKind
    name: str
    reference: str
    principal: Principal
    node: Node | None = None
    nodes: tuple[Node, ...] = ()
    offers: Ports | None = None
    proxy: ApiServerProxyMode | None = None
    is_public: bool = False
    place: Place | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why something is allowed: the name of the declaration, empty where there is none, and where a person wrote it."""

    declaration: str = ""
    places: tuple[Place, ...] = ()

    def __str__(self) -> str:
        where = ", ".join(str(place) for place in self.places)
        return f"{self.declaration} ({where})" if self.declaration else where


@dataclass(frozen=True, kw_only=True, slots=True)
class _Thing:
    """Something with names of its own. `declared` or `node` is there, or both where a declared node is live."""

    declared: DeclaredNode | None = None
    node: Node


@dataclass(frozen=True, slots=True)
class _Named:
    """One meaning of a name: a thing, and whether only its API server or only its operator is meant."""

    thing: _Thing
    kind: PartyKind | None = None

    def is_replica_of(self, other: _Named) -> bool:
        """Whether the two are nodes of one declared thing."""
        mine, theirs = self.thing.declared, other.thing.declared
        if mine is None or theirs is None or self.kind is not other.kind:
            return False
        return (mine.kind, mine.reference) == (theirs.kind, theirs.reference)

    @property
    def full_name(self) -> str:
        declared = self.thing.declared
        if declared is None:
            return self.thing.node.name
        kind = "apiServer" if declared.kind is NodeKind.OPERATOR else declared.kind
        return f"{kind}:{declared.reference}"


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything that can be asked about under one policy: `directory_of_policy` or `directory_of_tailnet` makes one."""

    access: Access
    tailnet: Tailnet | None = None
    compiled: CompiledPolicy | None = None
    _names: dict[str, list[_Named]] = field(default_factory=dict[str, "list[_Named]"], compare=False, repr=False)
    _services: dict[str, DeclaredName] = field(default_factory=dict[str, DeclaredName], compare=False, repr=False)

    def __post_init__(self) -> None:
        declared = declared_nodes(self.tailnet) if self.tailnet is not None else ()
        live = {normal_fqdn(node.name): node for node in self.access.inventory.nodes}
        seen: set[str] = set()
        for one in declared:
            fqdn = normal_fqdn(one.fqdn)
            seen.add(fqdn)
            self._add(_Thing(declared=one, node=live[fqdn]))
        for fqdn, node in live.items():
            if fqdn not in seen:
                self._add(_Thing(node=node))
        if self.tailnet is not None:
            self._name_services(self.tailnet)

    def _add(self, thing: _Thing) -> None:
        declared = thing.declared
        fqdn = normal_fqdn(thing.node.name)
        names = [fqdn.partition(".")[0], fqdn]
        if declared is not None:
            # The first of them is what people are pointed to.
            names = [declared.reference, declared.hostname, *names]
            if declared.kind is NodeKind.OPERATOR:
                self._name(f"apiserver:{declared.reference}", _Named(thing, PartyKind.API_SERVER))
                self._name(f"operator:{declared.reference}", _Named(thing, PartyKind.OPERATOR))
            else:
                names.append(f"{declared.kind}:{declared.reference}")
        for name in dict.fromkeys(name.lower() for name in names):
            self._name(name, _Named(thing))

    def _name(self, name: str, named: _Named) -> None:
        """Replicas of one thing are alike in what they reach, so that the first stands for all of them."""
        meant = self._names.setdefault(name, [])
        if not any(one.is_replica_of(named) for one in meant):
            meant.append(named)

    def _name_services(self, tailnet: Tailnet) -> None:
        """What is exposed by a group is no node, and has all the names that a node would have."""
        modes = {cluster.name: cluster.operator.api_server_proxy for cluster in tailnet.clusters}
        for declared in declared_names(tailnet):
            if declared.kind is not NamedKind.ROUTE:
                label = declared.selector.removeprefix("svc:")
                fqdn = normal_fqdn(f"{label}.{tailnet.dns_name}")
                written = f"{declared.kind}:{declared.reference}"
                for name in (declared.reference, written, declared.selector, label, fqdn):
                    self._services.setdefault(name.lower(), declared)
                own = declared.api_server
                if own is not None and modes[own.cluster] is ApiServerProxyMode.OFF:
                    self._services.setdefault(own.cluster, declared)
                    self._services.setdefault(f"apiserver:{own.cluster}", declared)

    def cause(self, place: Place) -> Cause:
        """What brought the entry at a place of the policy."""
        if self.compiled is None:
            return Cause(places=(place,))
        declaration = self.compiled.declaration(place) if self.compiled.is_derived(place) else ""
        return Cause(declaration=declaration, places=self.compiled.sources(place))

    def called(self, node: Node) -> str:
        """What reports call a node: `exposure blue.nginx`, or its own name."""
        for named in self._names.get(normal_fqdn(node.name), ()):
            if named.thing.declared is not None:
                return str(named.thing.declared)
        return node.name

    def find(self, text: str, role: Role) -> Party:
        """Whom or what a person means. Raises PartyError for an unknown name, and for one that the role does not fit."""
        name = text.strip()
        selector = parse_selector(name, _ASKED)
        service = self._service_called(name, role)
        if service is not None:
            party = self._service(service)
        elif selector.kind is SelectorKind.NAME or name.lower() in self._names:
            party = self._by_name(name, role)
        else:
            party = self._by_selector(selector, role)
        if role is Role.SOURCE and party.kind in _OPENS_NOTHING:
            raise PartyError(f"{party.name} opens no connections; ask who reaches it with --to {text}.")
        return party

    def declared_service(self, name: str) -> DeclaredName | None:
        """The declared Tailscale Service with this name, be it that of the policy or one that people use."""
        return self._services.get(normal_fqdn(name))

    def _service_called(self, name: str, role: Role) -> DeclaredName | None:
        """As a source a name means nodes, where there are any."""
        service = self.declared_service(name)
        return None if role is Role.SOURCE and normal_fqdn(name) in self._names else service

    def _service(self, declared: DeclaredName) -> Party:
        """A declared Tailscale Service. That of an API server wears the tags of the group that serves it."""
        name, group = declared.selector, declared.api_server
        tags = group.tags if group is not None else declared.tags
        known = self.access.principal(name)
        return Party(
            kind=PartyKind.SERVICE if group is None else PartyKind.API_SERVER,
            name=f"{declared} ({name})" if declared.reference != name else str(declared),
            reference=name if group is None else group.cluster,
            principal=replace(known, keys=known.keys | frozenset(tags)),
            nodes=tuple(node for node in self.access.inventory.nodes if name in node.services),
            offers=ports_of(declared.ports),
            proxy=group.api_server_mode if group is not None else None,
        )

    def _by_name(self, name: str, role: Role) -> Party:
        meant = self._names.get(normal_fqdn(name), [])
        host = name.removeprefix("host:")
        is_host = any(known.name == host for known in self.access.policy.hosts)
        if len(meant) + is_host > 1:
            full = [named.full_name for named in meant] + ([f"host:{host}"] if is_host else [])
            raise PartyError(f"{name} is the name of several things. Say which: {listed(full)}.")
        if meant:
            return self._thing(meant[0], role)
        if is_host:
            return self._addressed(host, host, PartyKind.SELECTOR)
        raise PartyError(self._unknown(name, list(self._all_names())))

    def _all_names(self) -> Iterator[str]:
        policy = self.access.policy
        yield from self._names
        for listed_names in (policy.hosts, policy.groups, policy.tag_owners, policy.ipsets):
            yield from (one.name for one in listed_names)

    def _unknown(self, name: str, known: list[str]) -> str:
        # Without `group:` or `tag:` in front, which would make any two names look alike.
        bare: dict[str, str] = {}
        for one in known:
            bare.setdefault(one.rpartition(":")[2], one)
        near = nearest(name.rpartition(":")[2], bare)
        return f"Nothing is called {name}." + (f" Did you mean {bare[near]}?" if near else "")

    def _thing(self, named: _Named, role: Role) -> Party:
        thing = named.thing
        principal = self.access.principal(thing.node)
        if thing.declared is None:
            name = thing.node.name
            return Party(
                kind=PartyKind.NODE,
                name=name,
                reference=name,
                principal=principal,
                node=thing.node,
                nodes=(thing.node,),
                place=thing.node.place,
            )
        declared = thing.declared
        kind = named.kind or _DECLARED.get(declared.kind, PartyKind.NODE)
        if declared.kind is NodeKind.OPERATOR and named.kind is None:
            kind = PartyKind.OPERATOR if role is Role.SOURCE else PartyKind.API_SERVER
        party = Party(
            kind=kind,
            name=f"the API server of {declared.reference}" if kind is PartyKind.API_SERVER else str(declared),
            reference=declared.reference,
            principal=principal,
            node=thing.node,
            nodes=(thing.node,),
            place=declared.place,
            notes=tuple(_retagged(declared, thing.node)),
        )
        return self._offering(party)

    def _offering(self, party: Party) -> Party:
        """The party with what listens there."""
        clusters = self.tailnet.clusters if self.tailnet is not None else ()
        for cluster in clusters:
            if party.kind is PartyKind.API_SERVER and cluster.name == party.reference:
                return replace(party, offers=ports_of((HTTPS,)), proxy=cluster.operator.api_server_proxy)
            for exposed in (*cluster.exposures, *cluster.ingresses):
                if exposed.reference == party.reference and party.kind in (PartyKind.EXPOSURE, PartyKind.INGRESS):
                    is_public = getattr(exposed, "funnel", False)
                    return replace(party, offers=ports_of(exposed.granted_ports), is_public=is_public)
        return party

    def _by_selector(self, selector: Selector, role: Role) -> Party:
        name = selector.name
        unfit = _NO_SOURCES if role is Role.SOURCE else _NO_TARGETS
        if name in unfit:
            raise PartyError(f"{name} cannot be the {role} of a connection.")
        self._check_defined(selector)
        if selector.kind is SelectorKind.ADDRESS:
            return self._addressed(name, str(selector.span), PartyKind.ADDRESS)
        if selector.kind is SelectorKind.IPSET:
            return self._addressed(name, name, PartyKind.SELECTOR)
        principal = self.access.principal(name)
        if selector.kind is SelectorKind.SERVICE:
            known = next((one for one in self.access.inventory.services if one.name == name), None)
            hosts = tuple(node for node in self.access.inventory.nodes if name in node.services)
            return Party(
                kind=PartyKind.SERVICE,
                name=name,
                reference=name,
                principal=principal,
                nodes=hosts,
                offers=known.ports if known is not None else None,
            )
        nodes = tuple(node for node in self.access.inventory.nodes if name in self.access.principal(node).keys)
        return Party(
            kind=PartyKind.SELECTOR,
            name="everyone (*)" if name == EVERYONE else name,
            reference=name,
            principal=principal,
            nodes=nodes,
            notes=tuple(self._stranger(selector)),
        )

    def _stranger(self, selector: Selector) -> Iterator[str]:
        users = {user.login for user in self.access.inventory.users}
        if selector.kind is SelectorKind.USER and users and selector.name not in users:
            yield f"{selector.name} is not among the known users of the tailnet"

    def _addressed(self, selector: str, name: str, kind: PartyKind) -> Party:
        principal = self.access.principal(selector)
        owners = [node for node in self.access.inventory.nodes if not principal.addresses.isdisjoint(node.addresses)]
        called = f"{name} ({self.called(owners[0])})" if principal.is_device else name
        return Party(
            kind=kind,
            name=called,
            reference=name,
            principal=principal,
            node=owners[0] if principal.is_device else None,
            nodes=tuple(owners),
        )

    def _check_defined(self, selector: Selector) -> None:
        policy, inventory = self.access.policy, self.access.inventory
        named = {one.name for entry in self.access.entries for one in (*entry.src, *entry.dst)}
        known: set[str]
        match selector.kind:
            case SelectorKind.GROUP:
                known = {group.name for group in policy.groups} | set(inventory.groups)
                known |= {group.name for group in self.tailnet.groups} if self.tailnet is not None else set()
                is_known = "@" in selector.name or selector.name in known
            case SelectorKind.TAG:
                known = {owned.name for owned in policy.tag_owners}
                known |= {tag for node in inventory.nodes for tag in node.tags}
                is_known = selector.name in known | named
            case SelectorKind.AUTOGROUP:
                known = set(AUTOGROUPS)
                is_known = selector.name in known
            case SelectorKind.IPSET:
                known = {ipset.name for ipset in policy.ipsets}
                is_known = selector.name in known
            case SelectorKind.SERVICE:
                known = {service.name for service in inventory.services}
                is_known = not known or selector.name in known | named
            case _:
                return
        if not is_known:
            raise PartyError(self._unknown(selector.name, sorted(known)))


def directory_of_policy(policy: Policy, inventory: Inventory = NOTHING_KNOWN) -> Directory:
    """What can be asked about under a policy file alone, and what is known of its tailnet."""
    return Directory(Access(policy, inventory))


def directory_of_tailnet(tailnet: Tailnet, compiled: CompiledPolicy, inventory: Inventory = NOTHING_KNOWN) -> Directory:
    """What can be asked about in an environment. Of a node that is declared and live, what is live counts."""
    live = {normal_fqdn(node.name): node for node in inventory.nodes}
    declared = inventory_of(declared_nodes(tailnet)).nodes
    nodes = {normal_fqdn(node.name): node for node in declared} | live
    return Directory(Access(compiled.policy, replace(inventory, nodes=tuple(nodes.values()))), tailnet, compiled)


def _retagged(declared: DeclaredNode, node: Node) -> Iterator[str]:
    if set(declared.tags) != set(node.tags):
        yield f"{declared} wears {listed(node.tags, none='no tag')}, and not {listed(declared.tags)} as declared"


def addresses_of(party: Party) -> AddressSet:
    """The addresses beyond the tailnet's own nodes that a party stands for; none for a node, a selector or a service."""
    if party.node is not None or party.kind is PartyKind.SERVICE:
        return AddressSet()
    return party.principal.addresses
