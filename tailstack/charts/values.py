"""What can be written in the values of the operator's chart, and what tailstack writes there itself.

Read in `cmd/k8s-operator/deploy/chart` (values.yaml and templates) of tailscale.com v1.96.0, v1.98.0, v1.100.0, v1.102.3 and
v1.104.5; tests hold this table against the supported ones. The chart has no schema of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from tailstack.charts.checking import Mistake, MistakeKind, Path, mistakes_in
from tailstack.charts.kubernetes import PULL_POLICY, SECRET_NAMES
from tailstack.charts.shapes import ANYTHING, LABELS, SWITCH, TEXT, Shape, Type, items, keys, word
from tailstack.charts.versions import Version

FIREWALL_MODES = ("auto", "nftables", "iptables")
"""`isValidFirewallMode` in cmd/k8s-operator/sts.go."""

LOG_LEVELS = ("info", "debug", "dev")
"""`main` in cmd/k8s-operator/operator.go; any other word leaves the level of the library."""

PROXY_MODES = ("true", "false", "noauth")
"""`parseAPIProxyMode` in cmd/k8s-operator/api-server-proxy.go, which panics on any other word."""

OAUTH_CLIENT_ANNOTATION = "tailstack/oauth-client"
"""On the operator's pod: which OAuth client it runs with. The operator does not read a rotated Secret again, and a changed
annotation of the pod template restarts it."""


def _unless_empty(*words: str) -> Shape:
    """The empty text leaves the default of the chart or of the operator."""
    return word("", *words)


_IMAGE = {"repository": TEXT, "repo": TEXT, "tag": TEXT, "digest": TEXT}
"""The templates prefer `repo`, which values.yaml does not list."""

_OBJECTS = items(ANYTHING)
_VARIABLES = items(keys({"name": TEXT, "value": TEXT, "valueFrom": ANYTHING}, "name"))

CHART_VALUES = keys(
    {
        "nameOverride": Shape(type=Type.TEXT, since=(1, 104, 0)),
        "fullnameOverride": Shape(type=Type.TEXT, since=(1, 104, 0)),
        # Of the Deployment; values.yaml lists operatorConfig.annotations for it, and the template reads this.
        "annotations": Shape(type=Type.MAPPING, each=TEXT, since=(1, 102, 0)),
        "oauth": keys({"clientId": TEXT, "clientSecret": TEXT, "audience": TEXT}),
        "loginServer": TEXT,
        "oauthSecretVolume": ANYTHING,
        "installCRDs": SWITCH,
        "operatorConfig": keys(
            {
                "defaultTags": Shape(type=Type.TEXTS),
                "image": keys({**_IMAGE, "pullPolicy": _unless_empty(*PULL_POLICY.words)}),
                "logging": _unless_empty(*LOG_LEVELS),
                "hostname": TEXT,
                "nodeSelector": LABELS,
                "resources": ANYTHING,
                "annotations": Shape(type=Type.MAPPING, each=TEXT, since=(1, 102, 0), is_idle=True),
                "podAnnotations": LABELS,
                "podLabels": LABELS,
                "serviceAccountAnnotations": LABELS,
                "tolerations": _OBJECTS,
                "affinity": ANYTHING,
                "priorityClassName": Shape(type=Type.TEXT, since=(1, 98, 0)),
                "podSecurityContext": ANYTHING,
                "securityContext": ANYTHING,
                "extraEnv": _VARIABLES,
                "sharedACMEAccountKey": Shape(type=Type.SWITCH, since=(1, 104, 0)),
            }
        ),
        "ingressClass": keys({"name": TEXT, "enabled": SWITCH}),
        "proxyConfig": keys(
            {
                "image": keys(_IMAGE),
                "defaultTags": TEXT,
                "firewallMode": _unless_empty(*FIREWALL_MODES),
                "defaultProxyClass": TEXT,
            }
        ),
        "apiServerProxyConfig": keys(
            {
                "allowImpersonation": Shape(type=Type.WORD, words=("", "true", "false")),
                "mode": Shape(type=Type.WORD, words=("", *PROXY_MODES)),
            }
        ),
        "imagePullSecrets": SECRET_NAMES,
    }
)
"""`operatorConfig.defaultTags` is a list, `proxyConfig.defaultTags` a text with commas."""

RESERVED_VALUES: Mapping[tuple[str, ...], str] = {
    ("nameOverride",): "",
    ("fullnameOverride",): "",
    ("oauth",): "credentials",
    ("loginServer",): "loginServer",
    ("oauthSecretVolume",): "credentials",
    ("installCRDs",): "chart.crds",
    ("operatorConfig", "defaultTags"): "tags",
    ("operatorConfig", "image"): "images.operator",
    ("operatorConfig", "logging"): "logging",
    ("operatorConfig", "hostname"): "hostname",
    ("operatorConfig", "podAnnotations", OAUTH_CLIENT_ANNOTATION): "",
    ("ingressClass", "name"): "ingressClass",
    ("proxyConfig", "image"): "images.proxy",
    ("proxyConfig", "defaultTags"): "proxyTags",
    ("proxyConfig", "firewallMode"): "firewallMode",
    ("proxyConfig", "defaultProxyClass"): "defaultProxyClass",
    ("apiServerProxyConfig",): "apiServerProxy",
    ("imagePullSecrets",): "imagePullSecrets",
}
"""The values that tailstack writes itself, each with the key of `operator` that decides it; empty where none does: the
objects of the release are named by other things that are made (the Secret operator-oauth, a federated identity's subject)."""


_FURTHER_VARIABLES = ("operatorConfig", "extraEnv")

RESERVED_VARIABLES: Mapping[str, str] = {
    "OPERATOR_INITIAL_TAGS": "tags",
    "OPERATOR_HOSTNAME": "hostname",
    "OPERATOR_SECRET": "",
    "OPERATOR_LOGGING": "logging",
    "OPERATOR_NAMESPACE": "namespace",
    "OPERATOR_SERVICE_ACCOUNT_NAME": "",
    "OPERATOR_LOGIN_SERVER": "loginServer",
    "OPERATOR_INGRESS_CLASS_NAME": "ingressClass",
    "OPERATOR_SHARED_ACME_ACCOUNT_KEY": "values.operatorConfig.sharedACMEAccountKey",
    "CLIENT_ID": "credentials",
    "CLIENT_ID_FILE": "credentials",
    "CLIENT_SECRET_FILE": "credentials",
    "PROXY_IMAGE": "images.proxy",
    "PROXY_TAGS": "proxyTags",
    "PROXY_FIREWALL_MODE": "firewallMode",
    "PROXY_DEFAULT_CLASS": "defaultProxyClass",
    "K8S_PROXY_IMAGE": "images.k8sProxy",
    "APISERVER_PROXY": "apiServerProxy",
    "POD_NAME": "",
    "POD_UID": "",
}
"""The variables of the operator's container that the chart sets, and K8S_PROXY_IMAGE, which tailstack adds: a second one of
the same name in operatorConfig.extraEnv would hide the first. Each with the key of `operator` that decides it, if any."""


def check_values(values: Mapping[str, object], version: Version | None) -> tuple[Mistake, ...]:
    """What is wrong with values that the chart of this version is given."""
    return mistakes_in(values, CHART_VALUES, version)


def unknown_values(values: Mapping[str, object], version: Version | None) -> tuple[Mistake, ...]:
    """The same for values that stand beside those of RESERVED_VALUES, which are refused."""
    reserved = tuple(_reserved(values, ()))
    held = {mistake.path for mistake in reserved}
    others = (
        mistake
        for mistake in check_values(values, version)
        if not any(mistake.path[: len(path)] == path for path in held)
    )
    return (*reserved, *others)


def _reserved(values: Mapping[str, object], path: tuple[str, ...]) -> Iterator[Mistake]:
    for key, value in values.items():
        here = (*path, key)
        decided_by = RESERVED_VALUES.get(here)
        if decided_by is not None:
            yield _said(here, decided_by)
        elif isinstance(value, Mapping):
            yield from _reserved(cast("Mapping[str, object]", value), here)
        elif here == _FURTHER_VARIABLES and isinstance(value, list):
            for index, variable in enumerate(cast("list[object]", value)):
                name = cast("Mapping[str, object]", variable).get("name") if isinstance(variable, Mapping) else None
                if isinstance(name, str) and name in RESERVED_VARIABLES:
                    yield _said((*here, index, "name"), RESERVED_VARIABLES[name])


def _said(path: Path, decided_by: str) -> Mistake:
    expected = f"operator.{decided_by} in its place" if decided_by else "nothing, because it is written already"
    return Mistake(path=path, kind=MistakeKind.RESERVED, expected=expected)
