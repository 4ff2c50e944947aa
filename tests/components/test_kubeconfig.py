from __future__ import annotations

from components.kubeconfig import kubeconfig
from tailstack.topology.declaration import ApiServerProxyMode
from tests.components.tailnets import operator


def test_auth_mode_is_what_tailscale_configure_kubeconfig_writes() -> None:
    assert kubeconfig(operator("blue", ApiServerProxyMode.AUTH)) == (
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


def test_noauth_mode_leaves_the_user_to_be_filled_in() -> None:
    text = kubeconfig(operator("green", ApiServerProxyMode.NOAUTH))
    assert text is not None
    assert text.endswith("users:\n- name: green-operator.tail1a2b.ts.net\n  user: {}\n")
    assert "token" not in text


def test_without_a_proxy_there_is_no_kubeconfig() -> None:
    assert kubeconfig(operator("blue")) is None
