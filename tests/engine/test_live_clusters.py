"""Clusters as they are read: all of them, page by page, and what one of them does not give is said and no more."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tailstack.engine import live_clusters
from tailstack.engine.live_clusters import KUBECONFIG, Target, read_clusters, reason_of
from tailstack.live.model import LiveCluster, Unknown

Answer = tuple[int, Any]
Answers = Callable[[str, dict[str, str]], Answer]

TOKEN = "token-not-to-be-seen"
NOT_FOUND = 404, {"kind": "Status", "message": "the server could not find the requested resource"}
FORBIDDEN = 403, {"kind": "Status", "message": "ingresses is forbidden"}


def listed(*names: str, further: str = "") -> Answer:
    items = [{"metadata": {"name": name, "namespace": "default"}} for name in names]
    return 200, {"items": items, "metadata": {"continue": further}}


@contextmanager
def api_server(answers: Answers) -> Generator[tuple[str, list[str]]]:
    """An API server that gives these answers by path and query; its address, and how it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked.append(f"{self.headers.get('Authorization')} {self.command} {url.path}")
            status, body = answers(url.path, {key: values[0] for key, values in parse_qs(url.query).items()})
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as the base class has it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(server: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "blue",
            "clusters": [{"name": "blue", "cluster": {"server": server}}],
            "users": [{"name": "blue", "user": {"token": TOKEN}}],
            "contexts": [{"name": "blue", "context": {"cluster": "blue", "user": "blue"}}],
        }
    )


def only(targets: list[Target], **variables: str) -> LiveCluster | Unknown:
    (found,) = read_clusters(targets, environment=variables).values()
    return found


def read(answers: Answers) -> LiveCluster | Unknown:
    with api_server(answers) as (server, _):
        return only([Target(name="blue", namespace="tailscale", kubeconfig=kubeconfig(server))])


def test_a_cluster_is_read_by_its_context_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "config"

    def answers(path: str, query: dict[str, str]) -> Answer:
        if path == "/api/v1/services":
            return listed("b") if query.get("continue") else listed("a", further="more")
        return listed("operator") if path.endswith("/namespaces/tailscale/deployments") else NOT_FOUND

    with api_server(answers) as (server, asked):
        file.write_text(kubeconfig(server), encoding="utf-8")
        before = file.read_bytes()
        ended: list[str] = []
        found = read_clusters(
            [Target(name="blue", namespace="tailscale", context="blue")],
            environment={KUBECONFIG: str(file)},
            on_end=lambda name, _: ended.append(name),
        )["blue"]
    assert isinstance(found, LiveCluster)
    assert set(found.objects) == {
        ("Service", "default", "a"),
        ("Service", "default", "b"),
        ("Deployment", "default", "operator"),
    }
    assert found.unread == {}
    assert ended == ["blue"]
    assert all(one.startswith(f"Bearer {TOKEN} GET ") for one in asked)
    assert file.read_bytes() == before


def test_a_kind_that_may_not_be_listed_is_unknown_by_itself() -> None:
    found = read(lambda path, _: FORBIDDEN if path.endswith("/ingresses") else listed())
    assert isinstance(found, LiveCluster)
    assert found.unread == {
        "Ingress": Unknown(what="Ingress objects in blue", reason="ingresses is forbidden (403)"),
    }


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, {"message": "Unauthorized"}), "Unauthorized (401)"),
        ((502, b"<html>"), "what answers is no API server of Kubernetes (502)"),
        ((500, b"{}"), "Internal Server Error (500)"),
    ],
)
def test_a_cluster_that_gives_nothing_is_unknown(answer: Answer, reason: str) -> None:
    assert read(lambda _path, _query: answer) == Unknown(what="cluster blue", reason=reason)


def test_a_cluster_on_a_closed_port_is_unknown() -> None:
    with api_server(lambda _path, _query: NOT_FOUND) as (server, _):
        closed = kubeconfig(server)
    found = only([Target(name="blue", namespace="tailscale", kubeconfig=closed)])
    assert isinstance(found, Unknown)
    assert "refused" in found.reason
    assert "http" not in found.reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError("_ssl.c:989: The handshake operation timed out"), "no answer in time"),
        (TimeoutError("no answer within 30 s"), "no answer within 30 s"),
        (OSError(), "OSError"),
    ],
)
def test_a_reason_is_in_words(error: Exception, reason: str) -> None:
    wrapped = RuntimeError("GET https://10.0.0.1:6443/api failed")
    wrapped.__cause__ = error
    assert reason_of(wrapped) == reason


def test_a_cluster_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()

    def answers(path: str, query: dict[str, str]) -> Answer:
        hangs.wait(30)
        return NOT_FOUND

    with api_server(answers) as (server, _):
        target = Target(name="blue", namespace="tailscale", kubeconfig=kubeconfig(server))
        found = read_clusters([target], seconds=0.3)["blue"]
        hangs.set()
    assert found == Unknown(what="cluster blue", reason="no answer within 0.3 s")


@pytest.mark.parametrize("secret", [f"users: [{TOKEN}", f"- {TOKEN}", ""])
def test_a_kubeconfig_that_is_none_is_said_to_be_that_and_not_shown(secret: str) -> None:
    target = Target(name="blue", namespace="tailscale", kubeconfig=secret)
    assert "token" not in repr(target)
    found = only([target])
    assert isinstance(found, Unknown)
    assert TOKEN not in found.reason


def test_a_context_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    found = only([Target(name="blue", namespace="tailscale", context="x")], **{KUBECONFIG: str(tmp_path / "none")})
    assert isinstance(found, Unknown)


def test_no_clusters_need_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr(live_clusters.importlib, "import_module", nothing)
    assert read_clusters([]) == {}
