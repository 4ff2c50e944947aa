"""What the Kubernetes objects of this project have in common: their metadata, and how Pulumi waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

MANAGED_BY = {"app.kubernetes.io/managed-by": "tailstack"}
"""On every object that the stack creates, so that it can be told from what people made. Never on one that it patches."""

SKIP_AWAIT = "pulumi.com/skipAwait"
WAIT_FOR = "pulumi.com/waitFor"


class Ready(StrEnum):
    """What the operator sets on an object of its once the proxy behind it is there: a value of `pulumi.com/waitFor`.

    Read in the operator's sources, tailscale.com v1.102.3: `cmd/k8s-operator/svc.go` sets the condition, `ingress.go` the
    address. The provider's own waiting would be for endpoints, which an egress never has.
    """

    SERVICE = "condition=TailscaleProxyReady"
    INGRESS = "jsonpath={.status.loadBalancer.ingress[0].hostname}"


def waiting(ready: Ready, *, skip: bool) -> dict[str, str]:
    """The annotation that makes Pulumi wait for `ready`, or not wait at all. Leaving both out would bring the provider's
    built-in waiting back."""
    return {SKIP_AWAIT: "true"} if skip else {WAIT_FOR: str(ready)}


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
