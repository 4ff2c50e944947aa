"""What happens when something is wrong: nothing is lost, nothing is doubled, and the message says what to do."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Generator

import pytest
import yaml

from tailstack.commands.exit_codes import ExitCode
from tailstack.engine.events import Diagnostic, Event, Phase, Step
from tailstack.engine.pulumi import Outcome, Pulumi
from tests.commands.streams import result_of
from tests.program.conftest import STACK, Bench

SERVICE = "stacks/sandbox/tailnet.yaml"


@pytest.fixture(autouse=True)
def _back_to_what_is_written(bench: Bench) -> Generator[None]:
    """Each test starts from the files of the checkout, and leaves the API without faults."""
    before = {file: file.read_text() for file in (bench.project / "stacks").rglob("*.*")}
    yield
    for file, text in before.items():
        file.write_text(text)
    bench.api.clear_faults()


@pytest.fixture
def empty(bench: Bench) -> Bench:
    return bench.emptied()


def test_an_environment_with_errors_is_refused_before_anything_is_changed(bench: Bench) -> None:
    bench.edit(SERVICE, "hostname: tailscale-operator-green", "hostname: tailscale-operator")
    before = bench.api.get_policy().etag
    outcome = bench.up()
    assert outcome.exit_code != 0
    explained = outcome.explain()
    assert "TS101" in explained
    assert len(re.findall(r"stacks/sandbox/tailnet\.yaml:\d+:\d+", explained)) >= 2, "the clash names both places"
    assert "Traceback" not in explained + outcome.text
    assert bench.api.get_policy().etag == before


def test_the_policy_pack_refuses_masters_without_a_posture(bench: Bench) -> None:
    bench.edit(SERVICE, "    srcPosture: [posture:latestMac]\n", "")
    outcome = bench.pulumi().preview(
        STACK, "--policy-pack", "policies", "--policy-pack-config", "policies/sandbox.json"
    )
    assert outcome.exit_code != 0
    assert [v.policy for v in outcome.log.violations if v.is_mandatory] == ["no-system-masters-without-posture"]


def test_the_policy_pack_refuses_funnel_outside_of_the_list_and_allows_it_on_it(bench: Bench) -> None:
    refused = bench.pulumi().preview(STACK, "--policy-pack", "policies")
    assert "no-funnel-outside-allow-list" in {v.policy for v in refused.log.violations}
    allowed = bench.pulumi().preview(
        STACK, "--policy-pack", "policies", "--policy-pack-config", "policies/sandbox.json"
    )
    assert allowed.succeeded, allowed.explain()
    assert allowed.log.violations == ()


FOREIGN = """
import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import Secret, Service
from pulumi_kubernetes.networking.v1 import Ingress
from pulumi_tailscale import Acl, OauthClient

password = pulumi.Output.secret("hunter2hunter2")
client = OauthClient("ops", scopes=["dns"])
Acl("policy", acl=client.id.apply(lambda id: '{"grants": []} // ' + id), overwrite_existing_content=True)
blue = pulumi.ResourceOptions(provider=Provider("blue", context="blue"))
INGRESS = {"ingress_class_name": "tailscale", "rules": [{"host": "web"}]}
Ingress("web", metadata={"name": "web", "namespace": "default"}, spec=INGRESS, opts=blue)
Secret("db", metadata={"name": "db", "namespace": "default"}, string_data={"password": password}, opts=blue)
Service(
    "db",
    metadata={
        "name": "db",
        "namespace": "default",
        "annotations": {"tailscale.com/expose": password},
    },
    spec={"ports": [{"port": 5432}], "selector": {"app": "db"}},
    opts=blue,
)
"""
"""A program that is not written with our components. The policy file waits for the client's id."""

LOOK_AT_THE_POLICY_FILE = (
    "no-funnel-outside-allow-list",
    "no-grant-from-everyone-to-everything",
    "no-system-masters-without-posture",
)


def test_the_policy_pack_judges_any_program_as_far_as_values_are_known(bench: Bench) -> None:
    project = bench.project / "foreign"
    project.mkdir()
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": "../.venv"}}
    (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "foreign", "runtime": runtime}))
    (project / "__main__.py").write_text(FOREIGN)
    config = project / "config.json"
    config.write_text(json.dumps({"ingress-is-served": "advisory", "policy-file-has-tests": "disabled"}))
    engine = Pulumi.found(project, bench.sandbox.environment())
    assert engine.plain("stack", "init", "foreign").returncode == 0
    pack = ("--policy-pack", str(bench.project / "policies"), "--policy-pack-config", str(config))
    outcome = engine.preview("foreign", *pack)
    said = {violation.policy: violation for violation in outcome.log.violations}
    assert said, outcome.explain()
    assert {name: violation.level for name, violation in said.items()} == {
        "ingress-is-served": "advisory",
        "exposure-takes-effect": "mandatory",
        "everything-is-judged": "advisory",
        # Those that look at the policy file alone say so themselves.
        **dict.fromkeys(LOOK_AT_THE_POLICY_FILE, "advisory"),
    }
    assert all("can't run policy" in said[name].message for name in LOOK_AT_THE_POLICY_FILE)
    assert ": policy." in said["everything-is-judged"].message
    assert "[secret]" in said["exposure-takes-effect"].message
    assert "hunter2" not in outcome.text + "".join(violation.message for violation in said.values())
    assert outcome.exit_code != 0


def test_doctor_finds_nothing_missing_and_writes_nothing(bench: Bench) -> None:
    before = (bench.api.get_policy().etag, len(bench.api.keys()))
    done = bench.tailstack("doctor", STACK, "--format", "json")
    found = result_of(done.stdout)
    assert [point for point in found["points"] if point["mark"] == "missing"] == []
    marks = {f"{point['area']}: {point['what']}": point["mark"] for point in found["points"]}
    for what in ("this machine: plugin kubernetes", f"this machine: lock of {STACK}", "tailnet: scopes"):
        assert marks[what] == "ok"
    assert [marks[f"cluster {name}: rights"] for name in ("blue", "green")] == ["ok", "ok"]
    assert done.returncode == ExitCode.CLEAN
    assert (bench.api.get_policy().etag, len(bench.api.keys())) == before


def test_the_first_up_works_where_the_service_refuses_tests_of_tags_that_no_node_wears(empty: Bench) -> None:
    empty.api.change_behaviour(unwornTags="fail")
    try:
        outcome = empty.up()
        assert outcome.succeeded, outcome.explain()
        assert "tag:k8s-operator" in empty.api.get_policy().text
        warnings = [e.message for e in outcome.log.events if isinstance(e, Diagnostic) and e.severity == "warning"]
        assert any("policy tests" in message for message in warnings), warnings
    finally:
        empty.api.change_behaviour(unwornTags="pass")
    again = empty.up()
    assert again.succeeded, again.explain()
    assert '"tests"' in empty.api.get_policy().text, "the tests come with the next up, once they pass"


def test_an_api_that_fails_stops_the_up_and_the_next_one_goes_on(empty: Bench) -> None:
    for status in (429, 500):
        empty.api.inject_fault(path=r"/keys$", method="POST", status=status, times=50)
        outcome = empty.up()
        assert outcome.exit_code != 0
        assert str(status) in outcome.explain()
        assert "tskey-" not in outcome.explain()
        empty.api.clear_faults()
    again = empty.up()
    assert again.succeeded, again.explain()
    credentials = empty.api.keys()
    assert len([c for c in credentials if c.kind == "client"]) == 2, "nothing is doubled"


def test_a_wrong_kubeconfig_is_said_without_showing_it(empty: Bench) -> None:
    broken = empty.sandbox.folder / "broken-kubeconfig"
    config = yaml.safe_load(empty.sandbox.kubeconfig.read_text())
    config["contexts"] = [c for c in config["contexts"] if c["name"] != "green"]
    broken.write_text(yaml.safe_dump(config))
    outcome = empty.up(KUBECONFIG=str(broken))
    assert outcome.exit_code != 0
    assert "green" in outcome.explain()
    assert "Traceback" not in outcome.explain() + outcome.text
    token = config["users"][0]["user"].get("token")
    assert token is None or token not in outcome.explain()


def test_a_cluster_that_is_down_is_named_and_the_others_are_not_held_up(empty: Bench) -> None:
    pid = empty.sandbox.processes["kube-apiserver green"]
    os.kill(pid, signal.SIGSTOP)
    try:
        outcome = empty.up("--continue-on-error")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert outcome.exit_code != 0
    assert "unreachable" in outcome.explain()
    made = {step.name for step in outcome.log.steps if step.phase is Phase.DONE}
    assert "blue.expose.nginx" in made
    assert "green.egress.nginx-remote" not in made
    again = empty.up()
    assert again.succeeded, again.explain()


def test_an_edit_behind_the_stack_is_not_overwritten_by_a_plain_up(bench: Bench) -> None:
    assert bench.up().succeeded
    edited = (
        bench.api.get_policy()
        .text.replace('"ip":  ["tcp:80"]', '"ip":  ["*"]')
        .replace('"ip": ["tcp:80"]', '"ip": ["*"]')
    )
    assert edited != bench.api.get_policy().text
    bench.api.set_policy(edited)
    bench.edit(SERVICE, "ports: [tcp:9090]", "ports: [tcp:9091]")
    refused = bench.up()
    assert refused.exit_code != 0
    assert "edited behind this stack" in refused.explain()
    assert bench.api.get_policy().text == edited
    accepted = bench.up("--refresh")
    assert accepted.succeeded, accepted.explain()
    assert "tcp:9091" in bench.api.get_policy().text


def test_ctrl_c_in_the_middle_ends_in_order_and_a_second_run_is_clean(empty: Bench) -> None:
    pressed: list[float] = []

    def press_once(event: Event) -> None:
        if isinstance(event, Step) and event.type.endswith(":OauthClient") and not pressed:
            pressed.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

    interrupted = empty.pulumi().up(STACK, on_event=press_once)
    assert pressed
    assert interrupted.exit_code != 0
    assert "Traceback" not in interrupted.explain() + interrupted.text
    again = empty.up()
    assert again.succeeded, again.explain()
    credentials = empty.api.keys()
    assert len([c for c in credentials if c.kind == "client"]) == 2, "nothing is doubled"


def test_a_second_run_at_the_same_time_finds_the_lock(bench: Bench) -> None:
    started = threading.Event()
    outcomes: list[Outcome] = []

    def first() -> None:
        outcomes.append(bench.pulumi().up(STACK, on_event=lambda _: started.set()))

    thread = threading.Thread(target=first)
    thread.start()
    started.wait(30)
    second = bench.up()
    thread.join()
    assert second.is_locked
    assert outcomes[0].succeeded, outcomes[0].explain()
