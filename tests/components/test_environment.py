from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from components import tokens
from components.environment import build
from components.refusal import RefusedError
from components.stack_settings import StackSettings
from tailstack.topology.custom import CustomResources
from tailstack.topology.declaration import ManagedBy
from tailstack.topology.extras import ConfigSecret, Contacts, Dns, Extras, Key, Webhook
from tailstack.topology.shards import WHOLE, Shard, of_cluster
from tailstack.topology.tailnet import Address, Port, ServicePort, Tailnet, Target
from tests.components.custom_resources import API, IN
from tests.components.recording import CLIENT_SECRET, KEY, WEBHOOK_SECRET, Recording, Registered, Secret, record
from tests.components.tailnets import ADDRESS, BLUE, DOMAIN, GREEN, HERE, NGINX, REMOTE, VIEW, WEB, rights, tailnet

ACL = "tailscale:index/acl:Acl"
DNS = "tailscale:index/dnsPreferences:DnsPreferences"
SETTINGS = "tailscale:index/tailnetSettings:TailnetSettings"
CLIENT = "tailscale:index/oauthClient:OauthClient"
NAMESPACE = "kubernetes:core/v1:Namespace"
NAMESPACE_PATCH = "kubernetes:core/v1:NamespacePatch"
SECRET = "kubernetes:core/v1:Secret"
RELEASE = "kubernetes:helm.sh/v3:Release"
SERVICE = "kubernetes:core/v1:Service"
SERVICE_PATCH = "kubernetes:core/v1:ServicePatch"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
CLUSTER_ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
POLICY = '{\n\t// by hand\n\t"grants": [],\n}\n'
MANAGED = {"app.kubernetes.io/managed-by": "tailstack"}

CAREFUL = StackSettings(
    environment="test",
    at=datetime(2026, 1, 5, tzinfo=UTC),
    skip_await=False,
    protect=True,
    reset_on_destroy=False,
    overwrite_policy=False,
)


def built(
    described: Tailnet,
    *,
    config: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    part: Shard = WHOLE,
    **settings: Any,  # noqa: ANN401  fields of StackSettings, checked by `replace`
) -> Recording:
    def program() -> None:
        outputs = build(
            described,
            POLICY,
            dataclasses.replace(CAREFUL, **settings),
            config=pulumi.Config(),
            project=Path(),
            variables={},
            guard=None,
            part=part,
        )
        for name, value in outputs.items():
            pulumi.export(name, value)

    return record(program, config=config, secrets=secrets)


def of_blue(**changes: Any) -> Tailnet:  # noqa: ANN401  fields of the cluster, checked by `replace`
    return tailnet(dataclasses.replace(BLUE, **changes))


def of_operator(**changes: Any) -> Tailnet:  # noqa: ANN401  fields of the operator, checked by `replace`
    return of_blue(operator=dataclasses.replace(BLUE.operator, **changes))


def named(recording: Recording, urns: frozenset[str]) -> set[tuple[str, str]]:
    """Type and name of each URN, shorter to read."""
    found = {each.urn: (each.type.rpartition(":")[2], each.name) for each in recording.resources}
    return {found[urn] for urn in urns}


def annotations_on(resource: Registered) -> dict[str, str]:
    return cast("dict[str, str]", resource.inputs["metadata"]["annotations"])


@pytest.fixture(scope="module")
def both() -> Recording:
    return built(tailnet(BLUE, GREEN, access=(rights("look", "blue", "green", bind=VIEW),)))


def test_type_tokens_are_what_state_files_hold() -> None:
    assert tokens.TAILNET == "tailstack:tailnet:Tailnet"
    assert tokens.CLUSTER == "tailstack:cluster:Cluster"


def test_the_tree_is_tailnet_and_clusters_with_one_resource_for_each_declaration(both: Recording) -> None:
    names = {each.urn: each.name for each in both.resources}
    tree = {(names.get(each.parent, ""), each.type, each.name) for each in both.resources}
    stack = "tailstack-test"
    operators = {
        (cluster, kind, f"{cluster}.operator")
        for cluster in ("blue", "green")
        for kind in (CLIENT, NAMESPACE, SECRET, RELEASE)
    }
    (binding,) = both.names(CLUSTER_ROLE_BINDING)
    assert tree == operators | {
        ("", "pulumi:pulumi:Stack", stack),
        (stack, "pulumi:providers:tailscale", "tailscale"),
        (stack, "pulumi:providers:kubernetes", "blue"),
        (stack, "pulumi:providers:kubernetes", "green"),
        (stack, tokens.TAILNET, "tailnet"),
        ("tailnet", ACL, "policy"),
        ("tailnet", DNS, "dns"),
        ("tailnet", SETTINGS, "settings"),
        (stack, tokens.CLUSTER, "blue"),
        ("blue", SERVICE, "blue.expose.nginx"),
        ("blue", INGRESS, "blue.ingress.web"),
        ("blue", CLUSTER_ROLE_BINDING, binding),
        (stack, tokens.CLUSTER, "green"),
        ("green", SERVICE, "green.egress.nginx-remote"),
    }
    assert len(both.resources) == len(tree)


def test_every_resource_uses_the_provider_of_its_own_cluster(both: Recording) -> None:
    providers = {f"{each.urn}::{each.name}-id" for each in both.resources if each.type.startswith("pulumi:providers")}
    for resource in both.resources:
        kind = resource.type.partition(":")[0]
        if kind == "kubernetes":
            assert resource.provider in providers
            assert resource.provider.endswith(f"::{resource.name.partition('.')[0]}-id")
        elif kind == "tailscale":
            assert resource.provider in providers
            assert resource.provider.endswith("::tailscale-id")


def test_policy_comes_first_and_exposures_last(both: Recording) -> None:
    def waits_for(token: str, name: str) -> set[tuple[str, str]]:
        return named(both, both.one(token, name).dependencies)

    settled = {("Acl", "policy"), ("DnsPreferences", "dns"), ("TailnetSettings", "settings")}
    client, namespace = ("OauthClient", "blue.operator"), ("Namespace", "blue.operator")
    secret, release = ("Secret", "blue.operator"), ("Release", "blue.operator")
    assert waits_for(ACL, "policy") == set()
    assert waits_for(CLIENT, "blue.operator") == settled
    assert waits_for(NAMESPACE, "blue.operator") == {*settled, client}
    assert waits_for(SECRET, "blue.operator") == {client, namespace}
    assert waits_for(RELEASE, "blue.operator") == {*settled, client, namespace, secret}
    assert waits_for(SERVICE, "blue.expose.nginx") == {release}
    assert waits_for(INGRESS, "blue.ingress.web") == {release}
    assert waits_for(SERVICE, "green.egress.nginx-remote") == {("Release", "green.operator")}
    assert named(both, both.one(CLUSTER_ROLE_BINDING).dependencies) == set()


def test_the_tailnet_has_its_policy_magic_dns_and_certificates(both: Recording) -> None:
    assert both.one(ACL).inputs == {"acl": POLICY}
    assert both.one(DNS).inputs == {"magicDns": True}
    assert both.one(SETTINGS).inputs == {"httpsEnabled": True}
    off = built(dataclasses.replace(tailnet(BLUE), magic_dns=False, https_certificates=False))
    assert off.one(DNS).inputs == {"magicDns": False}
    assert off.one(SETTINGS).inputs == {"httpsEnabled": False}


def test_the_policy_may_be_reset_and_adopted_where_the_stack_says_so() -> None:
    policy = built(tailnet(BLUE), reset_on_destroy=True, overwrite_policy=True).one(ACL)
    assert policy.inputs == {"acl": POLICY, "resetAclOnDestroy": True, "overwriteExistingContent": True}


@pytest.mark.parametrize("protect", [True, False])
def test_policy_settings_releases_and_their_namespaces_are_protected_unless_the_stack_says_otherwise(
    *, protect: bool
) -> None:
    recording = built(tailnet(BLUE), protect=protect)
    assert {each.type: each.protect for each in recording.resources if each.protect is not None} == dict.fromkeys(
        (ACL, DNS, SETTINGS, NAMESPACE, RELEASE), protect
    )


@pytest.mark.parametrize("reset", [True, False])
def test_a_destroy_leaves_the_settings_of_a_tailnet_that_is_not_reset(*, reset: bool) -> None:
    recording = built(tailnet(BLUE), reset_on_destroy=reset)
    assert {each.type for each in recording.resources if each.retain_on_delete} == (
        {SETTINGS} if reset else {ACL, DNS, SETTINGS}
    )
    stays = recording.outputs["staysAfterDestroy"]
    certificates = "HTTPS certificates as they are set"
    assert stays == ([] if reset else ["the policy file of the tailnet", "MagicDNS as it is set"]) + [certificates]


def test_what_else_belongs_to_the_tailnet_is_made_and_told() -> None:
    key = Key(
        name="ci",
        tags=("tag:ci",),
        reusable=False,
        ephemeral=False,
        preauthorized=False,
        expiry=None,
        description="",
        place=HERE,
    )
    webhook = Webhook(
        name="edits",
        endpoint_url=ConfigSecret("hook"),
        provider_type="",
        subscriptions=("policyUpdate",),
        place=HERE,
    )
    extras = Extras(
        dns=Dns(nameservers=("1.1.1.1",), place=HERE),
        settings={"devices_approval_on": True},
        contacts=Contacts(account="ana@example.com", place=HERE),
        keys=(key,),
        webhooks=(webhook,),
    )
    described = dataclasses.replace(tailnet(BLUE), extras=extras)
    recording = built(described, secrets={"tailstack:hook": "https://s3cret"})
    assert recording.outputs["tailnetKeys"] == {"ci": Secret(KEY)}
    assert recording.outputs["webhookSecrets"] == {"edits": Secret(WEBHOOK_SECRET)}
    assert recording.outputs["staysAfterDestroy"][3:] == [
        "nameservers and search domains as they are set",
        "the tailnet's other settings as they are set",
        "contacts as they are set",
    ]
    with pytest.raises(RefusedError, match="webhook edits needs the secret tailstack:hook"):
        built(described)
    only_blue = built(described, part=of_cluster("blue"))
    assert "tailnetKeys" not in only_blue.outputs


def test_the_oauth_client_has_the_operators_tags_and_no_scope_too_many(both: Recording) -> None:
    client = both.one(CLIENT, "blue.operator")
    assert client.inputs == {
        "description": "tailstack test blue",
        "scopes": ["auth_keys", "devices:core"],
        "tags": ["tag:k8s-op-blue"],
    }
    assert client.secret_outputs == ("key",)


def test_the_operators_namespace_lets_its_proxies_set_up_their_network(both: Recording) -> None:
    metadata = both.one(NAMESPACE, "blue.operator").inputs["metadata"]
    assert metadata == {
        "name": "tailscale",
        "labels": {"pod-security.kubernetes.io/enforce": "privileged", **MANAGED},
    }


def test_the_operators_credentials_are_a_secret_as_a_whole(both: Recording) -> None:
    secret = both.one(SECRET, "blue.operator")
    assert secret.inputs["metadata"] == {"name": "operator-oauth", "namespace": "tailscale", "labels": MANAGED}
    assert secret.inputs["stringData"] == Secret({"client_id": "blue.operator-id", "client_secret": CLIENT_SECRET})
    elsewhere = [each for each in both.resources if each.type != SECRET and CLIENT_SECRET in repr(each)]
    assert elsewhere == []
    assert CLIENT_SECRET not in repr(both.outputs)


def test_the_release_installs_the_declared_chart(both: Recording) -> None:
    inputs = dict(both.one(RELEASE, "blue.operator").inputs)
    values = inputs.pop("values")
    assert inputs == {
        "name": "tailscale-operator",
        "namespace": "tailscale",
        "chart": "tailscale-operator",
        "version": "1.102.3",
        "repositoryOpts": {"repo": "https://charts.example.com"},
        "skipAwait": False,
        "compat": "true",
    }
    assert values == {
        "installCRDs": True,
        "operatorConfig": {
            "hostname": "blue-operator",
            "defaultTags": ["tag:k8s-op-blue"],
            "podAnnotations": {"tailstack/oauth-client": "blue.operator-id"},
        },
        "proxyConfig": {"defaultTags": "tag:k8s-blue,tag:more"},
        "apiServerProxyConfig": {"mode": "true"},
    }
    assert both.one(RELEASE, "green.operator").inputs["values"]["apiServerProxyConfig"] == {"mode": "noauth"}


def test_credentials_that_exist_are_used_and_their_namespace_is_only_labelled() -> None:
    recording = built(of_operator(existing_secret="from-vault"))
    assert [recording.names(kind) for kind in (CLIENT, SECRET, NAMESPACE)] == [[], [], []]
    patched = recording.one(NAMESPACE_PATCH)
    assert patched.inputs["metadata"] == {
        "name": "tailscale",
        "labels": {"pod-security.kubernetes.io/enforce": "privileged"},
    }
    release = recording.one(RELEASE)
    assert release.inputs["values"]["oauthSecretVolume"] == {"secret": {"secretName": "from-vault"}}
    assert release.inputs["values"]["operatorConfig"]["podAnnotations"] == {"tailstack/oauth-client": "from-vault"}
    assert patched.urn in release.dependencies


def test_an_existing_secret_of_the_usual_name_needs_no_volume() -> None:
    values = built(of_operator(existing_secret="operator-oauth")).one(RELEASE).inputs["values"]
    assert "oauthSecretVolume" not in values


def test_an_exposure_is_an_annotated_service(both: Recording) -> None:
    assert both.one(SERVICE, "blue.expose.nginx").inputs == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "nginx-service",
            "namespace": "default",
            "labels": MANAGED,
            "annotations": {
                "tailscale.com/expose": "true",
                "tailscale.com/hostname": "blue-nginx",
                "tailscale.com/tags": "tag:k8s-blue--nginx,tag:shared",
                "pulumi.com/waitFor": "condition=TailscaleProxyReady",
            },
        },
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": "proxy"},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
        },
    }


def test_each_port_has_its_protocol_its_name_and_its_port_of_the_pods() -> None:
    ports = (
        ServicePort(port=Port("udp", 53, 53), target_port="dns", name="dns"),
        ServicePort(port=Port("sctp", 7, 7), target_port=7007, name="sctp-7"),
    )
    recording = built(of_blue(exposures=(dataclasses.replace(NGINX, ports=ports),)))
    assert recording.one(SERVICE).inputs["spec"]["ports"] == [
        {"name": "dns", "protocol": "UDP", "port": 53, "targetPort": "dns"},
        {"name": "sctp-7", "protocol": "SCTP", "port": 7, "targetPort": 7007},
    ]


def test_a_service_that_exists_is_only_annotated() -> None:
    recording = built(of_blue(exposures=(dataclasses.replace(NGINX, managed_by=ManagedBy.PATCH),)))
    assert recording.names(SERVICE) == []
    assert recording.one(SERVICE_PATCH, "blue.expose.nginx").inputs == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "nginx-service",
            "namespace": "default",
            "annotations": {
                "tailscale.com/expose": "true",
                "tailscale.com/hostname": "blue-nginx",
                "tailscale.com/tags": "tag:k8s-blue--nginx,tag:shared",
                "pulumi.com/waitFor": "condition=TailscaleProxyReady",
                "pulumi.com/patchFieldManager": "tailstack",
            },
        },
    }


def test_what_gitops_applies_is_told_and_not_made() -> None:
    recording = built(of_blue(exposures=(dataclasses.replace(NGINX, managed_by=ManagedBy.GITOPS),)))
    assert recording.names(SERVICE) == recording.names(SERVICE_PATCH) == []
    assert recording.outputs["gitopsAnnotations"] == {
        "blue.nginx": {
            "tailscale.com/expose": "true",
            "tailscale.com/hostname": "blue-nginx",
            "tailscale.com/tags": "tag:k8s-blue--nginx,tag:shared",
        }
    }
    assert recording.outputs["exposures"] == {"blue.nginx": f"blue-nginx.{DOMAIN}"}


def test_an_ingress_names_its_node_by_its_host(both: Recording) -> None:
    assert both.one(INGRESS).inputs == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "labels": MANAGED,
            "annotations": {
                "tailscale.com/tags": "tag:k8s-blue--web",
                "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0].hostname}",
            },
        },
        "spec": {
            "ingressClassName": "tailscale",
            "defaultBackend": {"service": {"name": "nginx-service", "port": {"number": 80}}},
            "tls": [{"hosts": ["blue-web"]}],
        },
    }


def test_funnel_is_an_annotation_of_the_ingress() -> None:
    recording = built(of_blue(ingresses=(dataclasses.replace(WEB, funnel=True),)))
    assert annotations_on(recording.one(INGRESS))["tailscale.com/funnel"] == "true"


def test_an_egress_is_an_external_name_that_the_operator_may_rewrite(both: Recording) -> None:
    egress = both.one(SERVICE, "green.egress.nginx-remote")
    assert egress.inputs == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "nginx-remote",
            "namespace": "default",
            "labels": MANAGED,
            "annotations": {
                "tailscale.com/tailnet-fqdn": f"blue-nginx.{DOMAIN}",
                "tailscale.com/hostname": "green-nginx-remote",
                "tailscale.com/tags": "tag:k8s-green--nginx-remote",
                "pulumi.com/waitFor": "condition=TailscaleProxyReady",
            },
        },
        "spec": {"type": "ExternalName", "externalName": "placeholder"},
    }
    assert egress.ignore_changes == ("spec.externalName",)
    assert [each.name for each in both.resources if each.ignore_changes] == [egress.name]


@pytest.mark.parametrize(
    ("target", "annotation"),
    [
        (ADDRESS, ("tailscale.com/tailnet-ip", "100.101.102.103")),
        (Address(fqdn=f"db.{DOMAIN}"), ("tailscale.com/tailnet-fqdn", f"db.{DOMAIN}")),
        (WEB, ("tailscale.com/tailnet-fqdn", f"blue-web.{DOMAIN}")),
    ],
)
def test_an_egress_leads_to_exactly_one_target(target: Target, annotation: tuple[str, str]) -> None:
    changed = dataclasses.replace(GREEN, egresses=(dataclasses.replace(REMOTE, target=target),))
    found = annotations_on(built(tailnet(changed)).one(SERVICE))
    targets = {key: value for key, value in found.items() if key.startswith("tailscale.com/tailnet-")}
    assert targets == dict([annotation])


def test_waiting_can_be_switched_off_for_everything_that_waits() -> None:
    recording = built(tailnet(BLUE, GREEN), skip_await=True)
    waiting = [each for each in recording.resources if each.type in (SERVICE, INGRESS)]
    assert len(waiting) == 3
    for resource in waiting:
        assert annotations_on(resource)["pulumi.com/skipAwait"] == "true"
        assert "pulumi.com/waitFor" not in annotations_on(resource)
    assert {each.inputs["skipAwait"] for each in recording.of_type(RELEASE)} == {True}


def test_a_renamed_declaration_is_the_same_resource() -> None:
    recording = built(
        tailnet(
            dataclasses.replace(
                BLUE,
                exposures=(dataclasses.replace(NGINX, former_names=("first", "second")),),
                ingresses=(dataclasses.replace(WEB, former_names=("site",)),),
            ),
            dataclasses.replace(GREEN, egresses=(dataclasses.replace(REMOTE, former_names=("far",)),)),
        )
    )
    assert recording.one(SERVICE, "blue.expose.nginx").aliases == ("blue.expose.first", "blue.expose.second")
    assert recording.one(INGRESS).aliases == ("blue.ingress.site",)
    assert recording.one(SERVICE, "green.egress.nginx-remote").aliases == ("green.egress.far",)
    # A new object would be a new node, so that an Ingress, which is named after its declaration, keeps its first name.
    assert recording.one(INGRESS).inputs["metadata"]["name"] == "site"


def test_other_tags_are_another_node_and_the_old_one_goes_first(both: Recording) -> None:
    nodes = {each.name for each in both.resources if each.type in (SERVICE, INGRESS)}
    replaced = [each for each in both.resources if each.delete_before_replace]
    assert {each.name for each in replaced} == nodes
    assert {each.replace_on_changes for each in replaced} == {
        ('metadata.annotations["tailscale.com/tags"]', 'metadata.annotations["tailscale.com/proxy-group"]')
    }
    assert {each.replace_on_changes for each in both.resources if each not in replaced} == {()}


def test_two_clusters_never_share_a_resource() -> None:
    """Names that meet when they are joined by a hyphen: `a` of `blue-x`, and `x-a` of `blue`."""
    one = dataclasses.replace(NGINX, cluster="blue-x", name="a")
    other = dataclasses.replace(NGINX, cluster="blue", name="x-a")
    recording = built(
        tailnet(
            dataclasses.replace(BLUE, name="blue-x", exposures=(one,), ingresses=()),
            dataclasses.replace(BLUE, exposures=(other,), ingresses=()),
        )
    )
    assert sorted(recording.names(SERVICE)) == ["blue-x.expose.a", "blue.expose.x-a"]
    assert len({each.urn for each in recording.resources}) == len(recording.resources)


def test_a_context_leaves_finding_the_kubeconfig_to_the_plugin(
    both: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {
        "clusterIdentifier": "blue",
        "context": "blue",
        "kubeconfig": "",
        "enableServerSideApply": "true",
        "enableSecretMutable": "true",
        "kubeClientSettings": '{"burst": 2000, "qps": 1000.0}',
    }
    assert both.one("pulumi:providers:kubernetes", "blue").inputs == expected
    monkeypatch.setenv("KUBECONFIG", "/somewhere/config")
    assert built(tailnet(BLUE)).one("pulumi:providers:kubernetes").inputs == expected


def test_a_kubeconfig_comes_from_the_stacks_secrets_and_stays_one() -> None:
    recording = built(
        of_blue(context=None, kubeconfig_secret="blueKubeconfig"), secrets={"tailstack:blueKubeconfig": "verysecret"}
    )
    provider = recording.one("pulumi:providers:kubernetes")
    assert provider.inputs["kubeconfig"] == Secret("verysecret")
    assert "context" not in provider.inputs


def test_every_missing_kubeconfig_is_named_before_anything_is_registered() -> None:
    described = tailnet(
        *(dataclasses.replace(BLUE, name=n, context=None, kubeconfig_secret=f"{n}Kubeconfig") for n in ("eu", "us"))
    )
    with pytest.raises(RefusedError) as refused:
        built(described, secrets={"tailstack:other": "x"})
    assert "cluster eu needs the secret tailstack:euKubeconfig" in str(refused.value)
    assert "cluster us needs the secret tailstack:usKubeconfig" in str(refused.value)
    assert "pulumi config set --secret" in str(refused.value)


def test_the_tailnets_credentials_are_left_to_the_environment(both: Recording) -> None:
    assert set(both.one("pulumi:providers:tailscale").inputs) == {"userAgent"}


def test_credentials_in_the_stacks_config_are_secrets_of_the_provider() -> None:
    recording = built(
        tailnet(BLUE),
        config={
            "tailscale:baseUrl": "https://api.example.com",
            "tailscale:oauthClientId": "k1",
            "tailscale:tailnet": "T",
        },
        secrets={"tailscale:apiKey": "one", "tailscale:oauthClientSecret": "two", "tailscale:identityToken": "three"},
    )
    inputs = recording.one("pulumi:providers:tailscale").inputs
    del inputs["userAgent"]
    assert inputs == {
        "baseUrl": "https://api.example.com",
        "oauthClientId": "k1",
        "tailnet": "T",
        "apiKey": Secret("one"),
        "oauthClientSecret": Secret("two"),
        "identityToken": Secret("three"),
    }


def test_the_stack_tells_api_servers_that_are_highly_available() -> None:
    outputs = built(of_blue(custom=CustomResources(proxy_groups=(IN, API)))).outputs
    assert outputs["apiServers"] == {"blue": f"blue-operator.{DOMAIN}", "blue.api": f"blue-api.{DOMAIN}"}
    assert f"https://blue-api.{DOMAIN}" in outputs["kubeconfigs"]["blue"].value


def test_the_stack_tells_what_gitops_must_label() -> None:
    exposure = dataclasses.replace(NGINX, managed_by=ManagedBy.GITOPS, proxy_class="routed")
    outputs = built(of_blue(exposures=(exposure,))).outputs
    assert outputs["gitopsLabels"] == {"blue.nginx": {"tailscale.com/proxy-class": "routed"}}


def test_the_stack_tells_names_and_kubeconfigs(both: Recording) -> None:
    outputs = dict(both.outputs)
    kubeconfigs = outputs.pop("kubeconfigs")
    assert set(kubeconfigs) == {"blue", "green"}
    assert all(isinstance(each, Secret) for each in kubeconfigs.values())
    assert outputs == {
        "operators": {"blue": f"blue-operator.{DOMAIN}", "green": f"green-operator.{DOMAIN}"},
        "apiServers": {"blue": f"blue-operator.{DOMAIN}", "green": f"green-operator.{DOMAIN}"},
        "exposures": {"blue.nginx": f"blue-nginx.{DOMAIN}"},
        "ingresses": {"blue.web": f"blue-web.{DOMAIN}"},
        "services": {},
        "gitopsAnnotations": {},
        "gitopsLabels": {},
        "staysAfterDestroy": [
            "the policy file of the tailnet",
            "MagicDNS as it is set",
            "HTTPS certificates as they are set",
        ],
    }
