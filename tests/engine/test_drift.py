"""Drift from the steps of a previewed refresh."""

from __future__ import annotations

import dataclasses

from tailstack.engine.drift import POLICY, drift_of
from tailstack.engine.events import EventLog, Phase, Step
from tailstack.report.drift import Drift, DriftKind
from tests.engine.test_wording import SERVICE, step


def changed(made: Step, op: str = "update", **fields: object) -> EventLog:
    return EventLog(events=(dataclasses.replace(made, op=op, **fields),))  # pyright: ignore[reportArgumentType] -- by name


def only(log: EventLog) -> Drift:
    (drift,) = drift_of(log, "sandbox").drifts
    return drift


def test_an_edited_policy_is_told_as_access() -> None:
    before = {"acl": '{"grants": [{"src": ["group:a"], "dst": ["tag:x"], "ip": ["tcp:80"]}]}'}
    after = {"acl": '{"grants": [{"src": ["group:a"], "dst": ["tag:x"], "ip": ["tcp:80", "tcp:22"]}]}'}
    made = step(POLICY, "policy", before=before, after=before)
    drift = only(changed(made, outputs_before=before, outputs_after=after))
    assert drift.what == "policy file"
    assert drift.kind is DriftKind.CHANGED
    assert drift.changes == ("group:a gains tcp:22 to tag:x.",)


def test_a_policy_that_is_none_any_more_is_said_to_be_unreadable() -> None:
    before, after = {"acl": "{}"}, {"acl": "{"}
    drift = only(changed(step(POLICY, "policy"), inputs_before=before, inputs_after=after))
    assert "cannot be read" in drift.changes[0]


def test_a_changed_object_is_told_by_its_paths() -> None:
    after = {"metadata": SERVICE["metadata"] | {"annotations": {"a": "1"}}}
    drift = only(changed(step("kubernetes:core/v1:Service"), inputs_before=SERVICE, inputs_after=after))
    assert drift == Drift(
        kind=DriftKind.CHANGED,
        what="Service default/nginx-service in blue",
        resource="blue.x",
        changes=('metadata.annotations.a appeared: "1"',),
        lasting=('metadata.annotations.a  "1"',),
    )


def test_outputs_count_only_where_they_are_inputs_too() -> None:
    inputs = {"spec": {"type": "ClusterIP"}}
    before = {"spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1"}, "status": {}}
    after = {"spec": {"type": "NodePort", "clusterIP": "10.0.0.2"}, "status": {"x": 1}}
    made = step("kubernetes:core/v1:Service")
    log = changed(made, inputs_before=inputs, inputs_after=inputs, outputs_before=before, outputs_after=after)
    assert only(log).changes == ('spec.type was "ClusterIP", is "NodePort"',)


def test_an_object_that_is_gone_is_missing() -> None:
    drift = only(changed(step("kubernetes:core/v1:Service"), "delete", inputs_before=SERVICE))
    assert drift.kind is DriftKind.MISSING
    assert drift.changes == ("It is gone.",)


def test_what_stayed_the_same_began_or_is_no_object_is_no_drift() -> None:
    service = step("kubernetes:core/v1:Service", before=SERVICE)
    quiet = [
        dataclasses.replace(service, op="same"),
        dataclasses.replace(service, op="update", phase=Phase.STARTED),
        dataclasses.replace(step("pulumi:pulumi:Stack"), op="update"),
    ]
    assert drift_of(EventLog(events=tuple(quiet)), "sandbox").drifts == ()
