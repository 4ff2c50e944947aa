"""`pulumi up` of examples/whole, the environment that says everything that the language can: one stack for all of its tests.

What the operator would make of the objects is not here: nothing runs in the sandbox's clusters. The objects are judged by
the API servers with the operator's own CRDs, the policy file by the stand-in of Tailscale's API, which runs its tests.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from tailstack.access import hujson
from tailstack.sandbox.lifecycle import running_sandbox
from tests.program.conftest import PROJECT, Bench, copy_project
from tests.warm import start_warm

WHOLE = "whole"
SECRETS = {
    "webhookUrl": "https://hooks.example.com/services/T0/B0/not-to-be-seen",
    "splunkToken": "splunk-token-not-to-be-seen",
    "kolideSecret": "kolide-secret-not-to-be-seen",
}
CUSTOM = "tailscale.com/v1alpha1"


def namespace(name: str) -> Mapping[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service(name: str, port: int) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "pay"},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }


def deploy_what_exists(bench: Bench) -> None:
    """The namespaces, and the Services that the stack annotates and does not own."""
    for cluster in ("blue", "green"):
        client = bench.cluster(cluster)
        for manifest in (namespace("shop"), namespace("pay"), service("payments", 8080), service("queue", 5672)):
            metadata = manifest["metadata"]
            place = client.locate(
                manifest["apiVersion"],
                manifest["kind"],
                namespace=metadata.get("namespace", ""),
                name=metadata["name"],
            )
            client.apply(place.path, dict(manifest), manager="kubectl", force=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Generator[Bench]:
    """The stack, up."""
    folder = tmp_path_factory.mktemp("whole")
    with running_sandbox(folder / "sandbox") as sandbox:
        start_warm(Path(sandbox.environment()["PULUMI_HOME"]), python)
        bench = Bench(sandbox=sandbox, project=copy_project(folder / "project", python))
        deploy_what_exists(bench)
        stacks = bench.project / "stacks"
        shutil.copytree(PROJECT / "examples" / WHOLE, stacks / WHOLE)
        shutil.copy(stacks / "Pulumi.sandbox.yaml", stacks / f"Pulumi.{WHOLE}.yaml")
        run(bench, "stack", "init", WHOLE)
        for name, value in SECRETS.items():
            run(bench, "config", "set", "--secret", f"tailstack:{name}", value, "--stack", WHOLE)
        outcome = bench.pulumi().up(WHOLE)
        assert outcome.succeeded, outcome.explain()
        yield bench


def run(bench: Bench, *arguments: str) -> str:
    result = bench.pulumi().plain(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def policy(whole: Bench) -> Mapping[str, Any]:
    document = hujson.parse(whole.api.get_policy().text)
    return cast("Mapping[str, Any]", hujson.to_python(document.root))


def told(bench: Bench, cluster: str, kind: str, name: str) -> Mapping[str, str]:
    """What the operator is told in annotations, without their prefix."""
    api_version = "networking.k8s.io/v1" if kind == "Ingress" else "v1"
    found = bench.live(cluster, api_version, kind, name)["metadata"].get("annotations", {})
    return {key.removeprefix("tailscale.com/"): value for key, value in found.items() if "tailscale.com/" in key}


def test_a_second_up_changes_nothing(whole: Bench) -> None:
    outcome = whole.pulumi().preview(WHOLE, "--expect-no-changes")
    assert outcome.succeeded, outcome.explain()
    refreshed = whole.pulumi().preview_refresh(WHOLE, "--expect-no-changes")
    assert refreshed.succeeded, [(s.name, s.changed) for s in refreshed.log.steps if s.op != "same"]


def test_the_chart_takes_every_value(whole: Bench) -> None:
    deployment = whole.live("blue", "apps/v1", "Deployment", "tailscale/operator")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    assert container["image"] == "mirror.example.com/tailscale/k8s-operator:v1.102.3"
    assert container["resources"] == {"requests": {"memory": "128Mi"}}
    assert pod["imagePullSecrets"] == [{"name": "mirror"}]
    assert environment["OPERATOR_LOGIN_SERVER"] == "https://controlplane.tailscale.com"
    assert environment["PROXY_IMAGE"].startswith("mirror.example.com/tailscale/tailscale:")
    assert environment["PROXY_DEFAULT_CLASS"] == "standard"
    assert environment["PROXY_FIREWALL_MODE"] == "nftables"
    assert environment["K8S_PROXY_IMAGE"] == "mirror.example.com/tailscale/k8s-proxy:v1.102.3"
    assert environment["OPERATOR_INGRESS_CLASS_NAME"] == "tailscale"


def test_an_operator_with_a_federated_identity_keeps_no_secret(whole: Bench) -> None:
    assert whole.cluster("green").one("v1", "Secret", "tailscale", "operator-oauth") is None
    credentials = whole.api.keys()
    (identity,) = [key for key in credentials if key.kind == "federated"]
    assert identity.tags == ("tag:k8s-op-green",)
    assert set(identity.scopes) == {"auth_keys", "devices:core", "services"}
    deployment = whole.live("green", "apps/v1", "Deployment", "tailscale/operator")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {"name": "CLIENT_ID", "value": identity.id} in container["env"]


@pytest.mark.parametrize(
    ("cluster", "kind", "name", "spec"),
    [
        ("blue", "ProxyGroup", "in", {"type": "ingress", "tags": ["tag:k8s-blue--in"], "hostnamePrefix": "blue-in"}),
        ("blue", "ProxyGroup", "out", {"type": "egress", "replicas": 3, "proxyClass": "routed"}),
        (
            "blue",
            "ProxyGroup",
            "api",
            {"type": "kube-apiserver", "kubeAPIServer": {"mode": "auth", "hostname": "blue-api"}},
        ),
        ("blue", "Connector", "exit", {"exitNode": True, "hostname": "blue-exit", "tags": ["tag:k8s-blue--exit"]}),
        ("blue", "Connector", "saas", {"appConnector": {"routes": ["203.0.113.0/24"]}, "replicas": 2}),
        (
            "blue",
            "Connector",
            "pods",
            {"subnetRouter": {"advertiseRoutes": ["fd7a:115c:a1e0:b1a:0:1:a2a:0/112"]}, "hostname": "blue-pods"},
        ),
        ("green", "Connector", "pods", {"subnetRouter": {"advertiseRoutes": ["fd7a:115c:a1e0:b1a:0:2:a2a:0/112"]}}),
        ("blue", "Recorder", "audit", {"enableUI": True, "tags": ["tag:k8s-blue--audit"]}),
        ("blue", "PeerRelay", "relay", {"replicas": 1, "tags": ["tag:k8s-blue--relay"]}),
        ("blue", "ProxyClass", "routed", {"tailscale": {"acceptRoutes": True}}),
        ("blue", "ProxyClass", "standard", {"metrics": {"enable": True}}),
    ],
)
def test_a_custom_resource_is_as_it_is_declared(
    whole: Bench, cluster: str, kind: str, name: str, spec: Mapping[str, Any]
) -> None:
    found = whole.live(cluster, CUSTOM, kind, name)["spec"]
    assert {key: found.get(key) for key in spec} == spec


def test_a_namespace_may_use_only_the_groups_that_its_policy_names(whole: Bench) -> None:
    assert whole.live("blue", CUSTOM, "ProxyGroupPolicy", "shop/shop")["spec"] == {"ingress": ["in"], "egress": ["out"]}


def test_only_one_namespace_reaches_the_egress_group(whole: Bench) -> None:
    policies = whole.cluster("blue").labelled(
        "networking.k8s.io/v1", "NetworkPolicy", "tailscale", "app.kubernetes.io/managed-by=tailstack"
    )
    (found,) = policies
    sources = {
        (rule["ports"][0]["port"], source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"])
        for rule in found["spec"]["ingress"]
        for source in rule.get("from", ())
        if "namespaceSelector" in source
    }
    assert sources == {(10000, "shop")}


def test_exposures_in_each_form(whole: Bench) -> None:
    balanced = whole.live("blue", "v1", "Service", "shop/balanced")
    assert balanced["spec"]["type"] == "LoadBalancer"
    assert balanced["spec"]["loadBalancerClass"] == "tailscale"
    assert balanced["metadata"]["labels"]["tailscale.com/proxy-class"] == "standard"
    outside = whole.live("blue", "v1", "Service", "shop/outside")
    assert outside["spec"]["externalName"] == "legacy.example.com"
    assert told(whole, "blue", "Service", "shop/outside")["expose"] == "true"
    assert told(whole, "blue", "Service", "shop/ha")["proxy-group"] == "in"


def test_ingresses_in_each_form(whole: Bench) -> None:
    web = whole.live("blue", "networking.k8s.io/v1", "Ingress", "shop/web")
    ((path,),) = [rule["http"]["paths"] for rule in web["spec"]["rules"]]
    assert (path["path"], path["pathType"]) == ("/api", "Prefix")
    assert path["backend"]["service"] == {"name": "api", "port": {"number": 8080}}
    assert told(whole, "blue", "Ingress", "shop/web")["http-redirect"] == "true"
    assert told(whole, "blue", "Ingress", "shop/public")["funnel"] == "true"
    shop = told(whole, "blue", "Ingress", "shop/shop")
    assert (shop["proxy-group"], shop["http-endpoint"]) == ("in", "enabled")


def test_a_tailscale_service_is_the_same_in_every_cluster(whole: Bench, policy: Mapping[str, Any]) -> None:
    queues = [told(whole, cluster, "Service", "pay/queue") for cluster in ("blue", "green")]
    assert queues[0] == queues[1]
    assert queues[0]["proxy-group"] == "in"
    assert queues[0]["hostname"] == "queue"
    payments = [told(whole, cluster, "Ingress", "pay/payments") for cluster in ("blue", "green")]
    assert payments[0] == payments[1]
    approvers = policy["autoApprovers"]["services"]
    assert set(approvers["svc:payments"]) == {"tag:k8s-blue--in", "tag:k8s-green--in"}
    assert set(approvers["svc:ledger"]) == {"tag:db"}


def test_a_service_of_machines_is_made_by_the_stack(whole: Bench) -> None:
    state = json.loads(run(whole, "stack", "export", "--stack", WHOLE))
    (ledger,) = [r for r in state["deployment"]["resources"] if r["type"] == "tailscale:index/service:Service"]
    assert ledger["inputs"]["name"] == "svc:ledger"
    assert ledger["inputs"]["ports"] == ["tcp:5432"]


def test_egress_in_each_form(whole: Bench) -> None:
    assert told(whole, "green", "Service", "shop/payments")["tailnet-fqdn"] == "payments.tail1a2b.ts.net"
    database = whole.live("blue", "v1", "Service", "shop/database")
    assert database["spec"]["type"] == "ExternalName"
    assert [port["port"] for port in database["spec"]["ports"]] == [5432]
    assert told(whole, "blue", "Service", "shop/database")["proxy-group"] == "out"
    assert told(whole, "green", "Service", "shop/legacy-db")["tailnet-ip"] == "fd7a:115c:a1e0:b1a:0:1:a2a:304"
    assert told(whole, "green", "Service", "shop/partner")["tailnet-ip"] == "203.0.113.7"


def test_a_proxy_that_must_accept_routes_has_a_class_that_does(whole: Bench) -> None:
    for name in ("payments", "ledger", "legacy-db", "partner"):
        labels = whole.live("green", "v1", "Service", f"shop/{name}")["metadata"]["labels"]
        made = whole.live("green", CUSTOM, "ProxyClass", labels["tailscale.com/proxy-class"])
        assert made["spec"]["tailscale"]["acceptRoutes"] is True
    labels = whole.live("green", "v1", "Service", "shop/nginx")["metadata"]["labels"]
    assert "tailscale.com/proxy-class" not in labels


def test_the_tailnet_is_set_up(whole: Bench) -> None:
    settings = whole.api.settings()
    assert settings["devicesApprovalOn"]
    assert settings["aclsExternalLink"] == "https://git.example.com/platform/tailnet"
    assert whole.api.dns().magic_dns
    outputs = json.loads(run(whole, "stack", "output", "--json", "--show-secrets", "--stack", WHOLE))
    assert outputs["tailnetKeys"]["ci"].startswith("tskey-auth-")


def test_the_policy_says_what_leads_where(policy: Mapping[str, Any]) -> None:
    routes = policy["autoApprovers"]["routes"]
    assert routes["10.20.0.0/16"] == ["tag:bastion"]
    assert routes["fd7a:115c:a1e0:b1a:0:1:a2a:0/112"] == ["tag:k8s-blue--pods"]
    assert policy["autoApprovers"]["exitNode"] == ["tag:k8s-blue--exit"]
    (connectors,) = [entry["app"]["tailscale.com/app-connectors"] for entry in policy["nodeAttrs"] if "app" in entry]
    assert connectors[0]["connectors"] == ["tag:k8s-blue--saas"]
    assert connectors[0]["domains"] == ["api.partner.example.com"]
    (ssh,) = policy["ssh"]
    assert ssh["recorder"] == ["tag:k8s-blue--audit"]


def test_no_secret_is_in_clear_text(whole: Bench) -> None:
    state = run(whole, "stack", "export", "--stack", WHOLE)
    for value in SECRETS.values():
        assert value not in state
        assert value not in whole.api.get_policy().text


def test_destroy_leaves_nothing(whole: Bench) -> None:
    outcome = whole.pulumi().destroy(WHOLE)
    assert outcome.succeeded, outcome.explain()
    credentials = whole.api.keys()
    assert {each.kind for each in credentials if not each.invalid} == {"api"}, "the sandbox's own"
    for cluster in ("blue", "green"):
        assert whole.cluster(cluster).one("v1", "Service", "shop", "nginx-service") is None
        assert "expose" not in told(whole, cluster, "Service", "pay/queue")
