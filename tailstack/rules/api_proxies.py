"""The API-server proxies of a tailnet: the operators' own, and the ProxyGroups of type kube-apiserver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.access.nodes import NodeKind
from tailstack.finding import Place
from tailstack.topology.custom import ProxyGroup
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import Tailnet


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiServerProxy:
    """One proxy of one cluster. `group` is the ProxyGroup that it is; None for the one inside of the operator.

    `names` are the selectors that a grant reaches it by: its tags, and the Tailscale Service of a ProxyGroup.
    """

    cluster: str
    who: str
    mode: ApiServerProxyMode
    tags: tuple[str, ...]
    names: frozenset[str]
    fqdn: str
    group: ProxyGroup | None
    place: Place

    @property
    def impersonates(self) -> bool:
        """Whether it reads Kubernetes rights out of the policy at all."""
        return self.mode is ApiServerProxyMode.AUTH


def api_server_proxies(tailnet: Tailnet) -> tuple[ApiServerProxy, ...]:
    """All that are switched on, in the order of the clusters."""
    return tuple(_proxies(tailnet))


def _proxies(tailnet: Tailnet) -> Iterator[ApiServerProxy]:
    for cluster in tailnet.clusters:
        operator = cluster.operator
        if operator.api_server_proxy is not ApiServerProxyMode.OFF:
            yield ApiServerProxy(
                cluster=cluster.name,
                who=f"{NodeKind.OPERATOR} {cluster.name}",
                mode=operator.api_server_proxy,
                tags=operator.tags,
                names=frozenset(operator.tags),
                fqdn=operator.fqdn,
                group=None,
                place=operator.place,
            )
        for group in cluster.custom.proxy_groups:
            if group.api_server_mode is not None and group.tailnet is None:
                yield ApiServerProxy(
                    cluster=cluster.name,
                    who=f"{NodeKind.PROXY_GROUP} {group.reference}",
                    mode=group.api_server_mode,
                    tags=group.tags,
                    names=frozenset({*group.tags, group.service or ""}),
                    fqdn=f"{group.hostname}.{tailnet.dns_name}",
                    group=group,
                    place=group.place,
                )
