"""Clusters with everything that stands in them, but for the egresses, which may lead to clusters that come later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tailstack.topology.custom import ProxyGroup
from tailstack.topology.custom_resources import CustomResolver
from tailstack.topology.declaration import ApiServerGroupMode, ClusterDeclaration, ProxyGroupType
from tailstack.topology.exposing import ExposingResolver
from tailstack.topology.named import check_named
from tailstack.topology.nodes import NodeResolver
from tailstack.topology.notes import KEY_DOES_NOT_FIT, Notes
from tailstack.topology.operators import OperatorResolver
from tailstack.topology.tailnet import Cluster, Exposure, Ingress
from tailstack.topology.unique_names import check_name, check_names


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterResolver:
    """Fills in what the declarations of clusters leave out."""

    notes: Notes
    nodes: NodeResolver
    operators: OperatorResolver

    def cluster(self, name: str, declared: ClusterDeclaration, shared: Sequence[Exposure | Ingress]) -> Cluster:
        """The cluster without its egresses. `shared` is what it serves of the Tailscale Services of the tailnet."""
        notes, path = self.notes, ("clusters", name)
        check_name(notes, *path, name=name)
        check_names(notes, name, declared, [f"svc:{each.hostname}" for each in shared])
        check_named(notes, name, declared, self.operators.defaults.default_proxy_class)
        kubernetes = declared.kubernetes
        notes.exactly_one((*path, "kubernetes"), {"context": kubernetes.context, "kubeconfig": kubernetes.kubeconfig})
        operator = self.operators.operator(name, declared.operator, allows_impersonation=_impersonates(declared))
        exposing = ExposingResolver(notes=notes, nodes=self.nodes, default_class=operator.default_proxy_class)
        exposures = [exposing.exposure((*path, "expose", key), expose) for key, expose in declared.expose.items()]
        ingresses = [exposing.ingress((*path, "ingress", key), entry) for key, entry in declared.ingress.items()]
        custom = CustomResolver(notes=notes, nodes=self.nodes, operator=operator).custom_resources(path, declared)
        self._check_tailnets((*exposures, *ingresses, *shared), custom.proxy_groups)
        return Cluster(
            name=name,
            labels=tuple(declared.labels.items()),
            context=kubernetes.context,
            kubeconfig_secret=kubernetes.kubeconfig.secret if kubernetes.kubeconfig else None,
            operator=operator,
            exposures=(*exposures, *(each for each in shared if isinstance(each, Exposure))),
            ingresses=(*ingresses, *(each for each in shared if isinstance(each, Ingress))),
            egresses=(),
            custom=custom,
            place=notes.key(*path),
        )

    def _check_tailnets(self, exposed: Iterable[Exposure | Ingress], groups: Iterable[ProxyGroup]) -> None:
        """Note what would become part of a tailnet that this environment does not describe."""
        elsewhere = {group.name: group for group in groups if group.tailnet is not None}
        for each in exposed:
            group = elsewhere.get(each.proxy_group or "")
            if group is not None:
                self.notes.say(
                    KEY_DOES_NOT_FIT,
                    each.place,
                    group.place,
                    message=f"{each.reference} is to be served by {group.name}, which belongs to the tailnet {group.tailnet}.",
                    expected="a proxy group of this tailnet",
                    mend="Take another group, or declare it in an environment for the other tailnet.",
                )


def _impersonates(declared: ClusterDeclaration) -> bool:
    return any(
        group.type is ProxyGroupType.KUBE_API_SERVER
        and (group.kube_api_server is None or group.kube_api_server.mode is ApiServerGroupMode.AUTH)
        for group in declared.proxy_groups.values()
    )
