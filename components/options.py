"""The options that every resource below a component gets, made in one place.

Made from scratch and never by `ResourceOptions.merge`, in which a caller's `parent` would win over ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

TAGS = 'metadata.annotations["tailscale.com/tags"]'


def child(
    parent: pulumi.Resource,
    *,
    depends_on: Sequence[pulumi.Resource] = (),
    protect: bool | None = None,
    retain_on_delete: bool | None = None,
    hooks: pulumi.ResourceHookBinding | None = None,
) -> pulumi.ResourceOptions:
    """Options of a resource below `parent`, from which it inherits its provider."""
    return pulumi.ResourceOptions(
        parent=parent, depends_on=list(depends_on), protect=protect, retain_on_delete=retain_on_delete, hooks=hooks
    )


def node(
    parent: pulumi.Resource,
    *,
    cluster: str,
    section: str,
    former_names: Sequence[str],
    depends_on: Sequence[pulumi.Resource],
    ignore_changes: Sequence[str] = (),
) -> pulumi.ResourceOptions:
    """Options of an object that the operator makes a node of the tailnet; `former_names` are those of its declaration.

    The operator gives a node its tags when the node joins and never again (`newAuthKey` in `cmd/k8s-operator/sts.go` of
    tailscale.com v1.102.3), so that other tags need another node. And the old one must be gone before the new one comes, or
    Tailscale gives the new one another name without a word.
    """
    return pulumi.ResourceOptions(
        parent=parent,
        depends_on=list(depends_on),
        aliases=[pulumi.Alias(name=resource_name(cluster, section, name)) for name in former_names],
        ignore_changes=list(ignore_changes),
        replace_on_changes=[TAGS],
        delete_before_replace=True,
    )


def resource_name(cluster: str, section: str, name: str) -> str:
    """The name of a declaration's resource is the path of the declaration: `blue.expose.nginx`.

    Dots, because names hold hyphens: `blue-a` of cluster `x` and `a` of cluster `x-blue` would otherwise be one resource.
    """
    return f"{cluster}.{section}.{name}"
