from __future__ import annotations

import dataclasses
import json

from tailstack.live.model import Unknown
from tailstack.live.unmanaged import Unmanaged, UnmanagedKind
from tailstack.report.drift import Drift, DriftKind, DriftReport, Pending
from tailstack.report.plan import ChangeClass, ChangedValue, Op, Plan, PlannedChange

SERVICE = Drift(
    kind=DriftKind.CHANGED,
    stack="sandbox",
    what="Service default/nginx-service in blue",
    resource="blue.expose.nginx",
    urn="urn:pulumi:sandbox::p::Service::blue.expose.nginx",
    changes=('its tags (metadata.annotations["tailscale.com/tags"]): was "tag:k8s", is "tag:other"',),
    lasting=("tags",),
)
CLIENT = Drift(
    kind=DriftKind.MISSING,
    stack="sandbox",
    what="OAuth client green.operator",
    resource="green",
    urn="urn:pulumi:sandbox::p::OauthClient::green",
    changes=("It is gone.",),
)
DEVICE = Unmanaged(
    kind=UnmanagedKind.DEVICE, what="device x.ts.net", id="n1", why="It wears tag:k8s.", remedy="Remove it."
)
GONE = Unknown(what="cluster green", reason="connection refused")
NAMES = ("a", "b", "c", "d", "e", "f", "g")


def change(op: Op = Op.UPDATE, *, paths: tuple[str, ...] = ("spec.ports",), **fields: object) -> PlannedChange:
    made = PlannedChange(
        urn="urn:x",
        type="kubernetes:core/v1:Service",
        name="blue.expose.nginx",
        declaration="exposure blue.nginx",
        kind="Service",
        what="Service default/nginx in blue",
        cluster="blue",
        op=op,
        change_class=ChangeClass.NETWORK,
        values=tuple(ChangedValue(path=path, before="1", after="2") for path in paths),
    )
    return dataclasses.replace(made, **fields)


PENDING = Pending(stack="sandbox", plan=Plan(changes=(change(),)))
NOISE = Pending(stack="sandbox", plan=Plan(changes=(change(change_class=ChangeClass.NOISE),)))
NOTHING = DriftReport(environment="sandbox", drifts=())


def report(**parts: object) -> DriftReport:
    return dataclasses.replace(NOTHING, **parts)


def test_no_drift_is_one_line() -> None:
    assert NOTHING.as_text() == "No drift: everything in sandbox is as the stack left it.\n"
    assert report(pending=(NOISE,)).as_text() == NOTHING.as_text()
    assert report(pending=(NOISE,)).is_clean


def test_each_kind_is_told_apart() -> None:
    text = report(drifts=(SERVICE, CLIENT), pending=(PENDING, NOISE), unmanaged=(DEVICE,), unknown=(GONE,)).as_text(
        width=200
    )
    assert text == (
        "Drift in sandbox: 2 objects changed behind the stack, 1 change not applied yet, 1 thing that nobody declared, "
        "1 part that could not be looked at.\n"
        "\n"
        "Service default/nginx-service in blue (blue.expose.nginx) was changed behind the stack\n"
        '  its tags (metadata.annotations["tailscale.com/tags"]): was "tag:k8s", is "tag:other"\n'
        "\n"
        "OAuth client green.operator (green) is missing\n"
        "  It is gone.\n"
        "\n"
        "Not applied yet in sandbox\n"
        "  Service default/nginx in blue: update (spec.ports)\n"
        "\n"
        "Live, and nobody declared it\n"
        "  device x.ts.net: It wears tag:k8s.\n"
        "\n"
        "Could not be looked at\n"
        "  cluster green: connection refused\n"
    )


def test_what_is_not_known_is_neither_drift_nor_none() -> None:
    unknown = report(unknown=(GONE,))
    assert unknown.is_clean
    assert unknown.as_text().startswith(
        "Not known: no drift in what could be looked at of sandbox, and 1 part could not.\n"
    )


def test_how_to_go_on_is_told_on_request() -> None:
    found = report(drifts=(SERVICE, CLIENT), pending=(PENDING,), unmanaged=(DEVICE,))
    assert "To keep the change" not in found.as_text()
    told = found.as_text(remedy=True, width=400)
    for part in (
        SERVICE.remedy,
        CLIENT.remedy,
        "To apply it: tailstack up --stack sandbox",
        "It wears tag:k8s. Remove it.",
    ):
        assert part in told
    assert "Remove it." in found.as_markdown(remedy=True)
    assert "Remove it." not in found.as_markdown()


def test_a_revoked_credential_is_replaced_by_its_whole_name() -> None:
    revoked = dataclasses.replace(
        CLIENT, kind=DriftKind.REVOKED, changes=("It was revoked: whoever uses it is refused.",)
    )
    text = report(drifts=(revoked,)).as_text(remedy=True, width=400)
    assert "OAuth client green.operator (green) was revoked\n" in text
    assert f"pulumi up --stack sandbox --replace '{CLIENT.urn}'." in text
    assert report(drifts=(revoked,)).digest != report(drifts=(CLIENT,)).digest


def test_many_values_of_a_pending_change_are_cut() -> None:
    text = report(pending=(Pending(stack="s", plan=Plan(changes=(change(paths=NAMES),))),)).as_text()
    assert "update (a; b; c; d; e; f and 1 more)" in text


def test_a_pending_change_is_told_in_its_own_words_where_it_has_some() -> None:
    worded = change(sentences=("somebody gains tcp:22",), paths=NAMES)
    bare = change(Op.CREATE, paths=())
    new = change(Op.CREATE, paths=NAMES)
    text = report(pending=(Pending(stack="s", plan=Plan(changes=(worded, bare, new))),)).as_text()
    assert "update (somebody gains tcp:22)\n" in text
    assert text.count("Service default/nginx in blue: create\n") == 2


def test_colour_says_nothing_more() -> None:
    found = report(drifts=(SERVICE,))
    assert "\x1b[" in found.as_text(colour=True)
    assert "\x1b[" not in found.as_text()


def test_markdown_takes_nothing_for_markup() -> None:
    evil = dataclasses.replace(SERVICE, changes=("<b>@ana</b>",))
    assert "&lt;b&gt;" in report(drifts=(evil,)).as_markdown()


def test_json_has_a_version_and_everything() -> None:
    found = report(
        stacks=("sandbox",), drifts=(CLIENT,), pending=(PENDING, NOISE), unmanaged=(DEVICE,), unknown=(GONE,)
    )
    data = json.loads(found.as_json())
    assert data == json.loads(json.dumps(found.as_data()))
    assert data["version"] == "1"
    assert (data["environment"], data["stacks"], data["digest"]) == ("sandbox", ["sandbox"], found.digest)
    assert data["drifts"] == [
        {
            "kind": "missing",
            "stack": "sandbox",
            "what": "OAuth client green.operator",
            "resource": "green",
            "changes": ["It is gone."],
            "remedy": CLIENT.remedy,
        }
    ]
    (pending,) = data["pending"]
    assert (pending["stack"], pending["counts"]) == ("sandbox", {"update": 1})
    assert data["unmanaged"] == [
        {"kind": "device", "what": "device x.ts.net", "id": "n1", "why": "It wears tag:k8s.", "remedy": "Remove it."}
    ]
    assert data["unknown"] == [{"what": "cluster green", "reason": "connection refused"}]


def test_the_digest_is_that_of_what_was_found() -> None:
    found = report(drifts=(SERVICE, CLIENT), pending=(PENDING,), unmanaged=(DEVICE,))
    same = report(
        drifts=(CLIENT, dataclasses.replace(SERVICE, changes=("secret:1 is secret:2",))),
        pending=(PENDING, NOISE),
        unmanaged=(dataclasses.replace(DEVICE, why="Told otherwise."),),
        unknown=(GONE,),
    )
    assert same.digest == found.digest
    others = [
        NOTHING,
        report(drifts=(SERVICE,)),
        report(
            drifts=(dataclasses.replace(SERVICE, lasting=("other",)), CLIENT), pending=(PENDING,), unmanaged=(DEVICE,)
        ),
        report(drifts=(SERVICE, CLIENT), pending=(PENDING,)),
        report(drifts=(SERVICE, CLIENT), unmanaged=(DEVICE,)),
    ]
    assert len({found.digest, *(other.digest for other in others)}) == 1 + len(others)
