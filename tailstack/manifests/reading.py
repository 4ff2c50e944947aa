"""From the files of rendered manifests to Kubernetes objects. The first folder of a file's path names its cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.finding import Finding, Place, in_order
from tailstack.manifests.documents import read_documents
from tailstack.manifests.objects import TAILSCALE, KubernetesObject, Objects, Reference, as_text, objects_of
from tailstack.manifests.operators import operator_deployments, uses_tailscale
from tailstack.manifests.rules import (
    DUPLICATE_OBJECT,
    NO_CLUSTER,
    NOT_KUBERNETES,
    NOT_RENDERED,
    OPERATOR_NOT_SHOWN,
    SHAPE,
)
from tailstack.manifests.values import ManifestList, ManifestMap, Mark, Value
from tailstack.topology.wording import quoted

DEFAULT_NAMESPACE = "default"
OPERATOR_CHART = "tailscale-operator"

_RBAC = "rbac.authorization.k8s.io"
_CLUSTER_WIDE = frozenset(
    {
        *(("", kind) for kind in ("Namespace", "Node", "PersistentVolume")),
        *((_RBAC, kind) for kind in ("ClusterRole", "ClusterRoleBinding")),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("networking.k8s.io", "IngressClass"),
        ("gateway.networking.k8s.io", "GatewayClass"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("node.k8s.io", "RuntimeClass"),
        *(("storage.k8s.io", kind) for kind in ("StorageClass", "CSIDriver", "CSINode", "VolumeAttachment")),
        *(
            ("admissionregistration.k8s.io", kind)
            for kind in (
                *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
                *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
            )
        ),
        *((TAILSCALE, kind) for kind, about in CUSTOM_KINDS.items() if not about.is_namespaced),
    }
)
_TEST_HOOKS = frozenset({"test", "test-success", "test-failure"})
_SECRET_PARTS = ("data", "stringData")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """The objects of all clusters, and what is wrong with the files themselves."""

    objects: Objects
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Raw:
    """A document that has a kind and a name, or is to have them."""

    cluster: str
    file: str
    root: ManifestMap
    list_kind: str = ""


def read_manifests(files: Mapping[str, str], *, below: str = "") -> Read:
    """Read files by their path (`blue/app/service.yaml`, relative to the folder of all clusters). Never raises.

    Objects that several files declare alike are kept once. Tests of Helm charts are left out, and values of Secrets too.
    `below` is the path of the folder itself, for findings to name files as a reader finds them.
    """
    prefix = f"{below.rstrip('/')}/" if below else ""
    findings: list[Finding] = []
    raw: list[_Raw] = []
    for path in sorted(files):
        cluster, slash, _ = path.partition("/")
        if not slash:
            message = f"{quoted(path)} lies in no cluster's folder."
            expected = f"a path such as <cluster>/{path}"
            findings.append(NO_CLUSTER.at(Place(prefix + path, 1, 1), message=message, expected=expected))
            continue
        file = prefix + path
        documents = read_documents(file, files[path])
        findings.extend(documents.findings)
        for root, at in zip(documents.roots, documents.places, strict=True):
            raw.extend(_kubernetes(cluster, file, root, at, findings))
    wide = _CLUSTER_WIDE | frozenset(_wide_by_definition(raw))
    objects: dict[Reference, KubernetesObject] = {}
    unnamed: list[KubernetesObject] = []
    for each in raw:
        made = _object(each, wide, findings)
        if made is None or _is_test(made):
            continue
        findings.extend(_not_rendered(made))
        if not made.name:
            unnamed.append(made)
            continue
        earlier = objects.setdefault(made.reference, made)
        if earlier is not made and earlier.root != made.root:
            findings.append(
                DUPLICATE_OBJECT.at(
                    made.place("metadata", "name"),
                    earlier.place("metadata", "name"),
                    message=f"{made.title} of cluster {made.cluster} is declared twice, and differently.",
                )
            )
    every = objects_of([*objects.values(), *unnamed])
    findings.extend(_operators_not_shown(every))
    return Read(objects=every, findings=in_order(findings))


def _kubernetes(cluster: str, file: str, root: Value, at: Mark, findings: list[Finding]) -> Iterator[_Raw]:
    """The objects of one document: itself, or those of a list, in their order."""
    waiting: list[tuple[Value, Mark, str]] = [(root, at, "")]
    while waiting:
        value, mark, list_kind = waiting.pop()
        if not isinstance(value, ManifestMap) or ("kind" not in value and not list_kind):
            message = "This document is no Kubernetes object: it has no kind."
            findings.append(NOT_KUBERNETES.at(Place(file, *mark), message=message))
            continue
        kind, items = value.get("kind"), value.get("items")
        if isinstance(kind, str) and kind.endswith("List") and isinstance(items, ManifestList):
            inner = kind.removesuffix("List")
            found = [(item, mark, inner) for item, (mark, _) in zip(items, items.marks, strict=True)]
            waiting.extend(reversed(found))
            if inner:
                _pass_on_version(value, items)
        else:
            yield _Raw(cluster=cluster, file=file, root=value, list_kind=list_kind)


def _pass_on_version(value: ManifestMap, items: ManifestList) -> None:
    """The items of a `ServiceList` need not say again what they are."""
    version = value.get("apiVersion")
    for item in items:
        if isinstance(item, ManifestMap) and isinstance(version, str) and "apiVersion" not in item:
            item.put("apiVersion", version, *value.marks["apiVersion"])


def _wide_by_definition(raw: Iterable[_Raw]) -> Iterator[tuple[str, str]]:
    """Group and kind of what the definitions among the manifests make part of the whole cluster."""
    for each in raw:
        spec = each.root.get("spec")
        if each.root.get("kind") == "CustomResourceDefinition" and isinstance(spec, ManifestMap):
            group, names = spec.get("group"), spec.get("names")
            kind = names.get("kind") if isinstance(names, ManifestMap) else None
            if spec.get("scope") == "Cluster" and isinstance(group, str) and isinstance(kind, str):
                yield group, kind


def object_of(root: ManifestMap, *, cluster: str, file: str) -> KubernetesObject | None:
    """The object that a value is which did not come from a file; None where it lacks what every object has."""
    return _object(_Raw(cluster=cluster, file=file, root=root), _CLUSTER_WIDE, [])


def _object(raw: _Raw, wide: frozenset[tuple[str, str]], findings: list[Finding]) -> KubernetesObject | None:
    root, file = raw.root, raw.file
    metadata = root.get("metadata")
    if not isinstance(metadata, ManifestMap):
        metadata = ManifestMap(root.at)
    kind, version = root.get("kind", raw.list_kind), root.get("apiVersion")
    name, generated = metadata.get("name"), metadata.get("generateName")
    missing = [
        key
        for key, value in (("kind", kind), ("apiVersion", version), ("metadata.name", name or generated))
        if not isinstance(value, str) or not value
    ]
    if missing or not isinstance(kind, str) or not isinstance(version, str):
        if not _is_kustomization(root):
            message = f"This object has no {' and no '.join(missing)} that is a text."
            findings.append(SHAPE.at(Place(file, *root.at), message=message))
            return None
        kind, version, name = "Kustomization", str(version), ""
    group = version.rpartition("/")[0]
    namespace = metadata.get("namespace")
    is_wide = (group, kind) in wide
    made = KubernetesObject(
        cluster=raw.cluster,
        api_version=version,
        kind=kind,
        namespace="" if is_wide else (namespace if isinstance(namespace, str) and namespace else DEFAULT_NAMESPACE),
        name=name if isinstance(name, str) else "",
        file=file,
        root=_without_values(root) if (group, kind) == ("", "Secret") else root,
    )
    findings.extend(_wrong_texts(made))
    return made


def _without_values(secret: ManifestMap) -> ManifestMap:
    """A Secret with the names of its keys only. A copy: an anchor may share the values with another object."""
    copy = ManifestMap(secret.at)
    for key, value in secret.items():
        if key in _SECRET_PARTS:
            kept = _keys_only(value)
        elif key == "metadata" and isinstance(value, ManifestMap):
            kept = _without_last_applied(value)
        else:
            kept = value
        copy.put(key, kept, *secret.marks[key])
    return copy


def _keys_only(data: Value) -> ManifestMap | None:
    if not isinstance(data, ManifestMap):
        return None
    copy = ManifestMap(data.at)
    for key in data:
        copy.put(key, None, *data.marks[key])
    return copy


def _without_last_applied(metadata: ManifestMap) -> ManifestMap:
    annotations = metadata.get("annotations")
    if not isinstance(annotations, ManifestMap) or _LAST_APPLIED not in annotations:
        return metadata
    kept = ManifestMap(annotations.at)
    for key, value in annotations.items():
        if key != _LAST_APPLIED:
            kept.put(key, value, *annotations.marks[key])
    copy = ManifestMap(metadata.at)
    for key, value in metadata.items():
        copy.put(key, kept if key == "annotations" else value, *metadata.marks[key])
    return copy


def _wrong_texts(made: KubernetesObject) -> Iterator[Finding]:
    """Annotations and labels that are no texts, which the API server refuses with the whole object."""
    for part in ("annotations", "labels"):
        value = made.value("metadata", part)
        if value is not None and not isinstance(value, ManifestMap):
            message = f"metadata.{part} of {made.title} is no mapping."
            yield SHAPE.at(made.place("metadata", part), message=message, expected="keys with texts")
        elif value is not None:
            for key, item in value.items():
                if not isinstance(item, str | None):
                    yield _wrong_text(made, part, key, item)


def _wrong_text(made: KubernetesObject, part: str, key: str, item: Value) -> Finding:
    place = made.place("metadata", part, key)
    if isinstance(item, ManifestMap | ManifestList):
        return SHAPE.at(place, message=f"{quoted(key)} in metadata.{part} of {made.title} is no text.")
    what = "a truth value" if isinstance(item, bool) else "a number"
    return SHAPE.at(
        place,
        message=f"{quoted(key)} in metadata.{part} of {made.title} is {what}, and the API server takes texts only.",
        expected=f'"{as_text(item)}" in quotes',
        mend="Put the value in quotes.",
    )


def _is_test(made: KubernetesObject) -> bool:
    """What `helm test` runs, and `helm install` does not make (https://helm.sh/docs/topics/charts_hooks/)."""
    hooks = {hook.strip() for hook in made.annotations.get("helm.sh/hook", "").split(",")}
    return hooks <= _TEST_HOOKS


def _is_kustomization(root: ManifestMap) -> bool:
    version = root.get("apiVersion")
    return (
        isinstance(version, str)
        and version.startswith("kustomize.config.k8s.io/")
        and root.get("kind") in ("Kustomization", "Component")
    )


def _not_rendered(made: KubernetesObject) -> Iterator[Finding]:
    """Sources of manifests that lie among what they should have been rendered to."""
    if _is_kustomization(made.root):
        message = "This kustomization is a source of manifests, and not what it renders to."
        mend = "Put the output of `kustomize build` into the cluster's folder."
        yield NOT_RENDERED.at(made.place(), message=message, mend=mend)
    elif releases_operator(made):
        yield NOT_RENDERED.at(
            made.place(),
            message=f"{made.title} installs the operator's chart in cluster {made.cluster}, and is not rendered here.",
            mend=f"Put the output of `helm template {OPERATOR_CHART}` with the same values into the cluster's folder.",
        )


def _operators_not_shown(objects: Objects) -> Iterator[Finding]:
    """One for each cluster whose operator must be guessed, but for those whose release has been named already."""
    for cluster in objects.clusters:
        inside = objects.in_cluster(cluster)
        first = next((made for made in inside if uses_tailscale(made)), None)
        if first is None or operator_deployments(objects, cluster) or any(map(releases_operator, inside)):
            continue
        message = f"No manifest shows the operator of cluster {cluster}, which {first.title} is for."
        yield OPERATOR_NOT_SHOWN.at(first.place(), message=message)


def releases_operator(made: KubernetesObject) -> bool:
    """Whether this is a release of the operator's chart by Flux, by Argo CD or by k3s."""
    match made.kind:
        case "HelmRelease":
            return made.text("spec", "chart", "spec", "chart") == OPERATOR_CHART
        case "HelmChart":
            return (made.text("spec", "chart") or "").rpartition("/")[2] == OPERATOR_CHART
        case "Application":
            count = made.length("spec", "sources")
            charts = [made.text("spec", "sources", index, "chart") for index in range(count)]
            return OPERATOR_CHART in (made.text("spec", "source", "chart"), *charts)
        case _:
            return False
