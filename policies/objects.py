"""The Kubernetes objects among the resources of a stack, as the check of manifests reads them.

The URN of a resource stands for a file in the places of its values. A resource of which a needed value is not known yet,
as in a preview, is left out and named: a pack can only say what is certainly wrong with what is certainly there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
_DEPLOYMENT = "operator"
"""The name that the chart gives to the operator's Deployment."""
_CUSTOM = "kubernetes:tailscale.com/"
_LOOKED_AT = frozenset({RELEASE, "kubernetes:core/v1:Service", "kubernetes:networking.k8s.io/v1:Ingress"})


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenObjects:
    """The objects of a stack that are known whole, and the names of the resources that would be looked at and are not."""

    every: tuple[KubernetesObject, ...]
    unknown: tuple[str, ...]

    def with_their_operators(self) -> Objects:
        """Those of the clusters whose operator is among them: elsewhere, what it is called and which tags it gives is not
        known."""
        known = {made.cluster for made in self.every if made.kind == "Deployment" and made.name == _DEPLOYMENT}
        return objects_of(made for made in self.every if made.cluster in known)

    def all(self) -> Objects:
        return objects_of(self.every)


def objects_in(resources: Iterable[PolicyResource]) -> SeenObjects:
    """Every object of a stack. The provider of a resource names its cluster.

    A release of the operator's chart stands for the Deployment that it makes.
    """
    found: list[KubernetesObject] = []
    unknown: list[str] = []
    for resource in resources:
        if resource.provider is None or not _is_object(resource.resource_type):
            continue
        try:
            roots = list(_released(resource.props)) if resource.resource_type == RELEASE else [_root(resource.props)]
        except UnknownValueError:
            if _is_looked_at(resource.resource_type):
                unknown.append(resource.name)
            continue
        except KeyError:
            continue
        made = (object_of(root, cluster=resource.provider.name, file=resource.urn) for root in roots)
        found += [each for each in made if each is not None]
    return SeenObjects(every=tuple(found), unknown=tuple(unknown))


def _is_object(resource_type: str) -> bool:
    return resource_type.startswith(KUBERNETES) and not resource_type.endswith(_PATCH)


def _is_looked_at(resource_type: str) -> bool:
    """Whether any rule asks for objects of this type. Most of what a stack has in a cluster is nothing to Tailscale."""
    return resource_type.startswith(_CUSTOM) or resource_type in _LOOKED_AT


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
    yield _object("apps/v1", "Deployment", _DEPLOYMENT, namespace, {"template": {"spec": pod}})
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
