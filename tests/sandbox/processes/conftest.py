"""Fixtures: one sandbox for all tests that do not harm it, and requests to its clusters."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tailstack.sandbox.lifecycle import Sandbox, running_sandbox


@dataclass(frozen=True)
class Api:
    """One cluster's API server, as its context in the kubeconfig reaches it."""

    url: str
    authority: str
    token: str

    def request(self, method: str, path: str, body: object = None, *, token: str | None = None) -> tuple[int, Any]:
        """The status and the document of the answer."""
        address = urlsplit(self.url)
        connection = http.client.HTTPSConnection(
            str(address.hostname), address.port, context=ssl.create_default_context(cadata=self.authority), timeout=30
        )
        with contextlib.closing(connection):
            text = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token or self.token}"}
            if token == "":
                del headers["Authorization"]
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            return answer.status, json.load(answer)

    def make(self, path: str, **body: object) -> dict[str, Any]:
        """Create an object; gives it as the server has it."""
        status, made = self.request("POST", path, body)
        assert status == 201, made
        return made


def context(kubeconfig: Path, name: str) -> Api:
    """The cluster of a context."""
    document = yaml.safe_load(kubeconfig.read_text())

    def find(kind: str, wanted: str) -> dict[str, Any]:
        [found] = [entry for entry in document[f"{kind}s"] if entry["name"] == wanted]
        return found[kind]

    chosen = find("context", name)
    cluster = find("cluster", chosen["cluster"])
    return Api(
        url=cluster["server"],
        authority=base64.b64decode(cluster["certificate-authority-data"]).decode(),
        token=find("user", chosen["user"])["token"],
    )


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sandbox]:
    """A sandbox with two clusters."""
    with running_sandbox(tmp_path_factory.mktemp("lifecycle") / "sandbox", clusters=["blue", "green"]) as running:
        yield running


@pytest.fixture
def blue(sandbox: Sandbox) -> Api:
    return context(sandbox.kubeconfig, "blue")


@pytest.fixture
def green(sandbox: Sandbox) -> Api:
    return context(sandbox.kubeconfig, "green")
