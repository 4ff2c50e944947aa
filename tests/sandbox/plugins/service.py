"""The stand-in of the HTTP API for one test: served in this process, spoken to over HTTP as a plugin would."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailstack.sandbox.api.application import Application
from tailstack.sandbox.api.server import serving
from tailstack.sandbox.api.store import Store

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, kw_only=True)
class Service:
    url: str
    key: str
    control_token: str

    def get(self, path: str) -> Any:  # noqa: ANN401  JSON
        """The JSON at a path below the tailnet."""
        return json.loads(self._send("GET", f"/api/v2/tailnet/-/{path}", self.key, None))

    def policy(self) -> str:
        return self._send("GET", "/api/v2/tailnet/-/acl", self.key, None)

    def save_policy(self, text: str) -> None:
        self._send("POST", "/api/v2/tailnet/-/acl", self.key, text)

    def post(self, path: str, body: object, *, method: str = "POST") -> Any:  # noqa: ANN401  JSON
        return json.loads(self._send(method, f"/api/v2/{path}", self.key, json.dumps(body)) or "null")

    def control(self, path: str, body: object, *, method: str = "POST") -> Any:  # noqa: ANN401  JSON
        """What happens to the tailnet from outside of the API."""
        return json.loads(self._send(method, f"/sandbox/{path}", self.control_token, json.dumps(body)) or "null")

    def statuses(self, method: str, path: str) -> list[int]:
        """How the requests so far were answered, oldest first."""
        seen = json.loads(self._send("GET", "/sandbox/requests", self.control_token, None))["requests"]
        return [one["status"] for one in seen if one["method"] == method and one["path"].endswith(path)]

    def _send(self, method: str, path: str, token: str, body: str | None) -> str:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "*/*"}
        if path.endswith("/acl"):
            headers |= {"Content-Type": "application/hujson", "Accept": "application/hujson"}
        data = None if body is None else body.encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)  # noqa: S310  http
        try:
            with _OPENER.open(request, timeout=10) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None


@contextmanager
def served(folder: Path) -> Generator[Service]:
    store = Store(folder, name="example.com", dns_name="tail1a2b.ts.net")
    try:
        with serving(Application(store), log=io.StringIO()) as server:
            yield Service(
                url=server.url,
                key=(folder / "api-key").read_text("utf-8").strip(),
                control_token=(folder / "control-token").read_text("utf-8").strip(),
            )
    finally:
        store.close()
