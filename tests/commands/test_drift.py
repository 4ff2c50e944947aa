"""What `tailstack drift` makes of runs of the engine that fail: parts of the report, or its exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tailstack.commands import drift
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.live import Looking
from tailstack.commands.main import run
from tailstack.engine.deployments import Deployment, StateError
from tailstack.engine.events import Event, EventLog, Phase
from tailstack.engine.locks import LOCKED
from tailstack.engine.moving import StackLockedError
from tailstack.engine.pulumi import Outcome, Pulumi
from tailstack.live.model import Live, LiveCluster, LiveKey, Unknown
from tests.commands.streams import records_of, result_of
from tests.engine.test_wording import step
from tests.live.playing import TAILNET, WHOLE, as_declared, whole, with_tailnet

FINE = Outcome(exit_code=0, log=EventLog(), text="")
BROKEN = Outcome(exit_code=255, log=EventLog(), text="error: no stack named 'test' found")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Outcome]:
    """A project whose engine answers as the dictionary says, and whose clusters are as they are declared."""
    (tmp_path / "Pulumi.yaml").write_text("name: tailstack\nruntime: python\n", encoding="utf-8")
    (tmp_path / "stacks" / "test").mkdir(parents=True)
    (tmp_path / "stacks" / "test" / "a.yaml").write_text(TAILNET, encoding="utf-8")
    (tmp_path / "stacks" / "test" / "main.yaml").write_text(WHOLE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    outcomes = {"refresh": FINE, "preview": FINE}
    live = as_declared(whole())

    def found(project: Path) -> Pulumi:
        return Pulumi(project=project, binary=Path("pulumi"), environment={})

    def refresh(_self: Pulumi, _stack: str, *_options: str, on_event: Callable[[Event], None]) -> Outcome:
        for event in outcomes["refresh"].log.events:
            on_event(event)
        return outcomes["refresh"]

    def preview(_self: Pulumi, _stack: str, *_options: str, on_event: object) -> Outcome:
        return outcomes["preview"]

    def look(_self: Looking, **_options: object) -> Live:
        return live

    def states(_engine: object, names: list[str], _project: str) -> dict[str, Deployment]:
        return {name: Deployment(name=name, project="tailstack", whole={"deployment": {}}) for name in names}

    monkeypatch.setattr(Pulumi, "found", found)
    monkeypatch.setattr(Pulumi, "preview_refresh", refresh)
    monkeypatch.setattr(Pulumi, "preview", preview)
    monkeypatch.setattr(Looking, "look", look)
    monkeypatch.setattr(drift, "read_states", states)
    return outcomes


def test_nothing_found_everywhere(engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drift", "test"]) == ExitCode.CLEAN
    assert capsys.readouterr().out == "No drift: everything in test is as the stack left it.\n"


@pytest.mark.parametrize(
    ("which", "told"),
    [("refresh", "what was changed behind test"), ("preview", "what is not applied yet of test")],
)
def test_a_run_that_fails_is_unknown(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str], which: str, told: str
) -> None:
    engine[which] = BROKEN
    assert run(["drift", "test"]) == ExitCode.ERROR
    assert f"{told}: error: no stack named 'test' found" in " ".join(capsys.readouterr().out.split())


def test_a_program_gets_a_stream_that_ends_with_the_report(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["drift", "test", "--format", "json"]) == ExitCode.CLEAN
    captured = capsys.readouterr()
    assert captured.err == ""
    steps = {(one["cluster"], one["step"]) for one in records_of(captured.out) if one["kind"] == "step"}
    assert {("tailnet", "what is live"), ("tailnet", "behind the stack"), ("tailnet", "not applied")} <= steps
    result = result_of(captured.out)
    assert (result["environment"], result["drifts"], result["unknown"]) == ("test", [], [])


def test_the_report_is_written_to_files_by_their_endings(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    engine["refresh"] = BROKEN
    files = [tmp_path / name for name in ("a.json", "b.md", "c.txt")]
    assert run(["drift", "test", *(f"--output={file}" for file in files)]) == ExitCode.ERROR
    whole, markdown, text = (file.read_text(encoding="utf-8") for file in files)
    assert [one["what"] for one in json.loads(whole)["unknown"]] == ["what was changed behind test"]
    assert markdown.startswith("**Not known:")
    assert text == capsys.readouterr().out


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("which", ["refresh", "preview"])
def test_a_lock_ends_with_its_own_code_names_its_holder_and_the_way_out(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str], which: str, form: str
) -> None:
    held = "  file:///x.json: created by ana@elsewhere (pid 7) at 2026-01-05T09:00:00Z"
    engine[which] = Outcome(exit_code=255, log=EventLog(), text=f"error: {LOCKED} by 1 lock(s).\n{held}\n")
    assert run(["drift", "test", "--format", form]) == ExitCode.LOCKED
    captured = capsys.readouterr()
    if form == "json":
        ended = records_of(captured.out)[-1]
        assert (ended["kind"], ended["stopped"]) == ("ended", True)
    else:
        assert captured.out == ""
    assert "ana on elsewhere, process 7, since 2026-01-05T09:00:00Z" in captured.err
    assert "pulumi cancel --stack test" in captured.err


def test_a_state_that_is_locked_ends_with_the_same_code(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_arguments: object) -> dict[str, Deployment]:
        raise StackLockedError("ana holds it")

    monkeypatch.setattr(drift, "read_states", locked)
    assert run(["drift", "test"]) == ExitCode.LOCKED
    assert "ana holds it" in capsys.readouterr().err


def test_an_interruption_of_the_engine_ends_the_whole_look(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    engine["refresh"] = Outcome(exit_code=1, log=EventLog(), text="", was_interrupted=True)
    assert run(["drift", "test"]) == ExitCode.INTERRUPTED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "not applied" not in captured.err


def test_a_credential_that_was_revoked_is_told_where_the_refresh_finds_it_as_it_was(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "tailscale:index/oauthClient:OauthClient"
    client = {"urn": f"urn:pulumi:test::p::{token}::blue.operator", "type": token, "custom": True, "id": "k1"}
    live = with_tailnet(as_declared(whole()), keys=(LiveKey(id="k1", kind="client", is_revoked=True),))
    asked: list[object] = []

    def states(*_arguments: object) -> dict[str, Deployment]:
        return {"test": Deployment(name="test", project="p", whole={"deployment": {"resources": [client]}})}

    def look(_self: Looking, *, credentials: object, **_options: object) -> Live:
        asked.append(credentials)
        return live

    monkeypatch.setattr(drift, "read_states", states)
    monkeypatch.setattr(Looking, "look", look)
    assert run(["drift", "test"]) == ExitCode.CHANGES
    assert asked == [["k1"]]
    assert "OAuth client blue.operator (blue.operator) was revoked" in capsys.readouterr().out


def test_what_could_not_be_read_is_in_its_row(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Unknown(what="devices", reason="no answer")
    absent = Unknown(what="cluster green", reason="no stack's config has the secret")
    live = with_tailnet(as_declared(whole()), devices=silent)

    def look(_self: Looking, **_options: object) -> Live:
        return live

    def looking(*_arguments: object) -> Looking:
        return Looking(variables={}, targets=(), refused={"green": absent})

    monkeypatch.setattr(Looking, "look", look)
    monkeypatch.setattr(drift, "looking_at", looking)
    assert run(["drift", "test"]) == ExitCode.ERROR
    told = capsys.readouterr().err
    assert re.search(r"tailnet: what is live: FAILED in [^:]*: not read: devices\n", told)
    assert re.search(r"green: what is live: FAILED in [^:]*: no stack's config has the secret\n", told)


def test_what_the_engine_looks_at_is_counted_in_the_row_of_its_cluster(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    same = step("kubernetes:core/v1:Service", "blue.expose.nginx")
    events = (replace(same, phase=Phase.STARTED), replace(same, phase=Phase.DONE))
    engine["refresh"] = Outcome(exit_code=0, log=EventLog(events=events), text="")
    assert run(["drift", "test"]) == ExitCode.CLEAN
    assert re.search(r"blue: behind the stack: done in \S+ \w+: 1 looked at", capsys.readouterr().err)


def test_a_state_that_cannot_be_read_leaves_open_what_nobody_declared(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("stacks/Pulumi.other.yaml").write_text("config: {tailstack:environment: test}\n", encoding="utf-8")
    Path("stacks/Pulumi.test.yaml").write_text("config: {}\n", encoding="utf-8")

    def states(_engine: object, names: list[str], _project: str) -> dict[str, Deployment]:
        if names == ["other"]:
            raise StateError("the backend is away")
        return {name: Deployment(name="test", project="p", whole={"deployment": {}}) for name in names}

    monkeypatch.setattr(drift, "read_states", states)
    assert run(["drift", "test", "--format", "markdown"]) == ExitCode.ERROR
    captured = capsys.readouterr()
    assert "stack other: the backend is away" in captured.out
    assert "what nobody declared: what a stack holds that cannot be read is not known" in captured.out
    assert "of other" not in captured.out, "the engine is not asked for what it cannot know either"
    assert run(["drift", "--stack", "org/p/test"]) == ExitCode.ERROR
    captured = capsys.readouterr()
    assert "stack other: the backend is away" in captured.out
    assert captured.err.count("tailnet: behind the stack: running") == 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("updating", "When none is at work: pulumi refresh --stack test"),
        ("creating", "when it is gone: pulumi refresh --clear-pending-creates --stack test"),
    ],
)
def test_an_update_that_was_not_finished_is_told(
    engine: dict[str, Outcome],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    expected: str,
) -> None:
    operation = {"resource": {"urn": "urn:pulumi:test::p::tailscale:index/acl:Acl::policy"}, "type": kind}
    state = {"deployment": {"pending_operations": [operation]}}

    def states(*_arguments: object) -> dict[str, Deployment]:
        return {"test": Deployment(name="test", project="p", whole=state)}

    monkeypatch.setattr(drift, "read_states", states)
    assert run(["drift", "test"]) == ExitCode.ERROR
    told = " ".join(capsys.readouterr().out.split())
    assert "what the last update of test has done: one is at work, or was ended in the middle of policy file." in told
    assert expected in told


def test_files_with_mistakes_leave_open_what_nobody_declared(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("stacks/test/main.yaml").write_text("clusters: 3\n", encoding="utf-8")
    assert run(["drift", "test"]) == ExitCode.ERROR
    assert "what nobody declared: the files of test have mistakes" in capsys.readouterr().out


def test_a_cluster_that_does_not_answer_is_left_out_of_both_runs(
    engine: dict[str, Outcome], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    live = as_declared(whole())
    gone: dict[str, LiveCluster | Unknown] = {**live.clusters, "green": Unknown(what="cluster green", reason="away")}

    def look(_self: Looking, **_options: object) -> Live:
        return Live(tailnet=live.tailnet, clusters=gone)

    def note(_self: Pulumi, _stack: str, *options: str, on_event: object) -> Outcome:
        asked.append(options)
        return FINE

    monkeypatch.setattr(Looking, "look", look)
    monkeypatch.setattr(Pulumi, "preview_refresh", note)
    monkeypatch.setattr(Pulumi, "preview", note)
    assert run(["drift", "test"]) == ExitCode.ERROR
    assert asked == [("--exclude", "urn:pulumi:test::tailstack::**kubernetes:**::green.**")] * 2
    assert "cluster green: away" in capsys.readouterr().out
