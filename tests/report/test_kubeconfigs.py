"""Kubeconfigs as plain data."""

from __future__ import annotations

from dataclasses import replace

from tailstack.finding import Place
from tailstack.report.kubeconfigs import kubeconfig_of
from tailstack.rules.api_proxies import ApiServerProxy
from tailstack.topology.declaration import ApiServerProxyMode

AUTH = ApiServerProxy(
    cluster="blue",
    who="operator blue",
    mode=ApiServerProxyMode.AUTH,
    tags=("tag:k8s-op-blue",),
    names=frozenset({"tag:k8s-op-blue"}),
    fqdn="blue-operator.tail1a2b.ts.net",
    group=None,
    place=Place("stacks/test/tailnet.yaml", 1, 1),
)
NOAUTH = replace(AUTH, cluster="green", mode=ApiServerProxyMode.NOAUTH, fqdn="green-operator.tail1a2b.ts.net")


def test_auth_mode_is_what_tailscale_configure_kubeconfig_writes() -> None:
    assert kubeconfig_of([AUTH], current=AUTH) == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "blue-operator.tail1a2b.ts.net", "cluster": {"server": "https://blue-operator.tail1a2b.ts.net"}}
        ],
        "contexts": [
            {
                "name": "blue-operator.tail1a2b.ts.net",
                "context": {"cluster": "blue-operator.tail1a2b.ts.net", "user": "tailscale-auth"},
            }
        ],
        "current-context": "blue-operator.tail1a2b.ts.net",
        "users": [{"name": "tailscale-auth", "user": {"token": "unused"}}],
    }


def test_noauth_mode_leaves_a_user_of_its_own_to_be_filled_in() -> None:
    found = kubeconfig_of([NOAUTH])
    assert found["users"] == [{"name": NOAUTH.fqdn, "user": {}}]
    assert found["contexts"] == [{"name": NOAUTH.fqdn, "context": {"cluster": NOAUTH.fqdn, "user": NOAUTH.fqdn}}]
    assert "current-context" not in found


def test_one_user_does_for_every_proxy_in_auth_mode() -> None:
    more = replace(AUTH, fqdn="blue-api.tail1a2b.ts.net")
    assert [each["name"] for each in kubeconfig_of([AUTH, more, NOAUTH])["users"]] == ["tailscale-auth", NOAUTH.fqdn]
