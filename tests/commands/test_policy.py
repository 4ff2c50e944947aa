"""`tailstack policy` as a user types it, on files of anybody, outside of any project."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.lazy import CommandSource
from tailstack.commands.main import run
from tailstack.commands.policy import COMMANDS

GOOD = """{
  "tagOwners": {"tag:web": []},
  "groups": {"group:dev": ["ana@example.com"]},
  "grants": [{"src": ["group:dev"], "dst": ["tag:web"], "ip": ["tcp:80"]}],
  "tests": [{"src": "ana@example.com", "accept": ["tag:web:80"]}],
}
"""
DOUBTFUL = GOOD.replace(
    '"grants": [',
    '"ssh": [{"action": "accept", "src": ["group:dev"], "dst": ["tag:web"], "users": ["root"]}],\n  "grants": [',
)
WRONG = GOOD.replace('"dst": ["tag:web"]', '"dst": ["tag:gone"]')
NODES = '{"users": [{"loginName": "li@example.com"}], "devices": [{"name": "web1", "tags": ["tag:web"], "addresses": ["100.64.0.1"]}]}'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    texts = {"good": GOOD, "doubtful": DOUBTFUL, "wrong": WRONG, "broken": "{\n  oops"}
    for name, text in texts.items():
        (tmp_path / f"{name}.hujson").write_text(text, encoding="utf-8")
    (tmp_path / "nodes.json").write_text(NODES, encoding="utf-8")
    (tmp_path / "bad.json").write_text('{"devices": 1}', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = run(["policy", *arguments])
    return code, capsys.readouterr().out


def on_stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


pytestmark = pytest.mark.usefixtures("folder")


class TestGroup:
    @pytest.mark.parametrize(("name", "source"), COMMANDS.items())
    def test_every_command_has_help_that_its_line_is_about(
        self, name: str, source: CommandSource, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, text = called(capsys, name, "--help")
        assert code == ExitCode.CLEAN
        assert text.startswith(f"Usage: tailstack policy {name} ")
        assert " ".join(source.summary.split()[:2]) in text

    def test_the_tests_of_a_policy_need_no_declaration(self, folder: Path) -> None:
        """Run on every save, they import a fifth of what the other commands do."""
        code = "import sys; from tailstack.commands.main import run; run(['policy', 'test', 'good.hujson']); print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True, timeout=60
        )
        modules = set(done.stdout.split())
        assert "tailstack.access.policy_tests" in modules
        assert modules & {"pydantic", "yaml", "tailstack.topology"} == set()


class TestCheck:
    def test_clean_doubtful_and_wrong(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert called(capsys, "check", "good.hujson") == (ExitCode.CLEAN, "No errors, no warnings.\n")
        code, text = called(capsys, "check", "doubtful.hujson")
        assert code == ExitCode.CLEAN
        assert text.startswith("doubtful.hujson:4:11: warning TS821 dead-ssh-rule\n")
        code, text = called(capsys, "check", "wrong.hujson")
        assert code == ExitCode.FINDINGS
        assert text.startswith("wrong.hujson:4:45: error TS805 policy-undefined-name\n")
        code, text = called(capsys, "check", "broken.hujson")
        assert code == ExitCode.FINDINGS
        assert text.startswith("broken.hujson:2:3: error TS801 policy-syntax\n")

    def test_a_warning_is_suppressed_by_a_comment_with_its_reason(
        self, capsys: pytest.CaptureFixture[str], folder: Path
    ) -> None:
        ssh = '{"grants": [], "ssh": [\n%s{"action": "accept", "src": ["a@example.com"], "dst": ["autogroup:self"], "users": ["x"]},\n]}'
        (folder / "dead.hujson").write_text(ssh % "", encoding="utf-8")
        assert "dead-ssh-rule" in called(capsys, "check", "dead.hujson")[1]
        comment = (
            "// tailstack:suppress dead-ssh-rule: opened by an exit node\n// tailstack:suppress no-tests: of check\n"
        )
        (folder / "meant.hujson").write_text(ssh % comment, encoding="utf-8")
        assert called(capsys, "check", "meant.hujson") == (ExitCode.CLEAN, "No errors, no warnings.\n")
        stale = comment.replace("dead-ssh-rule", "dead-capability")
        (folder / "stale.hujson").write_text(ssh % stale, encoding="utf-8")
        code, text = called(capsys, "check", "stale.hujson")
        assert code == ExitCode.CLEAN
        assert "stale-suppression" in text

    def test_with_nodes(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, text = called(capsys, "check", "good.hujson", "--facts", "nodes.json")
        assert code == ExitCode.CLEAN
        assert text.startswith("good.hujson:3:28: warning TS822 unknown-user\n")
        code, text = called(capsys, "check", "good.hujson", "--facts", "bad.json")
        assert code == ExitCode.FINDINGS
        assert text.startswith("bad.json:1:13: error TS817 facts-shape\n")

    def test_formats(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, text = called(capsys, "check", "wrong.hujson", "--format", "github")
        assert code == ExitCode.FINDINGS
        assert text.startswith("::error file=wrong.hujson,line=4,col=45,title=TS805 policy-undefined-name::")
        _, text = called(capsys, "check", "wrong.hujson", "--format", "json")
        assert json.loads(text)["summary"] == {"errors": 1, "warnings": 0}
        _, text = called(capsys, "check", "wrong.hujson", "--format", "markdown")
        assert text.startswith("**1 error, no warnings")

    def test_standard_input(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        on_stdin(monkeypatch, WRONG)
        code, text = called(capsys, "check", "-")
        assert code == ExitCode.FINDINGS
        assert text.startswith("stdin:4:45: error")
        assert run(["policy", "check", "-", "--facts", "-"]) == ExitCode.USAGE
        assert "Only one of the files can be -" in capsys.readouterr().err

    def test_bytes_that_are_no_text_are_no_failure_of_ours(
        self, capsys: pytest.CaptureFixture[str], folder: Path
    ) -> None:
        (folder / "latin.hujson").write_bytes(b'{"hosts": {"caf\xe9": "10.0.0.1"}, "grants": []}')
        code, _ = called(capsys, "check", "latin.hujson", "--format", "json")
        assert code in (ExitCode.CLEAN, ExitCode.FINDINGS)


class TestTest:
    def test_held_and_failing(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        assert called(capsys, "test", "good.hujson") == (
            ExitCode.CLEAN,
            "1 of 1 tests hold (1 in tests, 0 in sshTests).\n",
        )
        (folder / "failing.hujson").write_text(GOOD.replace("tag:web:80", "tag:web:81"), encoding="utf-8")
        code, text = called(capsys, "test", "failing.hujson")
        assert code == ExitCode.FINDINGS
        assert text.startswith("0 of 1 tests hold (1 in tests, 0 in sshTests).\n\nfailing.hujson:5:51: error TS813 ")
        assert called(capsys, "test", "failing.hujson", "--format", "github")[1].startswith(
            "::error file=failing.hujson"
        )
        assert json.loads(called(capsys, "test", "failing.hujson", "--format", "json")[1])["tests"]["failed"] == 1
        assert "What does not hold" in called(capsys, "test", "failing.hujson", "--format", "markdown")[1]

    def test_without_tests_and_with_errors(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        (folder / "none.hujson").write_text('{"grants": []}', encoding="utf-8")
        code, text = called(capsys, "test", "none.hujson")
        assert code == ExitCode.CLEAN
        assert text.startswith("The policy has no tests")
        code, text = called(capsys, "test", "wrong.hujson")
        assert code == ExitCode.FINDINGS
        assert "TS805" in text

    def test_users_who_are_not_there_fail_a_test(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, text = called(capsys, "test", "good.hujson", "--facts", "nodes.json")
        assert code == ExitCode.FINDINGS
        assert "user not found" in text


class TestShow:
    def test_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, text = called(capsys, "show", "good.hujson")
        assert code == ExitCode.CLEAN
        assert text.startswith("1 entry lets somebody reach something.\n\nAccess\n  group:dev to tag:web: tcp:80 by ")
        assert json.loads(called(capsys, "show", "good.hujson", "--format", "json")[1])["version"] == "1"
        assert called(capsys, "show", "good.hujson", "--format", "markdown")[1].startswith("**1 entry lets")

    def test_a_question(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, text = called(
            capsys, "show", "good.hujson", "--from", "ana@example.com", "--to", "web1", "--facts", "nodes.json"
        )
        assert code == ExitCode.CLEAN
        assert text.startswith("ana@example.com reaches web1 on tcp:80.\n")
        assert called(capsys, "show", "good.hujson", "--to", "tag:web")[1].startswith("group:dev reaches tag:web.\n")
        assert called(capsys, "show", "good.hujson", "--from", "tag:web")[1].startswith("tag:web reaches nothing.\n")

    def test_wrong_usage_and_errors(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["policy", "show", "good.hujson", "--port", "80"]) == ExitCode.USAGE
        assert "--port asks about one end" in capsys.readouterr().err
        assert run(["policy", "show", "good.hujson", "--to", "tag:wep"]) == ExitCode.USAGE
        assert "Did you mean tag:web?" in capsys.readouterr().err
        assert run(["policy", "show", "gone.hujson"]) == ExitCode.USAGE
        capsys.readouterr()
        assert called(capsys, "show", "wrong.hujson")[0] == ExitCode.FINDINGS
        assert called(capsys, "show", "good.hujson", "--facts", "bad.json")[0] == ExitCode.FINDINGS


class TestDiff:
    def more(self, folder: Path) -> None:
        (folder / "more.hujson").write_text(GOOD.replace('"tcp:80"', '"tcp:80", "tcp:443"'), encoding="utf-8")

    def test_nobody_or_somebody(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self.more(folder)
        code, text = called(capsys, "diff", "good.hujson", "good.hujson")
        assert (code, text) == (ExitCode.CLEAN, "Nobody gains or loses access.\n")
        code, text = called(capsys, "diff", "good.hujson", "more.hujson")
        assert code == ExitCode.CHANGES
        assert "group:dev gains tcp:443 to tag:web." in text
        assert "tcp:443" in called(capsys, "diff", "good.hujson", "more.hujson", "--format", "markdown")[1]
        assert json.loads(called(capsys, "diff", "good.hujson", "more.hujson", "--format", "json")[1])["version"] == "1"

    def test_nodes_of_either_side(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        other = NODES.replace("tag:web", "tag:db")
        (folder / "other.json").write_text(other, encoding="utf-8")
        arguments = ("diff", "good.hujson", "good.hujson")
        assert called(capsys, *arguments, "--facts", "nodes.json")[0] == ExitCode.CLEAN
        code, text = called(capsys, *arguments, "--old-facts", "nodes.json", "--new-facts", "other.json")
        assert code == ExitCode.CHANGES
        assert "web1" in text
        assert called(capsys, *arguments, "--old-facts", "bad.json")[0] == ExitCode.FINDINGS
        assert called(capsys, *arguments, "--facts", "bad.json")[0] == ExitCode.FINDINGS
        assert run(["policy", *arguments, "--facts", "nodes.json", "--new-facts", "nodes.json"]) == ExitCode.USAGE

    def test_errors_of_both_files_are_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, text = called(capsys, "diff", "wrong.hujson", "broken.hujson")
        assert code == ExitCode.FINDINGS
        assert "wrong.hujson:4:45" in text
        assert "broken.hujson:2:3" in text

    def test_standard_input(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        self.more(folder)
        on_stdin(monkeypatch, GOOD)
        assert called(capsys, "diff", "-", "more.hujson")[0] == ExitCode.CHANGES
        assert run(["policy", "diff", "-", "-"]) == ExitCode.USAGE
