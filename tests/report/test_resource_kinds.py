"""What types of resources are called, and how many nodes they are."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tailstack.report.plan import ChangeClass
from tailstack.report.resource_kinds import (
    declaration_at,
    declaration_of,
    in_words,
    is_object,
    nodes_in,
    resource_kind,
)
from tests.engine.recorded import service

SERVICE = "kubernetes:core/v1:Service"
RELEASE = "kubernetes:helm.sh/v3:Release"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"


@pytest.mark.parametrize(
    ("token", "name", "declaration"),
    [
        ("tailscale:index/acl:Acl", "policy", "policy file"),
        ("tailscale:index/oauthClient:OauthClient", "blue.operator", "operator of blue"),
        (RELEASE, "blue.operator", "operator of blue"),
        (SERVICE, "blue.expose.nginx", "exposure blue.nginx"),
        (SERVICE, "blue.services.pay", "Tailscale Service blue.pay"),
        ("kubernetes:tailscale.com/v1alpha1:ProxyGroup", "blue.proxyGroups.out", "proxy group blue.out"),
        ("tailscale:index/tailnetKey:TailnetKey", "ci", "auth key ci"),
        (SERVICE, "other", "Service other"),
        (SERVICE, "blue.expose", "Service blue.expose"),
        (SERVICE, "blue.what.x", "Service blue.what.x"),
        ("aws:s3:Bucket", "b", "aws:s3:Bucket b"),
    ],
)
def test_declarations_have_the_names_that_people_gave_them(token: str, name: str, declaration: str) -> None:
    assert declaration_of(token, name) == declaration


def test_kinds() -> None:
    assert resource_kind("kubernetes:core/v1:ServicePatch").words == "Service"
    assert resource_kind("kubernetes:core/v1:Namespace").is_lost
    assert not resource_kind("kubernetes:core/v1:NamespacePatch").is_lost
    assert resource_kind("aws:s3:Bucket").change_class is ChangeClass.METADATA
    assert [is_object(token) for token in (SERVICE, "tailscale:x", "pulumi:providers:kubernetes", "tailstack:a:B")] == [
        *(True, True, False, False)
    ]


@pytest.mark.parametrize(
    ("token", "inputs", "number"),
    [
        (SERVICE, service(expose="true"), 1),
        (SERVICE, service(**{"tailnet-fqdn": "a.ts.net"}), 1),
        (SERVICE, service(expose="true", **{"proxy-group": "in"}), 0),
        (SERVICE, service(), 0),
        (SERVICE, {"spec": {"loadBalancerClass": "tailscale"}}, 1),
        (SERVICE, {"metadata": "04da", "spec": None}, 0),
        ("kubernetes:core/v1:ServicePatch", service(expose="true"), 1),
        (INGRESS, service(tags="tag:a"), 1),
        (INGRESS, service(), 0),
        (RELEASE, {"name": "tailscale-operator"}, 1),
        (RELEASE, {"chart": "tailscale-operator"}, 1),
        (RELEASE, {"name": "else"}, 0),
        ("kubernetes:tailscale.com/v1alpha1:ProxyGroup", {"spec": {}}, 2),
        ("kubernetes:tailscale.com/v1alpha1:ProxyGroup", {"spec": {"replicas": 3.0}}, 3),
        ("kubernetes:tailscale.com/v1alpha1:Connector", {}, 1),
        ("kubernetes:tailscale.com/v1alpha1:Connector", {"spec": {"replicas": "04da"}}, 0),
        ("kubernetes:tailscale.com/v1alpha1:ProxyClass", {}, 0),
        ("tailscale:index/service:Service", service(expose="true"), 0),
    ],
)
def test_nodes(token: str, inputs: Mapping[str, object], number: int) -> None:
    assert nodes_in(token, inputs) == number


OF_CLUSTER = "urn:pulumi:prod::tailstack::tailstack:cluster:Cluster"


@pytest.mark.parametrize(
    ("urn", "declaration"),
    [
        (f"{OF_CLUSTER}${SERVICE}::blue.expose.nginx", "exposure blue.nginx"),
        ("urn:pulumi:prod::tailstack::tailscale:index/acl:Acl::policy", "policy file"),
        (f"{OF_CLUSTER}${SERVICE}::a::b", "Service a::b"),
        ("", ""),
        ("urn:pulumi:prod::tailstack", ""),
    ],
)
def test_a_urn_names_a_declaration(urn: str, declaration: str) -> None:
    assert declaration_at(urn) == declaration


def test_a_text_of_the_engine_is_told_in_words() -> None:
    urn = f"{OF_CLUSTER}${SERVICE}::blue.expose.nginx"
    said = f'resource "{urn}" failed: {urn}, ({urn}) of urn:pulumi:prod::tailstack.'
    expected = 'resource "exposure blue.nginx" failed: exposure blue.nginx, (exposure blue.nginx) of urn:pulumi:prod::tailstack.'
    assert in_words(said) == expected
