"""The kubeconfigs that a stack tells: one for each cluster whose API server is reached through the tailnet."""

from __future__ import annotations

from itertools import groupby

import yaml

from tailstack.report.kubeconfigs import kubeconfig_of
from tailstack.rules.api_proxies import api_server_proxies
from tailstack.topology.tailnet import Tailnet


def kubeconfigs(tailnet: Tailnet) -> dict[str, str]:
    """By the cluster's name, a kubeconfig in YAML; none for a cluster without an API-server proxy.

    Where there are several proxies each has a context, and the current one is that of a ProxyGroup, which is highly available.
    """
    found = groupby(api_server_proxies(tailnet), key=lambda proxy: proxy.cluster)
    by_cluster = {name: tuple(proxies) for name, proxies in found}
    return {
        name: yaml.safe_dump(kubeconfig_of(proxies, current=proxies[-1]), sort_keys=False)
        for name, proxies in by_cluster.items()
    }
