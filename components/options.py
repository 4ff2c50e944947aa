"""The options that every resource below a component gets, made in one place."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi


def child(
    parent: pulumi.Resource,
    *,
    depends_on: Sequence[pulumi.Resource] = (),
    formerly: Sequence[str] = (),
    ignore_changes: Sequence[str] = (),
    protect: bool | None = None,
    retain_on_delete: bool | None = None,
    hooks: pulumi.ResourceHookBinding | None = None,
) -> pulumi.ResourceOptions:
    """Options of a resource below `parent`, from which it inherits its provider. `formerly` are former resource names.

    Made from scratch and not by `ResourceOptions.merge`, in which a caller's `parent` would win over ours.
    """
    return pulumi.ResourceOptions(
        parent=parent,
        depends_on=list(depends_on),
        aliases=[pulumi.Alias(name=name) for name in formerly],
        ignore_changes=list(ignore_changes),
        protect=protect,
        retain_on_delete=retain_on_delete,
        hooks=hooks,
    )


def resource_name(cluster: str, section: str, name: str) -> str:
    """The name of a declaration's resource is the path of the declaration: `blue.expose.nginx`.

    Dots, because names hold hyphens: `blue-a` of cluster `x` and `a` of cluster `x-blue` would otherwise be one resource.
    """
    return f"{cluster}.{section}.{name}"


def former_resource_names(cluster: str, section: str, former_names: Sequence[str]) -> list[str]:
    """The names that the resource had before its declaration was renamed."""
    return [resource_name(cluster, section, name) for name in former_names]
