"""The operator's annotations: what can be written on which kinds, and what the operator writes itself.

Read in `cmd/k8s-operator` of tailscale.com v1.100.0, v1.102.3 and v1.104.5 (`sts.go`, `svc.go`, `ingress.go`,
`ingress-for-pg.go`, `proxygroup.go`); a test looks for others in the newest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tailstack.charts.versions import Version


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """On which kinds it is read, with which values, if not any, and since which version."""

    kinds: frozenset[str]
    values: tuple[str, ...] = ()
    since: Version = (0, 0, 0)


_TRUE = ("true", "false")
_SERVICES, _INGRESSES = frozenset({"Service"}), frozenset({"Ingress"})

ANNOTATIONS: Mapping[str, Annotation] = {
    "expose": Annotation(kinds=_SERVICES, values=_TRUE),
    "hostname": Annotation(kinds=_SERVICES),
    "tailnet-fqdn": Annotation(kinds=_SERVICES),
    "tailnet-ip": Annotation(kinds=_SERVICES),
    "ts-tailnet-target-ip": Annotation(kinds=_SERVICES),
    "tags": Annotation(kinds=_SERVICES | _INGRESSES),
    "proxy-group": Annotation(kinds=_SERVICES | _INGRESSES),
    "proxy-class": Annotation(kinds=_SERVICES | _INGRESSES, since=(1, 86, 0)),
    "funnel": Annotation(kinds=_INGRESSES, values=_TRUE),
    "http-redirect": Annotation(kinds=_INGRESSES, values=_TRUE),
    "http-endpoint": Annotation(kinds=_INGRESSES, values=("enabled", "disabled", "false")),
    "experimental-forward-cluster-traffic-via-ingress": Annotation(kinds=_INGRESSES, values=_TRUE),
    "share-acme-account": Annotation(kinds=frozenset({"ProxyGroup"}), values=_TRUE, since=(1, 104, 0)),
}
"""By what follows `tailscale.com/`. The first of the values is the one that is meant. `proxy-class` is a label as well,
which older versions read alone and which goes first."""

OWN_KEYS = frozenset(
    {
        *("finalizer", "ingress-pg-finalizer", "service-pg-finalizer", "kube-apiserver-finalizer"),
        "acme-account-protection",
        *("parent-resource", "parent-resource-ns", "parent-resource-type", "peer-relay-replica"),
        *("operator-last-set-cluster-ip", "operator-last-set-cluster-dns-name"),
        *("operator-last-set-ts-tailnet-target-ip", "operator-last-set-ts-tailnet-target-fqdn"),
        *("owner-references", "egress-services", "svc-type", "domain", "metrics-target", "managed", "secret-type"),
        *("ts-ingress", "magic-dnsname", "dns-records-reconciler"),
    }
)
"""Labels, annotations, finalizers and a controller's name that the operator writes, and nobody else."""
