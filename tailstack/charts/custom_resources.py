"""The operator's custom resources: since which chart there is each, and the fields of its `spec`.

Read in the CRDs `cmd/k8s-operator/deploy/crds` of tailscale.com v1.96.0, v1.98.0, v1.100.0, v1.102.0, v1.102.3 and v1.104.5;
tests hold this table against those of the supported versions. What the CRDs say in CEL (one of several keys, what cannot
be changed) is not part of it: `tailstack rule` has what matters of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tailstack.charts.checking import Mistake, MistakeKind, mistakes_in
from tailstack.charts.kubernetes import (
    AFFINITY,
    CONTAINER_SECURITY,
    ENVIRONMENT,
    POD_SECURITY,
    PULL_POLICY,
    RESOURCES,
    SECRET_NAME,
    SECRET_NAMES,
    TOLERATIONS,
    TOPOLOGY_SPREAD,
)
from tailstack.charts.shapes import (
    LABELS,
    NUMBER,
    SWITCH,
    TEXT,
    TEXTS,
    Form,
    Shape,
    Type,
    each_of,
    items,
    keys,
    word,
)
from tailstack.charts.versions import Version, version_text

API_VERSION = "tailscale.com/v1alpha1"
"""Of every kind, in every chart so far."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomKind:
    """A kind of custom resource: the first chart that has it, and what stands under `spec`."""

    spec: Shape
    plural: str
    since: Version = (0, 0, 0)
    is_namespaced: bool = False


def _text(pattern: str, words: str, longest: int | None = None) -> Shape:
    return Shape(type=Type.TEXT, form=Form(pattern=pattern, words=words), longest=longest)


_TAGS = items(_text("^tag:[a-zA-Z][a-zA-Z0-9-]*$", "a tag such as tag:k8s"))
_REPLICAS = Shape(type=Type.NUMBER, lowest=0)
_PREFIX = _text("^[a-z0-9][a-z0-9-]{0,61}$", "the beginning of a node's name: at most 62 lower-case letters, digits, -")
_ROUTES = items(Shape(type=Type.TEXT, is_cidr=True), fewest=1)
_LABEL_VALUES = each_of(
    _text("^(([a-zA-Z0-9][-._a-zA-Z0-9]*)?[a-zA-Z0-9])?$", "the value of a label: letters, digits, -, _ and .", 63)
)

_CONTAINER = {
    "env": ENVIRONMENT,
    "image": TEXT,
    "imagePullPolicy": PULL_POLICY,
    "resources": RESOURCES,
    "securityContext": CONTAINER_SECURITY,
}
_TAILSCALE_CONTAINER = keys({**_CONTAINER, "debug": keys({"enable": SWITCH})})
_POD = {
    "affinity": AFFINITY,
    "annotations": LABELS,
    "imagePullSecrets": SECRET_NAMES,
    "nodeSelector": LABELS,
    "securityContext": POD_SECURITY,
    "tolerations": TOLERATIONS,
}

_CONNECTOR = keys(
    {
        "appConnector": keys({"routes": _ROUTES}),
        "exitNode": SWITCH,
        "hostname": _text(
            "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$", "a node's name: 2 to 63 lower-case letters, digits and hyphens"
        ),
        "hostnamePrefix": _PREFIX,
        "proxyClass": TEXT,
        "replicas": _REPLICAS,
        "subnetRouter": keys({"advertiseRoutes": _ROUTES}, "advertiseRoutes"),
        "tags": _TAGS,
        "tailnet": TEXT,
    }
)
_DNS_CONFIG = keys(
    {
        "nameserver": keys(
            {
                "image": keys({"repo": TEXT, "tag": TEXT}),
                "pod": keys(
                    {
                        "affinity": AFFINITY,
                        "imagePullSecrets": Shape(type=Type.LIST, each=SECRET_NAME, since=(1, 104, 0)),
                        "nodeSelector": LABELS,
                        "tolerations": TOLERATIONS,
                    }
                ),
                "replicas": _REPLICAS,
                "service": keys({"clusterIP": TEXT}),
            }
        )
    },
    "nameserver",
)
_PEER_RELAY = keys(
    {
        "aws": keys(
            {
                "elasticIPs": items(
                    keys(
                        {
                            "allocationID": _text("^eipalloc-[0-9a-f]+$", "the id of an Elastic IP: eipalloc-0123abcd"),
                            "subnetID": _text("^subnet-[0-9a-f]+$", "the id of a subnet: subnet-0123abcd"),
                        },
                        "allocationID",
                        "subnetID",
                    ),
                    fewest=1,
                )
            },
            "elasticIPs",
        ),
        "hostnamePrefix": _PREFIX,
        "proxyClass": TEXT,
        "replicas": _REPLICAS,
        "service": keys(
            {
                "annotations": LABELS,
                "port": Shape(type=Type.NUMBER, lowest=1, highest=65535, since=(1, 104, 0)),
            }
        ),
        "staticEndpoints": items(
            _text(
                r"^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}$",
                "an address and a port: 203.0.113.1:41641, [2001:db8::1]:41641",
            ),
            since=(1, 104, 0),
        ),
        "tags": _TAGS,
        "tailnet": TEXT,
    }
)
_PROXY_CLASS = keys(
    {
        "metrics": keys(
            {"enable": SWITCH, "serviceMonitor": keys({"enable": SWITCH, "labels": _LABEL_VALUES}, "enable")}, "enable"
        ),
        "statefulSet": keys(
            {
                "annotations": LABELS,
                "labels": _LABEL_VALUES,
                "pod": keys(
                    {
                        **_POD,
                        "dnsConfig": keys(
                            {
                                "nameservers": TEXTS,
                                "options": items(keys({"name": TEXT, "value": TEXT})),
                                "searches": TEXTS,
                            }
                        ),
                        "dnsPolicy": word("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
                        "labels": _LABEL_VALUES,
                        "nodeName": TEXT,
                        "priorityClassName": TEXT,
                        "tailscaleContainer": _TAILSCALE_CONTAINER,
                        "tailscaleInitContainer": _TAILSCALE_CONTAINER,
                        "topologySpreadConstraints": TOPOLOGY_SPREAD,
                    }
                ),
            }
        ),
        "staticEndpoints": keys(
            {
                "nodePort": keys(
                    {
                        "ports": items(keys({"endPort": NUMBER, "port": NUMBER}, "port"), fewest=1),
                        "selector": LABELS,
                    },
                    "ports",
                )
            },
            "nodePort",
        ),
        "tailscale": keys({"acceptRoutes": SWITCH}),
        "useLetsEncryptStagingEnvironment": SWITCH,
    }
)
_PROXY_GROUP = keys(
    {
        "hostnamePrefix": _PREFIX,
        "kubeAPIServer": keys(
            {
                "hostname": _text(
                    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "a name: at most 63 lower-case letters, digits and hyphens"
                ),
                "mode": word("auth", "noauth"),
            }
        ),
        "proxyClass": TEXT,
        "replicas": _REPLICAS,
        "tags": _TAGS,
        "tailnet": TEXT,
        "type": word("egress", "ingress", "kube-apiserver"),
    },
    "type",
)
_RECORDER = keys(
    {
        "enableUI": SWITCH,
        "replicas": _REPLICAS,
        "statefulSet": keys(
            {
                "annotations": LABELS,
                "labels": LABELS,
                "pod": keys(
                    {
                        **_POD,
                        "container": keys(_CONTAINER),
                        "labels": LABELS,
                        "serviceAccount": keys(
                            {
                                "annotations": LABELS,
                                "name": _text(
                                    "^[a-z0-9]([a-z0-9-.]{0,61}[a-z0-9])?$", "the name of a ServiceAccount", 253
                                ),
                            }
                        ),
                    }
                ),
            }
        ),
        "storage": keys({"s3": keys({"bucket": TEXT, "credentials": keys({"secret": SECRET_NAME}), "endpoint": TEXT})}),
        "tags": _TAGS,
        "tailnet": TEXT,
    }
)

CUSTOM_KINDS: Mapping[str, CustomKind] = {
    "Connector": CustomKind(spec=_CONNECTOR, plural="connectors"),
    "DNSConfig": CustomKind(spec=_DNS_CONFIG, plural="dnsconfigs"),
    "PeerRelay": CustomKind(spec=_PEER_RELAY, plural="peerrelays", since=(1, 102, 0)),
    "ProxyClass": CustomKind(spec=_PROXY_CLASS, plural="proxyclasses"),
    "ProxyGroup": CustomKind(spec=_PROXY_GROUP, plural="proxygroups"),
    "ProxyGroupPolicy": CustomKind(
        spec=keys({"egress": TEXTS, "ingress": TEXTS}),
        plural="proxygrouppolicies",
        since=(1, 96, 0),
        is_namespaced=True,
    ),
    "Recorder": CustomKind(spec=_RECORDER, plural="recorders"),
    "Tailnet": CustomKind(
        spec=keys({"credentials": keys({"secretName": TEXT}, "secretName"), "loginUrl": TEXT}, "credentials"),
        plural="tailnets",
        since=(1, 96, 0),
    ),
}
"""Every kind of the newest supported chart."""


def check_custom_resource(kind: str, spec: Mapping[str, object], version: Version | None) -> tuple[Mistake, ...]:
    """What is wrong with the `spec` of a custom resource; paths begin below `spec`.

    `kind` is one of CUSTOM_KINDS. A kind that the version does not have yet is one mistake at the empty path.
    """
    about = CUSTOM_KINDS[kind]
    if version is not None and version < about.since:
        return (Mistake(path=(), kind=MistakeKind.NOT_YET, expected=f"the chart {version_text(about.since)} or newer"),)
    return mistakes_in(spec, about.spec, version)
