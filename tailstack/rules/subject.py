"""What every rule looks at: the tailnet, its whole policy, and what several rules ask of the two, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from tailstack.access.compile import CompiledPolicy
from tailstack.access.evaluate import Access
from tailstack.access.facts import Credential, Facts
from tailstack.access.inventory import Node
from tailstack.access.nodes import DeclaredNode, declared_nodes
from tailstack.access.policy import Listed
from tailstack.finding import Finding
from tailstack.manifests.nodes import ClusterView, view_of
from tailstack.manifests.objects import TAILSCALE, KubernetesObject, Objects
from tailstack.rules.api_proxies import ApiServerProxy, api_server_proxies
from tailstack.rules.named import Named, everything_named
from tailstack.rules.ownership import owners_by_tag
from tailstack.rules.proof import LinkProof, links
from tailstack.rules.reaching import Exposed, exposed
from tailstack.rules.tailscale_services import DeclaredService, declared_services
from tailstack.rules.wearing import Wearing, wearings
from tailstack.topology.tailnet import Cluster, Tailnet

_EGRESS = frozenset(f"{TAILSCALE}/{name}" for name in ("tailnet-fqdn", "tailnet-ip", "proxy-group"))


@dataclass(frozen=True, kw_only=True)
class Subject:
    """`access` answers who reaches what under the policy; `links` are the proofs of all links.

    `objects` are the Kubernetes manifests of all clusters, None where the tailnet is declared in YAML; `facts` is what is
    known of the live tailnet, where anything is.
    """

    tailnet: Tailnet
    policy: CompiledPolicy
    nodes: tuple[DeclaredNode, ...]
    access: Access
    links: tuple[LinkProof, ...]
    objects: Objects | None = None
    facts: Facts = field(default_factory=Facts)

    @cached_property
    def clusters(self) -> Mapping[str, Cluster]:
        """The clusters by their names."""
        return {cluster.name: cluster for cluster in self.tailnet.clusters}

    @cached_property
    def wearers(self) -> Mapping[str, tuple[DeclaredNode, ...]]:
        """The nodes that wear each tag."""
        found: dict[str, list[DeclaredNode]] = {}
        for node in self.nodes:
            for tag in dict.fromkeys(node.tags):
                found.setdefault(tag, []).append(node)
        return {tag: tuple(nodes) for tag, nodes in found.items()}

    @cached_property
    def owners(self) -> Mapping[str, Listed]:
        """The entries of tagOwners by their tags."""
        return owners_by_tag(self.policy.policy)

    @cached_property
    def wearings(self) -> tuple[Wearing, ...]:
        """Everything that wears tags, the replicas of one resource once."""
        return tuple(wearings(self.tailnet, self.nodes))

    @cached_property
    def credentials(self) -> Mapping[str, tuple[Credential, ...]]:
        """The credentials that the facts name for each cluster."""
        found: dict[str, list[Credential]] = {}
        for client in self.facts.credentials or ():
            for cluster in dict.fromkeys(client.clusters):
                found.setdefault(cluster, []).append(client)
        return {cluster: tuple(clients) for cluster, clients in found.items()}

    @cached_property
    def views(self) -> tuple[ClusterView, ...]:
        """Each cluster as its operator sees the manifests; none where there are no manifests."""
        if self.objects is None:
            return ()
        return tuple(
            view_of(self.objects, cluster.name, cluster.operator, cluster.custom, self.tailnet.dns_name)
            for cluster in self.tailnet.clusters
        )

    @cached_property
    def api_proxies(self) -> tuple[ApiServerProxy, ...]:
        """Every API-server proxy that is switched on."""
        return api_server_proxies(self.tailnet)

    @cached_property
    def exposed(self) -> tuple[Exposed, ...]:
        """Every exposure and ingress, with the entries of the policy that lead to it."""
        return exposed(self.tailnet, self.access)

    @cached_property
    def services(self) -> tuple[DeclaredService, ...]:
        """Every Tailscale Service that a ProxyGroup is to serve."""
        return declared_services(self.tailnet)

    @cached_property
    def named(self) -> Named:
        """Everything that has a name in the tailnet, by its full name."""
        return everything_named(self.nodes, self.services, self.facts.inventory, self.tailnet.dns_name)

    @cached_property
    def egress_services(self) -> tuple[KubernetesObject, ...]:
        """The Services among the manifests that name a target in the tailnet or a ProxyGroup."""
        every = self.objects.of_kind("Service") if self.objects is not None else ()
        return tuple(service for service in every if not _EGRESS.isdisjoint(service.annotations))

    @cached_property
    def live_devices(self) -> Mapping[str, Node]:
        """The devices that are known to be in this tailnet, by the first label of their names in small letters."""
        domain = f".{self.tailnet.dns_name}".lower()
        return {
            device.name.lower().removesuffix(domain): device
            for device in self.facts.inventory.nodes
            if device.name.lower().endswith(domain)
        }


Check = Callable[[Subject], Iterable[Finding]]
"""A rule's function: pure, and silent where all is well."""


def subject_of(
    tailnet: Tailnet, policy: CompiledPolicy, *, objects: Objects | None = None, facts: Facts | None = None
) -> Subject:
    """The tailnet and its policy, made ready for the rules."""
    access = Access(policy.policy, facts.inventory) if facts is not None else Access(policy.policy)
    nodes = declared_nodes(tailnet)
    return Subject(
        tailnet=tailnet,
        policy=policy,
        nodes=nodes,
        access=access,
        links=links(tailnet if objects is None else _as_live(tailnet, facts), policy, access, nodes),
        objects=objects,
        facts=facts or Facts(),
    )


def _as_live(tailnet: Tailnet, facts: Facts | None) -> Tailnet:
    """The tailnet of manifests, which say nothing of MagicDNS and HTTPS, with the settings that are known."""
    if facts is None:
        return tailnet
    return replace(tailnet, magic_dns=facts.magic_dns is not False, https_certificates=facts.https is not False)
