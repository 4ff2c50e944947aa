"""Clusters with everything that stands in them, but for the egresses, which may lead to clusters that come later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tailstack.topology.custom_resources import CustomResolver
from tailstack.topology.declaration import ApiServerGroupMode, ClusterDeclaration, ProxyGroupType
from tailstack.topology.exposing import ExposingResolver
from tailstack.topology.nodes import NodeResolver
from tailstack.topology.notes import Notes
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
        kubernetes = declared.kubernetes
        notes.exactly_one((*path, "kubernetes"), {"context": kubernetes.context, "kubeconfig": kubernetes.kubeconfig})
        operator = self.operators.operator(name, declared.operator, allows_impersonation=_impersonates(declared))
        exposing = ExposingResolver(notes=notes, nodes=self.nodes, default_class=operator.default_proxy_class)
        exposures: list[Exposure] = []
        for key, expose in declared.expose.items():
            exposure = exposing.exposure((*path, "expose", key), expose)
            if exposure is None:
                notes.broken.add((*path, "expose", key))
            else:
                exposures.append(exposure)
        ingresses = [exposing.ingress((*path, "ingress", key), entry) for key, entry in declared.ingress.items()]
        return Cluster(
            name=name,
            labels=tuple(declared.labels.items()),
            context=kubernetes.context,
            kubeconfig_secret=kubernetes.kubeconfig.secret if kubernetes.kubeconfig else None,
            operator=operator,
            exposures=(*exposures, *(each for each in shared if isinstance(each, Exposure))),
            ingresses=(*ingresses, *(each for each in shared if isinstance(each, Ingress))),
            egresses=(),
            custom=CustomResolver(notes=notes, nodes=self.nodes, operator=operator).custom_resources(path, declared),
            place=notes.key(*path),
        )


def _impersonates(declared: ClusterDeclaration) -> bool:
    return any(
        group.type is ProxyGroupType.KUBE_API_SERVER
        and (group.kube_api_server is None or group.kube_api_server.mode is ApiServerGroupMode.AUTH)
        for group in declared.proxy_groups.values()
    )
