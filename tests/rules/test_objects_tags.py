"""2xx: how tags are written in manifests and in values of the chart."""

from __future__ import annotations

import pytest

from tailstack.rules import objects_tags
from tests.rules.cases import found_in, places_of, said_of
from tests.rules.manifests_frame import POLICY, operator, resource, service

BLUE = POLICY + operator()
INGRESS = """# blue/ing.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i, namespace: default, annotations: {tailscale.com/tags: "TAGS"}}
spec: {ingressClassName: tailscale}
"""


def facts(values: str) -> str:
    return f'# facts.json\n{{"charts": {{"blue": {{"values": {values}}}}}}}\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            service(annotations=', tailscale.com/tags: "tag:k8s, tag:web"'),
            'Service default/web is to wear " tag:web", which is no tag.',
        ),
        (service(annotations=', tailscale.com/tags: "tag:k8s,"'), "Service default/web has an empty tag."),
        (INGRESS.replace("TAGS", "k8s"), 'Ingress default/i is to wear "k8s", which is no tag.'),
        (resource("Connector", "c", '{tags: ["tag:1"]}'), 'Connector c is to wear "tag:1", which is no tag.'),
        (
            operator("green").replace('"tag:op"', '"tag:op "'),
            'The operator of green is to wear "tag:op ", which is no tag.',
        ),
        (
            operator("green").replace('"tag:k8s"', '"tag:k8s,tag_b"'),
            'Every other proxy of green is to wear "tag_b", which is no tag.',
        ),
        (
            facts('{"operatorConfig": {"defaultTags": ["tag:op", "op"]}}'),
            'The operator of blue is to wear "op", which is no tag.',
        ),
        (
            facts('{"proxyConfig": {"defaultTags": "tag:a, tag:b"}}'),
            'Every other proxy of blue is to wear " tag:b", which is no tag.',
        ),
    ],
)
def test_what_is_no_tag(text: str, says: str) -> None:
    assert said_of(BLUE + text, objects_tags.TAG_SYNTAX) == [says]


@pytest.mark.parametrize(
    "text",
    [
        service(annotations=', tailscale.com/tags: "tag:k8s,tag:web"'),
        resource("Connector", "c", '{tags: ["tag:A-1", 5]}'),
        facts('{"operatorConfig": {"defaultTags": "tag:op"}, "proxyConfig": {"defaultTags": ""}}'),
        facts('{"operatorConfig": {"defaultTags": 5}, "proxyConfig": 5}'),
        operator("green").replace('"tag:k8s"', '"[tag:a tag:b]"'),
    ],
)
def test_what_is_one(text: str) -> None:
    assert said_of(BLUE + text, objects_tags.TAG_SYNTAX) == []


def test_a_space_is_mended_by_leaving_it_out() -> None:
    text = BLUE + service(annotations=', tailscale.com/tags: "tag:k8s, tag:web"')
    (finding,) = found_in(text, objects_tags.TAG_SYNTAX)
    assert finding.mend == "Write tag:web, without the space."
    assert places_of(text, objects_tags.TAG_SYNTAX) == [["web.yaml:4:107"]]


def test_a_list_of_default_tags_in_the_values() -> None:
    (finding,) = found_in(
        BLUE + facts('{"proxyConfig": {"defaultTags": ["tag:a", "tag:b"]}}'), objects_tags.DEFAULT_TAGS_TYPE
    )
    assert finding.message == "The default tags of proxies of blue are a list."
    assert finding.mend == 'Write "tag:a,tag:b".'
    assert said_of(BLUE + facts('{"proxyConfig": 5}'), objects_tags.DEFAULT_TAGS_TYPE) == []


@pytest.mark.parametrize("rendered", ['"[tag:a tag:b]"', "[tag:a tag:b]"])
def test_a_list_of_default_tags_that_was_rendered(rendered: str) -> None:
    text = BLUE.replace('value: "tag:k8s"', f"value: {rendered}")
    (finding,) = found_in(text, objects_tags.DEFAULT_TAGS_TYPE)
    assert finding.mend == 'Write "tag:a,tag:b".'
    assert said_of(BLUE, objects_tags.DEFAULT_TAGS_TYPE) == []


FLUX = """# green/release.yaml
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: operator, namespace: tailscale}
spec:
  chart: {spec: {chart: tailscale-operator, version: "1.102.3"}}
  values: {operatorConfig: {defaultTags: ["tag:op"]}, proxyConfig: {defaultTags: TAGS}}
"""


def test_tags_in_the_values_of_a_release() -> None:
    listed = BLUE + FLUX.replace("TAGS", '["tag:a", "tag:b"]')
    (finding,) = found_in(listed, objects_tags.DEFAULT_TAGS_TYPE)
    assert finding.message == "The default tags of proxies of HelmRelease tailscale/operator of green are a list."
    assert [str(place) for place in finding.places] == ["green/release.yaml:7:82"]
    spaced = BLUE + FLUX.replace("TAGS", '"tag:a, tag:b"')
    assert len(said_of(spaced, objects_tags.TAG_SYNTAX)) == 1
    assert said_of(BLUE + FLUX.replace("TAGS", '"tag:a,tag:b"'), objects_tags.TAG_SYNTAX) == []
