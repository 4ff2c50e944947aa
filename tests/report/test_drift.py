from __future__ import annotations

import json

from tailstack.report.drift import Drift, DriftKind, DriftReport

SERVICE = Drift(
    kind=DriftKind.CHANGED,
    what="Service default/nginx-service in blue",
    resource="blue-nginx",
    changes=('metadata.annotations["tailscale.com/tags"] was "tag:k8s", is "tag:other"',),
)
CLIENT = Drift(kind=DriftKind.MISSING, what="OAuth client", resource="green", changes=("it is gone",))


def test_no_drift_is_one_line() -> None:
    text = DriftReport(environment="sandbox", drifts=()).as_text()
    assert text == "No drift: everything in sandbox is as the stack left it.\n"


def test_one_object_is_named_with_what_changed() -> None:
    assert DriftReport(environment="sandbox", drifts=(SERVICE,)).as_text() == (
        "Drift in sandbox: 1 object is not as the stack left it.\n"
        "\n"
        "Service default/nginx-service in blue (blue-nginx)\n"
        '  - metadata.annotations["tailscale.com/tags"] was "tag:k8s", is "tag:other"\n'
    )


def test_several_objects_are_counted_and_long_changes_wrap() -> None:
    text = DriftReport(environment="sandbox", drifts=(SERVICE, CLIENT)).as_text(width=40)
    assert text.startswith("Drift in sandbox: 2 objects are not as the stack left them.\n")
    assert '  - metadata.annotations["tailscale.com/tags"]\n    was "tag:k8s", is "tag:other"\n' in text


def test_colour_says_nothing_more() -> None:
    report = DriftReport(environment="sandbox", drifts=(SERVICE,))
    assert "\x1b[" in report.as_text(colour=True)
    assert "\x1b[" not in report.as_text()


def test_json_has_a_version() -> None:
    assert json.loads(DriftReport(environment="sandbox", drifts=(CLIENT,)).as_json()) == {
        "version": "1",
        "environment": "sandbox",
        "drifts": [{"kind": "missing", "what": "OAuth client", "resource": "green", "changes": ["it is gone"]}],
    }
