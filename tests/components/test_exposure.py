"""The forms of an exposure; the plain one is in test_environment."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tailstack.topology.declaration import ManagedBy, ServiceType
from tailstack.topology.tailnet import Cluster, Exposure
from tests.components.building import (
    SERVICE,
    SERVICE_PATCH,
    annotations_on,
    labels_on,
    made,
    needed,
    spec_of,
)
from tests.components.custom_resources import ALL, IN, NOTHING, SHOP, WITH_ALL
from tests.components.recording import Recording
from tests.components.tailnets import BLUE, NGINX

TAGS = 'metadata.annotations["tailscale.com/tags"]'
PROXY_GROUP = 'metadata.annotations["tailscale.com/proxy-group"]'
BALANCED = dataclasses.replace(NGINX, service_type=ServiceType.LOAD_BALANCER)
OUTSIDE = dataclasses.replace(
    NGINX, service_type=ServiceType.EXTERNAL_NAME, external_name="legacy.example.com", selector=()
)
SHARED = dataclasses.replace(NGINX, proxy_group="in")
TOLD = {
    "tailscale.com/hostname": "blue-nginx",
    "tailscale.com/tags": "tag:k8s-blue--nginx,tag:shared",
}
PORTS = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]


def of(*exposures: Exposure, **changes: Any) -> Cluster:  # noqa: ANN401  fields of the cluster, checked by `replace`
    return dataclasses.replace(BLUE, exposures=exposures, ingresses=(), **changes)


def service(exposure: Exposure, **changes: Any) -> Recording:  # noqa: ANN401  as above
    return made(of(exposure, **changes))


def test_a_load_balancer_says_by_its_class_what_it_is() -> None:
    found = service(BALANCED).one(SERVICE)
    assert spec_of(found) == {
        "type": "LoadBalancer",
        "loadBalancerClass": "tailscale",
        "allocateLoadBalancerNodePorts": False,
        "selector": {"app": "proxy"},
        "ports": PORTS,
    }
    assert annotations_on(found) == {**TOLD, "pulumi.com/waitFor": "condition=TailscaleProxyReady"}


def test_an_external_name_is_exposed_by_the_annotation_and_selects_nothing() -> None:
    found = service(OUTSIDE).one(SERVICE)
    assert spec_of(found) == {"type": "ExternalName", "externalName": "legacy.example.com", "ports": PORTS}
    assert annotations_on(found) == {
        "tailscale.com/expose": "true",
        **TOLD,
        "pulumi.com/waitFor": "condition=TailscaleProxyReady",
    }


def test_a_service_that_exists_becomes_a_load_balancer_in_place() -> None:
    found = service(dataclasses.replace(BALANCED, managed_by=ManagedBy.PATCH)).one(SERVICE_PATCH)
    assert spec_of(found) == {
        "type": "LoadBalancer",
        "loadBalancerClass": "tailscale",
        "allocateLoadBalancerNodePorts": False,
    }
    assert "tailscale.com/expose" not in annotations_on(found)


@pytest.mark.parametrize("form", [NGINX, SHARED])
def test_nothing_of_another_service_that_exists_is_touched_but_annotations(form: Exposure) -> None:
    patches = service(dataclasses.replace(form, managed_by=ManagedBy.PATCH), custom=ALL).of_type(SERVICE_PATCH)
    for found in patches:
        assert set(found.inputs) == {"apiVersion", "kind", "metadata"}
        assert "labels" not in found.inputs["metadata"]


def test_what_the_operator_needs_to_clean_up_stays_on_the_service_of_somebody_else() -> None:
    """The name and the group, which alone expose nothing; they come before `expose` and never go with it."""
    renamed = dataclasses.replace(SHARED, managed_by=ManagedBy.PATCH, former_names=("site",))
    found = service(renamed, custom=ALL)
    held = found.one(SERVICE_PATCH, "blue.expose.nginx.proxyGroup")
    assert annotations_on(held) == {
        "tailscale.com/hostname": "blue-nginx",
        "tailscale.com/proxy-group": "in",
        "pulumi.com/patchFieldManager": "tailstack",
        "pulumi.com/skipAwait": "true",
    }
    assert (held.retain_on_delete, held.replace_on_changes) == (True, ())
    assert held.aliases == ("blue.expose.site.proxyGroup",)
    exposing = found.one(SERVICE_PATCH, "blue.expose.nginx")
    assert annotations_on(exposing) == {
        "tailscale.com/expose": "true",
        "tailscale.com/tags": "tag:k8s-blue--nginx,tag:shared",
        "pulumi.com/waitFor": "condition=TailscaleIngressSvcConfigured",
    }
    assert not exposing.retain_on_delete
    assert "ServicePatch blue.expose.nginx.proxyGroup" in needed(found, exposing)


def test_a_node_of_its_own_takes_back_what_a_group_has_left() -> None:
    alone = service(dataclasses.replace(NGINX, managed_by=ManagedBy.PATCH)).one(SERVICE_PATCH)
    assert annotations_on(alone)["pulumi.com/patchFieldManager"] == "tailstack"
    assert not alone.retain_on_delete


@pytest.mark.parametrize("managed_by", [ManagedBy.PULUMI, ManagedBy.PATCH])
def test_a_proxy_class_is_named_by_a_label(managed_by: ManagedBy) -> None:
    exposure = dataclasses.replace(NGINX, proxy_class="routed", managed_by=managed_by)
    found = service(exposure, custom=ALL)
    resource = found.one(SERVICE if managed_by is ManagedBy.PULUMI else SERVICE_PATCH)
    assert labels_on(resource) == {"tailscale.com/proxy-class": "routed"}
    assert "ProxyClass blue.proxyClasses.routed" in needed(found, resource)


def test_the_operators_default_class_is_waited_for_and_not_named() -> None:
    operator = dataclasses.replace(BLUE.operator, default_proxy_class="standard")
    found = service(NGINX, operator=operator, custom=ALL)
    assert labels_on(found.one(SERVICE)) == {}
    assert needed(found, found.one(SERVICE)) == {
        "Release blue.operator",
        "ProxyClass blue.proxyClasses.standard",
    }


@pytest.mark.parametrize("form", [SHARED, dataclasses.replace(BALANCED, proxy_group="in")])
def test_an_exposure_with_a_proxy_group_is_a_tailscale_service(form: Exposure) -> None:
    found = annotations_on(service(form, custom=ALL).one(SERVICE))
    expected = {
        **TOLD,
        "tailscale.com/proxy-group": "in",
        "pulumi.com/waitFor": "condition=TailscaleIngressSvcConfigured",
    }
    is_balanced = form.service_type is ServiceType.LOAD_BALANCER
    assert found == expected if is_balanced else found == {"tailscale.com/expose": "true", **expected}


def test_the_group_is_named_by_its_object() -> None:
    renamed = dataclasses.replace(IN, name="web", former_names=("in",))
    found = service(
        dataclasses.replace(NGINX, proxy_group="web"), custom=dataclasses.replace(ALL, proxy_groups=(renamed,))
    )
    assert annotations_on(found.one(SERVICE))["tailscale.com/proxy-group"] == "in"
    assert "ProxyGroup blue.proxyGroups.web" in needed(found, found.one(SERVICE))


def test_what_uses_a_group_goes_before_it_and_the_policies_of_its_namespace() -> None:
    exposure = dataclasses.replace(SHARED, namespace="shop")
    found = service(exposure, custom=dataclasses.replace(ALL, proxy_group_policies=(SHOP, NOTHING)))
    assert needed(found, found.one(SERVICE)) == {
        "Release blue.operator",
        "ProxyGroup blue.proxyGroups.in",
        "ProxyGroupPolicy blue.proxyGroupPolicies.shop",
    }
    alone = service(dataclasses.replace(NGINX, namespace="shop"), custom=ALL)
    assert needed(alone, alone.one(SERVICE)) == {"Release blue.operator"}


def test_a_change_to_a_group_or_from_one_is_another_object() -> None:
    assert service(NGINX).one(SERVICE).replace_on_changes == (TAGS, PROXY_GROUP)
    found = service(SHARED, custom=ALL).one(SERVICE)
    # The operator changes the tags of a Tailscale Service in place.
    assert found.replace_on_changes == (PROXY_GROUP,)
    assert found.delete_before_replace


def test_a_backend_of_a_tailscale_service_is_no_exposure_of_the_same_name() -> None:
    found = made(
        of(dataclasses.replace(NGINX, service="other"), dataclasses.replace(SHARED, is_shared=True), custom=ALL)
    )
    assert sorted(found.names(SERVICE)) == ["blue.expose.nginx", "blue.services.nginx"]


def test_each_form_is_one_resource() -> None:
    bare = len(made(of()).resources)
    for form in (NGINX, BALANCED, OUTSIDE, dataclasses.replace(NGINX, managed_by=ManagedBy.PATCH)):
        assert len(service(form).resources) == bare + 1
    with_groups = len(made(WITH_ALL).resources)
    assert len(service(SHARED, custom=ALL).resources) == with_groups + 1
    patched = service(dataclasses.replace(SHARED, managed_by=ManagedBy.PATCH), custom=ALL)
    assert len(patched.resources) == with_groups + 2
