"""The operator of a cluster, as its Deployment says; where none is shown, as the chart makes it by default.

Names of variables and their defaults were read in `cmd/k8s-operator/operator.go` and `api-server-proxy.go`, and in
`templates/deployment.yaml` of the chart, of tailscale.com v1.102.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tailstack.finding import Place
from tailstack.manifests.objects import TAILSCALE, KubernetesObject, Objects, as_text
from tailstack.manifests.values import ManifestList, ManifestMap, Step
from tailstack.topology.declaration import CHART_REPOSITORY, ApiServerProxyMode
from tailstack.topology.tailnet import Chart, Operator

DEFAULT_NAMESPACE = "tailscale"
DEFAULT_HOSTNAME = "tailscale-operator"
DEFAULT_TAGS = ("tag:k8s-operator",)
DEFAULT_PROXY_TAGS = ("tag:k8s",)
INGRESS_CLASS = "tailscale"
LOAD_BALANCER_CLASS = "tailscale"
INGRESS_CONTROLLER = "tailscale.com/ts-ingress"
IMPERSONATOR = "kube-apiserver-auth-proxy"
"""The ServiceAccount that the chart makes where a kube-apiserver ProxyGroup may impersonate."""

_IMAGE = "k8s-operator"
_SURE_SIGNS = frozenset({"OPERATOR_SECRET", "OPERATOR_INITIAL_TAGS"})
_VERSION = re.compile(r"v?([0-9]+\.[0-9]+\.[0-9]+)\Z")
_CHART_LABEL = re.compile(r"tailscale-operator-v?([0-9]+\.[0-9]+\.[0-9]+)\Z")
_MODES = {"true": ApiServerProxyMode.AUTH, "noauth": ApiServerProxyMode.NOAUTH}


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorDeployment:
    """A Deployment that runs the operator. `env` are its variables by name, with the path to each value.

    A variable whose value comes from elsewhere (`valueFrom`) is not among them.
    """

    made: KubernetesObject
    container: int
    env: Mapping[str, str]
    paths: Mapping[str, tuple[Step, ...]]

    def place(self, variable: str) -> Place:
        """Where the value of a variable stands; where it is not set, the name of the Deployment."""
        path = self.paths.get(variable)
        return self.made.place(*path) if path else self.made.place("metadata", "name")


def operator_deployments(objects: Objects, cluster: str) -> tuple[OperatorDeployment, ...]:
    """Every operator of a cluster: known by the name of its image, or by the variables that nothing else has."""
    found = (_operator_in(made) for made in objects.of_kind("Deployment", cluster))
    return tuple(each for each in found if each is not None)


_POD = ("spec", "template", "spec")


def _operator_in(made: KubernetesObject) -> OperatorDeployment | None:
    for index in range(made.length(*_POD, "containers")):
        path = (*_POD, "containers", index)
        env, paths = _variables(made, path)
        repository = _repository(made.text(*path, "image") or "")
        if repository.rpartition("/")[2] == _IMAGE or env.keys() >= _SURE_SIGNS:
            return OperatorDeployment(made=made, container=index, env=env, paths=paths)
    return None


def _variables(
    made: KubernetesObject, container: tuple[Step, ...]
) -> tuple[dict[str, str], dict[str, tuple[Step, ...]]]:
    env: dict[str, str] = {}
    paths: dict[str, tuple[Step, ...]] = {}
    for index in range(made.length(*container, "env")):
        entry = (*container, "env", index)
        name, value = made.text(*entry, "name"), made.value(*entry, "value")
        if name and not made.has(*entry, "valueFrom") and not isinstance(value, ManifestMap | ManifestList):
            env[name], paths[name] = as_text(value), (*entry, "value")
    return env, paths


def _repository(image: str) -> str:
    name, _, _ = image.partition("@")
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def uses_tailscale(made: KubernetesObject) -> bool:
    """Whether the operator has something to do with an object."""
    match made.kind:
        case "IngressClass":
            return made.text("spec", "controller") == INGRESS_CONTROLLER
        case "CustomResourceDefinition":
            return made.text("spec", "group") == TAILSCALE
        case _:
            pass
    if made.group == TAILSCALE or made.text("spec", "ingressClassName") == INGRESS_CLASS:
        return True
    if made.kind == "Service" and made.text("spec", "loadBalancerClass") == LOAD_BALANCER_CLASS:
        return True
    return any(key.startswith(f"{TAILSCALE}/") for key in (*made.annotations, *made.labels))


def variables(objects: Objects, cluster: str) -> Mapping[str, str]:
    """The variables of a cluster's operator by name; none where no operator is shown."""
    shown = operator_deployments(objects, cluster)
    return shown[0].env if shown else _NO_VARIABLES


_NO_VARIABLES: Mapping[str, str] = {}


def operator_of(objects: Objects, cluster: str, dns_name: str) -> Operator:
    """The operator of a cluster: the first one that is shown, else the one that the chart makes by default."""
    shown = operator_deployments(objects, cluster)
    return _shown(objects, shown[0], dns_name) if shown else _assumed(objects, cluster, dns_name)


def _shown(objects: Objects, shown: OperatorDeployment, dns_name: str) -> Operator:
    made, env = shown.made, shown.env
    hostname = env.get("OPERATOR_HOSTNAME") or DEFAULT_HOSTNAME
    class_name = env.get("OPERATOR_INGRESS_CLASS_NAME") or INGRESS_CLASS
    return Operator(
        hostname=hostname,
        fqdn=f"{hostname}.{dns_name}",
        namespace=made.namespace,
        tags=tags_of(env.get("OPERATOR_INITIAL_TAGS")) or DEFAULT_TAGS,
        proxy_tags=tags_of(env.get("PROXY_TAGS")) or DEFAULT_PROXY_TAGS,
        chart=_chart(_version(shown)),
        api_server_proxy=_mode(env),
        existing_secret=_credentials(made),
        ingress_class=class_name if objects.find(made.cluster, "IngressClass", class_name) else None,
        default_proxy_class=env.get("PROXY_DEFAULT_CLASS") or None,
        allows_impersonation=objects.find(made.cluster, "ServiceAccount", IMPERSONATOR, made.namespace) is not None,
        place=made.place("metadata", "name"),
    )


def _assumed(objects: Objects, cluster: str, dns_name: str) -> Operator:
    first = next((each for each in objects.in_cluster(cluster) if uses_tailscale(each)), objects.in_cluster(cluster)[0])
    return Operator(
        hostname=DEFAULT_HOSTNAME,
        fqdn=f"{DEFAULT_HOSTNAME}.{dns_name}",
        namespace=DEFAULT_NAMESPACE,
        tags=DEFAULT_TAGS,
        proxy_tags=DEFAULT_PROXY_TAGS,
        chart=_chart(""),
        api_server_proxy=ApiServerProxyMode.OFF,
        existing_secret=None,
        is_assumed=True,
        place=first.place(),
    )


def _chart(version: str) -> Chart:
    return Chart(version=version, repository=CHART_REPOSITORY, path=None)


def _version(shown: OperatorDeployment) -> str:
    """Three numbers, from the chart's label or the image's tag; empty where neither says."""
    labelled = _CHART_LABEL.match(shown.made.labels.get("helm.sh/chart", ""))
    if labelled:
        return labelled.group(1)
    image, _, _ = (shown.made.text(*_POD, "containers", shown.container, "image") or "").partition("@")
    tagged = _VERSION.match(image.rpartition("/")[2].partition(":")[2])
    return tagged.group(1) if tagged else ""


def _mode(env: Mapping[str, str]) -> ApiServerProxyMode:
    if "AUTH_PROXY" in env and "APISERVER_PROXY" not in env:
        return ApiServerProxyMode.AUTH if env["AUTH_PROXY"] == "true" else ApiServerProxyMode.OFF
    return _MODES.get(env.get("APISERVER_PROXY", ""), ApiServerProxyMode.OFF)


def _credentials(made: KubernetesObject) -> str | None:
    """The Secret with the operator's credentials; None where it has none, as with workload identity."""
    for index in range(made.length(*_POD, "volumes")):
        if made.text(*_POD, "volumes", index, "name") == "oauth":
            return made.text(*_POD, "volumes", index, "secret", "secretName")
    return None


def tags_of(text: str | None) -> tuple[str, ...]:
    """The tags that a comma list means. A list that the chart has rendered as `[tag:a tag:b]` is read as it was meant."""
    if text is None:
        return ()
    stripped = text.strip()
    if stripped.startswith("[") and stripped.endswith("]"):
        return unique(stripped[1:-1].replace(",", " ").split())
    return unique(tag.strip() for tag in stripped.split(","))


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Names without empty ones and without those that came before."""
    return tuple(dict.fromkeys(name for name in names if name))
