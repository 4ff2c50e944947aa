"""The event stream, read from lines as pulumi 3.250.0 writes them."""

from __future__ import annotations

import json

import pytest

from tailstack.engine.events import Diagnostic, EngineError, EventLog, Phase, Step, Summary, Violation, parse_event

URN = "urn:pulumi:sandbox::tailstack::kubernetes:core/v1:Service::blue-nginx"


def line(**event: object) -> str:
    return json.dumps({"sequence": 1, "timestamp": 1} | event)


def step_line(kind: str) -> str:
    return line(
        **{
            kind: {
                "metadata": {
                    "op": "update",
                    "urn": URN,
                    "type": "kubernetes:core/v1:Service",
                    "provider": "urn:pulumi:sandbox::tailstack::pulumi:providers:kubernetes::blue::0f-1",
                    "old": {"inputs": {"a": 1}, "outputs": {"a": 1, "b": 2}},
                    "new": {"inputs": {"a": 3}, "outputs": {"a": 3}},
                    "detailedDiff": {"metadata.annotations": {"diffKind": "update", "inputDiff": False}},
                    "diffs": ["metadata"],
                }
            }
        }
    )


@pytest.mark.parametrize(
    ("kind", "phase"),
    [("resourcePreEvent", Phase.STARTED), ("resOutputsEvent", Phase.DONE), ("resOpFailedEvent", Phase.FAILED)],
)
def test_a_step_keeps_both_sides_and_the_changed_paths(kind: str, phase: Phase) -> None:
    step = parse_event(step_line(kind))
    assert step == Step(
        phase=phase,
        op="update",
        urn=URN,
        type="kubernetes:core/v1:Service",
        provider="blue",
        changed=("metadata.annotations",),
        inputs_before={"a": 1},
        inputs_after={"a": 3},
        outputs_before={"a": 1, "b": 2},
        outputs_after={"a": 3},
    )
    assert isinstance(step, Step)
    assert step.name == "blue-nginx"


def test_a_step_without_sides_or_detailed_diff_falls_back_to_the_plain_one() -> None:
    metadata = {"op": "create", "urn": URN, "type": "t", "old": None, "diffs": ["x"], "detailedDiff": None}
    step = parse_event(line(resourcePreEvent={"metadata": metadata}))
    assert isinstance(step, Step)
    assert step.changed == ("x",)
    assert step.inputs_before == {}
    assert step.provider == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Installing policy pack …\n",
        "{not json",
        line(progressEvent={"message": "x"}),
        line(unheardOf={}),
        line(diagnosticEvent={"severity": "info#err", "message": "half a line", "ephemeral": True}),
        line(diagnosticEvent={"severity": "debug", "message": "props=… in clear text"}),
    ],
)
def test_what_no_report_needs_is_passed_over(text: str) -> None:
    assert parse_event(text) is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("Preview failed: it broke\n", "preview failed\n"), ("Preview failed: it broke",)),
        (("it broke", "update failed"), ("it broke",)),
        (("preview failed",), ("preview failed",)),
        (("it broke", "update canceled"), ("it broke", "update canceled")),
    ],
)
def test_that_it_failed_is_said_where_nothing_says_why(said: tuple[str, ...], expected: tuple[str, ...]) -> None:
    events = tuple(Diagnostic(severity="error", message=message, urn="") for message in said)
    assert EventLog(events=events).errors == expected


def test_the_log_gathers_errors_once_violations_and_counts() -> None:
    lines = [
        line(diagnosticEvent={"severity": "error", "message": "it broke\n", "urn": URN}),
        line(diagnosticEvent={"severity": "error", "message": "it broke"}),
        line(diagnosticEvent={"severity": "warning", "message": "careful"}),
        line(errorEvent={"error": "no more"}),
        line(
            policyEvent={
                "policyName": "p",
                "policyPackName": "k",
                "enforcementLevel": "mandatory",
                "message": "m",
                "resourceUrn": URN,
            }
        ),
        line(summaryEvent={"resourceChanges": {"create": 2, "same": 1}, "durationSeconds": 3}),
    ]
    log = EventLog(events=tuple(event for event in map(parse_event, lines) if event))
    assert log.errors == ("no more", "it broke")
    assert log.violations == (Violation(policy="p", pack="k", level="mandatory", message="m", urn=URN),)
    assert log.violations[0].is_mandatory
    assert log.changes == {"create": 2, "same": 1}
    assert [type(e) for e in log.events] == [Diagnostic, Diagnostic, Diagnostic, EngineError, Violation, Summary]
    assert log.steps == ()


def test_an_operation_that_broke_off_has_no_counts() -> None:
    assert EventLog().changes == {}


def test_a_secret_is_told_so_however_it_is_wrapped() -> None:
    wrapped = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
    made = parse_event(line(resOutputsEvent={"metadata": {"new": {"inputs": {"data": wrapped, "list": [wrapped, 1]}}}}))
    assert isinstance(made, Step)
    assert made.inputs_after == {"data": "[secret]", "list": ["[secret]", 1]}
