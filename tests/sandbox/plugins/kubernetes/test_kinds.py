"""What is known of kinds before an API server is asked."""

from __future__ import annotations

import pytest

from tailstack.sandbox.plugins.kubernetes import kinds


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("kubernetes:core/v1:Service", ("v1", "Service")),
        ("kubernetes:core/v1:ServicePatch", ("v1", "ServicePatch")),
        ("kubernetes:networking.k8s.io/v1:Ingress", ("networking.k8s.io/v1", "Ingress")),
        ("kubernetes:tailscale.com/v1alpha1:Connector", ("tailscale.com/v1alpha1", "Connector")),
    ],
)
def test_a_token_names_a_kind(token: str, kind: tuple[str, str]) -> None:
    assert kinds.kind_of_token(token) == kind


@pytest.mark.parametrize(
    "token", ["kubernetes:core:Service", "kubernetes", "kubernetes:core/:Service", "kubernetes:/v1:X"]
)
def test_a_token_without_group_and_version_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="apiVersion does not have both a group and a version"):
        kinds.kind_of_token(token)


@pytest.mark.parametrize(
    ("token", "kind", "patch"),
    [
        ("kubernetes:core/v1:ServicePatch", "Service", True),
        ("kubernetes:core/v1:Service", "Service", False),
        # A custom resource whose kind happens to end so.
        ("kubernetes:example.com/v1:QuiltPatch", "QuiltPatch", False),
    ],
)
def test_a_patch_is_a_type_of_another_name_than_its_kind(token: str, kind: str, *, patch: bool) -> None:
    assert kinds.is_patch(token, {"kind": kind}) is patch


def test_scopes_are_known_without_a_cluster() -> None:
    assert not kinds.usually_namespaced("v1", "Namespace")
    assert not kinds.usually_namespaced("rbac.authorization.k8s.io/v1", "ClusterRoleBinding")
    assert kinds.usually_namespaced("v1", "Service")
    assert kinds.usually_namespaced("tailscale.com/v1alpha1", "Connector")


@pytest.mark.parametrize(
    ("api_version", "kind", "fields"),
    [
        ("v1", "Service", {"spec.clusterIP"}),
        ("v1", "Namespace", set[str]()),
        ("apps/v1", "Deployment", {"spec.selector"}),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", {"roleRef"}),
        ("v1", "ConfigMap", {"data", "binaryData", "immutable"}),
        ("v1", "Secret", {"type", "data", "immutable"}),
    ],
)
def test_what_replaces_depends_on_the_kind(api_version: str, kind: str, fields: set[str]) -> None:
    assert set(kinds.replacing_fields(api_version, kind)) == {"metadata.name", "metadata.namespace"} | fields


def test_config_maps_and_secrets_may_be_mutable() -> None:
    assert kinds.replacing_fields("v1", "ConfigMap", mutable_config_maps=True) == kinds.IDENTITY
    assert kinds.replacing_fields("v1", "Secret", mutable_secrets=True) == (*kinds.IDENTITY, "type")
