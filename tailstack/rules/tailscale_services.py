"""The Tailscale Services that a tailnet's ProxyGroups and machines are to serve, each with what declares it and who serves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.access.nodes import NodeKind
from tailstack.access.principals import EVERYONE, Principal
from tailstack.access.selectors import DANGER_ALL, TAGGED
from tailstack.finding import Place
from tailstack.topology.custom import ProxyGroup, ProxyGroupKind
from tailstack.topology.tailnet import Exposure, Ingress, Machine, Tailnet, TailscaleService


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredService:
    """A Tailscale Service as one cluster asks for it, or one machine; several may ask for the same name.

    `declared` is what asks for it, `who` is what declares it (`ingress blue.web`, `backend blue of svc:web`), and `cluster` is None for a machine. `tags`
    are the Service's own, which are not those of its `host` but for a kube-apiserver group:
    https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/ingress-for-pg.go.
    """

    name: str
    who: str
    cluster: str | None
    tags: tuple[str, ...]
    host: ProxyGroup | Machine
    declared: Exposure | Ingress | ProxyGroup | TailscaleService
    place: Place

    @property
    def hostname(self) -> str:
        """Its name as a label of the tailnet's domain, for which nodes ask too."""
        return self.name.removeprefix("svc:")

    @property
    def hosts(self) -> str:
        """Its host for people: `ProxyGroup blue.in`."""
        return f"{'machine' if isinstance(self.host, Machine) else 'ProxyGroup'} {self.host.reference}"

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names of the nodes that are to host it."""
        return (self.host.hostname,) if isinstance(self.host, Machine) else self.host.hostnames

    @property
    def principal(self) -> Principal:
        """The Service for questions of access: a policy reaches it by its name, or by a tag of its own."""
        return service_principal(self.name, self.tags)


def service_principal(name: str, tags: tuple[str, ...]) -> Principal:
    """A Tailscale Service for questions of access."""
    return Principal(name=name, keys=frozenset({EVERYONE, DANGER_ALL, TAGGED, name, *tags}), is_device=True)


def declared_services(tailnet: Tailnet) -> tuple[DeclaredService, ...]:
    """Every Tailscale Service of this tailnet that is asked for through a ProxyGroup that can serve it, or of machines."""
    return tuple(_declared(tailnet))


def _declared(tailnet: Tailnet) -> Iterator[DeclaredService]:
    for cluster in tailnet.clusters:
        groups = {group.name: group for group in cluster.custom.proxy_groups if group.tailnet is None}
        exposed: tuple[tuple[NodeKind, tuple[Exposure | Ingress, ...]], ...] = (
            (NodeKind.EXPOSURE, cluster.exposures),
            (NodeKind.INGRESS, cluster.ingresses),
        )
        for kind, each in ((kind, each) for kind, several in exposed for each in several):
            group = groups.get(each.proxy_group or "")
            if each.tailscale_service and group is not None and group.kind is ProxyGroupKind.INGRESS:
                yield DeclaredService(
                    name=each.tailscale_service,
                    who=f"backend {cluster.name} of {each.tailscale_service}"
                    if each.is_shared
                    else f"{kind} {each.reference}",
                    cluster=cluster.name,
                    tags=each.tags,
                    host=group,
                    declared=each,
                    place=each.place,
                )
        for group in groups.values():
            if group.service is not None:
                yield DeclaredService(
                    name=group.service,
                    who=f"{NodeKind.PROXY_GROUP} {group.reference}",
                    cluster=cluster.name,
                    tags=group.tags,
                    host=group,
                    declared=group,
                    place=group.place,
                )
    for service in tailnet.services:
        for machine in service.machines:
            yield DeclaredService(
                name=service.name,
                who=f"{NodeKind.MACHINE} {machine.reference}",
                cluster=None,
                tags=service.tags,
                host=machine,
                declared=service,
                place=service.place,
            )
