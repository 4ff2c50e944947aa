"""The options that every resource below a component gets, made in one place.

Made from scratch and never by `ResourceOptions.merge`, in which a caller's `parent` would win over ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from tailstack.topology.tailnet import Egress, Exposure, Ingress

TAGS = 'metadata.annotations["tailscale.com/tags"]'
PROXY_GROUP = 'metadata.annotations["tailscale.com/proxy-group"]'


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
    replaced_by: Sequence[str],
    ignore_changes: Sequence[str] = (),
    retain_on_delete: bool | None = None,
) -> pulumi.ResourceOptions:
    """Options of an object that the operator makes nodes of the tailnet for; `former_names` are those of its declaration.

    `replaced_by` are the fields that cannot be changed. The old object must be gone before the new one comes: until then
    its name in the tailnet is taken, and Tailscale gives the new node another one without a word.
    """
    return pulumi.ResourceOptions(
        parent=parent,
        depends_on=list(depends_on),
        aliases=[pulumi.Alias(name=resource_name(cluster, section, name)) for name in former_names],
        ignore_changes=list(ignore_changes),
        replace_on_changes=list(replaced_by),
        delete_before_replace=True,
        retain_on_delete=retain_on_delete,
    )


def proxied(
    parent: pulumi.Resource,
    declared: Exposure | Ingress | Egress,
    section: str,
    *,
    depends_on: Sequence[pulumi.Resource],
    ignore_changes: Sequence[str] = (),
) -> pulumi.ResourceOptions:
    """Options of the object of an exposure, an ingress or an egress; `section` is where it is declared.

    The operator gives a node its tags when the node joins and never again (`newAuthKey` in `cmd/k8s-operator/sts.go` of
    tailscale.com v1.102.3), so that other tags need another node; those of a Tailscale Service it changes in place. What
    one form has made the other never takes away: a change to a proxy group or from one needs another object
    (https://github.com/tailscale/tailscale/issues/19922, 18399 and 16655).
    """
    return node(
        parent,
        cluster=declared.cluster,
        section=section,
        former_names=declared.former_names,
        depends_on=depends_on,
        replaced_by=(TAGS, PROXY_GROUP) if declared.proxy_group is None else (PROXY_GROUP,),
        ignore_changes=ignore_changes,
    )


def section_of(section: str, *, is_shared: bool) -> str:
    """Where something is declared, below its cluster: `services` for the backends of Tailscale Services, whose names are
    not names of the cluster."""
    return "services" if is_shared else section


def resource_name(cluster: str, section: str, name: str) -> str:
    """The name of a declaration's resource is the path of the declaration: `blue.expose.nginx`.

    Dots, because names hold hyphens: `blue-a` of cluster `x` and `a` of cluster `x-blue` would otherwise be one resource.
    """
    return f"{cluster}.{section}.{name}"
