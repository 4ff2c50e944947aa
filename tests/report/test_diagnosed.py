from __future__ import annotations

import json

from tailstack.report.diagnosed import Diagnosis, Mark, Point

MACHINE = "this machine"
DIAGNOSIS = Diagnosis(
    environment="production",
    points=(
        Point(area=MACHINE, what="Python", mark=Mark.OK, told="3.11.7"),
        Point(area="tailnet", what="scope dns", mark=Mark.MISSING, told="needed by\n every", mend="Give it."),
        Point(area=MACHINE, what="git", mark=Mark.UNKNOWN),
    ),
)


def test_people_read_what_is_there_what_is_not_and_how_to_mend_it() -> None:
    assert DIAGNOSIS.as_text(colour=False) == (
        "This machine\n"
        "  ok       Python: 3.11.7\n"
        "  unknown  git\n"
        "\n"
        "Tailnet\n"
        "  missing  scope dns: needed by\ufffd every\n"
        "           Give it.\n"
        "\n"
        "1 ok, 1 missing, 1 unknown.\n"
    )
    assert "\x1b[31;1mmissing\x1b[0m" in DIAGNOSIS.as_text(colour=True)


def test_programs_read_the_same() -> None:
    document = json.loads(json.dumps(DIAGNOSIS.as_data()))
    assert {key: value for key, value in document.items() if key != "points"} == {
        "version": "1",
        "environment": "production",
        "ok": 1,
        "missing": 1,
        "unknown": 1,
    }
    assert document["points"][2] == {"area": MACHINE, "what": "git", "mark": "unknown", "told": "", "mend": ""}


def test_what_is_unknown_alone_is_not_missing() -> None:
    assert DIAGNOSIS.has_missing
    assert not Diagnosis(environment="x", points=DIAGNOSIS.points[::2]).has_missing
