"""The kubeconfig for the API servers of an environment, as `tailscale configure kubeconfig` would write it.

Read in `cmd/tailscale/cli/configure-kube.go` of tailscale.com v1.104.5: cluster and context are called as the node or the
Tailscale Service that serves the API, and one user `tailscale-auth` does for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tailstack.rules.api_proxies import ApiServerProxy

AUTH_USER = "tailscale-auth"

Kubeconfig = dict[str, Any]
"""Plain data, as YAML or JSON would hold it."""


def kubeconfig_of(proxies: Sequence[ApiServerProxy], *, current: ApiServerProxy | None = None) -> Kubeconfig:
    """A kubeconfig with a context for each of these proxies; `current` is the context that kubectl uses unasked.

    In auth mode the proxy knows who calls and throws the token away, but without one kubectl asks for a password. In
    noauth mode the user is left empty, for a token, a client certificate or an exec plugin of one's own.
    """
    written: Kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster_entry(proxy) for proxy in proxies],
        "contexts": [context_entry(proxy) for proxy in proxies],
    }
    if current is not None:
        written["current-context"] = current.fqdn
    return {**written, "users": list({user_of(proxy): user_entry(proxy) for proxy in proxies}.values())}


def server_of(proxy: ApiServerProxy) -> str:
    """Where the API is served. The certificate is a public one, so that no CA is named beside it."""
    return f"https://{proxy.fqdn}"


def user_of(proxy: ApiServerProxy) -> str:
    """The name of the user: in noauth mode one of its own, for what the cluster itself asks for."""
    return AUTH_USER if proxy.impersonates else proxy.fqdn


def cluster_entry(proxy: ApiServerProxy) -> Kubeconfig:
    """The entry below `clusters`."""
    return {"name": proxy.fqdn, "cluster": {"server": server_of(proxy)}}


def context_entry(proxy: ApiServerProxy) -> Kubeconfig:
    """The entry below `contexts`."""
    return {"name": proxy.fqdn, "context": {"cluster": proxy.fqdn, "user": user_of(proxy)}}


def user_entry(proxy: ApiServerProxy) -> Kubeconfig:
    """The entry below `users`."""
    return {"name": user_of(proxy), "user": {"token": "unused"} if proxy.impersonates else {}}
