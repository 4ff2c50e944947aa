"""What the Kubernetes objects of this project have in common: their metadata, and how Pulumi waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

MANAGED_BY = {"app.kubernetes.io/managed-by": "tailstack"}
"""On every object that the stack creates, so that it can be told from what people made. Never on one that it patches."""

PROXY_CLASS_LABEL = "tailscale.com/proxy-class"
"""Names the proxy class of an object's proxy. Newer operators take an annotation of that name too."""

SKIP_AWAIT = "pulumi.com/skipAwait"
WAIT_FOR = "pulumi.com/waitFor"

OPERATOR_FIRST = {"pulumi.com/deletionPropagationPolicy": "background"}
"""On custom resources: what belongs to one goes after it, and not before, as Pulumi would have it.

The Secrets with the state of a group's or a recorder's nodes belong to it, and the operator, which holds it by a finalizer,
reads in them which devices to take out of the tailnet (`maybeCleanup` in proxygroup.go and tsrecorder.go of
`cmd/k8s-operator`, tailscale.com v1.104.5). Deleted in the foreground, they may be gone before it has looked.
"""


class Ready(StrEnum):
    """What the operator sets on an object of its once the proxies behind it are there: a value of `pulumi.com/waitFor`.

    Read in the operator's sources, tailscale.com v1.100.0 to v1.104.5: in `cmd/k8s-operator` svc.go sets the condition of a
    Service, svc-for-pg.go and egress-services-readiness.go those of proxy groups, ingress.go and ingress-for-pg.go the
    address; api-server-proxy-pg.go that of a kube-apiserver group; the types of custom resources are in
    `k8s-operator/apis/v1alpha1`. The provider's own waiting would be for endpoints, which an egress never has.
    """

    SERVICE = "condition=TailscaleProxyReady"
    SERVICE_OF_GROUP = "condition=TailscaleIngressSvcConfigured"
    EGRESS_OF_GROUP = "condition=TailscaleEgressSvcReady"
    INGRESS = "jsonpath={.status.loadBalancer.ingress[0].hostname}"
    PROXY_GROUP = "condition=ProxyGroupReady"
    API_SERVER_GROUP = "condition=KubeAPIServerProxyConfigured"
    CONNECTOR = "condition=ConnectorReady"
    RECORDER = "condition=RecorderReady"
    PEER_RELAY = "condition=PeerRelayReady"
    PROXY_CLASS = "condition=ProxyClassReady"
    NAMESERVER = "condition=NameserverReady"
    TAILNET = "condition=TailnetReady"


def waiting(ready: Ready, *, skip: bool) -> dict[str, str]:
    """The annotation that makes Pulumi wait for `ready`, or not wait at all. Leaving both out would bring the provider's
    built-in waiting back."""
    return {SKIP_AWAIT: "true"} if skip else {WAIT_FOR: str(ready)}


def class_label(proxy_class: str | None) -> dict[str, str]:
    """The label that names a proxy class, where there is one."""
    return {} if proxy_class is None else {PROXY_CLASS_LABEL: proxy_class}


def metadata(
    name: str,
    namespace: str | None = None,
    *,
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> ObjectMetaArgs:
    """Metadata of an object that the stack creates."""
    return ObjectMetaArgs(
        name=name,
        namespace=namespace,
        annotations=dict(annotations) if annotations else None,
        labels=MANAGED_BY | dict(labels or {}),
    )
