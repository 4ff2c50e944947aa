"""Parts of Kubernetes' own language that stand inside of the operator's custom resources, as the CRDs have them.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

from tailstack.charts.shapes import LABELS, NUMBER, SWITCH, TEXT, TEXTS, Form, Shape, Type, each_of, items, keys, word

_EXPRESSIONS = items(keys({"key": TEXT, "operator": TEXT, "values": TEXTS}, "key", "operator"))
_SELECTOR = keys({"matchExpressions": _EXPRESSIONS, "matchLabels": LABELS})
_NODES = keys({"matchExpressions": _EXPRESSIONS, "matchFields": _EXPRESSIONS})
_PODS = keys(
    {
        "labelSelector": _SELECTOR,
        "matchLabelKeys": TEXTS,
        "mismatchLabelKeys": TEXTS,
        "namespaceSelector": _SELECTOR,
        "namespaces": TEXTS,
        "topologyKey": TEXT,
    },
    "topologyKey",
)
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_NEAR_PODS = keys(
    {
        _PREFERRED: items(keys({"podAffinityTerm": _PODS, "weight": NUMBER}, "podAffinityTerm", "weight")),
        _REQUIRED: items(_PODS),
    }
)
AFFINITY = keys(
    {
        "nodeAffinity": keys(
            {
                _PREFERRED: items(keys({"preference": _NODES, "weight": NUMBER}, "preference", "weight")),
                _REQUIRED: keys({"nodeSelectorTerms": items(_NODES)}, "nodeSelectorTerms"),
            }
        ),
        "podAffinity": _NEAR_PODS,
        "podAntiAffinity": _NEAR_PODS,
    }
)

TOPOLOGY_SPREAD = items(
    keys(
        {
            "labelSelector": _SELECTOR,
            "matchLabelKeys": TEXTS,
            "maxSkew": NUMBER,
            "minDomains": NUMBER,
            "nodeAffinityPolicy": TEXT,
            "nodeTaintsPolicy": TEXT,
            "topologyKey": TEXT,
            "whenUnsatisfiable": TEXT,
        },
        "maxSkew",
        "topologyKey",
        "whenUnsatisfiable",
    )
)

TOLERATIONS = items(
    keys({"effect": TEXT, "key": TEXT, "operator": TEXT, "tolerationSeconds": NUMBER, "value": TEXT}),
)

_PROFILE = keys({"localhostProfile": TEXT, "type": TEXT}, "type")
_SECURITY = {
    "appArmorProfile": _PROFILE,
    "runAsGroup": NUMBER,
    "runAsNonRoot": SWITCH,
    "runAsUser": NUMBER,
    "seLinuxOptions": keys({"level": TEXT, "role": TEXT, "type": TEXT, "user": TEXT}),
    "seccompProfile": _PROFILE,
    "windowsOptions": keys(
        {"gmsaCredentialSpec": TEXT, "gmsaCredentialSpecName": TEXT, "hostProcess": SWITCH, "runAsUserName": TEXT}
    ),
}
POD_SECURITY = keys(
    {
        **_SECURITY,
        "fsGroup": NUMBER,
        "fsGroupChangePolicy": TEXT,
        "seLinuxChangePolicy": TEXT,
        "supplementalGroups": items(NUMBER),
        "supplementalGroupsPolicy": TEXT,
        "sysctls": items(keys({"name": TEXT, "value": TEXT}, "name", "value")),
    }
)
CONTAINER_SECURITY = keys(
    {
        **_SECURITY,
        "allowPrivilegeEscalation": SWITCH,
        "capabilities": keys({"add": TEXTS, "drop": TEXTS}),
        "privileged": SWITCH,
        "procMount": TEXT,
        "readOnlyRootFilesystem": SWITCH,
    }
)

_NUMBER = r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
_QUANTITIES = each_of(
    Shape(
        type=Type.QUANTITY,
        form=Form(
            pattern=rf"^(\+|-)?{_NUMBER}(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?{_NUMBER}))?$",
            words="a quantity such as 100m or 128Mi",
        ),
    )
)
RESOURCES = keys(
    {
        "claims": items(keys({"name": TEXT, "request": TEXT}, "name")),
        "limits": _QUANTITIES,
        "requests": _QUANTITIES,
    }
)

ENVIRONMENT = items(
    keys(
        {
            "name": Shape(
                type=Type.TEXT,
                form=Form(
                    pattern="^[-._a-zA-Z][-._a-zA-Z0-9]*$", words="the name of a variable: letters, digits, -, _ and ."
                ),
            ),
            "value": TEXT,
        },
        "name",
    )
)

PULL_POLICY = word("Always", "Never", "IfNotPresent")
SECRET_NAME = keys({"name": TEXT})
"""A Secret of the operator's namespace."""
SECRET_NAMES = items(SECRET_NAME)
