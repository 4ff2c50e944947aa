"""When an object counts as ready."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tailstack.sandbox.plugins.kubernetes import waiting
from tailstack.sandbox.plugins.values import Properties


class Nothing:
    """A cluster in which there is nothing else."""

    def labelled(self, *_: str) -> list[Properties]:
        return []

    def one(self, *_: str) -> Properties | None:
        return None


class Endpoints(Nothing):
    """A cluster in which every Service has these endpoints."""

    def __init__(self, *endpoints: Properties) -> None:
        self._endpoints = [*endpoints]

    def labelled(self, *where: str) -> list[Properties]:
        assert where == ("discovery.k8s.io/v1", "EndpointSlice", "", "kubernetes.io/service-name=web")
        return [{"endpoints": self._endpoints}]


def _status(**status: object) -> Properties:
    return {"metadata": {"name": "x", "namespace": "default", "generation": 2}, "status": status}


READY = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("expression", "status"),
    [
        ("condition=Ready", {"conditions": [{"type": "Other", "status": "False"}, READY]}),
        ("condition=ready", {"conditions": [READY]}),
        ("condition=Ready=False", {"conditions": [{"type": "Ready", "status": "False"}]}),
        ("condition=Ready", {"conditions": [{**READY, "observedGeneration": 2}]}),
        ("jsonpath={.status.phase}", {"phase": "Running"}),
        ("jsonpath={$.status.phase}=Running", {"phase": "Running"}),
        ("jsonpath={.status.ok}=true", {"ok": True}),
        ("jsonpath={.status.count}=3", {"count": 3}),
        ("jsonpath={.status.loadBalancer.ingress[0].hostname}", {"loadBalancer": {"ingress": [{"hostname": "a"}]}}),
        ("jsonpath={.status.list[-1]}=b", {"list": ["a", "b"]}),
        ("jsonpath={.status['a.b/c']}=d", {"a.b/c": "d"}),
        ('jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', {"conditions": [{"type": "X"}, READY]}),
        ("jsonpath={.status.conditions[?@.type!='Ready'].type}=X", {"conditions": [{"type": "X"}, READY]}),
        ("jsonpath={.status.list[*].x}=1", {"list": [{"y": 0}, {"x": 1}]}),
        ("jsonpath={.status.object}", {"object": {}}),
        ('["condition=Ready", "jsonpath={.status.phase}=Running"]', {"phase": "Running", "conditions": [READY]}),
    ],
)
def test_a_wait_ends_when_it_is_met(expression: str, status: Properties) -> None:
    assert waiting.wait_for(expression)(_status(**status)) == []


@pytest.mark.parametrize(
    ("expression", "status", "message"),
    [
        ("condition=Ready", {}, "Waiting for condition Ready to be True"),
        (
            "condition=Ready",
            {"conditions": [{"type": "Ready", "status": "False", "message": "no device"}]},
            'Waiting for condition Ready to be True, it is "False": no device',
        ),
        (
            "condition=Ready",
            {"conditions": [{**READY, "observedGeneration": 1}]},
            "Waiting for condition Ready to be True",
        ),
        ("condition=Ready", {"observedGeneration": 1, "conditions": [READY]}, "Waiting for condition Ready to be True"),
        ("jsonpath={.status.phase}", {}, "Waiting for {.status.phase}: {.status.phase} selected nothing"),
        (
            "jsonpath={.status.phase}=Running",
            {"phase": "Pending"},
            'Waiting for {.status.phase}=Running (found "Pending")',
        ),
        (
            "jsonpath={.status.list[2]}",
            {"list": ["a", "b"]},
            "Waiting for {.status.list[2]}: {.status.list[2]} selected nothing",
        ),
    ],
)
def test_a_wait_goes_on_and_says_for_what(expression: str, status: Properties, message: str) -> None:
    (said,) = waiting.wait_for(expression)(_status(**status))
    assert said == message


def test_of_several_conditions_all_must_be_met() -> None:
    pending = waiting.wait_for('["condition=A", "condition=B"]')
    assert pending(_status(conditions=[{"type": "A", "status": "True"}])) == ["Waiting for condition B to be True"]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("Ready", 'expected a "jsonpath=" or "condition=" prefix, got "Ready"'),
        ("[]", "at least one condition must be specified"),
        ("[1]", 'expected a "jsonpath=" or "condition=" prefix, got 1'),
        ("jsonpath=.status.phase", ".status.phase should be wrapped in brackets { ... }"),
        ("jsonpath='{.status.phase}'", "'{.status.phase}' should omit shell quotes"),
        ("jsonpath={.status.phase}=", "{.status.phase}= requires a value"),
        ("jsonpath={.a}=b=c", "format should be {.path}=value or {.path}, got '{.a}=b=c'"),
        ("jsonpath={.a}={.b}", "format should be {.path}=value or {.path}, got '{.a}={.b}'"),
        ("jsonpath={}", 'parsing "{}": not a path that the stand-in knows (docs/plugins.md)'),
        ("jsonpath={.a..b}", 'parsing "{.a..b}": not a path that the stand-in knows (docs/plugins.md)'),
    ],
)
def test_a_wait_that_cannot_be_understood_is_refused(expression: str, message: str) -> None:
    with pytest.raises(waiting.WaitForError) as caught:
        waiting.wait_for(expression)
    assert str(caught.value) == message


def test_a_path_to_an_object_has_no_value_to_compare() -> None:
    with pytest.raises(waiting.WaitForError, match="non-primitive"):
        waiting.wait_for("jsonpath={.status}=x")(_status(a=1))


def _service(spec: Properties, **status: object) -> Properties:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec, "status": status}


SELECTED = {"type": "ClusterIP", "selector": {"app": "web"}}
NO_PODS = "Service does not target any Pods"


@pytest.mark.parametrize(
    ("live", "cluster", "lacking"),
    [
        (_service(SELECTED), Nothing(), [NO_PODS]),
        (_service(SELECTED), Endpoints(), [NO_PODS]),
        (_service(SELECTED), Endpoints({"conditions": {"ready": False}}), [NO_PODS]),
        (_service(SELECTED), Endpoints({"conditions": {"ready": True}}), []),
        (_service(SELECTED), Endpoints({"addresses": ["10.0.0.1"]}), []),
        (_service({"type": "ClusterIP"}), Nothing(), []),
        (_service({**SELECTED, "clusterIP": "None"}), Nothing(), []),
        (_service({"type": "ExternalName", "externalName": "x"}), Nothing(), []),
        (
            _service({**SELECTED, "type": "LoadBalancer"}),
            Nothing(),
            [NO_PODS, "Service was not allocated an IP address"],
        ),
        (_service({"type": "LoadBalancer"}, loadBalancer={"ingress": [{"hostname": "a"}]}), Nothing(), []),
    ],
)
def test_services_wait_for_what_they_need(live: Properties, cluster: Nothing, lacking: list[str]) -> None:
    messages = waiting.built_in(live, cluster)(live)
    assert len(messages) == len(lacking)
    assert all(message.startswith(start) for message, start in zip(messages, lacking, strict=True))


def _ingress(*, ready: bool) -> Properties:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    address: Properties = {"loadBalancer": {"ingress": [{"hostname": "nginx.tail1a2b.ts.net"}]}} if ready else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {"defaultBackend": backend, "rules": [{"http": {"paths": [{"backend": backend}]}}]},
        "status": address,
    }


def test_an_ingress_waits_for_its_services_and_for_an_address() -> None:
    waits = _ingress(ready=False)
    messages = waiting.built_in(waits, Nothing())(waits)
    assert [message.split(" ", 1)[0] for message in messages] == ["Ingress", "Ingress"]
    assert '"web"' in messages[0]
    assert waiting.built_in(waits, Endpoints())(waits) == messages[1:]
    done = _ingress(ready=True)
    assert waiting.built_in(done, Endpoints())(done) == []


def test_an_ingress_does_not_wait_for_ever_for_a_service_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    done = _ingress(ready=True)
    pending = waiting.built_in(done, Nothing())
    assert len(pending(done)) == 1
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert pending(done) == []


def _workload(kind: str, spec: Properties, **status: object) -> Properties:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "x", "generation": 2},
        "spec": spec,
        "status": status,
    }


@pytest.mark.parametrize(
    ("live", "ready"),
    [
        (_workload("Deployment", {"replicas": 2}, observedGeneration=2, updatedReplicas=2, availableReplicas=2), True),
        (_workload("Deployment", {"replicas": 2}, observedGeneration=1, updatedReplicas=2, availableReplicas=2), False),
        (_workload("Deployment", {"replicas": 2}, observedGeneration=2, updatedReplicas=1, availableReplicas=2), False),
        (_workload("Deployment", {}, observedGeneration=2), False),
        (_workload("Deployment", {"replicas": 0}, observedGeneration=2), True),
        (_workload("StatefulSet", {"replicas": 1}, observedGeneration=2, updatedReplicas=1, readyReplicas=1), True),
        (_workload("StatefulSet", {"replicas": 1}, observedGeneration=2, updatedReplicas=1), False),
        (
            _workload(
                "DaemonSet", {}, observedGeneration=2, desiredNumberScheduled=1, updatedNumberScheduled=1, numberReady=1
            ),
            True,
        ),
        (_workload("DaemonSet", {}, observedGeneration=2, desiredNumberScheduled=1), False),
        (
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "status": {"conditions": [{"type": "Complete", "status": "True"}]},
            },
            True,
        ),
        ({"apiVersion": "batch/v1", "kind": "Job", "status": {}}, False),
        ({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Succeeded"}}, True),
        ({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Pending"}}, False),
        ({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Bound"}}, True),
        ({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {}}, False),
        ({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "status": {}}, False),
        ({"apiVersion": "v1", "kind": "Namespace", "status": {}}, True),
        ({"apiVersion": "tailscale.com/v1alpha1", "kind": "Connector", "status": {}}, True),
    ],
)
def test_kinds_have_their_own_signs_of_being_ready(live: Properties, *, ready: bool) -> None:
    assert (list(waiting.built_in(live, Nothing())(live)) == []) is ready


def _inputs(**annotations: str) -> Properties:
    named: dict[str, Any] = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return {**_service(SELECTED), "metadata": {"name": "web", "annotations": named}}


def test_skip_await_comes_before_wait_for_and_wait_for_before_the_built_in_rule() -> None:
    live = _service(SELECTED)
    assert waiting.rule_for(_inputs(skipAwait="true", waitFor="condition=X"), Nothing())(live) == ()
    assert waiting.rule_for(_inputs(skipAwait="false", waitFor="condition=X"), Nothing())(live) == [
        "Waiting for condition X to be True"
    ]
    (message,) = waiting.rule_for(_inputs(), Nothing())(live)
    assert message.startswith(NO_PODS)


def test_timeouts_come_from_the_resource_the_annotation_or_are_ten_minutes() -> None:
    assert waiting.timeout_of(_inputs(timeoutSeconds="20"), 5.0) == 5
    assert waiting.timeout_of(_inputs(timeoutSeconds="20"), 0.0) == 20
    assert waiting.timeout_of(_inputs(timeoutSeconds="soon"), 0.0) == 600


def test_a_wait_looks_again_until_nothing_is_pending() -> None:
    seen = iter([_status(phase="Pending"), _status(phase="Running")])
    said: list[str] = []
    live = waiting.until_ready(
        _status(),
        pending=waiting.wait_for("jsonpath={.status.phase}=Running"),
        look=lambda: next(seen),
        timeout=30,
        cancelled=threading.Event(),
        report=said.append,
    )
    assert live["status"] == {"phase": "Running"}
    assert len(said) == 2


@pytest.mark.parametrize(
    ("timeout", "cancel", "message"),
    [(0.2, False, "'x' timed out waiting to be Ready"), (30, True, 'Resource operation was cancelled for "x"')],
)
def test_a_wait_ends_at_its_time_and_with_the_user(timeout: float, message: str, *, cancel: bool) -> None:
    cancelled = threading.Event()
    if cancel:
        cancelled.set()
    with pytest.raises(waiting.NotReadyError, match="^" + message.replace("'", ".") + "$") as caught:
        waiting.until_ready(
            _status(),
            pending=waiting.wait_for("condition=Ready"),
            look=lambda: _status(phase="new"),
            timeout=timeout,
            cancelled=cancelled,
            report=lambda _: None,
        )
    assert caught.value.reasons == ("Waiting for condition Ready to be True",)


def test_a_wait_for_something_that_is_deleted_ends() -> None:
    with pytest.raises(waiting.NotReadyError, match="was deleted while it was waited for"):
        waiting.until_ready(
            _status(),
            pending=waiting.wait_for("condition=Ready"),
            look=lambda: None,
            timeout=30,
            cancelled=threading.Event(),
            report=lambda _: None,
        )


def test_an_object_of_the_same_name_is_another_one() -> None:
    waiting.until_gone(lambda: {"metadata": {"uid": "2"}}, uid="1", timeout=30, cancelled=threading.Event())


def test_a_deletion_that_does_not_end_names_the_finalizers() -> None:
    held = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x", "uid": "1", "finalizers": ["tailscale.com/finalizer"]},
    }
    with pytest.raises(waiting.NotReadyError) as caught:
        waiting.until_gone(lambda: held, uid="1", timeout=0.2, cancelled=threading.Event())
    assert caught.value.reasons == (
        'Timed out waiting for deletion of v1/Service "x"; finalizers: tailscale.com/finalizer',
    )
