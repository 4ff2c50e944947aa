"""`tailstack access` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.main import run
from tests.commands.declared import TEXT as DECLARED
from tests.commands.declared import write

TEXT = (
    DECLARED
    + """access:
  - {name: ops use nginx, from: [group:ops], to: [{exposure: blue.nginx}]}
"""
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: x\n", encoding="utf-8")
    write(tmp_path, "one", TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["access", *arguments]) == ExitCode.CLEAN
    return capsys.readouterr().out


def test_why_at_a_time(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project
    question = ("one", "--from", "ana@example.com", "--to", "blue.nginx", "--at")
    assert said(capsys, *question, "2026-01-06T00:00:00Z") == (
        "ana@example.com reaches exposure blue.nginx on tcp:80.\n"
        "\n"
        "Why\n"
        "  tcp:80 by access: ops use nginx (stacks/one/tailnet.yaml:11:5)\n"
    )
    # A week later it is somebody else's turn; the answer is an answer, and no failure.
    assert said(capsys, *question, "2026-01-13T00:00:00Z").startswith(
        "ana@example.com does not reach exposure blue.nginx on tcp:80.\n"
    )


def test_who_and_what(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project
    assert said(capsys, "--to", "blue.nginx").startswith("group:ops reaches exposure blue.nginx.\n")
    assert said(capsys, "--from", "group:ops").startswith("group:ops reaches tag:k8s-blue--nginx.\n")


@pytest.mark.parametrize(
    ("port", "expected"),
    [("80", "on tcp:80."), ("TCP:80", "on tcp:80."), ("icmp", "on icmp."), ("udp:5000-5010", "on udp:5000-5010.")],
)
def test_ports(project: Path, capsys: pytest.CaptureFixture[str], port: str, expected: str) -> None:
    assert project
    first, _, _ = said(capsys, "--from", "group:ops", "--to", "blue.nginx", "--port", port).partition("\n")
    assert first.endswith(expected)


def test_several_ports(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project
    text = said(capsys, "--from", "group:ops", "--to", "blue.nginx", "--port", "80", "--port", "udp:53")
    assert text.startswith("group:ops does not reach exposure blue.nginx on udp:53, but on tcp:80.\n")


def test_markdown_and_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project
    question = ("--from", "sam@example.com", "--to", "blue.nginx", "--format")
    text = said(capsys, *question, "markdown")
    assert text.startswith("**sam@")
    assert "```yaml\n- name: sam@example.com reaches blue.nginx\n" in text
    data = json.loads(said(capsys, *question, "json"))
    assert (data["version"], data["verdict"]) == ("1", "denied")
    assert "entries" in json.loads(said(capsys, "--to", "blue.nginx", "--format", "json"))


def test_what_is_live_is_joined(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = project / "nodes.json"
    nodes.write_text(
        '{"devices": [{"name": "ana-mac.tail1a2b.ts.net", "user": "ana@example.com", "addresses": ["100.64.0.1"]}]}',
        encoding="utf-8",
    )
    text = said(
        capsys, "--from", "ana-mac", "--to", "blue.nginx", "--facts", "nodes.json", "--at", "2026-01-06T00:00:00Z"
    )
    assert text.startswith("ana-mac.tail1a2b.ts.net reaches exposure blue.nginx on tcp:80.\n")
    nodes.write_text('{"devices": 1}', encoding="utf-8")
    assert run(["access", "--to", "blue.nginx", "--facts", "nodes.json"]) == ExitCode.FINDINGS
    assert "nodes.json:1:13: error TS817 facts-shape\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name one end with --from or --to, or both."),
        (["--to", "blue.nginxx"], "--to: Nothing is called blue.nginxx. Did you mean blue.nginx?"),
        (["--from", "blue.nginx"], "--from: exposure blue.nginx opens no connections"),
        (["--to", "blue.nginx", "--port", "tpc"], "tpc is no port such as tcp:443"),
        (["--to", "blue.nginx", "--port", "0"], "0 is no port such as tcp:443"),
        (["--to", "blue.nginx", "--facts", "gone.json"], "gone.json"),
    ],
)
def test_wrong_usage(project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert project
    assert run(["access", *arguments]) == ExitCode.USAGE
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_an_environment_with_errors_is_not_asked(project: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    file = project / "stacks" / "one" / "tailnet.yaml"
    file.write_text(TEXT.replace("group:ops]", "group:gone]"), encoding="utf-8")
    assert run(["access", "--to", "blue.nginx", "--format", form]) == ExitCode.FINDINGS
    assert "TS852" in capsys.readouterr().out
    file.write_text("tailnet: [", encoding="utf-8")
    assert run(["access", "--to", "blue.nginx", "--format", form]) == ExitCode.FINDINGS
    assert "TS001" in capsys.readouterr().out


def test_a_guest_is_asked_about_with_the_policy_of_its_owner(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "one", TEXT.replace("ts.net}", "ts.net, policy: {guests: [two]}}"))
    write(project, "two", "tailnet: {dnsName: tail1a2b.ts.net, guestOf: one}\nmachines: {ci: {tags: [tag:ci]}}\n")
    answer = said(capsys, "two", "--from", "tag:ci", "--to", "blue.nginx")
    assert answer.startswith("tag:ci does not reach exposure blue.nginx on tcp:80.\n")
