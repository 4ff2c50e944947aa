"""What a step means: values in words, and the kind of change."""

from __future__ import annotations

import pytest

from tailstack.report.differences import ABSENT
from tailstack.report.masking import BLINDED, UNKNOWN, Masked, Masking
from tailstack.report.meaning import (
    KNOWN_LATER,
    UNREADABLE,
    blinded_values,
    changed_values,
    class_of,
    policy_sentences,
    put_back,
    value_at,
    words_of,
)
from tailstack.report.plan import ChangeClass, ChangedValue, Op, PolicyEdit

MASKING = Masking(key=b"k")
SERVICE = "kubernetes:core/v1:Service"
RELEASE = "kubernetes:helm.sh/v3:Release"
POLICY = "tailscale:index/acl:Acl"


def changes(before: object, after: object) -> list[tuple[str, str, str]]:
    found = changed_values(SERVICE, {"x": before}, {"x": after}, MASKING)
    return [(value.path, value.before, value.after) for value in found]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (1, 1, []),
        (1, 2, [("x", "1", "2")]),
        ({"a": 1}, {"a": 1, "b.c": 2}, [('x["b.c"]', "", "2")]),
        ({"a": {}}, {}, [("x.a", "{}", "")]),
        ({}, {"a": []}, [("x.a", "", "[]")]),
        ([1, 2], [1, 3], [("x", "[1, 2]", "[1, 3]")]),
        ([{"port": 80}, {"port": 443}], [{"port": 8080}, {"port": 80}, {"port": 443}], [("x[port=8080].port", "", "8080")]),
        ([{"name": "a", "v": 1}], [{"name": "b", "v": 1}, {"name": "a", "v": 2}],
         [('x[name="a"].v', "1", "2"), ('x[name="b"].name', "", '"b"'), ('x[name="b"].v', "", "1")]),
        ([{"name": "a"}, {"name": "a"}], [{"name": "a"}], [("x[1].name", '"a"', "")]),
        ([{"q": 1}], [{"q": 2}, {"q": 3}], [("x[0].q", "1", "2"), ("x[1].q", "", "3")]),
        ([[1], 2], [[1], 3], [("x[1]", "2", "3")]),
        ('{"a": 1}', '{"a": 2, "b": [1]}', [("x.a", "1", "2"), ("x.b", "", "[1]")]),
        ("[1]", "[1, ", [("x", "[1]", ""), ("x", "", '"[1, "')]),
        (None, {"a": 1}, [("x", "null", ""), ("x.a", "", "1")]),
        ({"a": 1}, [{"b": 1}], [("x.a", "1", ""), ("x[0].b", "", "1")]),
        (1, UNKNOWN, [("x", "1", KNOWN_LATER)]),
    ],
)  # fmt: skip
def test_values_are_compared_by_path_and_by_name(
    before: object, after: object, expected: list[tuple[str, str, str]]
) -> None:
    assert changes(before, after) == expected


def test_a_deep_text_is_a_text() -> None:
    deep = "[" * 100_000
    assert changes(deep, "short") == [("x", f'"{deep}"', '"short"')]


def test_secrets_change_without_being_told() -> None:
    (value,) = changed_values("kubernetes:core/v1:Secret", {"data": {"k": "a"}}, {"data": {"k": "b"}}, MASKING)
    assert value.is_secret
    assert value.before.startswith("secret:")
    assert value.before != value.after
    (patched,) = changed_values("kubernetes:core/v1:SecretPatch", {"data": {"k": "a"}}, {}, MASKING)
    assert (patched.is_secret, patched.after) == (True, "")


def test_what_the_provider_makes_of_other_inputs_is_left_out() -> None:
    before = {
        "checksum": "a",
        "resourceNames": [1],
        "__defaults": [],
        "chart": "/one/tailscale-operator",
        "version": "1",
    }
    after = {
        "checksum": "b",
        "resourceNames": [2],
        "__defaults": [1],
        "chart": "/two/tailscale-operator",
        "version": "2",
    }
    assert changed_values(RELEASE, before, after, MASKING) == (
        ChangedValue(path="version", before='"1"', after='"2"', words="the version of the chart"),
    )
    assert [value.path for value in changed_values(SERVICE, before, after, MASKING)] == [
        *("chart", "checksum", "resourceNames", "version")
    ]


@pytest.mark.parametrize(
    ("token", "path", "words"),
    [
        (SERVICE, 'metadata.annotations["tailscale.com/tags"]', "its tags"),
        (SERVICE, "metadata.namespace", "its namespace"),
        (SERVICE, "metadata.nameX", ""),
        (SERVICE, "spec.ports[port=80].name", "its ports"),
        (RELEASE, "values.apiServerProxyConfig.mode", "the API-server proxy"),
        (RELEASE, "values.apiServerProxyConfig.modeX", ""),
        (POLICY, "acl", ""),
    ],
)
def test_paths_have_words_where_these_say_more(token: str, path: str, words: str) -> None:
    assert words_of(token, path) == words


def test_paths_that_hide_a_secret_on_both_sides() -> None:
    known = ChangedValue(path="a", before="1", after="2")
    (value,) = blinded_values(["a", "data.k"], [known], SERVICE)
    assert (value.path, value.is_secret) == ("data.k", True)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b[1].c", 7),
        ('a["x.y"]', "z"),
        ("a.b[9]", ABSENT),
        ("a.b[0].c.d", ABSENT),
        ("s.anything[3]", BLINDED),
        ("m.deep", Masked("1")),
        ("nowhere.at.all", ABSENT),
        ("", {"kept": "whole"}),
    ],
)
def test_a_path_leads_to_a_value_or_to_what_hides_it(path: str, found: object) -> None:
    tree = {"a": {"b": [0, {"c": 7}], "x.y": "z"}, "s": BLINDED, "m": Masked("1")}
    assert value_at(tree if path else {"kept": "whole"}, path) == found


def test_what_is_put_back_is_the_live_value_and_the_wanted_one() -> None:
    paths = ("spec.replicas", "checksum", "values[0]")
    found = put_back(RELEASE, paths, {"spec": {"replicas": 3}, "values": ["b"]}, {"spec": {"replicas": 2}}, MASKING)
    assert [(value.path, value.before, value.after) for value in found] == [
        ("spec.replicas", "3", "2"),
        ("values[0]", '"b"', ""),
    ]


def value(path: str) -> ChangedValue:
    return ChangedValue(path=path, before="1", after="2")


TAGS = value('metadata.annotations["tailscale.com/tags"]')
LABEL = value("metadata.labels.team")
SKIP = value('metadata.annotations["pulumi.com/skipAwait"]')


@pytest.mark.parametrize(
    ("token", "op", "values", "expected"),
    [
        (SERVICE, Op.CREATE, (), ChangeClass.NETWORK),
        (SERVICE, Op.UPDATE, (), ChangeClass.NOISE),
        (SERVICE, Op.UPDATE, (SKIP,), ChangeClass.NOISE),
        (SERVICE, Op.UPDATE, (SKIP, LABEL), ChangeClass.METADATA),
        (SERVICE, Op.UPDATE, (TAGS, LABEL), ChangeClass.NETWORK),
        (SERVICE, Op.REPLACE, (TAGS,), ChangeClass.REPLACE),
        (SERVICE, Op.DELETE, (), ChangeClass.NETWORK),
        ("kubernetes:core/v1:Namespace", Op.DELETE, (), ChangeClass.DATA_LOSS),
        ("kubernetes:core/v1:Namespace", Op.REPLACE, (), ChangeClass.DATA_LOSS),
        ("kubernetes:core/v1:Namespace", Op.FORGET, (), ChangeClass.METADATA),
        ("kubernetes:core/v1:Namespace", Op.CREATE, (), ChangeClass.METADATA),
        ("kubernetes:core/v1:NamespacePatch", Op.DELETE, (), ChangeClass.METADATA),
        ("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", Op.CREATE, (), ChangeClass.ACCESS),
        ("tailscale:index/oauthClient:OauthClient", Op.DELETE, (), ChangeClass.DATA_LOSS),
    ],
)
def test_classes(token: str, op: Op, values: tuple[ChangedValue, ...], expected: ChangeClass) -> None:
    assert class_of(token, op, values) is expected


def test_the_policy_file_is_access_unless_it_gives_the_same() -> None:
    acl = (value("acl"),)
    assert class_of(POLICY, Op.UPDATE, acl, gives_other_access=True) is ChangeClass.ACCESS
    assert class_of(POLICY, Op.UPDATE, acl, gives_other_access=None) is ChangeClass.ACCESS
    assert class_of(POLICY, Op.UPDATE, acl, gives_other_access=False) is ChangeClass.METADATA
    one = '{"grants": [{"src": ["a@b.c"], "dst": ["*"], "ip": ["*"]}]}'
    assert policy_sentences(PolicyEdit(before="", after=one)) == (True, ("a@b.c gains every port to everything (*).",))
    assert policy_sentences(PolicyEdit(before=one, after=f"// x\n{one}"))[0] is False
    assert policy_sentences(PolicyEdit(before=one, after="{")) == (None, (UNREADABLE,))
