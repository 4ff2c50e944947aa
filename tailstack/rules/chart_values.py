"""What can be written in the values of the operator's chart: keys, types and words, and since which version.

Read in `cmd/k8s-operator/deploy/chart` (values.yaml and templates) of tailscale.com v1.96.0, v1.98.0, v1.100.0, v1.102.3 and
v1.104.5. The chart has no schema of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Version: TypeAlias = tuple[int, int, int]


class Type(StrEnum):
    """The type of a value; the words are those of the messages."""

    TEXT = "a text"
    SWITCH = "true or false"
    WORD = "a text, true or false"
    LIST = "a list"
    MAPPING = "a mapping"
    TEXTS = "a list of texts"


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A value that the chart knows: `words` are all that it can be, none where it can be anything of its type."""

    type: Type
    words: tuple[str, ...] = ()
    since: Version = (0, 0, 0)


Section: TypeAlias = "Mapping[str, Known | Section]"

_TEXT = Known(type=Type.TEXT)
_MAPPING = Known(type=Type.MAPPING)
_LIST = Known(type=Type.LIST)
_SWITCH = Known(type=Type.SWITCH)
_IMAGE: Section = {"repository": _TEXT, "repo": _TEXT, "tag": _TEXT, "digest": _TEXT}

FIREWALL_MODES = ("auto", "nftables", "iptables")
"""`isValidFirewallMode` in cmd/k8s-operator/sts.go."""

LOG_LEVELS = ("info", "debug", "dev")
"""`main` in cmd/k8s-operator/operator.go; any other word leaves the level of the library."""

PROXY_MODES = ("true", "false", "noauth")
"""`parseAPIProxyMode` in cmd/k8s-operator/api-server-proxy.go, which panics on any other word."""

CHART_VALUES: Section = {
    "nameOverride": Known(type=Type.TEXT, since=(1, 104, 0)),
    "fullnameOverride": Known(type=Type.TEXT, since=(1, 104, 0)),
    "annotations": _MAPPING,
    "oauth": {"clientId": _TEXT, "clientSecret": _TEXT, "audience": _TEXT},
    "loginServer": _TEXT,
    "oauthSecretVolume": _MAPPING,
    "installCRDs": _SWITCH,
    "operatorConfig": {
        "defaultTags": Known(type=Type.TEXTS),
        "image": {
            **_IMAGE,
            "pullPolicy": Known(type=Type.TEXT, words=("Always", "IfNotPresent", "Never")),
        },
        "logging": Known(type=Type.TEXT, words=LOG_LEVELS),
        "hostname": _TEXT,
        "nodeSelector": _MAPPING,
        "resources": _MAPPING,
        "annotations": Known(type=Type.MAPPING, since=(1, 102, 0)),
        "podAnnotations": _MAPPING,
        "podLabels": _MAPPING,
        "serviceAccountAnnotations": _MAPPING,
        "tolerations": _LIST,
        "affinity": _MAPPING,
        "priorityClassName": Known(type=Type.TEXT, since=(1, 98, 0)),
        "podSecurityContext": _MAPPING,
        "securityContext": _MAPPING,
        "extraEnv": _LIST,
        "sharedACMEAccountKey": Known(type=Type.SWITCH, since=(1, 104, 0)),
    },
    "ingressClass": {"name": _TEXT, "enabled": _SWITCH},
    "proxyConfig": {
        "image": _IMAGE,
        "defaultTags": _TEXT,
        "firewallMode": Known(type=Type.TEXT, words=FIREWALL_MODES),
        "defaultProxyClass": _TEXT,
    },
    "apiServerProxyConfig": {
        "allowImpersonation": Known(type=Type.WORD, words=("true", "false")),
        "mode": Known(type=Type.WORD, words=PROXY_MODES),
    },
    "imagePullSecrets": _LIST,
}

ALWAYS_KNOWN = frozenset({"global"})
"""Helm gives this one to every chart."""

NEWEST = (1, 104, 5)
"""The newest chart that was read; of later ones it is not known what they know."""
