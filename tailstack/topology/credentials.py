"""What an operator may ask of Tailscale's API."""

from __future__ import annotations

from tailstack.topology.custom import ProxyGroupKind
from tailstack.topology.tailnet import Cluster

BASE_SCOPES = ("auth_keys", "devices:core")
SERVICES_SCOPE = "services"


def operator_scopes(cluster: Cluster) -> tuple[str, ...]:
    """The scopes of the operator's credentials: what it makes keys and deletes devices with, and no more than it uses.

    Only ingress and kube-apiserver groups are Tailscale Services; those of another tailnet use the credentials of that
    (`cmd/k8s-operator/e2e/setup.go` and `tsclient.go` of tailscale.com v1.102.3).
    """
    has_services = any(
        group.kind is not ProxyGroupKind.EGRESS and group.tailnet is None for group in cluster.custom.proxy_groups
    )
    return (*BASE_SCOPES, SERVICES_SCOPE) if has_services else BASE_SCOPES
