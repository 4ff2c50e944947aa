"""The application capability that API-server proxies read, and what it says: k8s-operator/api-proxy/proxy.go of tailscale."""

from __future__ import annotations

from collections.abc import Iterable

from tailstack.access.evaluate import capability_values
from tailstack.access.hujson import Json
from tailstack.access.policy import Keyed
from tailstack.access.ports import parse_ip_entry

KUBERNETES_CAPABILITY = "tailscale.com/cap/kubernetes"
KUBERNETES_PORT = parse_ip_entry("tcp:443")
"""Where the proxy of an API server listens, so that the capability gives nothing without it."""

MASTERS = "system:masters"
"""The group that no RBAC limits."""


def kubernetes_values(app: Iterable[Keyed]) -> tuple[dict[str, Json], ...]:
    """The values of the capability that are objects, in their order."""
    values = (
        value
        for capability in app
        if capability.key == KUBERNETES_CAPABILITY
        for value in capability_values(capability)
    )
    return tuple(value for value in values if isinstance(value, dict))


def impersonated(value: Json) -> tuple[str, ...]:
    """The groups in one value, `{"impersonate": {"groups": [...]}}`; none where it has another shape."""
    impersonate = value.get("impersonate") if isinstance(value, dict) else None
    groups = impersonate.get("groups") if isinstance(impersonate, dict) else None
    return tuple(group for group in groups if isinstance(group, str)) if isinstance(groups, list) else ()


def impersonated_groups(app: Iterable[Keyed]) -> tuple[str, ...]:
    """The Kubernetes groups that capabilities let somebody act as, each once, in their order."""
    return tuple(dict.fromkeys(group for value in kubernetes_values(app) for group in impersonated(value)))
