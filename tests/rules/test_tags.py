"""2xx over manifests and facts: what defines tags, who gives them, who wears them. The YAML side is in test_rules.py."""

from __future__ import annotations

import pytest

from tailstack.rules import tags
from tests.rules.cases import found_in, places_of, said_of
from tests.rules.manifests_frame import POLICY, operator, resource, service

BLUE = POLICY + operator()
CREDENTIALS = '# facts.json\n{"keys": [KEYS]}\n'
KEY = '{"id": "k1", "keyType": "client", "scopes": ["auth_keys"], "tags": ["tag:op"], "clusters": ["blue"]}'


def keys(*every: str) -> str:
    return CREDENTIALS.replace("KEYS", ", ".join(every))


@pytest.mark.parametrize(
    ("text", "who"),
    [
        (service(annotations=', tailscale.com/tags: "tag:wev"'), "exposure blue.web"),
        (resource("ProxyGroup", "out", '{type: egress, tags: ["tag:wev"]}'), "proxy group blue.out"),
        (resource("Connector", "c", '{exitNode: true, tags: ["tag:wev"]}'), "connector blue.c"),
        (resource("Recorder", "r", '{enableUI: true, tags: ["tag:wev"]}'), "recorder blue.r"),
        (resource("PeerRelay", "p", '{tags: ["tag:wev"]}'), "peer relay blue.p"),
        (
            service(annotations=', tailscale.com/proxy-group: in, tailscale.com/tags: "tag:wev"')
            + resource("ProxyGroup", "in", "{type: ingress}"),
            "exposure blue.web",
        ),
    ],
)
def test_an_undefined_tag_is_found_wherever_it_is_worn(text: str, who: str) -> None:
    (finding,) = found_in(BLUE + text, tags.TAG_UNDEFINED)
    assert finding.message == f"tag:wev, which {who} wears, is defined nowhere."
    assert finding.mend == "Did you mean tag:web?"
    assert finding.expected == "one of tag:k8s, tag:op, tag:web"
    assert said_of(BLUE + text.replace("tag:wev", "tag:web"), tags.TAG_UNDEFINED) == []


def test_an_undefined_tag_is_said_once_for_a_cluster() -> None:
    wearing = ', tailscale.com/tags: "tag:wev"'
    green = operator("green") + service("web", wearing, cluster="green")
    two = service("a", wearing) + service("b", wearing) + green
    assert said_of(BLUE + two, tags.TAG_UNDEFINED) == [
        "tag:wev, which exposure blue.a wears, is defined nowhere.",
        "tag:wev, which exposure green.web wears, is defined nowhere.",
    ]


def test_undefined_tags_of_an_operator_and_its_other_proxies() -> None:
    text = BLUE.replace('"tag:op"}', '"tag:opp"}').replace('"tag:k8s"}', '"tag:k9s"}')
    assert said_of(text, tags.TAG_UNDEFINED) == [
        "tag:k9s, which any other proxy of blue wears, is defined nowhere.",
        "tag:opp, which operator blue wears, is defined nowhere.",
    ]


def test_an_operator_that_is_not_shown_is_not_held_to_its_defaults() -> None:
    policy = '# policy.hujson\n{"tagOwners": {"tag:web": ["group:x"]}, "groups": {"group:x": []}, "grants": []}\n'
    text = policy + service(annotations=', tailscale.com/tags: "tag:web"') + service("other")
    assert said_of(text, tags.TAG_UNDEFINED) == []
    # But no operator could ever give a tag that no tag owns.
    assert said_of(text, tags.PROXY_TAG_NOT_OWNED) == [
        "tag:web, which exposure blue.web wears, is owned by group:x: the operator of blue may not give it."
    ]
    assert said_of(text.replace('["group:x"]', '["tag:web"]'), tags.PROXY_TAG_NOT_OWNED) == []


def test_an_undefined_tag_of_a_credential() -> None:
    text = BLUE + keys(KEY.replace("tag:op", "tag:oo"))
    assert said_of(text, tags.TAG_UNDEFINED) == ["tag:oo, a tag of the credential k1, is defined nowhere."]
    assert places_of(text, tags.TAG_UNDEFINED) == [["facts.json:2:11"]]


def test_an_undefined_tag_of_services_that_are_approved() -> None:
    approved = '"autoApprovers": {"services": {"tag:wev": ["tag:k8s"], "svc:web": ["tag:k8s"]}},\n  "grants"'
    text = BLUE.replace('"grants"', approved)
    assert said_of(text, tags.TAG_UNDEFINED) == ["tag:wev, whose Services are to be approved, is defined nowhere."]
    assert places_of(text, tags.TAG_UNDEFINED) == [["policy.hujson:4:34"]]
    assert said_of(text.replace("tag:wev", "tag:web"), tags.TAG_UNDEFINED) == []


NOT_OWNED = BLUE.replace('"tag:web": ["tag:op"]', '"tag:web": ["tag:k8s"]')


@pytest.mark.parametrize(
    "text",
    [
        service(annotations=', tailscale.com/tags: "tag:web"'),
        resource("ProxyGroup", "web", '{type: egress, tags: ["tag:web"]}'),
        resource("Connector", "web", '{exitNode: true, tags: ["tag:web"]}'),
        resource("PeerRelay", "web", '{tags: ["tag:web"]}'),
    ],
)
def test_a_tag_that_the_operator_may_not_give(text: str) -> None:
    (finding,) = found_in(NOT_OWNED + text, tags.PROXY_TAG_NOT_OWNED)
    assert "is owned by tag:k8s: the operator of blue may not give it." in finding.message
    assert finding.expected == "tag:op among the owners of tag:web"
    assert [place.file.rpartition("/")[2] for place in finding.places][1:] == ["policy.hujson"]
    assert found_in(BLUE + text, tags.PROXY_TAG_NOT_OWNED) == ()


WEB = service(annotations=', tailscale.com/tags: "tag:web"')


def test_what_the_credential_may_give_counts_where_it_is_known() -> None:
    assert said_of(BLUE + WEB + keys(KEY), tags.PROXY_TAG_NOT_OWNED) == []
    other = keys(KEY.replace("tag:op", "tag:web"))
    (finding,) = found_in(BLUE + WEB + other, tags.PROXY_TAG_NOT_OWNED)
    assert finding.message.startswith("tag:k8s, which any other proxy of blue wears, is owned by tag:op")
    assert finding.expected == "tag:web among the owners of tag:k8s"
    assert [place.file for place in finding.places] == ["blue/operator.yaml", "policy.hujson", "facts.json"]


def test_one_credential_of_two_is_enough_and_one_for_everything_too() -> None:
    bad = KEY.replace("tag:op", "tag:web")
    assert said_of(BLUE + WEB + keys(bad, KEY.replace("k1", "k2")), tags.PROXY_TAG_NOT_OWNED) == []
    assert said_of(BLUE + WEB + keys(bad.replace("auth_keys", "all")), tags.PROXY_TAG_NOT_OWNED) == []
    assert said_of(BLUE + WEB + keys(KEY.replace('"tag:op"', "")), tags.PROXY_TAG_NOT_OWNED) != []


def test_a_group_that_wears_its_operators_tag_is_said_once() -> None:
    group = resource("ProxyGroup", "out", '{type: egress, replicas: 3, tags: ["tag:op"]}')
    assert said_of(BLUE + group, tags.OPERATOR_TAG_REUSE) == [
        "proxy group blue.out wears tag:op, a tag of operator blue."
    ]
    assert said_of(BLUE + group.replace("tag:op", "tag:k8s"), tags.OPERATOR_TAG_REUSE) == []


def test_a_tailscale_service_with_an_operators_tag() -> None:
    text = service(annotations=', tailscale.com/proxy-group: in, tailscale.com/tags: "tag:op"') + resource(
        "ProxyGroup", "in", "{type: ingress}"
    )
    assert said_of(BLUE + text, tags.OPERATOR_TAG_REUSE) == ["exposure blue.web wears tag:op, a tag of operator blue."]


def test_a_default_tag_of_proxies_that_every_member_may_give() -> None:
    text = BLUE.replace('"tag:k8s": ["tag:op"]', '"tag:k8s": ["tag:op", "autogroup:member"]')
    assert said_of(text, tags.TAG_OWNER_TOO_WIDE) == [
        "autogroup:member may give tag:k8s, which any other proxy of blue wears."
    ]


RECORDER = resource("Recorder", "rec", "{enableUI: true}")
NO_K8S = BLUE.replace('value: "tag:k8s"', 'value: "tag:web"')


def test_a_recorder_without_tags_wears_the_tag_that_is_not_given() -> None:
    undefined = NO_K8S.replace('"tag:k8s": ["tag:op"], ', "")
    assert said_of(undefined + RECORDER, tags.IMPLICIT_DEFAULT_TAG) == [
        "recorder blue.rec names no tags, and so wears tag:k8s, which is defined nowhere."
    ]
    not_owned = NO_K8S.replace('"tag:k8s": ["tag:op"]', '"tag:k8s": []')
    assert said_of(not_owned + RECORDER, tags.IMPLICIT_DEFAULT_TAG) == [
        "recorder blue.rec names no tags, and so wears tag:k8s, which the operator of blue may not give."
    ]
    for text in (undefined, not_owned):
        assert said_of(text + RECORDER, tags.TAG_UNDEFINED) == []
        assert said_of(text + RECORDER, tags.PROXY_TAG_NOT_OWNED) == []


def test_a_recorder_without_tags_is_well_where_its_tag_is_given() -> None:
    assert said_of(NO_K8S + RECORDER, tags.IMPLICIT_DEFAULT_TAG) == []
    # With the same default, what is wrong with the tag is said of the cluster's proxies.
    undefined = BLUE.replace('"tag:k8s": ["tag:op"], ', "")
    assert said_of(undefined + RECORDER, tags.IMPLICIT_DEFAULT_TAG) == []
    assert said_of(undefined + RECORDER, tags.TAG_UNDEFINED) == [
        "tag:k8s, which any other proxy of blue wears, is defined nowhere."
    ]
