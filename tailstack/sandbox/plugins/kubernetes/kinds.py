"""What has to be known of kinds before an API server is asked: their tokens, their scope, and what replaces an object.

The tables follow `provider/diff.go` (the fields that force a replacement) and `kinds/kinds.go` of the official plugin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tailstack.sandbox.plugins.values import Properties

RELEASE: Final = "kubernetes:helm.sh/v3:Release"

_CLUSTER_SCOPED: Final = frozenset(
    {
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        ("networking.k8s.io", "IngressClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "CSINode"),
        ("storage.k8s.io", "StorageClass"),
        ("storage.k8s.io", "VolumeAttachment"),
    }
)

IDENTITY: Final = ("metadata.name", "metadata.namespace")
"""What an object is known by: with another one it is another object."""

_FORCE_NEW: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "PersistentVolumeClaim"): ("spec",),
    # The official table lists every field of a Pod's spec but `tolerations` and `activeDeadlineSeconds`.
    ("", "Pod"): ("spec",),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Service"): ("spec.clusterIP",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "StatefulSet"): (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
}


def kind_of_token(token: str) -> tuple[str, str]:
    """The apiVersion and kind that a type token names: `kubernetes:core/v1:ServicePatch` is ("v1", "ServicePatch").

    Raises ValueError for a token without group and version.
    """
    _, _, rest = token.partition(":")
    group_version, _, kind = rest.partition(":")
    group, slash, version = group_version.partition("/")
    if not (group and slash and version and kind):
        raise ValueError(f'apiVersion does not have both a group and a version: "{group_version}"')
    return (version if group == "core" else group_version, kind)


def group_of(api_version: str) -> str:
    """The API group of an apiVersion; the core group is empty."""
    group, slash, _ = api_version.partition("/")
    return group if slash else ""


def is_patch(token: str, inputs: Properties) -> bool:
    """Whether a resource patches an object that somebody else owns: its type is `<kind>Patch`, its object's kind not."""
    kind = token.rpartition(":")[2]
    return kind.endswith("Patch") and inputs.get("kind") != kind


def usually_namespaced(api_version: str, kind: str) -> bool:
    """The scope of a kind where no API server can tell it: that of Kubernetes' own, and namespaced for the others."""
    return (group_of(api_version), kind) not in _CLUSTER_SCOPED


def replacing_fields(
    api_version: str, kind: str, *, mutable_config_maps: bool = False, mutable_secrets: bool = False
) -> Sequence[str]:
    """Dotted paths of the fields of an object that cannot be changed in place."""
    key = (group_of(api_version), kind)
    if key == ("", "ConfigMap"):
        return IDENTITY if mutable_config_maps else (*IDENTITY, "data", "binaryData", "immutable")
    if key == ("", "Secret"):
        return (*IDENTITY, "type") if mutable_secrets else (*IDENTITY, "type", "data", "immutable")
    return (*IDENTITY, *_FORCE_NEW.get(key, ()))
