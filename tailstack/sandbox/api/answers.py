"""What the stand-in answers: a body with a status, or a refusal in the API's error form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from http import HTTPStatus
from typing import TypeAlias

from tailstack.sandbox.api.tailnet import LogStream, Settings, Tailnet

JsonValue: TypeAlias = "Mapping[str, JsonValue] | Sequence[JsonValue] | str | int | float | bool | None"

JSON = "application/json"
HUJSON = "application/hujson"

# Words of the API's OpenAPI document (components/responses).
_REASONS = {
    400: "bad request",
    403: "forbidden",
    404: "not found",
    409: "conflict",
    429: "too many requests",
    500: "internal server error",
    501: "not implemented",
    502: "bad gateway",
    504: "request took too long to process, please try again later",
}


def names_in_api(kind: type[Settings | LogStream]) -> dict[str, str]:
    """Of each field of a dataclass the name that it has in the API: `log_type` is `logType`."""
    return {one.name: _camel_case(one.name) for one in fields(kind)}


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An HTTP answer; `tailnet` is the state from now on, None where nothing changed."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    tailnet: Tailnet | None = None


def json_answer(
    body: JsonValue,
    *,
    tailnet: Tailnet | None = None,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An answer with a JSON body."""
    return Answer(status=status, body=_encoded(body), headers=headers or {}, tailnet=tailnet)


class RefusedError(Exception):
    """The request is refused; `data` is the list that only the policy file's endpoints give beside the message."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        data: Sequence[JsonValue] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.message = message or _REASONS.get(status) or HTTPStatus(status).phrase.lower()
        self.data = data
        self.headers = headers or {}
        super().__init__(f"{self.status} {self.message}")

    def answer(self) -> Answer:
        """The refusal as the API words it: `{"message": …}`, with `data` where there is some."""
        body: dict[str, JsonValue] = {"message": self.message}
        if self.data:
            body["data"] = self.data
        return json_answer(body, status=self.status, headers=self.headers)


class OAuthError(Exception):
    """A refusal of the token endpoints, in the form of RFC 6749, 5.2."""

    def __init__(self, status: int, error: str, description: str) -> None:
        self.status = status
        self.error = error
        self.description = description
        super().__init__(f"{error}: {description}")

    def answer(self) -> Answer:
        """RFC 6749's fields, and `message` beside them, as the service words scopes that a client cannot grant."""
        body = {"error": self.error, "error_description": self.description, "message": self.description}
        headers = {"Cache-Control": "no-store"}
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Basic realm="tailscale"'
        return json_answer(body, status=self.status, headers=headers)


def _encoded(body: JsonValue) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
