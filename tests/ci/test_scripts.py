"""The other small programs of the workflows, against the stand-in of GitHub's API where they talk to it."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tailstack.ci import drift_issue, outputs, plan, pull_request, stacks
from tailstack.commands.exit_codes import ExitCode
from tailstack.engine.code_hosts import CodeHostError
from tailstack.engine.github import Repository
from tests.workflows.github_api import LONGEST_BODY, REPOSITORY, GitHub, github_serving

RUN = "https://github.com/example/tailnet/actions/runs/77"


@pytest.fixture
def github() -> Generator[GitHub]:
    with github_serving() as made:
        yield made


def client(github: GitHub, **permissions: str) -> Repository:
    token = github.token(permissions or {"issues": "write"})
    variables = {"GITHUB_TOKEN": token, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_API_URL": github.url}
    return Repository.in_environment(variables)


def report(*, digest: str = "sha256:a", drifts: int = 1, unknown: int = 0, what: str = "policy file") -> str:
    data: dict[str, Any] = {
        "digest": digest,
        "drifts": [{"what": what, "kind": "changed", "changes": ["ana gains tcp:22"]}] * drifts,
        "pending": [{"changes": [{"what": "Service a", "op": "create"}]}] if drifts else [],
        "unmanaged": [{"what": "device x", "why": "wears tag:k8s"}] if drifts else [],
        "unknown": [{"what": "cluster blue", "reason": "does not answer"}] * unknown,
    }
    return json.dumps(data)


def settle(github: GitHub, text: str, stack: str = "prod") -> str:
    return drift_issue.settle(client(github), drift_issue.read(stack, text), RUN)


def test_drift_has_one_issue_from_its_beginning_to_its_end(github: GitHub) -> None:
    assert settle(github, report(drifts=0)) == "No drift was found."
    assert github.issues == {}
    assert settle(github, report()) == "Opened #1."
    assert settle(github, report()) == "#1 tells it already."
    assert github.writes() == [f"POST /repos/{REPOSITORY}/issues"]
    (issue,) = github.open_issues()
    assert issue["title"] == "Drift in prod"
    for told in ("policy file: ana gains tcp:22", "Service a: create", "device x: wears tag:k8s", RUN):
        assert told in issue["body"]
    assert settle(github, report(digest="sha256:b")) == "Changed #1."
    assert "sha256:b" in github.issues[1]["body"]
    assert "another one than before" in github.comments[1][0]["body"]
    assert settle(github, report(drifts=0, unknown=1)).endswith("not everything was looked at.")
    assert len(github.open_issues()) == 1
    assert settle(github, report(drifts=0)) == "Closed #1."
    assert github.open_issues() == []
    assert "no drift any more" in github.comments[1][1]["body"]
    assert settle(github, report()) == "Opened #2."


def test_each_stack_has_an_issue_of_its_own_also_among_many(github: GitHub) -> None:
    for number in range(150):
        settle(github, report(), f"stack-{number}")
    assert len(github.open_issues()) == 150
    assert settle(github, report(), "stack-0") == "#1 tells it already."
    assert settle(github, report(drifts=0), "stack-149") == "Closed #150."


def test_names_from_outside_are_text(github: GitHub) -> None:
    settle(github, report(what="<img src=x> @ana [x](https://x)"))
    body = github.issues[1]["body"]
    assert "<img" not in body
    assert "\\[x\\](" in body, "brackets are escaped"


def test_a_long_issue_is_cut(github: GitHub) -> None:
    settle(github, report(drifts=5000))
    assert len(github.issues[1]["body"]) <= LONGEST_BODY
    assert github.issues[1]["body"].endswith("in the log of the run.\n")


def test_without_the_right_it_says_so(github: GitHub) -> None:
    with pytest.raises(CodeHostError, match="403 Resource not accessible by integration"):
        drift_issue.settle(client(github, contents="read"), drift_issue.read("prod", report()), RUN)


def run(monkeypatch: pytest.MonkeyPatch, github: GitHub, **permissions: str) -> None:
    for name, value in {
        "GITHUB_TOKEN": github.token(permissions),
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_API_URL": github.url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)


def test_the_commands_end_with_a_message_of_theirs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, github, issues="write")
    file = tmp_path / "prod.json"
    file.write_text(report(), encoding="utf-8")
    drift_issue.main(["prod", str(file)])
    assert capsys.readouterr().out == "Opened #1.\n"
    for text in ("", "[]", "{}"):
        file.write_text(text, encoding="utf-8")
        for main, arguments in ((drift_issue.main, ["prod", str(file)]), (plan.main, [str(file)])):
            with pytest.raises(SystemExit) as caught:
                main(arguments)
            assert caught.value.code == ExitCode.ERROR
            assert capsys.readouterr().out.startswith("::error title=tailstack::The ")
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    file.write_text(report(), encoding="utf-8")
    with pytest.raises(SystemExit):
        drift_issue.main(["prod", str(file)])
    assert "401 Bad credentials" in capsys.readouterr().out
    for main, arguments in ((drift_issue.main, []), (plan.main, []), (pull_request.main, ["7"])):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == ExitCode.USAGE


def test_a_pull_request_is_the_one_that_it_should_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, github, **{"pull-requests": "read"})
    head, other = "a" * 40, "b" * 40
    github.pull(7, head=head, fork=True)
    pull_request.main(["7", "--head", head])
    assert capsys.readouterr().out == f"number=7\nhead={head}\n"
    file = tmp_path / "number"
    file.write_text("7\n", encoding="utf-8")
    pull_request.main([str(file), "--head", head])
    assert capsys.readouterr().out == f"number=7\nhead={head}\n"
    wrong = (("7", other), ("7", ""), ("7", head[:7]), ("0", head), ("7/../8", head), ("", head), ("8", head))
    for given, expected in wrong:
        file.write_text(given, encoding="utf-8")
        with pytest.raises(SystemExit) as caught:
            pull_request.main([str(file), "--head", expected])
        assert caught.value.code in (ExitCode.REFUSED, ExitCode.ERROR)
        assert "number=" not in capsys.readouterr().out
    github.pulls[7]["state"] = "closed"
    with pytest.raises(SystemExit):
        pull_request.main(["7", "--head", head])
    assert "is not open" in capsys.readouterr().out


def test_stacks_are_those_of_the_variable_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stacks").mkdir()
    for name in ("dev", "prod-eu"):
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").touch()
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    stacks.main(["prod-eu, dev"])
    stacks.main([""])
    assert output.read_text() == 'stacks=["prod-eu", "dev"]\nstacks=[]\n'
    assert stacks.stacks_of(" dev\nprod-eu", tmp_path) == ["dev", "prod-eu"]
    for wrong in ("gone", "../dev", "$(id)", "dev dev"):
        with pytest.raises(ValueError, match="no stack here"):
            stacks.stacks_of(wrong, tmp_path)
    with pytest.raises(SystemExit) as caught:
        stacks.main(["gone"])
    assert caught.value.code == ExitCode.USAGE


def test_the_plan_of_a_preview(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    digest = f"sha256:{'0' * 64}"
    file = tmp_path / "a.json"
    for counts, told in (({"create": 1}, "true"), ({}, "false")):
        file.write_text(json.dumps({"plan": {"digest": digest, "counts": counts}}), encoding="utf-8")
        plan.main([str(file)])
        assert capsys.readouterr().out == f"digest={digest}\nchanges={told}\n"
    with pytest.raises(ValueError, match="digest"):
        plan.read(json.dumps({"plan": {"digest": "x\ny", "counts": {}}}))


def test_an_output_cannot_become_two() -> None:
    with pytest.raises(ValueError, match="several lines"):
        outputs.tell(a="b\nc=d")
