"""How long is looked and how often, and what a program gets."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.live import Looking
from tailstack.commands.main import run
from tailstack.commands.progress import progress_of
from tailstack.commands.verify import command, read_duration, verified_within
from tailstack.live.declared import Scope
from tailstack.live.model import Live
from tailstack.report.verified import Verified
from tests.commands.declared import write
from tests.commands.streams import records_of, result_of
from tests.live import playing
from tests.live.playing import as_declared, whole, without_device

TAILNET = whole()
DONE = as_declared(TAILNET)
NOT_YET = without_device(DONE, "blue-nginx")


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), (None, 0)])
def test_durations(text: str | None, seconds: float) -> None:
    assert read_duration(click.Context(command), command.params[0], text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 m", "-1", "1d", "m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no duration"):
        read_duration(click.Context(command), command.params[0], text)


@dataclass(kw_only=True)
class Clock:
    """Time passes only by pauses, and by a second for each look."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list[float])

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def looked(monkeypatch: pytest.MonkeyPatch, seconds: float, *answers: Live) -> tuple[Verified, Clock, str, list[str]]:
    """What comes of several looks: the last answer stays."""
    clock, told, asked = Clock(), io.StringIO(), list[str]()
    every: Iterator[Live] = iter(answers)
    current = answers[0]

    def look(_self: Looking, hosted: Collection[str] = ()) -> Live:
        nonlocal current
        asked.extend(hosted)
        clock.now += 1
        current = next(every, current)
        return current

    monkeypatch.setattr(Looking, "look", look)
    with progress_of("Verifying test", ["blue", "green"], stream=told) as progress:
        found = verified_within(
            TAILNET,
            Scope.of(TAILNET),
            Looking(variables={}, targets=(), refused={}),
            progress,
            seconds=seconds,
            clock=clock,
            pause=clock.pause,
        )
    return found, clock, told.getvalue(), asked


def test_one_look_where_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    found, clock, told, asked = looked(monkeypatch, 0, NOT_YET)
    assert [check.who for check in found.failed] == ["exposure blue.nginx"]
    assert clock.pauses == []
    assert "blue: checks: FAILED" in told
    assert "green: checks: running\n" in told
    assert "green: checks: done" in told
    assert set(asked) == {"svc:ledger", "svc:queue", "svc:blue-ha", "svc:shop", "svc:blue-api"}


def test_it_ends_as_soon_as_everything_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    found, clock, told, _ = looked(monkeypatch, 600, NOT_YET, NOT_YET, DONE)
    assert found.holds
    assert clock.pauses == [2.0, 3.0]
    assert "FAILED" not in told


def test_it_ends_at_the_deadline_and_pauses_grow_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    found, clock, told, _ = looked(monkeypatch, 100, NOT_YET)
    assert not found.holds
    assert max(clock.pauses) == 15.0
    assert clock.now <= 102
    assert "blue: checks: FAILED" in told


def test_the_tailnets_own_checks_are_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, told, _ = looked(monkeypatch, 0, replace(DONE, tailnet=replace(DONE.tailnet, magic_dns=False)))
    assert "tailnet: checks: FAILED" in told


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same tailnet in a project, all of it live."""

    def look(_self: Looking, hosted: Collection[str] = ()) -> Live:
        assert hosted
        return DONE

    (tmp_path / "Pulumi.yaml").write_text("name: x\nruntime: python\n", encoding="utf-8")
    write(tmp_path, "test", playing.TAILNET, "a.yaml")
    write(tmp_path, "test", playing.WHOLE, "main.yaml")
    monkeypatch.setattr(Looking, "look", look)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_program_gets_a_stream_that_ends_with_the_checks(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project
    assert run(["verify", "--format", "json"]) == ExitCode.CLEAN
    out, err = capsys.readouterr()
    assert err == ""
    done = {one["cluster"] for one in records_of(out) if one["kind"] == "step" and one["state"] == "done"}
    assert done == {"tailnet", "blue", "green"}
    result = result_of(out)
    assert (result["environment"], result["holds"]) == ("test", True)
    assert result["counts"]["holds"] == len(result["checks"])


def test_mistakes_in_the_files_are_the_result(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "test", "clusters: 3\n", "main.yaml")
    assert run(["verify", "--format", "json"]) == ExitCode.FINDINGS
    out, err = capsys.readouterr()
    assert err == ""
    (finding,) = result_of(out)["findings"]
    assert finding["places"][0]["file"] == "stacks/test/main.yaml"
    assert run(["verify"]) == ExitCode.FINDINGS
    out, err = capsys.readouterr()
    assert finding["code"] in out
    assert err == ""
