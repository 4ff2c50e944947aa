"""7xx: images, the operator's namespace, and what is beside it in a cluster."""

from __future__ import annotations

import pytest

from tailstack.rules import objects_chart
from tests.rules.cases import found_in, said_of
from tests.rules.manifests_frame import POLICY, operator, resource, service

BLUE = POLICY + operator()
CLASS = '            - {name: OPERATOR_INGRESS_CLASS_NAME, value: "two"}\n'


def second(more: str = "", namespace: str = "two") -> str:
    return operator(file="second", more=more).replace("namespace: tailscale", f"namespace: {namespace}")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (second(), "the ingress class tailscale"),
        (second(CLASS, "tailscale").replace("name: operator, n", "name: two, n"), "the namespace tailscale"),
        (
            second("", "tailscale").replace("name: operator, n", "name: two, n"),
            "the namespace tailscale, the ingress class tailscale",
        ),
    ],
)
def test_two_operators_of_one_cluster(other: str, same: str) -> None:
    (finding,) = found_in(BLUE + other, objects_chart.TWO_OPERATORS)
    assert finding.message.endswith(f" with {same}.")
    assert [place.file for place in finding.places] == ["blue/second.yaml", "blue/operator.yaml"]


def test_two_operators_that_share_nothing() -> None:
    assert said_of(BLUE + second(CLASS), objects_chart.TWO_OPERATORS) == []
    assert said_of(BLUE + operator("green"), objects_chart.TWO_OPERATORS) == []


DNS = resource("DNSConfig", "dns", "{nameserver: {image: {tag: v1.102.3}}}")


def dns_map(name: str, text: str, namespace: str = "kube-system") -> str:
    return (
        f"# blue/{name}-map.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"data: {text}\n"
    )


def test_a_nameserver_that_nobody_asks() -> None:
    text = BLUE + DNS + dns_map("coredns", '{Corefile: ".:53 {}"}')
    (finding,) = found_in(text, objects_chart.DNSCONFIG_STUB)
    assert finding.message == (
        "DNSConfig dns of blue is asked by nobody: ConfigMap kube-system/coredns does not name ts.net."
    )
    assert len(finding.places) == 2


@pytest.mark.parametrize(
    "maps",
    [
        "",
        dns_map("coredns", '{Corefile: ".:53 {}"}')
        + dns_map("coredns-custom", '{ts.server: "ts.net {forward . 10.0.0.1}"}'),
        dns_map("kube-dns", '{stubDomains: "{ts.net: 10.0.0.1}"}'),
        dns_map("coredns", '{Corefile: ".:53 {}"}', "other"),
        dns_map("settings", "{a: b}"),
    ],
)
def test_a_nameserver_that_is_asked_or_may_be(maps: str) -> None:
    assert said_of(BLUE + DNS + maps, objects_chart.DNSCONFIG_STUB) == []


def test_a_cluster_dns_without_a_nameserver() -> None:
    assert said_of(BLUE + dns_map("coredns", "{a: b}"), objects_chart.DNSCONFIG_STUB) == []


def test_a_service_cannot_choose_its_tailnet() -> None:
    text = BLUE + service(annotations=", tailscale.com/tailnet: two")
    assert said_of(text, objects_chart.TAILNET_ON_SERVICE) == ["Service default/web of blue asks for the tailnet two."]
    labelled = service().replace("namespace: default", "namespace: default, labels: {tailscale.com/tailnet: two}")
    assert len(said_of(BLUE + labelled, objects_chart.TAILNET_ON_SERVICE)) == 1
    assert said_of(BLUE + service(), objects_chart.TAILNET_ON_SERVICE) == []


def namespace(labels: str, name: str = "tailscale") -> str:
    return f"# blue/namespace.yaml\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {labels}}}\n"


BASELINE = "{pod-security.kubernetes.io/enforce: baseline}"


def test_a_namespace_that_forbids_what_proxies_need() -> None:
    (finding,) = found_in(BLUE + namespace(BASELINE) + service(), objects_chart.PSA)
    assert finding.message == "The namespace tailscale of blue is baseline, and the proxy of blue.web needs privileges."
    assert [place.file for place in finding.places] == ["blue/namespace.yaml", "blue/web.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        service(),
        namespace("{}") + service(),
        namespace("{pod-security.kubernetes.io/enforce: privileged}") + service(),
        namespace(BASELINE, "default") + service(),
        namespace(BASELINE),
        namespace(BASELINE)
        + service().replace("namespace: default", "namespace: default, labels: {tailscale.com/proxy-class: small}"),
    ],
)
def test_a_namespace_that_is_well_or_not_known(text: str) -> None:
    assert said_of(BLUE + text, objects_chart.PSA) == []


def image(text: str, name: str = "PROXY_IMAGE") -> str:
    return f'            - {{name: {name}, value: "{text}"}}\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            operator(more=image("tailscale/tailscale:v1.98.0")),
            "The proxies of blue run tailscale/tailscale:v1.98.0; its operator is v1.102.3.",
        ),
        (
            operator(more=image("localhost:5000/tailscale")),
            "The image of the proxies of blue is localhost:5000/tailscale, which is another one from time to time.",
        ),
        (
            operator() + resource("ProxyGroup", "api", "{type: kube-apiserver}"),
            "The image of proxy group blue.api is tailscale/k8s-proxy:latest, which is another one from time to time.",
        ),
        (
            operator() + resource("DNSConfig", "dns", "{nameserver: {}}"),
            "The image of DNSConfig dns of blue is tailscale/k8s-nameserver:stable, which is another one from time to time.",
        ),
    ],
)
def test_an_image_of_another_version_or_of_none(text: str, says: str) -> None:
    assert said_of(POLICY + text, objects_chart.IMAGE_VERSION) == [says]


PINNED = "{statefulSet: {pod: {tailscaleContainer: {image: 'tailscale/k8s-proxy:v1.102.3'}}}}"


@pytest.mark.parametrize(
    "text",
    [
        operator(more=image("tailscale/tailscale:v1.102.3")),
        operator(more=image("tailscale/tailscale@sha256:abc")),
        operator(more=image("mirror/tailscale:build-7")),
        operator().replace(":v1.102.3", "") + DNS,
        operator(more=image("k8s-proxy:v1.102.3", "K8S_PROXY_IMAGE"))
        + resource("ProxyGroup", "api", "{type: kube-apiserver}"),
        operator()
        + resource("ProxyClass", "pinned", PINNED)
        + resource("ProxyGroup", "api", "{type: kube-apiserver, proxyClass: pinned}"),
        operator() + resource("ProxyGroup", "out", "{type: egress}"),
        service() + DNS,
    ],
)
def test_an_image_that_is_well(text: str) -> None:
    assert said_of(POLICY + text, objects_chart.IMAGE_VERSION) == []


def values(text: str, cluster: str = "blue") -> str:
    return f'# facts.json\n{{"charts": {{"{cluster}": {{"version": "1.102.3", "values": {text}}}}}}}\n'


@pytest.mark.parametrize("cluster", ["blue", "red"])
def test_a_tag_in_the_values(cluster: str) -> None:
    given = '{"operatorConfig": {"image": {"tag": "v1.98.0"}}, "proxyConfig": {"image": {"tag": "v1.102.3"}}}'
    text = "clusters: {blue: {kubernetes: {context: blue}}}\n" + values(given, cluster)
    assert said_of(text, objects_chart.IMAGE_VERSION) == [
        f"operatorConfig.image.tag of {cluster} is v1.98.0; the chart is 1.102.3."
    ]


@pytest.mark.parametrize(
    "given",
    [
        '{"operatorConfig": {"image": {"tag": "1.102.3"}}}',
        '{"operatorConfig": {"image": {"tag": "v1.98.0", "digest": "sha256:a"}}}',
        '{"operatorConfig": {"image": {"tag": "mine"}}}',
        '{"operatorConfig": {"image": 5}, "proxyConfig": 5}',
        "{}",
    ],
)
def test_a_tag_in_the_values_that_is_well(given: str) -> None:
    text = "clusters: {blue: {kubernetes: {context: blue}}}\n" + values(given)
    assert said_of(text, objects_chart.IMAGE_VERSION) == []
