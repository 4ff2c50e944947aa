"""`pulumi up` of stacks/sandbox: each row of the walkthrough, found in the clusters and in the tailnet afterwards.

One stack serves all of these tests; none of them changes it for good.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
import yaml

from tailstack.access import hujson
from tailstack.commands.exit_codes import ExitCode
from tailstack.sandbox.api.client import KeyInfo
from tests.program.conftest import STACK, Bench

PLAYED_BY_THE_OPERATOR = "ts-nginx-remote-x7k2p.tailscale.svc.cluster.local"


def service(bench: Bench, cluster: str, name: str) -> Mapping[str, Any]:
    return bench.live(cluster, "v1", "Service", f"default/{name}")


@pytest.fixture(scope="module")
def policy(applied: Bench) -> Mapping[str, Any]:
    document = hujson.parse(applied.api.get_policy().text)
    return cast("Mapping[str, Any]", hujson.to_python(document.root))


def oauth_clients(bench: Bench) -> list[KeyInfo]:
    credentials = bench.api.keys()
    return [credential for credential in credentials if credential.kind == "client"]


def role_bindings(bench: Bench, cluster: str) -> list[Any]:
    labels = "app.kubernetes.io/managed-by=tailstack"
    return bench.cluster(cluster).labelled("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", labels)


def grants(policy: Mapping[str, Any], source: str, destination: str) -> list[Mapping[str, Any]]:
    return [g for g in policy["grants"] if source in g["src"] and destination in g["dst"]]


def operator_values(bench: Bench, cluster: str) -> list[str]:
    """The operator's arguments and environment, as the chart rendered them from the values of the release."""
    deployment = bench.live(cluster, "apps/v1", "Deployment", "tailscale/operator")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return [f"{entry['name']}={entry.get('value', '')}" for entry in container["env"]]


def test_row_1_the_policy_has_both_tag_owners(policy: Mapping[str, Any]) -> None:
    assert policy["tagOwners"]["tag:k8s-operator"] == []
    assert policy["tagOwners"]["tag:k8s"] == ["tag:k8s-operator"]


def test_row_2_admins_reach_operators_and_proxies_on_every_port(policy: Mapping[str, Any]) -> None:
    (grant,) = grants(policy, "autogroup:admin", "tag:k8s-operator")
    assert set(grant["dst"]) == {"tag:k8s-operator", "tag:k8s"}
    assert grant["ip"] == ["*"]


def test_row_3_the_link_is_granted_on_its_port_alone(policy: Mapping[str, Any]) -> None:
    (grant,) = grants(policy, "tag:k8s", "tag:k8s")
    assert grant["ip"] == ["tcp:80"]


def test_row_4_each_cluster_has_an_oauth_client_with_exact_scopes(applied: Bench) -> None:
    clients = {client.description: client for client in oauth_clients(applied)}
    assert set(clients) == {"tailstack sandbox blue", "tailstack sandbox green"}
    for client in clients.values():
        assert set(client.scopes) == {"auth_keys", "devices:core"}
        assert client.tags == ("tag:k8s-operator",)


@pytest.mark.parametrize("cluster", ["blue", "green"])
def test_row_5_the_operator_is_installed_with_credentials_of_its_own(applied: Bench, cluster: str) -> None:
    clients = {client.description: client.id for client in oauth_clients(applied)}
    client_id = clients[f"tailstack sandbox {cluster}"]
    secret = applied.live(cluster, "v1", "Secret", "tailscale/operator-oauth")
    assert base64.b64decode(secret["data"]["client_id"]).decode() == client_id
    assert base64.b64decode(secret["data"]["client_secret"]).decode().startswith("tskey-client-")
    deployment = applied.live(cluster, "apps/v1", "Deployment", "tailscale/operator")
    assert client_id in deployment["spec"]["template"]["metadata"]["annotations"].values()
    namespace = applied.live(cluster, "v1", "Namespace", "tailscale")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"


def test_row_6_the_operators_have_distinct_names(applied: Bench) -> None:
    assert "OPERATOR_HOSTNAME=tailscale-operator" in operator_values(applied, "blue")
    assert "OPERATOR_HOSTNAME=tailscale-operator-green" in operator_values(applied, "green")


def test_row_7_a_service_that_the_stack_creates_is_exposed(applied: Bench) -> None:
    nginx = service(applied, "blue", "nginx-service")
    annotations = nginx["metadata"]["annotations"]
    assert annotations["tailscale.com/expose"] == "true"
    assert annotations["tailscale.com/tags"] == "tag:k8s"
    assert annotations["tailscale.com/hostname"] == "default-nginx-service"
    assert nginx["spec"]["selector"] == {"app.kubernetes.io/name": "proxy"}
    assert [port["port"] for port in nginx["spec"]["ports"]] == [80]


def test_row_7_a_service_that_exists_is_only_annotated(applied: Bench) -> None:
    metrics = service(applied, "blue", "metrics")
    assert metrics["metadata"]["annotations"]["tailscale.com/expose"] == "true"
    assert [port["port"] for port in metrics["spec"]["ports"]] == [9090], "what others own is as it was"


def test_row_8_the_ingress_has_its_name_and_the_tailnet_its_certificates(applied: Bench) -> None:
    ingress = applied.live("blue", "networking.k8s.io/v1", "Ingress", "default/nginx-web")
    assert ingress["spec"]["ingressClassName"] == "tailscale"
    assert ingress["spec"]["defaultBackend"]["service"] == {"name": "nginx-service", "port": {"number": 80}}
    assert ingress["spec"]["tls"] == [{"hosts": ["nginx"]}]
    assert "tailscale.com/funnel" not in ingress["metadata"]["annotations"]
    assert applied.api.dns().magic_dns
    assert applied.api.settings()["httpsEnabled"]


def test_row_8_funnel_comes_with_its_node_attribute_and_for_one_tag_alone(
    applied: Bench, policy: Mapping[str, Any]
) -> None:
    ingress = applied.live("blue", "networking.k8s.io/v1", "Ingress", "default/status-page")
    assert ingress["metadata"]["annotations"]["tailscale.com/funnel"] == "true"
    assert ingress["metadata"]["annotations"]["tailscale.com/tags"] == "tag:k8s-blue--status-page"
    assert policy["nodeAttrs"] == [{"target": ["tag:k8s-blue--status-page"], "attr": ["funnel"]}]


def test_row_9_the_egress_names_the_exposure_in_the_other_cluster(applied: Bench) -> None:
    remote = service(applied, "green", "nginx-remote")
    assert remote["spec"]["type"] == "ExternalName"
    annotations = remote["metadata"]["annotations"]
    assert annotations["tailscale.com/tailnet-fqdn"] == "default-nginx-service.tail1a2b.ts.net"
    assert annotations["tailscale.com/tags"] == "tag:k8s"


def test_row_11_admins_administer_blue_from_a_current_mac_and_can_reach_it(policy: Mapping[str, Any]) -> None:
    (grant,) = [g for g in grants(policy, "group:admin", "tag:k8s-operator") if "app" in g]
    assert grant["srcPosture"] == ["posture:latestMac"]
    assert grant["ip"] == ["tcp:443"]
    assert grant["app"]["tailscale.com/cap/kubernetes"] == [{"impersonate": {"groups": ["system:masters"]}}]
    assert policy["postures"]["posture:latestMac"] == [
        "node:os IN ['macos']",
        "node:tsReleaseTrack == 'stable'",
        "node:tsVersion >= '1.60'",
    ]


def test_rows_12_and_15_kubeconfigs_for_auth_and_noauth_are_outputs(applied: Bench) -> None:
    shown = applied.pulumi().plain("stack", "output", "--json", "--stack", STACK)
    assert json.loads(shown.stdout)["kubeconfigs"] == {"blue": "[secret]", "green": "[secret]"}
    open_ = applied.pulumi().plain("stack", "output", "--json", "--show-secrets", "--stack", STACK)
    configs = {name: yaml.safe_load(text) for name, text in json.loads(open_.stdout)["kubeconfigs"].items()}
    servers = {name: config["clusters"][0]["cluster"]["server"] for name, config in configs.items()}
    assert servers == {
        "blue": "https://tailscale-operator.tail1a2b.ts.net",
        "green": "https://tailscale-operator-green.tail1a2b.ts.net",
    }
    assert configs["blue"]["users"][0]["user"] == {"token": "unused"}
    assert configs["green"]["users"][0]["user"] == {}, "in noauth mode people bring their own credentials"


def test_row_13_the_larger_group_has_the_view_role_where_the_proxy_impersonates(
    applied: Bench, policy: Mapping[str, Any]
) -> None:
    bound = [
        (binding["roleRef"]["name"], subject["name"])
        for binding in role_bindings(applied, "blue")
        for subject in binding["subjects"]
    ]
    assert bound == [("view", "tailnet-readers")]
    (grant,) = [g for g in grants(policy, "group:developers", "tag:k8s-operator") if "app" in g]
    assert grant["app"]["tailscale.com/cap/kubernetes"] == [{"impersonate": {"groups": ["tailnet-readers"]}}]


def test_row_14_the_admin_on_call_is_one_person(policy: Mapping[str, Any]) -> None:
    assert len(policy["groups"]["group:admin"]) == 1


def test_row_15_the_proxy_of_green_only_carries(applied: Bench) -> None:
    assert "APISERVER_PROXY=noauth" in operator_values(applied, "green")
    assert "APISERVER_PROXY=true" in operator_values(applied, "blue")


def test_the_policy_tests_hold_the_link(policy: Mapping[str, Any]) -> None:
    accepted = {(test["src"], target) for test in policy["tests"] for target in test.get("accept", [])}
    assert ("tag:k8s", "tag:k8s:80") in accepted


def test_a_second_up_changes_nothing(applied: Bench) -> None:
    outcome = applied.pulumi().preview(STACK, "--expect-no-changes")
    assert outcome.succeeded, outcome.explain()
    assert set(outcome.log.changes) == {"same"}


def test_what_the_operator_does_to_its_objects_is_no_drift(applied: Bench) -> None:
    play_the_operator(applied)
    preview = applied.pulumi().preview(STACK, "--expect-no-changes")
    assert preview.succeeded, preview.explain()
    refresh = applied.pulumi().preview_refresh(STACK, "--expect-no-changes")
    assert refresh.succeeded, [(s.name, s.changed) for s in refresh.log.steps if s.op != "same"]
    again = applied.up("--refresh")
    assert again.succeeded, again.explain()
    assert service(applied, "green", "nginx-remote")["spec"]["externalName"] == PLAYED_BY_THE_OPERATOR


def test_nothing_is_drift_where_nothing_was_changed(applied: Bench) -> None:
    """What is told where something was, test_drift.py tries."""
    ended = applied.tailstack("drift", STACK)
    assert ended.returncode == ExitCode.CLEAN, ended.stderr
    assert ended.stdout == "No drift: everything in sandbox is as the stack left it.\n"


def play_the_operator(bench: Bench) -> None:
    """Do to the objects what the operator does: finalizers, conditions, addresses, and the rewritten externalName."""
    condition = {
        "type": "TailscaleProxyReady",
        "status": "True",
        "reason": "ProxyCreated",
        "message": "",
        "lastTransitionTime": "2026-01-05T09:00:00Z",
    }
    for cluster, name in (("blue", "nginx-service"), ("blue", "metrics"), ("green", "nginx-remote")):
        client = bench.cluster(cluster)
        path = client.locate("v1", "Service", namespace="default", name=name).path
        client.patch(path, [{"op": "add", "path": "/metadata/finalizers", "value": ["tailscale.com/finalizer"]}])
        client.patch(f"{path}/status", [{"op": "add", "path": "/status/conditions", "value": [condition]}])
    green = bench.cluster("green")
    path = green.locate("v1", "Service", namespace="default", name="nginx-remote").path
    green.patch(path, [{"op": "replace", "path": "/spec/externalName", "value": PLAYED_BY_THE_OPERATOR}])
    blue = bench.cluster("blue")
    path = blue.locate("networking.k8s.io/v1", "Ingress", namespace="default", name="nginx-web").path
    blue.patch(path, [{"op": "add", "path": "/metadata/finalizers", "value": ["tailscale.com/finalizer"]}])
    address = {"ingress": [{"hostname": "nginx.tail1a2b.ts.net", "ports": [{"port": 443, "protocol": "TCP"}]}]}
    blue.patch(f"{path}/status", [{"op": "add", "path": "/status/loadBalancer", "value": address}])


def remove_the_finalizers(bench: Bench) -> None:
    """As the operator does once an object is being deleted; here nobody else would."""
    objects = [
        ("blue", "v1", "Service", "nginx-service"),
        ("blue", "v1", "Service", "metrics"),
        ("green", "v1", "Service", "nginx-remote"),
        ("blue", "networking.k8s.io/v1", "Ingress", "nginx-web"),
    ]
    for cluster, api_version, kind, name in objects:
        client = bench.cluster(cluster)
        path = client.locate(api_version, kind, namespace="default", name=name).path
        if (client.get(path) or {}).get("metadata", {}).get("finalizers"):
            client.patch(path, [{"op": "remove", "path": "/metadata/finalizers"}])


def test_destroy_leaves_nothing_in_the_clusters_and_no_credential(applied: Bench) -> None:
    remove_the_finalizers(applied)
    try:
        outcome = applied.pulumi().destroy(STACK)
        assert outcome.succeeded, outcome.explain()
        for cluster in ("blue", "green"):
            client = applied.cluster(cluster)
            for api_version, kind, namespace, name in (
                ("v1", "Service", "default", "nginx-service"),
                ("v1", "Service", "default", "nginx-remote"),
                ("networking.k8s.io/v1", "Ingress", "default", "nginx-web"),
                ("v1", "Namespace", "", "tailscale"),
            ):
                assert client.one(api_version, kind, namespace, name) is None
            assert role_bindings(applied, cluster) == []
        metrics = service(applied, "blue", "metrics")
        assert not [key for key in metrics["metadata"].get("annotations", {}) if key.startswith("tailscale.com/")]
        assert oauth_clients(applied) == []
        assert "tag:k8s" not in applied.api.get_policy().text, "the sandbox puts the policy back to the default"
    finally:
        again = applied.up()
    assert again.succeeded, again.explain()
