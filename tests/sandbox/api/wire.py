"""Requests as a client sends them, so that tests see what is on the wire."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 -- JSON of any shape
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def message(self) -> str:
        return self.json["message"]


class Wire:
    """Sends requests with one credential. Paths without a leading slash are below `/api/v2/`."""

    def __init__(self, url: str, authorization: str = "") -> None:
        self.url = url
        self._authorization = authorization

    def as_bearer(self, secret: str) -> Wire:
        return Wire(self.url, f"Bearer {secret}")

    def as_basic(self, user: str, password: str = "") -> Wire:
        return Wire(self.url, f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """`body` is sent as it is if it is bytes or text, as JSON otherwise; None sends none."""
        payload = body if isinstance(body, bytes | str | None) else json.dumps(body)
        payload = payload.encode() if isinstance(payload, str) else payload
        sent = {"Authorization": self._authorization} if self._authorization else {}
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            target = path if path.startswith("/") else f"/api/v2/{path}"
            connection.request(method, target, payload, sent | dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(status=response.status, headers=found, body=response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, body: object = None, **headers: str) -> Reply:
        return self.send("POST", path, body, headers=headers)

    def put(self, path: str, body: object) -> Reply:
        return self.send("PUT", path, body)

    def patch(self, path: str, body: object) -> Reply:
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> Reply:
        return self.send("DELETE", path)

    def token(self, **form: str) -> Reply:
        """The token endpoint with a form."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", "oauth/token", urlencode(form), headers=headers)
