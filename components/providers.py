"""The providers: one for the tailnet, one for each cluster. Made at the root of the program, and given to components."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes import KubeClientSettingsArgs
from pulumi_kubernetes import Provider as KubernetesProvider
from pulumi_tailscale import Provider as TailscaleProvider

from components.refusal import RefusedError
from tailstack.topology.tailnet import Cluster

QPS = 1000.0
BURST = 2000
"""Limits of the client to one API server. With the provider's own of 50 and 120, a refresh of 500 objects takes 16 s instead
of 3.4 s (measured on two cores against a local API server)."""

AMBIENT = ""
"""As a kubeconfig: the one that the environment provides (KUBECONFIG, else ~/.kube/config), found by the plugin itself.
Left out, the SDK would put the value of KUBECONFIG into the state, and each machine with another path would show a change."""


def tailscale_provider() -> TailscaleProvider:
    """The provider of the tailnet. Credentials come from the environment (TAILSCALE_API_KEY, or TAILSCALE_OAUTH_CLIENT_ID
    and TAILSCALE_OAUTH_CLIENT_SECRET), which the plugin reads itself, so that none is in the state; or from the stack's
    config (`tailscale:apiKey` …), and then they are secrets in it."""
    config = pulumi.Config("tailscale")
    return TailscaleProvider(
        "tailscale",
        api_key=config.get_secret("apiKey"),
        audience=config.get("audience"),
        base_url=config.get("baseUrl"),
        identity_token=config.get_secret("identityToken"),
        identity_token_environment_variable_name=config.get("identityTokenEnvironmentVariableName"),
        oauth_client_id=config.get("oauthClientId"),
        oauth_client_secret=config.get_secret("oauthClientSecret"),
        scopes=config.get_object("scopes"),
        tailnet=config.get("tailnet"),
    )


def require_kubeconfigs(clusters: Sequence[Cluster], config: pulumi.Config) -> None:
    """Raises RefusedError naming every kubeconfig that clusters name and the config lacks."""
    missing = [
        f"  {cluster.place}: cluster {cluster.name} needs the secret {config.name}:{cluster.kubeconfig_secret}"
        for cluster in clusters
        if cluster.kubeconfig_secret is not None and config.get_secret(cluster.kubeconfig_secret) is None
    ]
    if missing:
        raise RefusedError(
            "Kubeconfigs are missing in the stack's config:\n"
            + "\n".join(missing)
            + f"\nSet each from a file: pulumi config set --secret {config.name}:NAME < KUBECONFIG"
        )


def kubernetes_provider(cluster: Cluster, config: pulumi.Config) -> KubernetesProvider:
    """The provider of a cluster. Raises RefusedError where the config lacks the kubeconfig that the cluster names."""
    require_kubeconfigs([cluster], config)
    kubeconfig = AMBIENT if cluster.kubeconfig_secret is None else config.require_secret(cluster.kubeconfig_secret)
    return KubernetesProvider(
        cluster.name,
        # With it a changed endpoint or certificate is an update of the provider, and never replaces what is in the cluster.
        cluster_identifier=cluster.name,
        context=cluster.context,
        kubeconfig=kubeconfig,
        enable_server_side_apply=True,
        # Without it a rotated Secret is deleted and made again, and an operator that restarts in between has none.
        enable_secret_mutable=True,
        kube_client_settings=KubeClientSettingsArgs(qps=QPS, burst=BURST),
    )
