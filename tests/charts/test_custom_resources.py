"""Specs of custom resources, as the language passes them through."""

from __future__ import annotations

import pytest

from tailstack.charts.checking import MistakeKind
from tailstack.charts.custom_resources import check_custom_resource

NEWEST, MIDDLE, OLDEST = (1, 104, 5), (1, 102, 3), (1, 100, 0)


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        (
            "ProxyClass",
            {
                "statefulSet": {
                    "labels": {"team": "web"},
                    "pod": {
                        "nodeSelector": {"disk": "ssd"},
                        "tolerations": [{"key": "a", "operator": "Exists"}],
                        "tailscaleContainer": {
                            "resources": {"limits": {"cpu": "500m", "memory": "128Mi", "things": 3}},
                            "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
                            "env": [{"name": "TS_X", "value": "1"}],
                        },
                    },
                },
                "metrics": {"enable": True, "serviceMonitor": {"enable": True}},
            },
        ),
        ("Connector", {"subnetRouter": {"advertiseRoutes": ["10.0.0.0/8"]}, "replicas": 2, "tags": ["tag:a"]}),
        ("ProxyGroup", {"type": "kube-apiserver", "kubeAPIServer": {"mode": "auth", "hostname": "blue"}}),
        ("Tailnet", {"credentials": {"secretName": "other"}}),
        ("ProxyGroupPolicy", {"ingress": ["web"], "egress": []}),
        ("Recorder", {"storage": {"s3": {"bucket": "b", "credentials": {"secret": {"name": "s"}}}}}),
    ],
)
def test_a_spec_that_is_well(kind: str, spec: dict[str, object]) -> None:
    assert check_custom_resource(kind, spec, OLDEST) == ()


@pytest.mark.parametrize(
    ("kind", "spec", "path", "mistake"),
    [
        ("ProxyClass", {"statefulset": {}}, ("statefulset",), MistakeKind.UNKNOWN),
        (
            "ProxyClass",
            {"statefulSet": {"pod": {"tolerations": [{}, {"keys": "a"}]}}},
            ("statefulSet", "pod", "tolerations", 1, "keys"),
            MistakeKind.UNKNOWN,
        ),
        (
            "ProxyClass",
            {"statefulSet": {"pod": {"dnsPolicy": "none"}}},
            ("statefulSet", "pod", "dnsPolicy"),
            MistakeKind.WORD,
        ),
        (
            "ProxyClass",
            {"statefulSet": {"pod": {"tailscaleContainer": {"resources": {"limits": {"cpu": "a lot"}}}}}},
            ("statefulSet", "pod", "tailscaleContainer", "resources", "limits", "cpu"),
            MistakeKind.FORM,
        ),
        ("ProxyClass", {"metrics": {}}, ("metrics", "enable"), MistakeKind.MISSING),
        ("ProxyGroup", {}, ("type",), MistakeKind.MISSING),
        ("Connector", {"appConnector": {"routes": []}}, ("appConnector", "routes"), MistakeKind.FORM),
        ("Connector", {"hostname": "-"}, ("hostname",), MistakeKind.FORM),
    ],
)
def test_a_mistake_in_a_spec(kind: str, spec: dict[str, object], path: tuple[str | int, ...], mistake: str) -> None:
    (found,) = check_custom_resource(kind, spec, NEWEST)
    assert (found.path, found.kind) == (path, mistake)


def test_fields_and_kinds_that_came_later() -> None:
    relay: dict[str, object] = {"service": {"port": 41641}, "staticEndpoints": ["203.0.113.1:41641"]}
    assert check_custom_resource("PeerRelay", relay, NEWEST) == ()
    assert [each.path for each in check_custom_resource("PeerRelay", relay, MIDDLE)] == [
        ("service", "port"),
        ("staticEndpoints",),
    ]
    (none_yet,) = check_custom_resource("PeerRelay", relay, OLDEST)
    assert (none_yet.path, none_yet.kind) == ((), MistakeKind.NOT_YET)
    assert none_yet.expected == "the chart 1.102.0 or newer"
    assert check_custom_resource("PeerRelay", relay, None) == ()

    secrets: dict[str, object] = {"nameserver": {"pod": {"imagePullSecrets": [{"name": "mirror"}]}}}
    assert check_custom_resource("DNSConfig", secrets, NEWEST) == ()
    assert [each.kind for each in check_custom_resource("DNSConfig", secrets, MIDDLE)] == [MistakeKind.NOT_YET]
