"""What the groups that the API-server proxy impersonates may do in each cluster: role bindings, from the access entries."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.rbac import v1 as rbac

from components.kubernetes_objects import metadata
from components.options import child, resource_name
from tailstack.topology.tailnet import Tailnet

SECTION = "bind"
ACCESS_ANNOTATION = "tailstack/access"
"""On a binding: the names of the access entries that ask for it."""

_API_GROUP = "rbac.authorization.k8s.io"
_LONGEST_WORDS = 50


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Binding:
    """One group bound to one role, in one namespace or (None) in the whole cluster."""

    role_kind: str
    role: str
    group: str
    namespace: str | None

    @property
    def object_name(self) -> str:
        """Words for people, and a digest, because groups and roles may hold what names of objects may not.

        It depends on the role and the group alone: renaming or reordering access entries moves nothing, and a changed
        role, which Kubernetes does not let change in place, is a new object.
        """
        words = re.sub(r"[^a-z0-9]+", "-", f"{self.role} {self.group}".lower()).strip("-")
        exact = f"{self.role_kind}\n{self.role}\n{self.group}"
        digest = hashlib.sha256(exact.encode()).hexdigest()[:8]
        return f"tailstack-{words[:_LONGEST_WORDS].rstrip('-')}-{digest}"


def bindings(tailnet: Tailnet, cluster: str) -> dict[Binding, tuple[str, ...]]:
    """The bindings of one cluster, each once, with the names of the access entries that ask for it.

    Only behind a proxy in auth mode: in noauth mode nobody is impersonated, and a group of the same name from the
    cluster's own identity provider would be given what was meant for the tailnet.
    """
    found: dict[Binding, tuple[str, ...]] = {}
    for entry, binding in _asked_for(tailnet, cluster):
        found[binding] = (*found.get(binding, ()), entry)
    return found


def _asked_for(tailnet: Tailnet, cluster: str) -> Iterator[tuple[str, Binding]]:
    impersonating = {c.name for c in tailnet.clusters if c.impersonates and c.name == cluster}
    for access in tailnet.access:
        rights = access.kubernetes
        if rights is None or rights.bind is None or not any(d.cluster in impersonating for d in access.destinations):
            continue
        for namespace in rights.bind.namespaces or (None,):
            for group in rights.groups:
                yield (
                    access.name,
                    Binding(role_kind=rights.bind.role_kind, role=rights.bind.role, group=group, namespace=namespace),
                )


def bind(
    parent: pulumi.Resource, cluster: str, binding: Binding, entries: tuple[str, ...]
) -> rbac.ClusterRoleBinding | rbac.RoleBinding:
    """The resource of one binding. It needs nothing but the cluster."""
    annotations = {ACCESS_ANNOTATION: "; ".join(entries)}
    subjects = [rbac.SubjectArgs(kind="Group", api_group=_API_GROUP, name=binding.group)]
    role = rbac.RoleRefArgs(api_group=_API_GROUP, kind=binding.role_kind, name=binding.role)
    if binding.namespace is None:
        return rbac.ClusterRoleBinding(
            resource_name(cluster, SECTION, binding.object_name),
            metadata=metadata(binding.object_name, annotations=annotations),
            role_ref=role,
            subjects=subjects,
            opts=child(parent),
        )
    return rbac.RoleBinding(
        resource_name(cluster, SECTION, f"{binding.namespace}.{binding.object_name}"),
        metadata=metadata(binding.object_name, binding.namespace, annotations=annotations),
        role_ref=role,
        subjects=subjects,
        opts=child(parent),
    )
