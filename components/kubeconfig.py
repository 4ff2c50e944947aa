"""The kubeconfig for a cluster's API-server proxy, as `tailscale configure kubeconfig` would write it."""

from __future__ import annotations

import yaml

from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import Operator


def kubeconfig(operator: Operator) -> str | None:
    """A kubeconfig in YAML, or None where the proxy is off. The server's certificate is a public one, so no CA is named.

    In auth mode the proxy knows who calls and throws the token away, but without one kubectl asks for a password
    (`cmd/tailscale/cli/configure-kube.go` of tailscale.com v1.102.3). In noauth mode the cluster itself authenticates:
    the user is left empty, for a token, a client certificate or an exec plugin of one's own.
    """
    match operator.api_server_proxy:
        case ApiServerProxyMode.OFF:
            return None
        case ApiServerProxyMode.AUTH:
            user, credentials = "tailscale-auth", {"token": "unused"}
        case ApiServerProxyMode.NOAUTH:
            user, credentials = operator.fqdn, dict[str, str]()
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": operator.fqdn, "cluster": {"server": f"https://{operator.fqdn}"}}],
            "contexts": [{"name": operator.fqdn, "context": {"cluster": operator.fqdn, "user": user}}],
            "current-context": operator.fqdn,
            "users": [{"name": user, "user": credentials}],
        },
        sort_keys=False,
    )
