"""What an operator may ask of Tailscale's API, and what its credentials are called."""

from __future__ import annotations

import re

from tailstack.topology.custom import ProxyGroupKind
from tailstack.topology.tailnet import Cluster

BASE_SCOPES = ("auth_keys", "devices:core")
SERVICES_SCOPE = "services"

_LONGEST_DESCRIPTION = 50


def operator_scopes(cluster: Cluster) -> tuple[str, ...]:
    """The scopes of the operator's credentials: what it makes keys and deletes devices with, and no more than it uses.

    Only ingress and kube-apiserver groups are Tailscale Services; those of another tailnet use the credentials of that
    (`cmd/k8s-operator/e2e/setup.go` and `tsclient.go` of tailscale.com v1.102.3).
    """
    has_services = any(
        group.kind is not ProxyGroupKind.EGRESS and group.tailnet is None for group in cluster.custom.proxy_groups
    )
    return (*BASE_SCOPES, SERVICES_SCOPE) if has_services else BASE_SCOPES


def credential_prefix(environment: str) -> str:
    """What the descriptions of all credentials of an environment begin with."""
    return _described(f"tailstack {environment} ")


def credential_description(environment: str, cluster: str) -> str:
    """What the admin console shows beside the credentials of an operator."""
    return _described(credential_prefix(environment) + cluster).rstrip()


def _described(text: str) -> str:
    """Letters, digits, spaces and hyphens, at most 50 of them, as the API demands."""
    return re.sub(r"[^A-Za-z0-9 -]", "-", text)[:_LONGEST_DESCRIPTION]
