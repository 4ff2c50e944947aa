"""Objects between program, state and cluster."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailstack.sandbox.plugins.kubernetes import objects
from tailstack.sandbox.plugins.values import UNKNOWN, Change, Properties, Secret, differences, has_unknown

SERVICE: Properties = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default", "annotations": {"tailscale.com/expose": "true"}},
    "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}},
}
LIVE: Properties = {
    **SERVICE,
    "metadata": {**SERVICE["metadata"], "uid": "1", "resourceVersion": "7"},
    "spec": {**SERVICE["spec"], "ports": [{"port": 80, "protocol": "TCP"}], "clusterIP": "10.96.0.7"},
    "status": {"loadBalancer": {}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("spec.externalName", ("spec", "externalName")),
        ('metadata.annotations["a.b/c"]', ("metadata", "annotations", "a.b/c")),
        (r'data["say \"hi\""].x', ("data", 'say "hi"', "x")),
        ("spec.ports[0].name", ("spec", "ports", 0, "name")),
        ("spec.ports[*].name", ("spec", "ports", "*", "name")),
    ],
)
def test_property_paths_are_read_in_steps(path: str, steps: objects.Path) -> None:
    assert objects.parse_path(path) == steps


@given(JSON, JSON)
def test_every_path_that_a_diff_names_leads_to_the_difference(old: object, new: object) -> None:
    before, after = {"x": old}, {"x": new}
    for path, change in differences(before, after).items():
        steps = objects.parse_path(path)
        found = (objects.dig(before, *steps), objects.dig(after, *steps))
        assert change is not Change.ADD or found[0] is None
        assert change is not Change.DELETE or found[1] is None
        assert change is not Change.UPDATE or found[0] != found[1] or type(found[0]) is not type(found[1])


def test_what_is_unknown_is_unknown_all_the_way_down() -> None:
    assert objects.dig({"metadata": UNKNOWN}, "metadata", "name") is UNKNOWN


def test_an_object_without_a_name_gets_one_that_a_preview_and_its_update_agree_on() -> None:
    first, again, other = (objects.named({"kind": "x"}, old={}, base="web", seed=seed) for seed in (b"1", b"1", b"2"))
    name = objects.text(first, "metadata", "name")
    assert first == again != other
    assert name.startswith("web-")
    assert len(name) == len("web-") + 8
    assert objects.is_autonamed(first)


def test_names_differ_where_the_engine_gives_no_seed() -> None:
    one, other = (objects.named({}, old={}, base="web", seed=b"") for _ in range(2))
    assert one != other


def test_a_name_that_was_made_up_stays() -> None:
    old = objects.named({}, old={}, base="web", seed=b"1")
    new = objects.named({"metadata": {"labels": {"a": "b"}}}, old=old, base="web", seed=b"2")
    assert new["metadata"] == {**old["metadata"], "labels": {"a": "b"}}


@pytest.mark.parametrize("metadata", [{"name": "web"}, {"name": UNKNOWN}, UNKNOWN])
def test_a_name_that_the_program_gives_stays_as_it_is(metadata: object) -> None:
    assert objects.named({"metadata": metadata}, old={}, base="web", seed=b"1") == {"metadata": metadata}


def test_annotations_that_are_not_known_yet_stay_unknown_beside_a_made_up_name() -> None:
    named = objects.named({"metadata": {"annotations": UNKNOWN}}, old={}, base="web", seed=b"1")
    assert named["metadata"]["annotations"] is UNKNOWN


def test_the_normal_form_has_no_nulls_and_nothing_that_only_the_server_writes() -> None:
    metadata: Properties = {
        "name": "a",
        "uid": "1",
        "managedFields": [],
        "creationTimestamp": None,
        "labels": {"x": None},
    }
    assert objects.normal({"metadata": metadata, "spec": None}) == {"metadata": {"name": "a", "labels": {}}}


def test_a_secret_is_compared_by_its_data_however_it_was_written() -> None:
    plain = {"apiVersion": "v1", "kind": "Secret", "stringData": {"key": "value"}, "data": {"other": "eA=="}}
    encoded = {
        "apiVersion": "v1",
        "kind": "Secret",
        "data": {"key": base64.b64encode(b"value").decode(), "other": "eA=="},
    }
    assert objects.normal(plain) == objects.normal(encoded) == encoded


@pytest.mark.parametrize("content", [{"stringData": UNKNOWN}, {"data": UNKNOWN}, {"stringData": {"key": UNKNOWN}}])
def test_a_secret_whose_content_is_not_known_yet_is_unknown(content: Properties) -> None:
    normal = objects.normal({"apiVersion": "v1", "kind": "Secret", **content})
    assert has_unknown(normal["data"])
    assert "stringData" not in normal


def test_a_refresh_of_what_did_not_change_leaves_the_inputs_alone() -> None:
    inputs: Properties = {**SERVICE, "spec": {**SERVICE["spec"], "externalIPs": [], "publishNotReadyAddresses": False}}
    assert objects.refreshed(inputs, recorded=LIVE, live=LIVE) is inputs


def test_what_the_server_normalises_is_no_drift() -> None:
    pod = {"spec": {"containers": [{"resources": {"limits": {"cpu": "1000m"}}}]}}
    live = {"spec": {"containers": [{"resources": {"limits": {"cpu": "1"}}, "image": "x"}], "nodeName": "n"}}
    assert objects.refreshed(pod, recorded=live, live=live) is pod


def _annotated(**annotations: str) -> Properties:
    return {**LIVE, "metadata": {**LIVE["metadata"], "annotations": annotations}}


def test_an_annotation_that_somebody_changes_is_drift() -> None:
    live = {**LIVE, "metadata": {**LIVE["metadata"], "annotations": {"tailscale.com/expose": "false"}}}
    refreshed = objects.refreshed(SERVICE, recorded=LIVE, live=live)
    assert refreshed["metadata"]["annotations"] == {"tailscale.com/expose": "false"}
    assert refreshed["spec"] == SERVICE["spec"]


def test_an_annotation_that_somebody_adds_is_not_seen() -> None:
    annotations = {"tailscale.com/expose": "true", "somebody.example.com/else": "was here"}
    assert objects.refreshed(SERVICE, recorded=LIVE, live=_annotated(**annotations)) is SERVICE


def test_an_annotation_that_somebody_removes_is_drift() -> None:
    refreshed = objects.refreshed(SERVICE, recorded=LIVE, live=_annotated())
    assert refreshed["metadata"]["annotations"] == {}


@pytest.mark.parametrize(
    ("ports", "seen"),
    [
        (
            [{"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "TCP"}],
            [{"port": 80}, {"port": 81, "protocol": "TCP"}],
        ),
        ([{"port": 8080, "protocol": "TCP"}], [{"port": 8080}]),
        ([], []),
    ],
)
def test_drift_within_a_list_shows_element_by_element(ports: list[Properties], seen: list[Properties]) -> None:
    live = {**LIVE, "spec": {**LIVE["spec"], "ports": ports}}
    assert objects.refreshed(SERVICE, recorded=LIVE, live=live)["spec"]["ports"] == seen


def test_drift_of_a_secret_shows_in_its_data() -> None:
    inputs = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "1", "b": "2"}}
    recorded = objects.normal(inputs)
    assert objects.refreshed(inputs, recorded=recorded, live=recorded) is inputs
    live = {**recorded, "data": {**recorded["data"], "a": "OQ=="}}
    assert objects.refreshed(inputs, recorded=recorded, live=live) == live


@given(JSON)
def test_a_refresh_right_after_an_update_never_shows_anything(live: object) -> None:
    inputs = {"spec": {"a": 1, "b": [True, {"c": None}]}}
    assert objects.refreshed(inputs, recorded={"spec": live}, live={"spec": live}) is inputs


def test_the_inputs_of_an_imported_object_are_what_a_program_would_say() -> None:
    kubectl = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    live = {**LIVE, "metadata": {**LIVE["metadata"], "annotations": kubectl}}
    imported = objects.imported(live)
    assert "status" not in imported
    assert imported["metadata"] == {"name": "web", "namespace": "default"}
    assert imported["spec"] == LIVE["spec"]


def test_the_content_of_a_secret_is_marked_also_where_kubectl_repeats_it() -> None:
    key = "kubectl.kubernetes.io/last-applied-configuration"
    live = {
        "apiVersion": "v1",
        "kind": "Secret",
        "data": {"a": "MQ=="},
        "metadata": {"annotations": {key: "MQ==", "x": "y"}},
    }
    masked = objects.masked(live)
    assert masked["data"] == Secret({"a": "MQ=="})
    assert masked["metadata"]["annotations"] == {key: Secret("MQ=="), "x": "y"}
    assert live["data"] == {"a": "MQ=="}


def test_an_error_does_not_repeat_what_a_secret_holds() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "stringData": {"key": "hunter2"}, "data": {"raw": "aHVudGVyMw=="}}
    message = 'invalid: "hunter2", "aHVudGVyMg==", "aHVudGVyMw==", "hunter3"'
    told = objects.without_content(message, secret)
    assert not [word for word in ("hunter2", "aHVudGVyMg==", "aHVudGVyMw==", "hunter3") if word in told]
    assert "[stringData.key]" in told
    assert objects.without_content(message, {**secret, "kind": "ConfigMap"}) == message


@pytest.mark.parametrize(
    ("path", "ignored", "inside"),
    [
        ("spec.externalName", "spec.externalName", True),
        ("spec.externalName", "spec", True),
        ("spec.externalNames", "spec.externalName", False),
        ("spec", "spec.externalName", False),
        ('metadata.annotations["a.b/c"]', 'metadata.annotations["a.b/c"]', True),
        ("spec.ports[1].port", "spec.ports[*].port", True),
        ("spec.ports[1].port", "spec.ports[0].port", False),
    ],
)
def test_ignored_changes_are_those_at_or_below_the_path(path: str, ignored: str, *, inside: bool) -> None:
    assert objects.within(path, [ignored]) is inside


@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        ({"spec": {"selector": {"a": 1}}}, {"spec": {"selector": {"a": 2}}}, {"spec.selector.a"}),
        ({"spec": {"selector": {"a": 1}, "x": 1}}, {"spec": {"selector": {"a": 1}, "x": 2}}, set[str]()),
        ({}, {"spec": {"selector": {"a": 1}}}, {"spec"}),
        ({}, {"spec": {"other": 1}}, set[str]()),
        ({"spec": {"selector": {"a": 1}}}, {}, {"spec"}),
        ({"spec": {"selector": {"a": 1}}}, {"spec": UNKNOWN}, {"spec"}),
        ({"spec": {"selector": {"a": 1}}}, {"spec": {"selector": {"a": UNKNOWN}}}, {"spec.selector.a"}),
        ({"spec": {"selectors": 1}}, {"spec": {"selectors": 2}}, set[str]()),
    ],
)
def test_changes_of_fields_that_cannot_change_replace(old: Properties, new: Properties, replaced: set[str]) -> None:
    assert objects.replacing(differences(old, new), old=old, new=new, fields=["spec.selector"]) == replaced


def _managed(*entries: tuple[str, str, Properties]) -> Properties:
    fields = [{"manager": name, "operation": operation, "fieldsV1": owned} for name, operation, owned in entries]
    return {"metadata": {"resourceVersion": "7", "managedFields": fields}, "spec": {"externalName": "theirs"}}


NOTHING: Properties = {}
NAME: Properties = {"f:spec": {"f:externalName": {}}}


@pytest.mark.parametrize(
    ("entries", "applied"),
    [
        ([("us", "Apply", NOTHING), ("operator", "Update", NAME)], {"type": "ExternalName"}),
        ([("us", "Apply", NAME), ("operator", "Update", NAME)], {"type": "ExternalName", "externalName": "theirs"}),
        ([("us", "Apply", NAME)], {"type": "ExternalName", "externalName": "theirs"}),
        ([], {"type": "ExternalName", "externalName": "theirs"}),
    ],
)
def test_an_ignored_field_is_applied_only_where_it_is_ours(
    entries: list[tuple[str, str, Properties]], applied: Properties
) -> None:
    inputs = {"spec": {"type": "ExternalName", "externalName": "placeholder"}}
    kept = objects.without_ignored(inputs, live=_managed(*entries), manager="us", ignored=["spec.externalName"])
    assert kept["spec"] == applied
    assert inputs["spec"]["externalName"] == "placeholder"


def test_an_ignored_field_that_nobody_has_changes_nothing() -> None:
    inputs = {"spec": {"a": 1}}
    assert objects.without_ignored(inputs, live=_managed(), manager="us", ignored=["spec.none", "status.x.y"]) == inputs


def test_what_kubectl_changed_becomes_ours() -> None:
    mine: Properties = {"f:metadata": {"f:labels": {"f:a": {}}}}
    theirs: Properties = {"f:metadata": {"f:labels": {"f:b": {}}}}
    live = _managed(("us", "Apply", mine), ("kubectl-annotate", "Update", theirs), ("operator", "Update", NAME))
    first, second = objects.takeover(live, "us")
    owned = {entry["manager"]: entry["fieldsV1"] for entry in first["value"]}
    assert owned == {"us": {"f:metadata": {"f:labels": {"f:a": {}, "f:b": {}}}}, "operator": NAME}
    assert second == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}


@pytest.mark.parametrize(
    "entries",
    [
        [("us", "Apply", NAME), ("operator", "Update", NAME)],
        [("us", "Apply", NAME), ("pulumi-kubernetes-12345678", "Apply", NAME)],
        [("us", "Update", NAME)],
    ],
)
def test_what_others_changed_stays_theirs(entries: list[tuple[str, str, Properties]]) -> None:
    assert objects.takeover(_managed(*entries), "us") == []
