"""One comment of ours on a pull request: found by its marker on any page, written anew or replaced, against a stand-in."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.main import run
from tailstack.engine import code_hosts

TOKEN = "ghs_1234567890abcdefghij1234567890"
MARK = "<!-- tailstack:preview -->"
Answer: TypeAlias = tuple[int, bytes]
VIEWER: Answer = (200, b'{"data": {"viewer": {"login": "github-actions[bot]"}}}')


@dataclass
class StandIn:
    """Answers for GitHub and GitLab with the same comments; `broken` is what the next calls answer instead."""

    comments: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    calls: list[str] = field(default_factory=list[str])
    broken: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    headers: set[str] = field(default_factory=set[str])
    port: int = 0
    login: str = "github-actions[bot]"
    """Whose token it is on GitHub."""

    def add(self, author: str, body: str) -> int:
        number = 100 + len(self.comments)
        self.comments.append(
            {
                "id": number,
                "body": body,
                "user": {"login": author},
                "author": {"username": author},
                "html_url": f"https://example.com/c/{number}",
            }
        )
        return number

    def body_of(self, number: int) -> str:
        return next(str(each["body"]) for each in self.comments if each["id"] == number)

    def answer(self, method: str, path: str, sent: dict[str, Any]) -> tuple[int, Any]:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.endswith("/user"):
            return 200, {"username": "bot"}
        if parts.path.endswith("/graphql"):
            assert sent == {"query": "query { viewer { login } }"}
            return 200, {"data": {"viewer": {"login": self.login}}}
        if method == "GET":
            size, page = int(query["per_page"]), int(query["page"])
            return 200, self.comments[size * (page - 1) : size * page]
        if method == "POST":
            self.add(self.login if "/repos/" in path else "bot", sent["body"])
            return 201, self.comments[-1]
        number = int(parts.path.rpartition("/")[2])
        comment = next(each for each in self.comments if each["id"] == number)
        comment["body"] = sent["body"]
        return 200, comment


def _at_once(seconds: float) -> None:
    assert seconds > 0


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Generator[StandIn]:
    state = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.calls.append(f"{self.command} {self.path}")
            state.headers |= {f"{name}: {value}" for name, value in self.headers.items()}
            sent = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
            if state.broken:
                status, body = state.broken.pop(0)
            else:
                status, answer = state.answer(self.command, self.path, sent)
                body = json.dumps(answer).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"http://127.0.0.1:{state.port}/stolen")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815  names of the base class

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as the base class has it
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "GITHUB_API_URL": base,
        "GITHUB_GRAPHQL_URL": f"{base}/graphql",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_REPOSITORY": "acme/tailnet",
        "CI_API_V4_URL": f"{base}/api/v4",
        "CI_PROJECT_ID": "acme/tailnet",
        "GITLAB_TOKEN": TOKEN,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITLAB_CI", raising=False)
    monkeypatch.setattr("tailstack.engine.code_hosts.time.sleep", _at_once)
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def report(tmp_path: Path) -> str:
    file = tmp_path / "report.md"
    file.write_text("**Safe**\n", encoding="utf-8")
    return str(file)


def test_the_first_time_it_is_a_new_comment(stand_in: StandIn, report: str, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in.add("ana", "looks good")
    assert run(["comment", report, "--pull-request", "7"]) == ExitCode.CLEAN
    assert capsys.readouterr().out == "https://example.com/c/101\n"
    assert stand_in.body_of(101) == f"{MARK}\n**Safe**\n"
    assert stand_in.body_of(100) == "looks good"
    assert stand_in.calls[-1] == "POST /repos/acme/tailnet/issues/7/comments"
    assert f"Authorization: Bearer {TOKEN}" in stand_in.headers


def test_ours_is_found_beyond_the_first_page_and_no_other_is_touched(stand_in: StandIn, report: str) -> None:
    for number in range(240):
        stand_in.add("github-actions[bot]", f"<!-- tailstack:other -->\n{number}")
    stand_in.add("mallory", f"{MARK}\nwrite here")
    ours = stand_in.add("github-actions[bot]", f"{MARK}\nold")
    stand_in.add("github-actions[bot]", f"see {MARK}")
    before = {each["id"]: each["body"] for each in stand_in.comments}
    assert run(["comment", report, "--pull-request", "7"]) == ExitCode.CLEAN
    after = {each["id"]: each["body"] for each in stand_in.comments}
    assert {number for number in after if after[number] != before[number]} == {ours}
    assert stand_in.calls[-1] == f"PATCH /repos/acme/tailnet/issues/comments/{ours}"
    assert len([call for call in stand_in.calls if call.startswith("GET")]) == 3


def test_the_comment_of_an_app_is_found_again_and_not_taken_for_that_of_a_job(stand_in: StandIn, report: str) -> None:
    stand_in.add("github-actions[bot]", f"{MARK}\nof a job")
    stand_in.login = "our-app[bot]"
    assert run(["comment", report, "--pull-request", "7"]) == ExitCode.CLEAN
    Path(report).write_text("other", encoding="utf-8")
    assert run(["comment", report, "--pull-request", "7"]) == ExitCode.CLEAN
    assert [each["body"] for each in stand_in.comments] == [f"{MARK}\nof a job", f"{MARK}\nother"]
    assert stand_in.calls.count("POST /graphql") == 2
    assert run(["comment", report, "--pull-request", "7", "--author", "our-app[bot]"]) == ExitCode.CLEAN
    assert stand_in.calls.count("POST /graphql") == 2, "who is named is not asked for"


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "https://api.github.com/graphql"),
        ({"GITHUB_API_URL": "https://github.example.com/api/v3"}, "https://github.example.com/api/graphql"),
        ({"GITHUB_GRAPHQL_URL": "https://a.example.com/graphql"}, "https://a.example.com/graphql"),
    ],
)
def test_where_github_tells_whose_token_it_is(variables: dict[str, str], url: str) -> None:
    host = code_hosts.github_in({"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "a/b", **variables}, None)
    assert host.graphql.base == url


def test_a_full_last_page_and_a_comment_that_says_so_already(stand_in: StandIn, report: str) -> None:
    for number in range(99):
        stand_in.add("ana", str(number))
    stand_in.add("github-actions[bot]", f"{MARK}\n**Safe**\n")
    assert run(["comment", report, "--pull-request", "7"]) == ExitCode.CLEAN
    assert [call.partition(" ")[0] for call in stand_in.calls] == ["POST", "GET"]
    assert run(["comment", report, "--pull-request", "7", "--marker", "drift"]) == ExitCode.CLEAN
    assert [call.partition(" ")[0] for call in stand_in.calls] == ["POST", "GET", "POST", "GET", "GET", "POST"]


def test_gitlab_knows_us_by_our_name_there(
    stand_in: StandIn, report: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    assert run(["comment", report, "--pull-request", "3"]) == ExitCode.CLEAN
    assert stand_in.calls[-1] == "POST /api/v4/projects/acme%2Ftailnet/merge_requests/3/notes"
    assert run(["comment", report, "--pull-request", "3", "--author", "somebody"]) == ExitCode.CLEAN
    assert len(stand_in.comments) == 2, "the note of bot is not somebody's"
    Path(report).write_text("other", encoding="utf-8")
    assert run(["comment", report, "--pull-request", "3", "--host", "gitlab"]) == ExitCode.CLEAN
    assert stand_in.calls[-1] == "PUT /api/v4/projects/acme%2Ftailnet/merge_requests/3/notes/100"
    assert f"Private-Token: {TOKEN}" in stand_in.headers
    assert "note 100" in capsys.readouterr().out


def test_a_text_that_is_too_long_is_cut_and_it_is_said(
    stand_in: StandIn, report: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(report).write_text("x" * 70_000, encoding="utf-8")
    assert run(["comment", report, "--pull-request", "7"]) == ExitCode.CLEAN
    assert len(stand_in.body_of(100)) <= code_hosts.GITHUB_LIMIT
    assert "70000 characters" in capsys.readouterr().err


def test_reading_is_tried_again_and_writing_is_not(
    stand_in: StandIn, report: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.broken = [(502, b""), (429, b"{}")]
    assert run(["comment", report, "--pull-request", "7"]) == ExitCode.CLEAN
    stand_in.broken = [(500, b""), (500, b""), (500, b"")]
    assert run(["comment", report, "--pull-request", "7"]) == ExitCode.ERROR
    assert "500" in capsys.readouterr().err
    stand_in.comments.clear()
    stand_in.calls.clear()
    stand_in.broken = [VIEWER, (200, b"[]"), (503, b'{"message": "later"}')]
    assert run(["comment", report, "--pull-request", "7"]) == ExitCode.ERROR
    assert [call.partition(" ")[0] for call in stand_in.calls] == ["POST", "GET", "POST"]
    assert "503 later" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([(403, b'{"message": "Resource not accessible by integration"}')], "403 Resource not accessible"),
        ([(302, b"")], "302"),
        ([VIEWER, (302, b"")], "302"),
        ([VIEWER, (403, b"{}")], "403"),
        ([(200, b"<html>")], "not JSON"),
        ([(200, b'{"errors": []}')], "another shape"),
        ([VIEWER, (200, b"[{}]")], "another shape"),
    ],
)
def test_a_refusal_is_told_without_the_token(
    stand_in: StandIn, report: str, capsys: pytest.CaptureFixture[str], said: str, answers: list[Answer]
) -> None:
    stand_in.broken = answers
    assert run(["comment", report, "--pull-request", "7"]) == ExitCode.ERROR
    err = capsys.readouterr().err
    assert said in err
    assert TOKEN not in err
    assert all("/stolen" not in call for call in stand_in.calls)


def test_the_token_is_in_no_repr(stand_in: StandIn) -> None:
    host = code_hosts.github_in({"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "a/b"}, None)
    assert TOKEN not in repr(host)


def test_it_goes_to_https_alone_but_for_this_machine(
    report: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_REPOSITORY", "a/b")
    monkeypatch.setenv("GITHUB_API_URL", "http://github.example.com")
    assert run(["comment", report, "--pull-request", "7", "--host", "github"]) == ExitCode.ERROR
    assert "https://" in capsys.readouterr().err


def test_what_is_missing_is_named(
    report: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    assert run(["comment", report, "--pull-request", "7", "--host", "github"]) == ExitCode.ERROR
    assert "GITHUB_TOKEN is not set" in capsys.readouterr().err


@pytest.mark.parametrize("marker", ["", "a -->", "a--b", "ä\n"])
def test_a_marker_that_would_end_the_comment_is_refused(report: str, marker: str) -> None:
    assert run(["comment", report, "--pull-request", "7", "--marker", marker]) == ExitCode.USAGE
