"""From Kubernetes objects of several clusters to the resolved tailnet that the same declarations in YAML would give."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tailstack.finding import Place
from tailstack.manifests.custom_resources import custom_resources
from tailstack.manifests.deployed import deployed
from tailstack.manifests.nodes import ClusterView, egresses_of, exposures_of, ingresses_of, view_of
from tailstack.manifests.objects import KubernetesObject, Objects
from tailstack.manifests.operators import operator_deployments, operator_of, uses_tailscale
from tailstack.topology.tailnet import BasePolicy, Cluster, Exposure, Ingress, Tailnet

UNKNOWN_DNS_NAME = "your-tailnet.ts.net"
"""Stands for the tailnet's domain where nothing tells it."""

_DOMAIN = ".ts.net"


def tailnet_of(objects: Objects, *, policy: BasePolicy | None, dns_name: str | None, environment: str) -> Tailnet:
    """The resolved tailnet of manifests: each cluster with an operator or something for it, and nothing that is derived.

    Names are those of the Kubernetes objects, with the namespace where two of a cluster would have one name. What an
    object leaves out is what the operator makes of it; what no manifest can tell (MagicDNS, HTTPS) is taken to be well.
    `dns_name` is the tailnet's domain (tail1a2b.ts.net); None to take the one that most objects name.
    """
    domain = dns_name or _told_domain(objects)
    views = [_view(objects, name, domain or UNKNOWN_DNS_NAME) for name in objects.clusters if _belongs(objects, name)]
    clusters = [_cluster(view) for view in views]
    by_fqdn: dict[str, Exposure | Ingress] = {}
    for cluster in clusters:
        for exposed in (*cluster.exposures, *cluster.ingresses):
            by_fqdn.setdefault(exposed.fqdn.lower(), exposed)
    return Tailnet(
        environment=environment,
        dns_name=domain or UNKNOWN_DNS_NAME,
        is_dns_name_assumed=dns_name is None,
        magic_dns=True,
        https_certificates=True,
        base_policy=policy,
        derive_tests=False,
        clusters=tuple(
            replace(cluster, egresses=tuple(egresses_of(view, by_fqdn)))
            for cluster, view in zip(clusters, views, strict=True)
        ),
        place=_place(objects, policy),
        files=tuple(sorted({made.file for made in objects.all})),
    )


def _belongs(objects: Objects, cluster: str) -> bool:
    """Whether a cluster has to do with the tailnet; one that has not would only lend its name to an operator."""
    return bool(operator_deployments(objects, cluster)) or any(map(uses_tailscale, objects.in_cluster(cluster)))


def _view(objects: Objects, cluster: str, dns_name: str) -> ClusterView:
    operator = operator_of(objects, cluster, dns_name)
    return view_of(objects, cluster, operator, custom_resources(objects, cluster, operator), dns_name)


def _cluster(view: ClusterView) -> Cluster:
    return Cluster(
        name=view.cluster,
        labels=(),
        context=None,
        kubeconfig_secret=None,
        operator=view.operator,
        exposures=tuple(exposures_of(view)),
        ingresses=tuple(ingresses_of(view)),
        egresses=(),
        custom=view.custom,
        deployed=deployed(view.objects, view.cluster),
        place=view.objects.in_cluster(view.cluster)[0].place(),
    )


def _told_domain(objects: Objects) -> str | None:
    """The domain that most targets and hosts name, the first of several that are named as often."""
    told = Counter(
        domain for made in objects.all for name in _full_names(made) if (domain := _domain_of(name)) is not None
    )
    return max(told, key=lambda domain: told[domain], default=None)


def _full_names(made: KubernetesObject) -> tuple[str, ...]:
    if made.kind == "Service":
        return (made.annotation("tailnet-fqdn") or "",)
    if made.kind == "Ingress":
        return made.texts("spec", "tls", 0, "hosts")
    return ()


def _domain_of(name: str) -> str | None:
    label, dot, domain = name.removesuffix(".").partition(".")
    is_whole = label and dot and domain.endswith(_DOMAIN) and domain.count(".") == _DOMAIN.count(".")
    return domain.lower() if is_whole else None


def _place(objects: Objects, policy: BasePolicy | None) -> Place:
    if policy is not None:
        return Place(policy.file, 1, 1)
    return objects.all[0].place() if objects.all else Place("", 1, 1)
