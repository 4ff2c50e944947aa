"""2xx: tags of devices that are there already."""

from __future__ import annotations

import pytest

from tailstack.rules import live_tags
from tests.rules.cases import found_in, places_of, said_of
from tests.rules.manifests_frame import POLICY, operator, service

BLUE = POLICY + operator() + service()


def device(name: str, tags: str = "", more: str = "") -> str:
    return f'{{"name": "{name}.tail1a2b.ts.net", "tags": [{tags}]{more}}}'


def facts(*devices: str, more: str = "") -> str:
    return '# facts.json\n{"devices": [\n' + ",\n".join(devices) + f"]{more}}}\n"


def test_a_proxy_wears_the_tags_that_it_was_made_with() -> None:
    text = BLUE + facts(device("default-web", '"tag:web"'))
    assert said_of(text, live_tags.TAG_MUTATION) == [
        "exposure blue.web is declared with tag:k8s; the device default-web.tail1a2b.ts.net wears tag:web."
    ]
    assert places_of(text, live_tags.TAG_MUTATION) == [["web.yaml:4:18", "facts.json:3:1"]]


@pytest.mark.parametrize(
    "live",
    [
        device("default-web", '"tag:k8s"'),
        device("default-web", more=', "user": "ana@example.com"'),
        device("other", '"tag:web"'),
    ],
)
def test_a_proxy_whose_tags_did_not_change(live: str) -> None:
    assert said_of(BLUE + facts(live), live_tags.TAG_MUTATION) == []


def test_a_machine_is_given_its_tags_elsewhere() -> None:
    text = "machines: {db: {tags: [tag:db]}}\n" + facts(device("db", '"tag:x"'))
    assert said_of(text, live_tags.TAG_MUTATION) == []


def test_a_tag_that_is_defined_no_longer() -> None:
    text = BLUE + facts(device("a", '"tag:wev"'), device("b", '"tag:wev", "tag:web"'), device("c", '"tag:web"'))
    (finding,) = found_in(text, live_tags.TAG_REMOVED_IN_USE)
    assert finding.message == "tag:wev is defined nowhere, and worn by a.tail1a2b.ts.net, b.tail1a2b.ts.net."
    assert finding.mend == "Did you mean tag:web?"
    assert places_of(text, live_tags.TAG_REMOVED_IN_USE) == [["facts.json:3:1", "facts.json:4:1"]]


def key(tags: str, clusters: str = "") -> str:
    return f', "keys": [{{"id": "k", "keyType": "client", "scopes": [], "tags": [{tags}], "clusters": [{clusters}]}}]'


def test_a_tag_that_nothing_wears() -> None:
    text = BLUE + facts(device("a"), more=key(""))
    (finding,) = found_in(text, live_tags.DEAD_TAG)
    assert finding.message == "tag:web is worn by nothing."
    assert [str(place) for place in finding.places] == ["policy.hujson:3:54"]


@pytest.mark.parametrize(
    "known",
    [
        "",
        facts(device("a")),
        facts(device("a", '"tag:web"'), more=key("")),
        facts(device("a"), more=key('"tag:web"', '"blue"')),
        facts(device("a"), more=key('"tag:op"')),
        '# facts.json\n{"keys": []}\n',
    ],
)
def test_a_tag_that_something_wears_or_may_come_to_wear(known: str) -> None:
    assert said_of(BLUE + known, live_tags.DEAD_TAG) == []


def test_what_an_operator_could_give_is_dead_until_it_gives_it() -> None:
    text = BLUE + facts(device("a"), more=key('"tag:op"', '"blue"'))
    assert said_of(text, live_tags.DEAD_TAG) == ["tag:web is worn by nothing."]
