"""What of the operator the language covers: each annotation, field and value, and where in the YAML it is written.

It is about the newest supported version. Tests hold it against the facts of this package, so that nothing is left out, and
against the language's schema, so that each path is one of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.charts.shapes import Shape
from tailstack.charts.values import CHART_VALUES, RESERVED_VALUES


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """Paths of the YAML, of which none means that it is not covered, and what else there is to say.

    In a path `*` is a name that people choose, and `[]` each item of a list.
    """

    paths: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """The annotations, the fields of one kind of custom resource, or the values of the chart."""

    title: str
    rows: Mapping[str, Where]


def _at(*paths: str, note: str = "") -> Where:
    """Paths within a cluster."""
    return Where(paths=tuple(f"clusters.*.{path}" for path in paths), note=note)


_HTTP = ("clusters.*.ingress.*.http", "services.*.https.http")

_ANNOTATIONS: Mapping[str, Where] = {
    "expose": _at("expose.*", "expose.*.type", note="`type: LoadBalancer` says it with the class tailscale instead"),
    "hostname": _at("expose.*.hostname", "egress.*.hostname", note="an Ingress takes its name from its `tls`"),
    "tailnet-fqdn": _at(
        *(f"egress.*.to.{way}" for way in ("fqdn", "exposure", "ingress", "service", "machine")),
        note="a reference becomes a name",
    ),
    "tailnet-ip": _at("egress.*.to.ip"),
    "ts-tailnet-target-ip": Where(note="the former name of `tailnet-ip`"),
    "tags": _at("expose.*.tags", "ingress.*.tags", "egress.*.tags"),
    "proxy-group": Where(
        paths=(
            *(f"clusters.*.{each}.*.proxyGroup" for each in ("expose", "ingress", "egress")),
            "services.*.proxyGroup",
        )
    ),
    "proxy-class": _at(
        "expose.*.proxyClass", "ingress.*.proxyClass", "egress.*.proxyClass", note="a label too, which goes first"
    ),
    "funnel": _at("ingress.*.funnel"),
    "http-redirect": Where(paths=_HTTP, note="`redirect`"),
    "http-endpoint": Where(paths=_HTTP, note="`serve`"),
    "experimental-forward-cluster-traffic-via-ingress": _at("ingress.*.forwardClusterTraffic"),
    "share-acme-account": _at(
        "proxyGroups.*.shareACMEAccount",
        note="since 1.104; for all groups at once: `operatorConfig.sharedACMEAccountKey` under `operator.values`",
    ),
}

_SINCE_1_104 = "since 1.104; refused for an older chart"
_AS_IT_IS = "as it is, with all that is below it"

_FIELDS: Mapping[str, tuple[str, Mapping[str, str | Where]]] = {
    "Connector": (
        "connectors.*",
        {
            "appConnector.routes": "appConnector.routes",
            "exitNode": "exitNode",
            "hostname": _at("connectors.*.hostname", note="with one replica"),
            "hostnamePrefix": _at("connectors.*.hostname", note="with several replicas"),
            "proxyClass": "proxyClass",
            "replicas": "replicas",
            "subnetRouter.advertiseRoutes": "routes",
            "tags": "tags",
            "tailnet": "tailnet",
        },
    ),
    "DNSConfig": ("dnsConfig", {"nameserver": _at("dnsConfig.nameserver", note=_AS_IT_IS)}),
    "PeerRelay": (
        "peerRelays.*",
        {
            "aws.elasticIPs[].allocationID": "elasticIPs[].allocationID",
            "aws.elasticIPs[].subnetID": "elasticIPs[].subnetID",
            "hostnamePrefix": "hostnamePrefix",
            "proxyClass": "proxyClass",
            "replicas": "replicas",
            "service.annotations": "serviceAnnotations",
            "service.port": _at("peerRelays.*.servicePort", note=_SINCE_1_104),
            "staticEndpoints": _at("peerRelays.*.staticEndpoints", note=_SINCE_1_104),
            "tags": "tags",
            "tailnet": "tailnet",
        },
    ),
    "ProxyClass": (
        "proxyClasses.*",
        {
            "metrics.enable": "metrics.enable",
            "metrics.serviceMonitor.enable": "metrics.serviceMonitor",
            "metrics.serviceMonitor.labels": "metrics.serviceMonitorLabels",
            "statefulSet": _at("proxyClasses.*.statefulSet", note=_AS_IT_IS),
            "staticEndpoints.nodePort.ports[].endPort": "staticEndpoints.ports[].endPort",
            "staticEndpoints.nodePort.ports[].port": "staticEndpoints.ports[].port",
            "staticEndpoints.nodePort.selector": "staticEndpoints.selector",
            "tailscale.acceptRoutes": "acceptRoutes",
            "useLetsEncryptStagingEnvironment": "useLetsEncryptStagingEnvironment",
        },
    ),
    "ProxyGroup": (
        "proxyGroups.*",
        {
            "hostnamePrefix": "hostnamePrefix",
            "kubeAPIServer.hostname": "kubeAPIServer.hostname",
            "kubeAPIServer.mode": "kubeAPIServer.mode",
            "proxyClass": "proxyClass",
            "replicas": "replicas",
            "tags": "tags",
            "tailnet": "tailnet",
            "type": "type",
        },
    ),
    "ProxyGroupPolicy": ("proxyGroupPolicies.*", {"egress": "egress", "ingress": "ingress"}),
    "Recorder": (
        "recorders.*",
        {
            "enableUI": "enableUI",
            "replicas": "replicas",
            "statefulSet": _at("recorders.*.statefulSet", note=_AS_IT_IS),
            "storage.s3.bucket": "s3.bucket",
            "storage.s3.credentials.secret.name": "s3.credentialsSecret",
            "storage.s3.endpoint": "s3.endpoint",
            "tags": "tags",
            "tailnet": "tailnet",
        },
    ),
    "Tailnet": ("tailnets.*", {"credentials.secretName": "credentialsSecret", "loginUrl": "loginUrl"}),
}
"""By kind, what of a cluster it is in the YAML, and by field below `spec`, the key there."""

_FIXED_NAMES = "its objects keep the names that its credentials go by"
_VALUE_NOTES: Mapping[str, str] = {
    "nameOverride": _FIXED_NAMES,
    "fullnameOverride": _FIXED_NAMES,
    "oauth.clientId": "goes into a Secret and not into Helm's values, but for `federated`",
    "oauth.clientSecret": "goes into a Secret and not into Helm's values",
    "oauth.audience": "with `federated`",
    "oauthSecretVolume": "with `existingSecret` and `volume`",
    "operatorConfig.annotations": "no template of the chart reads it; `annotations` is what it was meant to be",
    "operatorConfig.image.repo": "another name of `repository`",
    "proxyConfig.image.repo": "another name of `repository`",
    "apiServerProxyConfig.allowImpersonation": "follows from a proxy group of type kube-apiserver in auth mode",
}
_NEVER_WRITTEN = frozenset({"operatorConfig.annotations", "operatorConfig.image.repo", "proxyConfig.image.repo"})


def coverage() -> Iterator[Section]:
    """Every section, in the order in which people read them."""
    yield Section(
        title="Annotations of Services, Ingresses and proxy groups",
        rows={f"tailscale.com/{name}": where for name, where in _ANNOTATIONS.items()},
    )
    for kind in CUSTOM_KINDS:
        things, fields = _FIELDS[kind]
        yield Section(
            title=kind,
            rows={
                f"spec.{field}": found if isinstance(found, Where) else _at(f"{things}.{found}")
                for field, found in fields.items()
            },
        )
    yield Section(title="Values of the chart", rows={key: _of_value(key) for key in leaves(CHART_VALUES)})


def _of_value(key: str) -> Where:
    """What is not written by tailstack can be a further value."""
    steps = tuple(step.removesuffix("[]") for step in key.split("."))
    decided_by = next((by for path, by in RESERVED_VALUES.items() if steps[: len(path)] == path), "values")
    note = _VALUE_NOTES.get(key, "")
    return _at(f"operator.{decided_by}", note=note) if decided_by and key not in _NEVER_WRITTEN else Where(note=note)


def leaves(shape: Shape, above: str = "") -> Iterator[str]:
    """The keys in which values stand, as texts: `aws.elasticIPs[].subnetID`."""
    for key, inner in shape.keys.items():
        name = f"{above}.{key}".removeprefix(".")
        item = inner.each if inner.each is not None and inner.each.keys else None
        if item is not None:
            yield from leaves(item, f"{name}[]")
        elif inner.keys:
            yield from leaves(inner, name)
        else:
            yield name
