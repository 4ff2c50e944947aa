"""Identity tokens of a job of GitHub Actions, from an endpoint on loopback, exchanged at the stand-in of Tailscale's API."""

from __future__ import annotations

from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tailstack.engine.github_identity import GitHubJob, NoIdentityTokenError
from tailstack.engine.tailscale_api import Failure, TailscaleApiError, from_environment
from tailstack.sandbox.plugins.frame import PluginError
from tailstack.sandbox.plugins.tailscale.http_api import JobIdentity
from tests.engine.test_tailscale_api import Service, service
from tests.workflows.github_api import ISSUER, GitHub, github_serving

__all__ = ["service"]

SUBJECT = "repo:example/tailnet:environment:production"


@pytest.fixture
def github() -> Generator[GitHub]:
    with github_serving() as made:
        yield made


def job(github: GitHub, **changes: str) -> GitHubJob:
    made = GitHubJob.in_environment(github.identity_environment(SUBJECT) | changes)
    assert made is not None
    return made


def federated(service: Service, subject: str = SUBJECT) -> dict[str, str]:
    body = {"keyType": "federated", "scopes": ["policy_file:read"], "issuer": ISSUER, "subject": subject}
    identity = service.sandbox.api.send("POST", "keys", body=body)
    return {
        "TAILSCALE_BASE_URL": service.url,
        "TAILSCALE_OAUTH_CLIENT_ID": identity["id"],
        "TAILSCALE_AUDIENCE": identity["audience"],
    }


def test_a_job_shows_who_it_is_and_gets_in(service: Service, github: GitHub) -> None:
    environment = federated(service) | github.identity_environment(SUBJECT)
    assert from_environment(environment).policy().etag
    (call,) = github.calls
    assert call.query == {"api-version": "2.0", "audience": environment["TAILSCALE_AUDIENCE"]}


def test_the_job_of_another_environment_does_not(service: Service, github: GitHub) -> None:
    environment = federated(service) | github.identity_environment("repo:example/tailnet:pull_request")
    with pytest.raises(TailscaleApiError, match="claim sub") as caught:
        from_environment(environment).policy()
    assert caught.value.failure is Failure.REFUSED


def test_without_the_permission_it_is_a_matter_of_configuration(service: Service) -> None:
    with pytest.raises(TailscaleApiError, match="TAILSCALE_AUDIENCE") as caught:
        from_environment(federated(service))
    assert caught.value.failure is Failure.MISCONFIGURED


def test_a_token_that_cannot_be_had_is_said_without_the_one_that_asked(service: Service, github: GitHub) -> None:
    wrong = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "very-secret"}
    environment = federated(service) | github.identity_environment(SUBJECT) | wrong
    with pytest.raises(TailscaleApiError, match="no identity token: 401") as caught:
        from_environment(environment).policy()
    assert caught.value.failure is Failure.UNREACHABLE
    assert "very-secret" not in f"{caught.value} {job(github, **wrong)}"


@pytest.mark.parametrize("url", ["http://example.com/x", "ftp://127.0.0.1/x", "http://[::g]/x"])
def test_a_token_is_never_sent_in_the_clear(github: GitHub, url: str) -> None:
    with pytest.raises(NoIdentityTokenError, match="URL"):
        job(github, ACTIONS_ID_TOKEN_REQUEST_URL=url).identity_token("a")


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"value": 1}', b'{"value": ""}', b"<html>"])
def test_answers_that_are_none(github: GitHub, answer: bytes) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as the base class has it
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.handle_request, daemon=True)
    thread.start()
    url = f"http://localhost:{server.server_address[1]}/"
    with pytest.raises(NoIdentityTokenError, match="no identity token"):
        job(github, ACTIONS_ID_TOKEN_REQUEST_URL=url).identity_token("a")
    thread.join()
    server.server_close()


def test_the_plugin_of_the_sandbox_asks_once(service: Service, github: GitHub) -> None:
    environment = federated(service)
    credentials = JobIdentity(environment["TAILSCALE_OAUTH_CLIENT_ID"], environment["TAILSCALE_AUDIENCE"], job(github))
    assert credentials.header(service.url).startswith("Bearer tskey-")
    assert credentials.header(service.url) == credentials.header(service.url)
    assert len(github.calls) == 1
    with pytest.raises(PluginError, match="no identity token"):
        JobIdentity("k", "a", job(github, ACTIONS_ID_TOKEN_REQUEST_TOKEN="x")).header(service.url)
