"""The client, against servers that a real API server would not play."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tailstack.sandbox.plugins.kubernetes.api import ApiError, Client, ClientSettings, NoMatchError, UnreachableError
from tailstack.sandbox.plugins.kubernetes.kubeconfig import Connection

SERVICES = {
    "resources": [
        {"name": "services", "kind": "Service", "namespaced": True},
        {"name": "services/status", "kind": "Service", "namespaced": True},
    ]
}
Answer = tuple[int, dict[str, str], object]


class Server(ThreadingHTTPServer):
    """Answers with what is queued, then with the kinds of the core group."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.queued: list[Answer] = []
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.asked.append(self.path)
        status, headers, answer = server.queued.pop(0) if server.queued else (200, {}, SERVICES)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  named so by the base class
        """Say nothing."""


@pytest.fixture
def server() -> Generator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def client(url: str, **settings: float) -> Client:
    limits = ClientSettings(
        qps=settings.get("qps", 1000), burst=int(settings.get("burst", 1000)), timeout=settings.get("timeout", 5)
    )
    return Client(Connection(server=url, namespace="default", cluster={}, user={"token": "x"}), limits)


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.queued = [(429, {"Retry-After": "0"}, {}), (503, {"Retry-After": "0"}, {})]
    client(server.url).probe()
    assert server.asked == ["/api/v1"] * 3


def test_a_server_that_stays_busy_is_told(server: Server) -> None:
    server.queued = [(429, {"Retry-After": "0"}, {"message": "too many requests"})] * 9
    with pytest.raises(ApiError, match="too many requests"):
        client(server.url).probe()
    assert len(server.asked) == 5


def test_kinds_are_asked_for_once_and_again_where_one_is_missing(server: Server) -> None:
    asking = client(f"{server.url}/prefix")
    assert asking.locate("v1", "Service", namespace="a b", name="x").path == "/api/v1/namespaces/a%20b/services/x"
    asking.locate("v1", "Service")
    assert server.asked == ["/prefix/api/v1"]
    server.queued = [(404, {}, {"message": "not found"})]
    with pytest.raises(NoMatchError, match=r'no matches for kind "Connector" in version "tailscale\.com/v1alpha1"'):
        asking.locate("tailscale.com/v1alpha1", "Connector")
    server.queued = [(200, {}, {"resources": [{"name": "connectors", "kind": "Connector", "namespaced": False}]})]
    found = asking.locate("tailscale.com/v1alpha1", "Connector", namespace="ignored", name="x")
    assert (found.path, found.namespaced) == ("/apis/tailscale.com/v1alpha1/connectors/x", False)


@pytest.mark.parametrize(
    ("status", "answer", "message"),
    [
        (401, {"message": "Unauthorized"}, "the server has asked for the client to provide credentials"),
        (403, {"message": "services is forbidden"}, "services is forbidden"),
        (404, {"message": "gone"}, "the server could not find the requested resource"),
        (502, b"<html>", "the server answered 502"),
        (500, [], "the server answered 500"),
    ],
)
def test_a_server_that_does_not_serve_is_told(server: Server, status: int, answer: object, message: str) -> None:
    server.queued = [(status, {}, answer)]
    with pytest.raises(ApiError) as caught:
        client(server.url).probe()
    assert str(caught.value) == message


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(UnreachableError) as caught:
        client("https://127.0.0.1:9").probe()
    assert str(caught.value) == 'Get "https://127.0.0.1:9/api/v1": connect: connection refused'


def test_a_server_that_does_not_speak_tls_is_told(server: Server) -> None:
    with pytest.raises(UnreachableError, match=r"^Get .*: tls: "):
        client(server.url.replace("http:", "https:")).probe()


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:
        started = time.monotonic()
        with pytest.raises(UnreachableError, match=r"Client\.Timeout exceeded while awaiting headers"):
            client(f"http://127.0.0.1:{silent.server_port}", timeout=0.2).probe()
        assert time.monotonic() - started < 5


def test_requests_keep_to_the_limits(server: Server) -> None:
    asking = client(server.url, qps=20, burst=2)
    started = time.monotonic()
    for _ in range(6):
        asking.probe()
    assert 0.15 < time.monotonic() - started < 5
