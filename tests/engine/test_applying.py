"""How a run of the engine ended, what a first pass keeps, and what was done beside the plan."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from components.policy_guard import refuse_lost_edit
from components.refusal import RefusedError
from tailstack.access.narrowing import KEEP_VARIABLE
from tailstack.engine.applying import (
    EDITED_BEHIND,
    Ending,
    besides,
    ending_of,
    finished,
    first_pass,
    kept_by_first_pass,
    lost_providers,
    unreached,
)
from tailstack.engine.events import EMPTY, Diagnostic, Event, EventLog, Phase, Step, Violation
from tailstack.engine.locks import LOCKED
from tailstack.engine.pulumi import Outcome, Pulumi
from tailstack.report.plan import ChangeClass, Op, Plan, PlannedChange, PolicyEdit

SERVICE = "kubernetes:core/v1:Service"


def outcome(exit_code: int, *events: Event, text: str = "", was_interrupted: bool = False) -> Outcome:
    return Outcome(exit_code=exit_code, log=EventLog(events=events), text=text, was_interrupted=was_interrupted)


def error(message: str) -> Diagnostic:
    return Diagnostic(severity="error", message=message, urn="")


def violation(level: str) -> Violation:
    return Violation(policy="p", pack="tailstack", level=level, message="no", urn="")


def step(token: str, name: str, op: str, phase: Phase = Phase.DONE, provider: str = "") -> Step:
    return Step(
        phase=phase,
        op=op,
        urn=f"urn:pulumi:s::p::{token}::{name}",
        type=token,
        provider=provider,
        changed=(),
        inputs_before=EMPTY,
        inputs_after=EMPTY,
        outputs_before=EMPTY,
        outputs_after=EMPTY,
    )


def change(
    name: str,
    op: Op = Op.UPDATE,
    *,
    cluster: str = "blue",
    kind: ChangeClass = ChangeClass.NETWORK,
) -> PlannedChange:
    return PlannedChange(
        urn=name,
        type=SERVICE,
        name=name,
        declaration=name,
        kind="Service",
        what=f"Service {name}",
        cluster=cluster,
        op=op,
        change_class=kind,
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (outcome(0), Ending.DONE),
        (outcome(0, was_interrupted=True), Ending.DONE),
        (outcome(1, text=f"error: {LOCKED} by 1 lock(s)"), Ending.LOCKED),
        (outcome(1, error("update cancelled"), was_interrupted=True), Ending.INTERRUPTED),
        (outcome(1, violation("mandatory")), Ending.REFUSED),
        (outcome(1, violation("advisory"), error("it broke")), Ending.FAILED),
        (outcome(1, error(f"The tailnet's policy file {EDITED_BEHIND}, and …")), Ending.REFUSED),
        (outcome(1, error("it broke")), Ending.FAILED),
    ],
)
def test_how_a_run_ended(found: Outcome, expected: Ending) -> None:
    assert ending_of(found) is expected


def test_the_guard_of_the_program_is_recognised() -> None:
    with pytest.raises(RefusedError, match=EDITED_BEHIND):
        refuse_lost_edit(live='{"groups": {}}', applied="{}", wanted="{}")


def test_providers_that_go_or_are_replaced() -> None:
    token = "pulumi:providers:kubernetes"
    log = EventLog(
        events=(
            step(token, "blue", "delete"),
            step(token, "blue", "delete"),
            step(token, "green", "replace"),
            step(token, "white", "update"),
            step(token, "red", "delete", Phase.FAILED),
            step(SERVICE, "x", "delete"),
        )
    )
    assert lost_providers(log) == ("blue", "green")


def test_clusters_in_which_something_failed() -> None:
    log = EventLog(
        events=(
            step(SERVICE, "a", "update", Phase.FAILED, provider="green"),
            step(SERVICE, "b", "create", Phase.FAILED, provider="green"),
            step(SERVICE, "c", "create", provider="blue"),
            step("tailscale:index/acl:Acl", "policy", "update", Phase.FAILED, provider="tailscale"),
        )
    )
    assert unreached(log) == ("green", "the tailnet")


LIVE = json.dumps({"tagOwners": {"tag:old": []}})
WANTED = json.dumps({"tagOwners": {"tag:new": []}})


def test_a_first_pass_is_for_tags_that_go_while_a_cluster_changes() -> None:
    edit = PolicyEdit(before=LIVE, after=WANTED)
    kept = kept_by_first_pass(Plan(changes=(change("x"),), policy=edit))
    assert kept is not None
    assert kept.tags == ("tag:old",)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(changes=(change("x"),)),
        Plan(changes=(change("x"),), policy=PolicyEdit(before="", after=WANTED)),
        Plan(changes=(change("x"),), policy=PolicyEdit(before=WANTED, after=WANTED)),
        Plan(changes=(change("policy", cluster=""),), policy=PolicyEdit(before=LIVE, after=WANTED)),
        Plan(changes=(change("x", kind=ChangeClass.NOISE),), policy=PolicyEdit(before=LIVE, after=WANTED)),
    ],
    ids=["no policy", "first policy", "nothing goes", "no cluster changes", "only noise in a cluster"],
)
def test_else_one_pass_is_enough(plan: Plan) -> None:
    assert kept_by_first_pass(plan) is None


def test_the_first_pass_hands_the_live_file_to_the_program(tmp_path: Path) -> None:
    binary = tmp_path / "pulumi"
    binary.write_text(
        f"#!{sys.executable}\nimport os, sys\nprint(sys.argv[1], sys.argv[4], open(os.environ[{KEEP_VARIABLE!r}]).read())\n"
    )
    binary.chmod(0o755)
    engine = Pulumi.found(tmp_path, {"PATH": str(tmp_path)})
    found = first_pass(engine, "prod", LIVE, ["--continue-on-error"], lambda _: None)
    assert found.text == f"up --continue-on-error {LIVE}\n"
    assert KEEP_VARIABLE not in engine.environment


def test_what_began_and_did_not_end_was_not_done() -> None:
    begun = [step(SERVICE, name, "create", Phase.STARTED) for name in ("a", "b")]
    log = EventLog(
        events=(*begun, step(SERVICE, "a", "create"), step(SERVICE, "b", "create", Phase.FAILED), error("no"))
    )
    assert finished(log) == EventLog(events=(begun[0], step(SERVICE, "a", "create"), error("no")))


def test_what_was_done_beside_the_plan() -> None:
    planned = Plan(changes=(change("a"), change("b", Op.REPLACE), change("c")))
    done = Plan(
        changes=(
            change("a"),
            change("b", Op.DELETE),
            change("c", Op.REPLACE),
            change("d", Op.CREATE),
            change("e", kind=ChangeClass.NOISE),
        )
    )
    assert besides(planned, done) == ("Service c: replace", "Service d: create")
