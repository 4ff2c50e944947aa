from __future__ import annotations

import pytest

from tailstack.topology.declaration import IngressHttp, ServiceType
from tailstack.topology.tailnet import HTTP, HTTPS, Exposure, HttpPath, Ingress
from tests.topology.marked import BASE, check_finding, resolved

BLUE = """\
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {defaultProxyClass: standard}
    proxyClasses: {standard: {}, other: {}, c: {}}
    proxyGroups: {in: {type: ingress}}
"""


def exposure(keys: str) -> Exposure:
    (found,) = resolved(f"{BLUE}    expose: {{it: {{namespace: a, ports: [tcp:80], {keys}}}}}\n").exposures
    return found


def ingress(keys: str) -> Ingress:
    (found,) = resolved(f"{BLUE}    ingress: {{it: {{namespace: a, {keys}}}}}\n").ingresses
    return found


def test_an_exposure_has_the_default_class_unless_it_names_one_or_a_group() -> None:
    assert exposure("managedBy: patch").proxy_class == "standard"
    assert exposure("managedBy: patch, proxyClass: other").proxy_class == "other"
    grouped = exposure("managedBy: patch, proxyGroup: in, hostname: shop")
    assert (grouped.proxy_class, grouped.proxy_group, grouped.tailscale_service) == (None, "in", "svc:shop")
    assert (grouped.tags, grouped.fqdn) == (("tag:k8s-blue--it",), "shop.tail1a2b.ts.net")
    assert exposure("managedBy: patch").tailscale_service is None


def test_the_types_of_a_service() -> None:
    one, two, three = (
        exposure("selector: {a: b}"),
        exposure("selector: {a: b}, type: LoadBalancer"),
        exposure("type: ExternalName, externalName: db.example.com"),
    )
    assert (one.service_type, one.external_name) == (ServiceType.CLUSTER_IP, None)
    assert (two.service_type, two.external_name) == (ServiceType.LOAD_BALANCER, None)
    assert (three.service_type, three.external_name) == (ServiceType.EXTERNAL_NAME, "db.example.com")
    assert three.selector == ()
    for managed_by in ("patch", "gitops"):
        existing = exposure(f"managedBy: {managed_by}, type: LoadBalancer")
        assert (existing.service_type, existing.external_name) == (ServiceType.LOAD_BALANCER, None)


def test_an_ingress_with_paths() -> None:
    found = ingress("paths: {/api: {service: api, port: 8080}, /: {service: web, port: 80}}")
    assert found.paths == (
        HttpPath(path="/api", service="api", port=8080),
        HttpPath(path="/", service="web", port=80),
    )
    assert (found.backend_service, found.backend_port, found.proxy_class) == ("", 0, "standard")
    both = ingress("backend: {service: s, port: 1}, paths: {/a: {service: api, port: 2}}")
    assert (both.backend_service, both.backend_port, len(both.paths)) == ("s", 1, 1)


@pytest.mark.parametrize(
    ("keys", "http", "ports"),
    [
        ("", None, (HTTPS,)),
        (", http: redirect", IngressHttp.REDIRECT, (HTTPS, HTTP)),
        (", http: redirect, proxyGroup: in", IngressHttp.REDIRECT, (HTTPS, HTTP)),
        (", http: serve, proxyGroup: in", IngressHttp.SERVE, (HTTPS, HTTP)),
    ],
)
def test_port_80_of_an_ingress(keys: str, http: IngressHttp | None, ports: tuple[object, ...]) -> None:
    found = ingress(f"backend: {{service: s, port: 1}}{keys}")
    assert (found.http, found.granted_ports, found.serves_http) == (http, ports, http is not None)


def test_an_ingress_of_a_group_and_one_that_forwards() -> None:
    grouped = ingress("backend: {service: s, port: 1}, proxyGroup: in")
    assert (grouped.proxy_group, grouped.proxy_class, grouped.tailscale_service) == ("in", None, "svc:blue-it")
    alone = ingress("backend: {service: s, port: 1}, forwardClusterTraffic: true, proxyClass: other")
    assert (alone.forward_cluster_traffic, alone.proxy_class, alone.tailscale_service) == (True, "other", None)
    assert (grouped.is_shared, alone.is_shared) == (False, False)


MISTAKES = [
    ("key-does-not-fit", "expose", "managedBy: patch, proxyGroup: in, §proxyClass: c", ("those of the group",)),
    ("key-does-not-fit", "expose", "managedBy: patch, §type: ExternalName", ("managedBy: patch", "the Service exists")),
    ("key-does-not-fit", "expose", "managedBy: gitops, §externalName: a.com", ("managedBy: gitops",)),
    ("key-does-not-fit", "expose", "selector: {a: b}, §externalName: a.com", ("type: ClusterIP",)),
    (
        "key-does-not-fit",
        "expose",
        "selector: {a: b}, type: LoadBalancer, §externalName: a.com",
        ("type: LoadBalancer",),
    ),
    ("key-does-not-fit", "expose", "type: ExternalName, externalName: a.com, §selector: {a: b}", ("leads to no pods",)),
    (
        "key-does-not-fit",
        "expose",
        "type: ExternalName, externalName: a.com, §proxyGroup: in",
        ("by a node only",),
    ),
    ("wrong-value", "expose", "type: §NodePort, selector: {a: b}", ("one of ClusterIP, LoadBalancer, ExternalName",)),
    ("key-does-not-fit", "ingress", "backend: {service: s, port: 1}, §http: serve", ("can only redirect",)),
    ("key-does-not-fit", "ingress", "backend: {service: s, port: 1}, proxyGroup: in, §funnel: true", ("Funnel",)),
    (
        "key-does-not-fit",
        "ingress",
        "backend: {service: s, port: 1}, proxyGroup: in, §forwardClusterTraffic: true",
        ("proxyGroup",),
    ),
    (
        "key-does-not-fit",
        "ingress",
        "backend: {service: s, port: 1}, proxyGroup: in, §proxyClass: c",
        ("Take it out, or set the class of the proxy group.",),
    ),
]


@pytest.mark.parametrize(("slug", "part", "keys", "words"), MISTAKES, ids=[keys for _, _, keys, _ in MISTAKES])
def test_a_key_without_an_effect_is_refused(slug: str, part: str, keys: str, words: tuple[str, ...]) -> None:
    ports = "ports: [tcp:80], " if part == "expose" else ""
    text = f"{BLUE}    {part}: {{it: {{namespace: a, {ports}{keys}}}}}\n"
    check_finding({**BASE, "main.yaml": text}, slug, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("expose: {it: §{namespace: a, ports: [tcp:80], type: ExternalName}}", ("needs the key externalName",)),
        ("ingress: {it: §{namespace: a}}", ("needs the key backend, because it has no paths", "or `paths:`")),
    ],
)
def test_what_is_missing(text: str, words: tuple[str, ...]) -> None:
    check_finding({**BASE, "main.yaml": f"{BLUE}    {text}\n"}, "missing-key", *words)


def test_a_target_port_of_an_external_name_is_refused() -> None:
    port = "{port: tcp:80, §targetPort: 8080}"
    text = (
        f"{BLUE}    expose: {{it: {{namespace: a, ports: [tcp:1, {port}], type: ExternalName, externalName: a.com}}}}\n"
    )
    check_finding({**BASE, "main.yaml": text}, "key-does-not-fit", "type: ExternalName")
