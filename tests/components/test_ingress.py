"""The forms of an ingress; the plain one is in test_environment."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tailstack.topology.declaration import IngressHttp
from tailstack.topology.tailnet import HttpPath, Ingress
from tests.components.building import INGRESS, annotations_on, labels_on, made, needed, spec_of
from tests.components.custom_resources import ALL
from tests.components.recording import Recording
from tests.components.tailnets import BLUE, WEB

PATHS = (HttpPath(path="/api", service="api", port=8080), HttpPath(path="/", service="site", port=80))
IN_GROUP = dataclasses.replace(WEB, proxy_group="in")


def ingress(described: Ingress, **changes: Any) -> Recording:  # noqa: ANN401  fields of the cluster, checked by `replace`
    return made(dataclasses.replace(BLUE, exposures=(), ingresses=(described,), **changes))


def told(described: Ingress) -> dict[str, str]:
    found = annotations_on(ingress(described, custom=ALL).one(INGRESS))
    return {key.removeprefix("tailscale.com/"): value for key, value in found.items() if "tailscale.com/" in key}


def path(prefix: str, service: str, port: int) -> dict[str, Any]:
    return {
        "path": prefix,
        "pathType": "Prefix",
        "backend": {"service": {"name": service, "port": {"number": port}}},
    }


def test_paths_are_rules_for_every_host_beside_the_default() -> None:
    found = spec_of(ingress(dataclasses.replace(WEB, paths=PATHS)).one(INGRESS))
    assert found == {
        "ingressClassName": "tailscale",
        "defaultBackend": {"service": {"name": "nginx-service", "port": {"number": 80}}},
        "rules": [{"http": {"paths": [path("/api", "api", 8080), path("/", "site", 80)]}}],
        "tls": [{"hosts": ["blue-web"]}],
    }


def test_there_may_be_only_paths() -> None:
    found = spec_of(ingress(dataclasses.replace(WEB, backend_service="", paths=PATHS)).one(INGRESS))
    assert "defaultBackend" not in found
    assert len(found["rules"]) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"http": IngressHttp.REDIRECT, "serves_http": True}, {"http-redirect": "true"}),
        ({"funnel": True}, {"funnel": "true"}),
        ({"forward_cluster_traffic": True}, {"experimental-forward-cluster-traffic-via-ingress": "true"}),
        ({"proxy_group": "in"}, {"proxy-group": "in"}),
        (
            {"proxy_group": "in", "http": IngressHttp.SERVE, "serves_http": True},
            {"proxy-group": "in", "http-endpoint": "enabled"},
        ),
        (
            {"proxy_group": "in", "http": IngressHttp.REDIRECT, "serves_http": True},
            {"proxy-group": "in", "http-redirect": "true"},
        ),
    ],
)
def test_what_the_operator_is_told(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert told(dataclasses.replace(WEB, **changes)) == {"tags": "tag:k8s-blue--web", **expected}


def test_it_is_of_the_class_that_the_operator_answers_to() -> None:
    for name, expected in (("tailnet", "tailnet"), (None, "tailscale")):
        operator = dataclasses.replace(BLUE.operator, ingress_class=name)
        assert spec_of(ingress(WEB, operator=operator).one(INGRESS))["ingressClassName"] == expected


def test_a_proxy_class_is_named_by_a_label() -> None:
    found = ingress(dataclasses.replace(WEB, proxy_class="routed"), custom=ALL)
    assert labels_on(found.one(INGRESS)) == {"tailscale.com/proxy-class": "routed"}
    assert needed(found, found.one(INGRESS)) == {"Release blue.operator", "ProxyClass blue.proxyClasses.routed"}


def test_an_ingress_in_a_group_comes_after_it_and_the_policy_of_its_namespace() -> None:
    found = ingress(IN_GROUP, custom=ALL)
    assert needed(found, found.one(INGRESS)) == {
        "Release blue.operator",
        "ProxyGroup blue.proxyGroups.in",
        "ProxyGroupPolicy blue.proxyGroupPolicies.shop",
    }


def test_a_change_to_a_group_or_from_one_is_another_object() -> None:
    tags, group = (f'metadata.annotations["tailscale.com/{name}"]' for name in ("tags", "proxy-group"))
    assert ingress(WEB).one(INGRESS).replace_on_changes == (tags, group)
    assert ingress(IN_GROUP, custom=ALL).one(INGRESS).replace_on_changes == (group,)


def test_a_backend_of_a_tailscale_service_is_no_ingress_of_the_same_name() -> None:
    shared = dataclasses.replace(IN_GROUP, is_shared=True)
    assert ingress(shared, custom=ALL).names(INGRESS) == ["blue.services.web"]
