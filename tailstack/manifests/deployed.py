"""What else the manifests of a cluster hold that the rules ask for: bindings, Secrets to come, definitions."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.manifests.objects import KubernetesObject, Objects
from tailstack.topology.custom import Deployed, RoleBinding

_SECRET_MAKERS = {
    ("external-secrets.io", "ExternalSecret"): ("spec", "target", "name"),
    ("bitnami.com", "SealedSecret"): ("spec", "template", "metadata", "name"),
    ("secrets.infisical.com", "InfisicalSecret"): ("spec", "managedSecretReference", "secretName"),
    ("secrets.hashicorp.com", "VaultStaticSecret"): ("spec", "destination", "name"),
    ("secrets.hashicorp.com", "VaultDynamicSecret"): ("spec", "destination", "name"),
    ("onepassword.com", "OnePasswordItem"): ("metadata", "name"),
}
"""Objects of which a controller makes a Secret, and where its name stands if it is not their own."""


def deployed(objects: Objects, cluster: str) -> Deployed:
    """What the manifests of one cluster hold."""
    return Deployed(
        role_bindings=tuple(
            _binding(made) for kind in ("ClusterRoleBinding", "RoleBinding") for made in objects.of_kind(kind, cluster)
        ),
        secrets_to_come=tuple(_secrets_to_come(objects, cluster)),
        kinds=frozenset(
            kind
            for made in objects.of_kind("CustomResourceDefinition", cluster)
            if (kind := made.text("spec", "names", "kind"))
        ),
    )


def _binding(made: KubernetesObject) -> RoleBinding:
    subjects = range(made.length("subjects"))

    def named(kind: str) -> tuple[str, ...]:
        names = (made.text("subjects", i, "name") for i in subjects if made.text("subjects", i, "kind") == kind)
        return tuple(name for name in names if name)

    return RoleBinding(
        cluster=made.cluster,
        name=made.name,
        namespace=made.namespace or None,
        groups=named("Group"),
        users=named("User"),
        place=made.place("metadata", "name"),
    )


def _secrets_to_come(objects: Objects, cluster: str) -> Iterator[tuple[str, str]]:
    for (group, kind), path in _SECRET_MAKERS.items():
        for made in objects.of_kind(kind, cluster):
            if made.group == group:
                yield made.namespace, made.text(*path) or made.name
