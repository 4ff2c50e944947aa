"""7xx: versions of the operator's chart."""

from __future__ import annotations

import pytest

from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.rules import chart
from tests.rules.cases import found_in, places_of, said_of
from tests.rules.manifests_frame import POLICY, operator, resource, service

NO_VERSION = operator().replace(":v1.102.3", "")
KINDS = tuple(CUSTOM_KINDS)


def facts(text: str, cluster: str = "blue") -> str:
    return f'# facts.json\n{{"charts": {{"{cluster}": {text}}}}}\n'


def definitions(*kinds: str) -> str:
    return "".join(
        f"# blue/{kind}-crd.yaml\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        f"metadata: {{name: {kind}.tailscale.com}}\nspec: {{group: tailscale.com, names: {{kind: {kind}}}}}\n"
        for kind in kinds
    )


def test_an_old_chart_by_its_image_or_by_the_facts() -> None:
    assert said_of(POLICY + operator(version="1.94.0"), chart.CHART_TOO_OLD) == ["Cluster blue has the chart 1.94.0."]
    assert said_of(POLICY + NO_VERSION + facts('{"version": "1.94.0"}'), chart.CHART_TOO_OLD) == [
        "Cluster blue has the chart 1.94.0."
    ]
    assert said_of(POLICY + NO_VERSION, chart.CHART_TOO_OLD) == []


@pytest.mark.parametrize(
    ("text", "older", "says"),
    [
        (
            resource("PeerRelay", "x", "{}"),
            "1.100.0",
            "PeerRelay x of blue needs the chart 1.102.0; the cluster has 1.100.0.",
        ),
        (
            resource("Tailnet", "x", "{credentials: {secretName: x}}"),
            "1.94.0",
            "Tailnet x of blue needs the chart 1.96.0; the cluster has 1.94.0.",
        ),
        (
            resource("ProxyGroupPolicy", "x", "{ingress: []}"),
            "1.94.0",
            "ProxyGroupPolicy x of blue needs the chart 1.96.0; the cluster has 1.94.0.",
        ),
    ],
)
def test_a_resource_that_came_later(text: str, older: str, says: str) -> None:
    assert said_of(POLICY + operator(version=older) + text, chart.CRD_TOO_NEW) == [says]
    assert len(places_of(POLICY + operator(version=older) + text, chart.CRD_TOO_NEW)[0]) == 2
    assert said_of(POLICY + operator() + text, chart.CRD_TOO_NEW) == []
    assert said_of(POLICY + NO_VERSION + text, chart.CRD_TOO_NEW) == []


def test_definitions_of_an_older_chart() -> None:
    older = definitions(*(kind for kind in KINDS if kind != "PeerRelay"))
    (finding,) = found_in(POLICY + operator() + older, chart.CRDS_ABSENT)
    assert finding.message == "Cluster blue has the operator 1.102.3, and no definition of PeerRelay."
    assert said_of(POLICY + operator() + definitions(*KINDS), chart.CRDS_ABSENT) == []
    assert said_of(POLICY + operator(version="1.100.0") + older, chart.CRDS_ABSENT) == []


def test_no_definitions_where_the_chart_installs_none() -> None:
    off = facts('{"values": {"installCRDs": false}}')
    (finding,) = found_in(POLICY + operator() + off, chart.CRDS_ABSENT)
    assert [str(place) for place in finding.places][1:] == ["facts.json:2:48"]
    for text in (
        POLICY + operator(),
        POLICY + operator() + off.replace("false", "true"),
        POLICY + NO_VERSION + off,
        POLICY + service() + off,
        "clusters: {blue: {kubernetes: {context: blue}}}\n" + off,
    ):
        assert said_of(text, chart.CRDS_ABSENT) == []


def serving(cluster: str, version: str, *names: str) -> str:
    served = "".join(
        service(name, f", tailscale.com/proxy-group: in, tailscale.com/hostname: {name}", cluster=cluster)
        for name in names
    )
    return (
        operator(cluster, version=version) + served + resource("ProxyGroup", "in", "{type: ingress}", cluster=cluster)
    )


def test_one_service_of_two_versions_is_said_once_for_the_clusters() -> None:
    text = POLICY + serving("blue", "1.98.0", "a", "b") + serving("green", "1.102.3", "a", "b")
    (finding,) = found_in(text, chart.VERSION_SKEW)
    assert finding.message == (
        "svc:a is served by operators of different versions: blue has 1.98.0, green has 1.102.3."
    )
    assert [place.file for place in finding.places] == ["blue/a.yaml", "green/a.yaml"]


@pytest.mark.parametrize(
    ("blue", "green"),
    [
        (serving("blue", "1.102.0", "a"), serving("green", "1.102.3", "a")),
        (serving("blue", "1.98.0", "a"), serving("green", "1.102.3", "b")),
        (serving("blue", "1.98.0", "a").replace(":v1.98.0", ""), serving("green", "1.102.3", "a")),
    ],
)
def test_services_of_one_version(blue: str, green: str) -> None:
    assert said_of(POLICY + blue + green, chart.VERSION_SKEW) == []
