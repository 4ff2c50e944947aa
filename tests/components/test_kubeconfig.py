from __future__ import annotations

from dataclasses import replace

import yaml

from components.kubeconfig import kubeconfigs
from tailstack.topology.custom import CustomResources, ProxyGroup, ProxyGroupKind
from tailstack.topology.declaration import ApiServerProxyMode
from tests.components.tailnets import BLUE, DOMAIN, GREEN, HERE, cluster, tailnet

HIGHLY_AVAILABLE = ProxyGroup(
    cluster="blue",
    name="api",
    kind=ProxyGroupKind.KUBE_API_SERVER,
    replicas=2,
    hostname_prefix="api",
    tags=("tag:k8s-blue--api",),
    api_server_mode=ApiServerProxyMode.NOAUTH,
    hostname="blue-api",
    place=HERE,
)


def test_there_is_one_for_each_cluster_with_a_proxy() -> None:
    found = kubeconfigs(tailnet(BLUE, GREEN, cluster("grey")))
    assert list(found) == ["blue", "green"]
    assert found["blue"] == (
        "apiVersion: v1\n"
        "kind: Config\n"
        "clusters:\n"
        "- name: blue-operator.tail1a2b.ts.net\n"
        "  cluster:\n"
        "    server: https://blue-operator.tail1a2b.ts.net\n"
        "contexts:\n"
        "- name: blue-operator.tail1a2b.ts.net\n"
        "  context:\n"
        "    cluster: blue-operator.tail1a2b.ts.net\n"
        "    user: tailscale-auth\n"
        "current-context: blue-operator.tail1a2b.ts.net\n"
        "users:\n"
        "- name: tailscale-auth\n"
        "  user:\n"
        "    token: unused\n"
    )
    assert found["green"].endswith("users:\n- name: green-operator.tail1a2b.ts.net\n  user: {}\n")


def test_a_proxy_group_is_preferred_to_the_operator() -> None:
    blue = replace(BLUE, custom=CustomResources(proxy_groups=(HIGHLY_AVAILABLE,)))
    found = yaml.safe_load(kubeconfigs(tailnet(blue))["blue"])
    assert found["current-context"] == f"blue-api.{DOMAIN}"
    assert [each["name"] for each in found["contexts"]] == [BLUE.operator.fqdn, f"blue-api.{DOMAIN}"]
    assert [each["cluster"]["server"] for each in found["clusters"]][1] == f"https://blue-api.{DOMAIN}"
    assert [each["name"] for each in found["users"]] == ["tailscale-auth", f"blue-api.{DOMAIN}"]
