"""2xx: credentials of operators, as the facts have them."""

from __future__ import annotations

import pytest

from tailstack.rules import credentials
from tests.rules.cases import found_in, places_of, said_of
from tests.rules.manifests_frame import POLICY, operator, resource, service

BLUE = POLICY + operator()


def key(
    *,
    scopes: str = '"auth_keys", "devices:core"',
    tags: str = '"tag:op"',
    clusters: str = '"blue"',
    name: str = "k1",
) -> str:
    return f'{{"id": "{name}", "keyType": "client", "scopes": [{scopes}], "tags": [{tags}], "clusters": [{clusters}]}}'


def facts(*keys: str) -> str:
    return f'# facts.json\n{{"keys": [\n{", ".join(keys)}]}}\n'


def test_the_operator_may_wear_what_its_credential_gives_only() -> None:
    text = BLUE + facts(key(tags='"tag:op", "tag:web"'))
    (finding,) = found_in(text, credentials.OPERATOR_TAGS_VS_CLIENT)
    assert finding.message == (
        "The operator of blue is to wear tag:op; its credential k1 has tag:op, tag:web and may not give tag:op."
    )
    assert [str(place) for place in finding.places] == ["blue/operator.yaml:4:18", "facts.json:3:1"]


@pytest.mark.parametrize(
    "given",
    [
        facts(key()),
        facts(key(tags='"tag:boss"')),
        facts(key(tags='"tag:web"', scopes='"all"')),
        facts(key(tags='"tag:web"'), key(name="k2")),
        facts(key(tags='"tag:web"', clusters='"green"')),
        facts(key(tags="")),
        "",
    ],
)
def test_the_operators_tags_are_given(given: str) -> None:
    text = BLUE.replace('"tag:op": []', '"tag:boss": [], "tag:op": ["tag:boss"]') + given
    assert said_of(text, credentials.OPERATOR_TAGS_VS_CLIENT) == []


def test_an_operator_that_is_not_shown_may_wear_anything() -> None:
    text = POLICY + service() + facts(key(tags='"tag:web"'))
    assert said_of(text, credentials.OPERATOR_TAGS_VS_CLIENT) == []


def test_a_client_that_the_stack_makes_is_not_what_is_live_now() -> None:
    text = "clusters:\n  blue: {kubernetes: {context: blue}}\n" + facts(key(scopes='"dns"', tags='"tag:x"'))
    assert said_of(text, credentials.OPERATOR_TAGS_VS_CLIENT) == []
    assert said_of(text, credentials.CLIENT_SCOPES) == []


@pytest.mark.parametrize(
    ("scopes", "lacks"),
    [
        ('"auth_keys"', "devices:core"),
        ('"devices:core"', "auth_keys"),
        ('"dns"', "auth_keys, devices:core"),
        ('"auth_keys:read", "devices:core"', "auth_keys"),
    ],
)
def test_scopes_that_every_operator_needs(scopes: str, lacks: str) -> None:
    (finding,) = found_in(BLUE + facts(key(scopes=scopes)), credentials.CLIENT_SCOPES)
    assert finding.message == f"The credential k1, which the operator of blue uses, lacks {lacks}."
    assert finding.expected == "auth_keys, devices:core"


SERVED = service(annotations=", tailscale.com/proxy-group: in") + resource("ProxyGroup", "in", "{type: ingress}")
API = resource("ProxyGroup", "api", "{type: kube-apiserver}")


@pytest.mark.parametrize(("served", "who"), [(SERVED, "exposure blue.web"), (API, "proxy group blue.api")])
def test_a_tailscale_service_needs_a_scope_more(served: str, who: str) -> None:
    text = BLUE + served
    (finding,) = found_in(text + facts(key()), credentials.CLIENT_SCOPES)
    assert finding.message == f"The credential k1, which the operator of blue uses, lacks services, for {who} too."
    assert len(finding.places) == 2
    assert said_of(text + facts(key(scopes='"auth_keys", "devices:core", "services"')), credentials.CLIENT_SCOPES) == []
    (one,) = found_in(text + facts(key(scopes='"auth_keys", "services"')), credentials.CLIENT_SCOPES)
    assert len(one.places) == 1


@pytest.mark.parametrize("scopes", ['"all"', '"devices"'])
def test_scopes_that_stand_for_others(scopes: str) -> None:
    assert said_of(BLUE + facts(key(scopes=scopes)), credentials.CLIENT_SCOPES) == []


def test_a_credential_without_tags() -> None:
    text = BLUE + facts(key(tags=""))
    assert said_of(text, credentials.CLIENT_WITHOUT_TAGS) == [
        "The credential k1 has auth_keys, devices:core, and no tags."
    ]
    assert said_of(BLUE + facts(key(tags="", scopes='"all"')), credentials.CLIENT_WITHOUT_TAGS) == []


def test_one_credential_for_several_clusters() -> None:
    text = BLUE + operator("green") + facts(key(clusters='"blue", "green", "elsewhere"'))
    assert said_of(text, credentials.SHARED_CLIENT) == [
        "The operators of blue, green, elsewhere use one credential, k1."
    ]
    assert places_of(text, credentials.SHARED_CLIENT) == [
        ["facts.json:3:1", "operator.yaml:4:18", "operator.yaml:4:18"]
    ]


CHARTS = """# facts.json
{"charts": {
  "blue": {"values": {"oauth": {"clientId": "k1"}}},
  "green": {"values": {"oauth": {"clientId": "k1"}}},
  "red": {"values": {"oauth": {"clientId": "k2"}}},
  "black": {"values": {"oauth": {"clientId": ""}}},
  "white": {"values": {"oauth": {"clientId": ""}, "x": 1}},
  "grey": {"values": {}}
}}
"""


def test_one_clients_id_in_the_values_of_several_charts() -> None:
    assert said_of(BLUE + CHARTS, credentials.SHARED_CLIENT) == ["The operators of blue, green use one credential, k1."]
    assert places_of(BLUE + CHARTS, credentials.SHARED_CLIENT) == [["facts.json:3:45", "facts.json:4:46"]]


def test_a_shared_credential_is_said_once() -> None:
    shared = key(clusters='"blue", "green"')
    keys = f'{{"keys": [{shared}], "charts"'
    assert len(said_of(BLUE + CHARTS.replace('{"charts"', keys), credentials.SHARED_CLIENT)) == 1
