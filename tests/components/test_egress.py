"""The forms of an egress; the plain one is in test_environment."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tailstack.topology.tailnet import Address, Egress, Port, TailscaleService, Target
from tests.components.building import SERVICE, annotations_on, labels_on, made, needed, spec_of
from tests.components.custom_resources import ALL
from tests.components.recording import Recording
from tests.components.tailnets import BLUE, DOMAIN, HERE, REMOTE

LEDGER = TailscaleService(
    name="svc:ledger",
    fqdn=f"ledger.{DOMAIN}",
    ports=(Port("tcp", 5432, 5432),),
    tags=("tag:svc-ledger",),
    backends=(),
    machines=(),
    consumers=None,
    place=HERE,
)
BEHIND = Address(ip="fd7a:115c:a1e0:b1a:0:1:a2a:304", route="fd7a:115c:a1e0:b1a:0:1:a2a:0/112")
ALONE = dataclasses.replace(REMOTE, cluster="blue", namespace="shop")
IN_GROUP = dataclasses.replace(
    ALONE, proxy_group="out", ports=(Port("tcp", 80, 80), Port("tcp", 8000, 8002), Port("udp", 53, 53))
)


def egress(described: Egress, **changes: Any) -> Recording:  # noqa: ANN401  fields of the cluster, checked by `replace`
    return made(dataclasses.replace(BLUE, exposures=(), ingresses=(), egresses=(described,), custom=ALL, **changes))


@pytest.mark.parametrize(
    ("target", "annotation"),
    [
        (LEDGER, ("tailnet-fqdn", f"ledger.{DOMAIN}")),
        (BEHIND, ("tailnet-ip", "fd7a:115c:a1e0:b1a:0:1:a2a:304")),
    ],
)
def test_it_leads_to_a_tailscale_service_and_to_an_address_behind_a_connector(
    target: Target, annotation: tuple[str, str]
) -> None:
    found = annotations_on(egress(dataclasses.replace(ALONE, target=target)).one(SERVICE))
    targets = {key.removeprefix("tailscale.com/"): value for key, value in found.items() if "/tailnet-" in key}
    assert targets == dict([annotation])


def test_through_a_group_it_has_the_ports_that_it_forwards_and_no_tags() -> None:
    found = egress(IN_GROUP).one(SERVICE)
    assert annotations_on(found) == {
        "tailscale.com/tailnet-fqdn": f"blue-nginx.{DOMAIN}",
        "tailscale.com/hostname": "green-nginx-remote",
        "tailscale.com/proxy-group": "out",
        "pulumi.com/waitFor": "condition=TailscaleEgressSvcReady",
    }
    assert spec_of(found) == {
        "type": "ExternalName",
        "externalName": "placeholder",
        "ports": [
            {"name": "tcp-80", "port": 80, "protocol": "TCP"},
            {"name": "tcp-8000", "port": 8000, "protocol": "TCP"},
            {"name": "tcp-8001", "port": 8001, "protocol": "TCP"},
            {"name": "tcp-8002", "port": 8002, "protocol": "TCP"},
            {"name": "udp-53", "port": 53, "protocol": "UDP"},
        ],
    }
    assert found.ignore_changes == ("spec.externalName",)


def test_it_comes_after_its_group_and_the_policy_of_its_namespace() -> None:
    found = egress(IN_GROUP)
    assert needed(found, found.one(SERVICE)) == {
        "Release blue.operator",
        "ProxyGroup blue.proxyGroups.out",
        "ProxyGroupPolicy blue.proxyGroupPolicies.shop",
    }


def test_a_proxy_class_is_named_by_a_label() -> None:
    found = egress(dataclasses.replace(ALONE, proxy_class="routed"))
    assert labels_on(found.one(SERVICE)) == {"tailscale.com/proxy-class": "routed"}
    assert needed(found, found.one(SERVICE)) == {"Release blue.operator", "ProxyClass blue.proxyClasses.routed"}
    assert labels_on(egress(ALONE).one(SERVICE)) == {}


def test_a_change_to_a_group_or_from_one_is_another_object() -> None:
    tags, group = (f'metadata.annotations["tailscale.com/{name}"]' for name in ("tags", "proxy-group"))
    assert egress(ALONE).one(SERVICE).replace_on_changes == (tags, group)
    assert egress(IN_GROUP).one(SERVICE).replace_on_changes == (group,)
