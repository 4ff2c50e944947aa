"""Kubernetes objects as manifests declare them, each with the places of its values. No value of a Secret is among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.finding import Place
from tailstack.manifests.values import ManifestList, ManifestMap, Scalar, Step, Value, follow

TAILSCALE = "tailscale.com"
"""The group of the operator's custom resources, and what its annotations and labels begin with."""

_RBAC = "rbac.authorization.k8s.io"

GROUPS: Mapping[str, str] = {
    **dict.fromkeys(("Service", "Namespace", "Secret", "ConfigMap", "ServiceAccount", "Pod", "Node"), ""),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet"), "apps"),
    **dict.fromkeys(("Ingress", "IngressClass", "NetworkPolicy"), "networking.k8s.io"),
    **dict.fromkeys(("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"), _RBAC),
    "CustomResourceDefinition": "apiextensions.k8s.io",
    **dict.fromkeys(CUSTOM_KINDS, TAILSCALE),
}
"""Kinds that are meant to be of one group wherever they are asked for, so that Knative's Service is not taken for one."""

Reference = tuple[str, str, str, str, str]
"""What makes an object the same one: cluster, group, kind, namespace and name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KubernetesObject:
    """One object. `namespace` is empty for one that belongs to the whole cluster. `root` is never printed.

    Paths lead from the top: `value("spec", "ports", 0, "port")`. Where one leads nowhere there is no value, and its
    place is that of the nearest thing above.
    """

    cluster: str
    api_version: str
    kind: str
    namespace: str
    name: str
    file: str
    root: ManifestMap = field(repr=False)

    @property
    def group(self) -> str:
        """The API group; empty for the core group, as of a Service."""
        return self.api_version.rpartition("/")[0]

    @property
    def reference(self) -> Reference:
        return (self.cluster, self.group, self.kind, self.namespace, self.name)

    @property
    def title(self) -> str:
        """`Service default/nginx`, or `ProxyGroup web`: what a message calls it."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def value(self, *path: Step) -> Value:
        """What stands there; None where it is null or where nothing is."""
        _, value, is_there = follow(self.root, path)
        return value if is_there else None

    def has(self, *path: Step) -> bool:
        """Whether the key is written, if only with null."""
        return follow(self.root, path)[2]

    def text(self, *path: Step) -> str | None:
        """The text there; None where it is anything else."""
        value = self.value(*path)
        return value if isinstance(value, str) else None

    def number(self, *path: Step) -> int | None:
        """The whole number there; None where it is anything else."""
        value = self.value(*path)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def truth(self, *path: Step) -> bool | None:
        """The truth value there; None where it is anything else."""
        value = self.value(*path)
        return value if isinstance(value, bool) else None

    def texts(self, *path: Step) -> tuple[str, ...]:
        """Those items of a list that are texts."""
        value = self.value(*path)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, ManifestList) else ()

    def length(self, *path: Step) -> int:
        """How many items a list has; 0 where there is none."""
        value = self.value(*path)
        return len(value) if isinstance(value, ManifestList) else 0

    def keys(self, *path: Step) -> tuple[str, ...]:
        """The keys of a mapping, in their order."""
        value = self.value(*path)
        return tuple(value) if isinstance(value, ManifestMap) else ()

    def place(self, *path: Step) -> Place:
        """Where the value stands; without a path, the beginning of the object."""
        return Place(self.file, *follow(self.root, path)[0][1])

    def key_place(self, *path: Step) -> Place:
        """Where the key stands that the path ends with, or the item of a list."""
        return Place(self.file, *follow(self.root, path)[0][0])

    @property
    def annotations(self) -> dict[str, str]:
        """By full name. What is no text is given as the text that was meant (`true` as "true")."""
        return _texts_of(self.value("metadata", "annotations"))

    @property
    def labels(self) -> dict[str, str]:
        """By full name, as `annotations`."""
        return _texts_of(self.value("metadata", "labels"))

    def annotation(self, name: str) -> str | None:
        """The annotation `tailscale.com/<name>`; None where there is none."""
        annotations, key = self.value("metadata", "annotations"), f"{TAILSCALE}/{name}"
        if not isinstance(annotations, ManifestMap) or key not in annotations:
            return None
        value = annotations[key]
        return None if isinstance(value, ManifestMap | ManifestList) else as_text(value)

    def annotation_place(self, name: str) -> Place:
        """Where the value of the annotation `tailscale.com/<name>` stands."""
        return self.place("metadata", "annotations", f"{TAILSCALE}/{name}")


def _texts_of(value: Value) -> dict[str, str]:
    if not isinstance(value, ManifestMap):
        return {}
    return {key: as_text(item) for key, item in value.items() if not isinstance(item, ManifestMap | ManifestList)}


def as_text(scalar: Scalar) -> str:
    """The text that somebody meant who left out its quotes."""
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    return "" if scalar is None else str(scalar)


@dataclass(frozen=True, kw_only=True, slots=True)
class Objects:
    """All objects of all clusters, in the order of the files' names and of what stands in them."""

    all: tuple[KubernetesObject, ...] = ()
    _by_kind: dict[str, list[KubernetesObject]] = field(init=False, repr=False, compare=False)
    _by_kind_and_cluster: dict[tuple[str, str], list[KubernetesObject]] = field(init=False, repr=False, compare=False)
    _by_cluster: dict[str, list[KubernetesObject]] = field(init=False, repr=False, compare=False)
    _by_reference: dict[Reference, KubernetesObject] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_kind: dict[str, list[KubernetesObject]] = {}
        by_both: dict[tuple[str, str], list[KubernetesObject]] = {}
        by_cluster: dict[str, list[KubernetesObject]] = {}
        for each in self.all:
            by_cluster.setdefault(each.cluster, []).append(each)
            if GROUPS.get(each.kind, each.group) == each.group:
                by_kind.setdefault(each.kind, []).append(each)
                by_both.setdefault((each.kind, each.cluster), []).append(each)
        object.__setattr__(self, "_by_kind", by_kind)
        object.__setattr__(self, "_by_kind_and_cluster", by_both)
        object.__setattr__(self, "_by_cluster", by_cluster)
        object.__setattr__(self, "_by_reference", {each.reference: each for each in self.all})

    @property
    def clusters(self) -> tuple[str, ...]:
        """The names of the clusters that have an object."""
        return tuple(self._by_cluster)

    def of_kind(self, kind: str, cluster: str | None = None) -> tuple[KubernetesObject, ...]:
        """Objects of a kind, of one cluster or of all. A kind of GROUPS is that of its group only."""
        found = self._by_kind.get(kind) if cluster is None else self._by_kind_and_cluster.get((kind, cluster))
        return tuple(found or ())

    def in_cluster(self, cluster: str) -> tuple[KubernetesObject, ...]:
        """All objects of one cluster."""
        return tuple(self._by_cluster.get(cluster, ()))

    def find(self, cluster: str, kind: str, name: str, namespace: str = "") -> KubernetesObject | None:
        """The one object of a kind of GROUPS that is called so, or None."""
        return self._by_reference.get((cluster, GROUPS[kind], kind, namespace, name))


def objects_of(every: Iterable[KubernetesObject]) -> Objects:
    """Objects made ready for being asked for by kind, cluster and name."""
    return Objects(all=tuple(every))
