"""The Kubernetes objects among the resources of a stack, as the check of manifests reads them.

The URN of a resource stands for a file in the places of its values. A resource of which a needed value is not known yet,
as in a preview, is left out: a pack can only say what is certainly wrong with what is certainly there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

from tailstack.manifests.objects import KubernetesObject, Objects, objects_of
from tailstack.manifests.operators import INGRESS_CONTROLLER
from tailstack.manifests.reading import object_of
from tailstack.manifests.values import ManifestList, ManifestMap, Mark, Value

KUBERNETES = "kubernetes:"
RELEASE = "kubernetes:helm.sh/v3:Release"
OPERATOR_CHART = "tailscale-operator"
_PATCH = "Patch"
_READ = ("apiVersion", "kind", "metadata", "spec", "data", "stringData", "subjects")
_OF_METADATA = ("name", "namespace", "annotations", "labels")
_HERE: Mark = (1, 1)


def objects_in(resources: Iterable[PolicyResource]) -> Objects:
    """Every object of a stack that is known whole. The provider of a resource names its cluster.

    A release of the operator's chart stands for the Deployment that it makes. A cluster without one is left out: what
    its operator is called, and which tags it gives, is then not known.
    """
    found = [
        made for resource in resources if resource.resource_type.startswith(KUBERNETES) for made in _made(resource)
    ]
    known = {made.cluster for made in found if made.kind == "Deployment"}
    return objects_of(made for made in found if made.cluster in known)


def _made(resource: PolicyResource) -> Iterator[KubernetesObject]:
    if resource.provider is None or resource.resource_type.endswith(_PATCH):
        return
    try:
        roots = list(_released(resource.props)) if resource.resource_type == RELEASE else [_root(resource.props)]
    except (UnknownValueError, KeyError):
        return
    for root in roots:
        made = object_of(root, cluster=resource.provider.name, file=resource.urn)
        if made is not None:
            yield made


def _root(props: Mapping[str, Any]) -> ManifestMap:
    whole: dict[str, Any] = {key: props[key] for key in _READ if key in props}
    if whole.get("kind") == "Secret":
        for part in ("data", "stringData"):
            # Keys only: values are secrets, and not known in a preview.
            whole[part] = dict.fromkeys(cast("Mapping[str, object]", props.get(part, {})))
    metadata = cast("Mapping[str, object]", whole["metadata"])
    whole["metadata"] = {key: metadata[key] for key in _OF_METADATA if key in metadata}
    return _mapping(whole)


def _mapping(mapping: Mapping[str, object]) -> ManifestMap:
    made = ManifestMap(_HERE)
    for key in mapping:
        made.put(str(key), _value(mapping[key]), _HERE, _HERE)
    return made


def _value(value: object) -> Value:
    """The same value with places. Raises UnknownValueError where a part of it is not known."""
    if isinstance(value, Mapping):
        return _mapping(cast("Mapping[str, object]", value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = ManifestList(_HERE)
        for item in cast("Sequence[object]", value):
            items.add(_value(item), _HERE)
        return items
    if isinstance(value, float) and value.is_integer():
        return int(value)  # the engine has no whole numbers
    return value if isinstance(value, str | int | float | bool) else None


def _released(props: Mapping[str, Any]) -> Iterator[ManifestMap]:
    """What the check reads of what the operator's chart makes, by `templates/` of the chart 1.102.3."""
    if OPERATOR_CHART not in str(props["chart"]) and _text(props, "name") != OPERATOR_CHART:
        return
    namespace = str(props["namespace"])
    values = cast("Mapping[str, Any]", props.get("values", {}))
    mode = _text(values, "apiServerProxyConfig", "mode") or "false"
    class_name = _text(values, "ingressClass", "name") or "tailscale"
    env = {
        "OPERATOR_INITIAL_TAGS": ",".join(_texts(values, "operatorConfig", "defaultTags")) or "tag:k8s-operator",
        "OPERATOR_HOSTNAME": _text(values, "operatorConfig", "hostname") or "tailscale-operator",
        "OPERATOR_INGRESS_CLASS_NAME": class_name,
        "PROXY_TAGS": _proxy_tags(_at(values, "proxyConfig", "defaultTags")),
        "PROXY_DEFAULT_CLASS": _text(values, "proxyConfig", "defaultProxyClass"),
        "APISERVER_PROXY": mode,
    }
    version = _text(props, "version")
    container = {
        "name": "operator",
        "image": f"tailscale/k8s-operator:v{version.removeprefix('v')}",
        "env": [{"name": name, "value": value} for name, value in env.items()],
    }
    secret = _text(values, "oauthSecretVolume", "secret", "secretName") or "operator-oauth"
    pod = {"containers": [container], "volumes": [{"name": "oauth", "secret": {"secretName": secret}}]}
    yield _object("apps/v1", "Deployment", "operator", namespace, {"template": {"spec": pod}})
    yield _object("networking.k8s.io/v1", "IngressClass", class_name, "", {"controller": INGRESS_CONTROLLER})
    if "true" in (mode, _text(values, "apiServerProxyConfig", "allowImpersonation")):
        yield _object("v1", "ServiceAccount", "kube-apiserver-auth-proxy", namespace, {})


def _object(version: str, kind: str, name: str, namespace: str, spec: Mapping[str, object]) -> ManifestMap:
    metadata = {"name": name, "namespace": namespace}
    return _mapping({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})


def _at(values: object, *path: str) -> object:
    """What stands there, None where nothing does. Raises UnknownValueError where it is not known."""
    here = values
    for step in path:
        if not isinstance(here, Mapping) or step not in here:
            return None
        here = cast("Mapping[str, object]", here)[step]
    return here


def _proxy_tags(tags: object) -> str:
    """As the template renders them: a list becomes `[tag:a tag:b]`, which is a mistake that the rules know."""
    if isinstance(tags, str):
        return tags
    every = [str(tag) for tag in cast("Sequence[object]", tags)] if isinstance(tags, Sequence) else []
    return f"[{' '.join(every)}]" if every else "tag:k8s"


def _text(values: object, *path: str) -> str:
    found = _at(values, *path)
    return found if isinstance(found, str) else ""


def _texts(values: object, *path: str) -> list[str]:
    found = _at(values, *path)
    if isinstance(found, str):
        return [found]
    return [str(item) for item in cast("Sequence[object]", found)] if isinstance(found, Sequence) else []
