"""The policy file of the first pass: never less than what is wanted, never more than that and what was live."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.access import hujson
from tailstack.access.narrowing import COMMENT, Kept, keeping
from tailstack.access.reading import read_policy

Document = Mapping[str, Any]


def policy(**sections: object) -> str:
    return json.dumps(sections)


def grant(source: Sequence[str] | str, target: Sequence[str] | str, **more: object) -> dict[str, object]:
    sides = {"src": source, "dst": target}
    return {key: [side] if isinstance(side, str) else list(side) for key, side in sides.items()} | {
        "ip": ["tcp:80"],
        **more,
    }


def first_pass(live: str, wanted: str) -> tuple[Kept, Document]:
    kept = keeping(wanted, live)
    assert not [finding for finding in read_policy(kept.text).findings if finding.is_error]
    return kept, cast("Document", hujson.to_python(hujson.parse(kept.text).root))


OWNED = {"tag:old": ["tag:op"], "tag:op": [], "tag:client": []}
NEW = {"tag:new": ["tag:op"], "tag:op": [], "tag:client": []}


def test_a_tag_that_goes_keeps_its_owners_and_what_nodes_do_with_it() -> None:
    live = policy(tagOwners=OWNED, grants=[grant("tag:client", "tag:old")])
    wanted = policy(tagOwners=NEW, grants=[grant("tag:client", "tag:new")])
    kept, document = first_pass(live, wanted)
    assert kept.tags == ("tag:old",)
    assert kept.entries == ("tag:client to tag:old",)
    assert document["tagOwners"] == {**NEW, "tag:old": ["tag:op"]}
    assert document["grants"] == [grant("tag:client", "tag:new"), grant("tag:client", "tag:old")]
    assert f"// {COMMENT}" in kept.text


def test_where_nothing_is_taken_from_nodes_the_text_is_what_is_wanted() -> None:
    live = policy(tagOwners=OWNED, grants=[grant("group:dev", "tag:old"), grant("tag:client", "tag:old")])
    for wanted in (
        live,
        policy(tagOwners=OWNED, grants=[grant("tag:client", "tag:old")]),
        policy(tagOwners={**OWNED, **NEW}, grants=[grant("tag:client", "tag:old"), grant("tag:client", "tag:new")]),
    ):
        kept = keeping(wanted, live)
        assert kept.is_empty
        assert kept.text == wanted


def test_a_link_that_goes_is_kept_for_the_nodes_alone() -> None:
    both = grant(["tag:client", "group:dev"], "tag:old")
    kept, document = first_pass(policy(tagOwners=OWNED, grants=[both]), policy(tagOwners=OWNED))
    assert document["grants"] == [grant("tag:client", "tag:old")]
    assert kept.tags == ()
    assert not kept.is_empty


def test_people_keep_a_node_whose_tag_goes_only_where_they_may_reach_what_takes_its_place() -> None:
    live = policy(tagOwners=OWNED, grants=[grant(["group:dev", "li@example.com", "*"], ["tag:old", "tag:client"])])
    wanted = policy(tagOwners=NEW, grants=[grant(["group:dev", "sam@example.com"], "tag:new")])
    _, document = first_pass(live, wanted)
    assert document["grants"][1:] == [grant("group:dev", "tag:old")]


def test_of_a_group_with_other_members_those_who_are_in_both_keep_it() -> None:
    live = policy(
        tagOwners=OWNED,
        groups={"group:dev": ["ana@example.com", "li@example.com"]},
        grants=[grant("group:dev", "tag:old")],
    )
    wanted = policy(
        tagOwners=NEW,
        groups={"group:dev": ["li@example.com", "sam@example.com"]},
        grants=[grant("group:dev", "tag:new")],
    )
    _, document = first_pass(live, wanted)
    assert document["grants"][1:] == [grant("li@example.com", "tag:old")]


def test_a_host_with_another_address_is_nobody_of_before() -> None:
    live = policy(
        tagOwners=OWNED, hosts={"db": "192.0.2.1", "web": "192.0.2.9"}, grants=[grant("tag:client", ["db", "web"])]
    )
    wanted = policy(tagOwners=OWNED, hosts={"db": "192.0.2.2", "web": "192.0.2.9"})
    _, document = first_pass(live, wanted)
    assert document["grants"] == [grant("tag:client", "web")]
    gone = policy(tagOwners=OWNED, hosts={"db": "192.0.2.2"})
    assert keeping(
        gone, policy(tagOwners=OWNED, hosts={"db": "192.0.2.1"}, grants=[grant("tag:client", "db")])
    ).is_empty


def test_a_host_of_people_that_means_another_is_no_group() -> None:
    live = policy(tagOwners=OWNED, hosts={"laptop": "192.0.2.1"}, grants=[grant("laptop", "tag:old")])
    wanted = policy(tagOwners=NEW, hosts={"laptop": "192.0.2.2"}, grants=[grant("laptop", "tag:new")])
    _, document = first_pass(live, wanted)
    assert document["grants"] == [grant("laptop", "tag:new")]


def test_the_old_form_keeps_its_ports_and_its_hosts() -> None:
    def entry(*targets: str) -> dict[str, object]:
        return {"action": "accept", "src": ["tag:client"], "dst": list(targets)}

    live = policy(tagOwners=OWNED, hosts={"db": "192.0.2.1"}, acls=[entry("tag:old:80,443", "db:22")])
    _, document = first_pass(live, policy(tagOwners=NEW, hosts={"db": "192.0.2.2"}))
    assert document["acls"] == [entry("tag:old:80,443")]


def test_a_condition_stays_and_one_that_means_something_else_is_not_kept() -> None:
    live = policy(
        tagOwners=OWNED,
        postures={"posture:a": ["node:os == 'linux'"], "posture:b": ["node:os == 'linux'"]},
        grants=[grant("tag:client", "tag:old", srcPosture=[name]) for name in ("posture:a", "posture:b")],
    )
    wanted = policy(tagOwners=NEW, postures={"posture:a": ["node:os == 'linux'"], "posture:b": ["node:os == 'macos'"]})
    _, document = first_pass(live, wanted)
    assert document["grants"] == [grant("tag:client", "tag:old", srcPosture=["posture:a"])]


def test_the_default_condition_of_the_live_file_is_written_out() -> None:
    postures = {"posture:a": ["node:os == 'linux'"]}
    live = policy(
        tagOwners=OWNED, postures=postures, defaultSrcPosture=["posture:a"], grants=[grant("tag:client", "tag:old")]
    )
    _, document = first_pass(live, policy(tagOwners=NEW, postures=postures))
    assert document["grants"] == [grant("tag:client", "tag:old", srcPosture=["posture:a"])]


def test_an_owner_that_is_a_tag_stays_an_owner() -> None:
    live = policy(tagOwners={"tag:x": ["tag:op", "group:dev"], "tag:op": []})
    kept, document = first_pass(live, policy(tagOwners={"tag:x": ["tag:op2"], "tag:op2": [], "tag:op": []}))
    assert document["tagOwners"]["tag:x"] == ["tag:op2", "tag:op"]
    assert kept.tags == ()


def test_an_owner_that_is_another_group_by_now_is_none() -> None:
    live = policy(groups={"group:a": ["ana@example.com"]}, tagOwners={"tag:old": ["group:a", "autogroup:admin"]})
    _, document = first_pass(live, policy(groups={"group:a": ["li@example.com"]}, tagOwners={}))
    assert document["tagOwners"] == {"tag:old": ["autogroup:admin"]}


def test_a_tag_without_owners_is_still_a_tag() -> None:
    _, document = first_pass(policy(tagOwners={"tag:old": []}), policy(tagOwners={"tag:new": []}))
    assert document["tagOwners"] == {"tag:new": [], "tag:old": []}


def test_attributes_and_approvals_of_a_tag_that_goes_stay() -> None:
    live = policy(
        tagOwners=OWNED,
        nodeAttrs=[
            {"target": ["tag:old", "tag:client"], "attr": ["funnel"]},
            {"target": ["*"], "attr": ["magicdns-aaaa"]},
        ],
        autoApprovers={
            "routes": {"192.0.2.0/24": ["tag:old", "group:dev"], "198.51.100.0/24": ["group:dev"]},
            "exitNode": ["tag:old"],
            "services": {"svc:x": ["tag:old"]},
        },
    )
    wanted = policy(tagOwners=NEW, autoApprovers={"routes": {"192.0.2.0/24": ["tag:new"]}})
    _, document = first_pass(live, wanted)
    assert document["nodeAttrs"] == [{"target": ["tag:old"], "attr": ["funnel"]}]
    assert document["autoApprovers"] == {
        "routes": {"192.0.2.0/24": ["tag:new", "tag:old"]},
        "exitNode": ["tag:old"],
        "services": {"svc:x": ["tag:old"]},
    }


def test_tests_of_what_must_not_be_possible_wait() -> None:
    tests = [
        {"src": "tag:client", "accept": ["tag:new:80"], "deny": ["tag:op:80"]},
        {"src": "tag:client", "deny": ["tag:op:80"]},
    ]
    live = policy(tagOwners=OWNED, grants=[grant("tag:client", "tag:old")])
    _, document = first_pass(live, policy(tagOwners=NEW, grants=[grant("tag:client", "tag:new")], tests=tests))
    assert document["tests"] == [{"src": "tag:client", "accept": ["tag:new:80"]}]


@pytest.mark.parametrize("broken", ["{", "[]", ""])
def test_where_a_file_cannot_be_read_nothing_is_kept(broken: str) -> None:
    wanted = policy(tagOwners=NEW)
    assert keeping(wanted, broken) == Kept(text=wanted, tags=(), entries=())
    assert keeping(broken, wanted) == Kept(text=broken, tags=(), entries=())


def test_what_is_no_list_or_mapping_is_passed_over() -> None:
    live = policy(tagOwners=[], grants={}, nodeAttrs=[1], autoApprovers=1)
    assert keeping(policy(tagOwners=1), live).is_empty


def test_a_file_of_our_making_stays_one() -> None:
    live = policy(tagOwners={"tag:old": []})
    body = '{\n\t"tagOwners": {},\n}\n'
    header = f"// Generated by tailstack for environment prod (sha256:{'0' * 64}). Do not edit it.\n"
    kept = keeping(header + body, live)
    first, _, rest = kept.text.partition("\n")
    digest = hashlib.sha256(rest.encode()).hexdigest()
    assert first == f"// Generated by tailstack for environment prod (sha256:{digest}). Do not edit it."
    assert not keeping(body, live).text.startswith("// Generated")


NAMES = st.sampled_from(["tag:a", "tag:b", "tag:c", "group:g", "group:h", "ana@example.com", "*"])
TARGETS = st.sampled_from(["tag:a", "tag:b", "tag:c", "*"])
PEOPLE = st.lists(st.sampled_from(["ana@example.com", "li@example.com"]), unique=True)
QUICK = settings(deadline=None, max_examples=60)
SIDES = st.tuples(st.lists(NAMES, min_size=1, unique=True), st.lists(TARGETS, min_size=1, unique=True))


@st.composite
def policies(draw: st.DrawFn) -> str:
    tags = draw(st.frozensets(st.sampled_from(["tag:a", "tag:b", "tag:c"])))
    return policy(
        tagOwners={tag: list[str]() for tag in sorted(tags)},
        groups={"group:g": draw(PEOPLE), "group:h": draw(PEOPLE)},
        grants=[grant(sources, targets) for sources, targets in draw(st.lists(SIDES, max_size=4))],
    )


def given_by(text: str) -> set[tuple[str, str]]:
    """Who reaches what, with the members in place of each group."""
    document = cast("Document", hujson.to_python(hujson.parse(text).root))
    groups = cast("Mapping[str, Sequence[str]]", document["groups"])
    return {
        (who, target)
        for entry in document.get("grants", [])
        for source, target in product(entry["src"], entry["dst"])
        for who in groups.get(source, [source])
    }


@QUICK
@given(live=policies(), wanted=policies())
def test_the_first_pass_gives_all_that_is_wanted_and_nothing_that_neither_file_gives(live: str, wanted: str) -> None:
    first = given_by(keeping(wanted, live).text)
    assert given_by(wanted) <= first <= given_by(wanted) | given_by(live)


@QUICK
@given(live=policies(), wanted=policies())
def test_the_first_pass_keeps_every_right_of_nodes(live: str, wanted: str) -> None:
    first = given_by(keeping(wanted, live).text)
    assert {pair for pair in given_by(live) if pair[0].startswith("tag:")} <= first


@QUICK
@given(live=policies(), wanted=policies())
def test_a_run_that_was_stopped_between_the_passes_goes_on_from_there(live: str, wanted: str) -> None:
    again = given_by(keeping(wanted, keeping(wanted, live).text).text)
    assert {pair for pair in given_by(live) if pair[0].startswith("tag:")} <= again
    assert again <= given_by(wanted) | given_by(live)
