"""The operator of a cluster by each kind of credentials, and with CRDs of its own; the plain one is in test_environment."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from components.operator_chart import ChartSource
from components.operator_crds import Crd
from tailstack.topology.custom import CustomResources
from tailstack.topology.tailnet import Chart, Cluster, Federation
from tests.components.building import RELEASE, annotations_on, made, needed
from tests.components.custom_resources import IN, OUT
from tests.components.recording import AUDIENCE, Recording
from tests.components.tailnets import BLUE

CLIENT = "tailscale:index/oauthClient:OauthClient"
IDENTITY = "tailscale:index/federatedIdentity:FederatedIdentity"
NAMESPACE = "kubernetes:core/v1:Namespace"
NAMESPACE_PATCH = "kubernetes:core/v1:NamespacePatch"
SECRET = "kubernetes:core/v1:Secret"
DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
FEDERATION = Federation(issuer="https://oidc.example.com/blue", claims=(("aud2", "x"), ("zone", "eu-*")))
CRDS = (
    Crd(name="proxygroups.tailscale.com", kind="ProxyGroup", annotations={"controller-gen": "v0"}, spec={"group": "g"}),
    Crd(
        name="tailnets.tailscale.com",
        kind="Tailnet",
        annotations={},
        spec={"versions": [{"schema": {"openAPIV3Schema": {"x-kubernetes-validations": [{"rule": "true"}]}}}]},
    ),
)


def with_operator(**changes: Any) -> Cluster:  # noqa: ANN401  fields of the operator, checked by `replace`
    operator = dataclasses.replace(BLUE.operator, **changes)
    return dataclasses.replace(BLUE, operator=operator, exposures=(), ingresses=())


def values_of(recording: Recording) -> dict[str, Any]:
    return recording.one(RELEASE).inputs["values"]


def test_a_federated_identity_needs_no_secret_anywhere() -> None:
    found = made(with_operator(federation=FEDERATION, namespace="tailscale-system"))
    assert [found.names(kind) for kind in (CLIENT, SECRET, NAMESPACE_PATCH)] == [[], [], []]
    assert found.one(IDENTITY, "blue.operator").inputs == {
        "description": "tailstack test blue",
        "issuer": "https://oidc.example.com/blue",
        "subject": "system:serviceaccount:tailscale-system:operator",
        "customClaimRules": {"aud2": "x", "zone": "eu-*"},
        "scopes": ["auth_keys", "devices:core"],
        "tags": ["tag:k8s-op-blue"],
    }
    values = values_of(found)
    assert values["oauth"] == {"clientId": "blue.operator-id", "audience": AUDIENCE}
    # Both are in the template of the operator's pod, which a change to them restarts.
    assert "podAnnotations" not in values["operatorConfig"]
    assert "verysecret" not in repr(found.resources)


def test_an_identity_without_further_claims_has_no_rules() -> None:
    found = made(with_operator(federation=Federation(issuer="https://oidc.example.com/blue")))
    assert "customClaimRules" not in found.one(IDENTITY).inputs


def test_the_identity_comes_before_the_namespace_and_the_release() -> None:
    found = made(with_operator(federation=FEDERATION))
    identity = "FederatedIdentity blue.operator"
    assert needed(found, found.one(NAMESPACE)) == {identity}
    assert needed(found, found.one(RELEASE)) == {identity, "Namespace blue.operator"}


@pytest.mark.parametrize("federation", [None, FEDERATION])
def test_credentials_are_for_services_where_the_cluster_makes_some(federation: Federation | None) -> None:
    kind = CLIENT if federation is None else IDENTITY

    def scopes(*groups: Any) -> list[str]:  # noqa: ANN401  proxy groups
        cluster = dataclasses.replace(with_operator(federation=federation), custom=CustomResources(proxy_groups=groups))
        return made(cluster).one(kind).inputs["scopes"]

    assert scopes(OUT) == ["auth_keys", "devices:core"]
    assert scopes(OUT, IN) == ["auth_keys", "devices:core", "services"]


def test_credentials_in_a_volume_are_mounted_and_their_namespace_is_only_labelled() -> None:
    volume = {"csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"secretProviderClass": "tailscale"}}}
    found = made(with_operator(credentials_volume=volume))
    assert [found.names(kind) for kind in (CLIENT, IDENTITY, SECRET, NAMESPACE)] == [[], [], [], []]
    values = values_of(found)
    assert values["oauthSecretVolume"] == volume
    assert "podAnnotations" not in values["operatorConfig"]
    assert needed(found, found.one(RELEASE)) == {"NamespacePatch blue.operator"}


@pytest.mark.parametrize("protect", [True, False])
def test_a_namespace_of_ours_is_not_deleted_when_the_credentials_change(*, protect: bool) -> None:
    assert made(with_operator(), protect=protect).one(NAMESPACE).protect is protect
    patched = made(with_operator(existing_secret="vault"), protect=protect).one(NAMESPACE_PATCH)
    assert patched.protect is None


def test_crds_of_a_folder_are_resources_that_stay_and_come_before_the_release() -> None:
    chart = ChartSource(chart="./charts/operator", crds=CRDS)
    described = Chart(version="1.102.3", repository="https://c.example", path=None, crds="crds")
    found = made(with_operator(chart=described), chart=chart)
    assert found.names(DEFINITION) == ["blue.crd.proxygroups.tailscale.com", "blue.crd.tailnets.tailscale.com"]
    for crd, resource in zip(CRDS, found.of_type(DEFINITION), strict=True):
        assert resource.retain_on_delete
        assert resource.inputs["spec"] == crd.spec
        # Nothing but what the release has put on it: Helm's own label is one of these.
        assert resource.inputs["metadata"] == {
            "name": crd.name,
            "annotations": {**crd.annotations, "helm.sh/resource-policy": "keep"},
        }
    assert needed(found, found.one(RELEASE)) > {
        "CustomResourceDefinition blue.crd.proxygroups.tailscale.com",
        "CustomResourceDefinition blue.crd.tailnets.tailscale.com",
    }
    assert values_of(found)["installCRDs"] is False


def test_without_a_folder_the_chart_makes_the_crds() -> None:
    found = made(with_operator())
    assert found.of_type(DEFINITION) == []
    assert values_of(found)["installCRDs"] is True


def test_a_chart_of_a_registry_has_no_repository_beside_it() -> None:
    found = made(with_operator(), chart=ChartSource(chart="oci://ghcr.example.com/charts/tailscale-operator"))
    inputs = found.one(RELEASE).inputs
    assert inputs["chart"] == "oci://ghcr.example.com/charts/tailscale-operator"
    assert inputs["version"] == "1.102.3"
    assert "repositoryOpts" not in inputs
    assert annotations_on(found.one(NAMESPACE)) == {}
