"""`tailstack check` and `tailstack rule` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailstack.commands import terminal
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.main import run
from tests.commands.declared import TEXT, write

WARNED = "stacks/one/tailnet.yaml:9:7: warning TS404 exposed-to-nobody"
BAD = TEXT + "access:\n  - {name: a, from: [group:admin], to: [{exposure: blue.nginx}]}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one environment, in one of whose folders the user stands."""
    (tmp_path / "Pulumi.yaml").write_text("name: x\n", encoding="utf-8")
    write(tmp_path, "one", TEXT)
    below = tmp_path / "stacks" / "one"
    monkeypatch.chdir(below)
    return tmp_path


def test_warnings_are_shown_and_change_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project
    assert run(["check", "one"]) == ExitCode.CLEAN
    said = capsys.readouterr().out
    assert said.startswith(WARNED)
    assert said.endswith("No errors, 1 warning.\n0 links, 0 complete.\n")


def test_strict_does_not_let_warnings_pass_but_those_that_are_suppressed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "--strict"]) == ExitCode.FINDINGS
    assert capsys.readouterr().out.startswith(WARNED)
    write(project, "one", TEXT.replace("nginx: {", "nginx: {suppress: [{rule: TS404, reason: later}], "))
    assert run(["check", "--strict"]) == ExitCode.CLEAN
    assert capsys.readouterr().out.endswith("No errors, no warnings, 1 suppressed.\n0 links, 0 complete.\n")


def test_sarif_and_markdown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--format", "sarif"]) == ExitCode.CLEAN
    (sarif,) = json.loads(capsys.readouterr().out)["runs"]
    assert [result["ruleId"] for result in sarif["results"]] == ["TS404"]
    assert run(["check", "--format", "markdown"]) == ExitCode.CLEAN
    assert capsys.readouterr().out.startswith("**No errors, 1 warning. 0 links, 0 complete.**\n")
    (project / "facts.json").write_text("[]", encoding="utf-8")
    assert run(["check", "--format", "sarif", "--facts", str(project / "facts.json")]) == ExitCode.FINDINGS
    (sarif,) = json.loads(capsys.readouterr().out)["runs"]
    assert [result["level"] for result in sarif["results"]] == ["error"]


def test_errors_exit_with_3(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "one", BAD)
    assert run(["check", "one"]) == ExitCode.FINDINGS
    assert "stacks/one/tailnet.yaml:11:22: error TS852 undefined-selector\n" in capsys.readouterr().out


def test_files_that_cannot_be_read_exit_with_3_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "one", "tailnet: [")
    assert run(["check"]) == ExitCode.FINDINGS
    assert "TS001 yaml-syntax" in capsys.readouterr().out


def test_json_and_github(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project
    assert run(["check", "--format", "json"]) == ExitCode.CLEAN
    data = json.loads(capsys.readouterr().out)
    assert (data["environment"], data["summary"]) == ("one", {"errors": 0, "warnings": 1})
    assert run(["check", "--format", "github"]) == ExitCode.CLEAN
    assert capsys.readouterr().out.startswith("::warning file=stacks/one/tailnet.yaml,line=9,col=7,title=TS404 ")


def test_links_are_shown_where_they_are_asked_for(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = "    egress: {out: {namespace: default, to: {ip: 100.64.0.1}, ports: [tcp:1]}}\n"
    write(project, "one", TEXT + link)
    assert run(["check", "--links"]) == ExitCode.CLEAN
    assert capsys.readouterr().out.startswith("blue.out -> 100.64.0.1: complete\n")


def test_a_rotation_is_read_at_the_time_given(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Before the first turn nobody is on call, and a test of the hand-written policy file about the group cannot hold.
    text = TEXT.replace("ts.net}", "ts.net, policy: {base: base.hujson}}")
    write(project, "one", text + "access:\n  - {name: a, from: [group:ops], to: [{exposure: blue.nginx}]}\n")
    test = '{"tests": [{"src": "ana@example.com", "accept": ["tag:k8s-blue--nginx:80"]}]}'
    (project / "stacks" / "one" / "base.hujson").write_text(test, encoding="utf-8")
    assert run(["check", "--at", "2026-01-06T00:00:00Z"]) == ExitCode.CLEAN
    assert run(["check", "--at", "2026-01-13T00:00:00+01:00"]) == ExitCode.FINDINGS
    assert "policy-test-fails" in capsys.readouterr().out


@pytest.mark.parametrize("moment", ["yesterday", "2026-01-05", "2026-01-05T09:00:00", "2026-13-05T09:00:00Z"])
def test_a_time_without_its_zone_is_wrong_usage(project: Path, capsys: pytest.CaptureFixture[str], moment: str) -> None:
    assert project
    assert run(["check", "--at", moment]) == ExitCode.USAGE
    assert f"{moment} is no moment with a time zone" in capsys.readouterr().err


def test_the_environment_is_named_or_that_of_the_stack_or_the_only_one(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "two", TEXT)
    (project / "stacks" / ".hidden").mkdir()
    assert run(["check"]) == ExitCode.USAGE
    assert "Which environment? Name one of: one, two." in capsys.readouterr().err
    assert run(["check", "three"]) == ExitCode.USAGE
    assert "No environment called three. There are: one, two." in capsys.readouterr().err

    monkeypatch.setenv("PULUMI_STACK", "organization/project/two")
    assert run(["check"]) == ExitCode.CLEAN
    assert "stacks/two/tailnet.yaml" in capsys.readouterr().out
    assert run(["check", "one"]) == ExitCode.CLEAN
    assert "stacks/one/tailnet.yaml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("config", "environment"),
    [
        ("config: {'tailstack:environment': one}\n", "one"),
        ("config: {'tailstack:environment': 3}\n", "two"),
        ("config: {}\n", "two"),
        ("config: []\n", "two"),
        ("[]\n", "two"),
    ],
)
def test_a_stack_may_say_which_environment_it_belongs_to(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, config: str, environment: str
) -> None:
    write(project, "two", TEXT)
    (project / "stacks" / "Pulumi.two.yaml").write_text(config, encoding="utf-8")
    monkeypatch.setenv("PULUMI_STACK", "two")
    assert run(["check"]) == ExitCode.CLEAN
    assert f"stacks/{environment}/tailnet.yaml" in capsys.readouterr().out


def test_outside_of_a_project_or_in_an_empty_one_the_usage_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["check"]) == ExitCode.USAGE
    assert "No Pulumi.yaml" in capsys.readouterr().err
    (tmp_path / "Pulumi.yaml").write_text("name: x\n", encoding="utf-8")
    assert run(["check"]) == ExitCode.USAGE
    assert "No environment in" in capsys.readouterr().err


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR")
    assert not terminal.wants_colour()
    monkeypatch.setattr(terminal.sys, "stdout", Terminal())
    assert terminal.wants_colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not terminal.wants_colour()


def test_a_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rule", "ts101"]) == ExitCode.CLEAN
    by_code = capsys.readouterr().out
    assert by_code.startswith("TS101 duplicate-hostname (error)\n  what:   ")
    assert run(["rule", "duplicate-hostname"]) == ExitCode.CLEAN
    assert capsys.readouterr().out == by_code


def test_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rule"]) == ExitCode.CLEAN
    assert "\nTS101  error    duplicate-hostname" in capsys.readouterr().out
    assert run(["rule", "--format", "json"]) == ExitCode.CLEAN
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert run(["rule", "--format", "markdown"]) == ExitCode.CLEAN
    page = capsys.readouterr().out
    assert [rule["code"] for rule in rules if f"### {rule['code']} {rule['slug']}\n" not in page] == []


def test_an_unknown_rule_is_wrong_usage_and_the_nearest_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rule", "duplicate-hostnames"]) == ExitCode.USAGE
    assert "There is no rule duplicate-hostnames. Did you mean duplicate-hostname?" in capsys.readouterr().err
