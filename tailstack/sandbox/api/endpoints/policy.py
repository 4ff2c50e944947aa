"""The policy file: read, replaced under a condition, and judged without being saved."""

from __future__ import annotations

import base64
from dataclasses import replace
from http import HTTPStatus

from tailstack.access import hujson
from tailstack.sandbox.api import policy_file
from tailstack.sandbox.api.answers import HUJSON, JSON, Answer, JsonValue, RefusedError, json_answer
from tailstack.sandbox.api.calls import Call
from tailstack.sandbox.api.policy_file import Verdict
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.tailnet import Tailnet

_UNTOUCHED = "ts-default"


def get(call: Call) -> Answer:
    """The text byte for byte, or as plain JSON if the caller accepts that; only this answer carries the ETag."""
    text = policy_file.text_of(call.tailnet)
    headers = {"ETag": f'"{policy_file.etag(text)}"'}
    if call.asks("details") in ("1", "true"):
        found = policy_file.judge(text, call.tailnet).warnings or {}
        warnings = [f'"{subject}": {one}' for subject, several in found.items() for one in several]
        acl = base64.b64encode(text.encode()).decode("ascii")
        body: dict[str, JsonValue] = {"acl": acl, "warnings": warnings, "errors": None}
        return json_answer(body, headers=headers)
    return replace(_text_answer(text, call), headers=headers)


def post(call: Call) -> Answer:
    """Saves a policy file; an empty body brings the default back.

    Raises RefusedError: 412 where `If-Match` names another version, 400 with the reason where the text is no valid policy
    or one of its tests fails.
    """
    _check_version(call)
    if not call.body:
        after = replace(call.tailnet, policy=None)
        return replace(_text_answer(policy_file.text_of(after), call), tailnet=after)
    text = _text(call.body)
    verdict = policy_file.judge(text, call.tailnet)
    if verdict.message:
        raise RefusedError(HTTPStatus.BAD_REQUEST, verdict.message, data=verdict.data)
    return replace(_text_answer(text, call), tailnet=replace(call.tailnet, policy=text))


def validate(call: Call) -> Answer:
    """Judges a policy file, or an array of tests against the current one. Always 200; what is wrong is in the body."""
    text = _text(call.body)
    verdict = _verdict_on_tests(text, call.tailnet) or policy_file.judge(text, call.tailnet)
    if verdict.message:
        body: dict[str, JsonValue] = {"message": verdict.message}
        return json_answer(body | ({"data": verdict.data} if verdict.data else {}))
    if verdict.warnings:
        data = [{"user": subject, "warnings": list(found)} for subject, found in verdict.warnings.items()]
        return json_answer({"message": "warning(s) found", "data": data})
    return json_answer({})


def _verdict_on_tests(text: str, tailnet: Tailnet) -> Verdict | None:
    """The verdict if the text is an array of tests."""
    try:
        root = hujson.parse(text).root
    except hujson.HujsonError:
        return None
    return policy_file.judge_tests(text, tailnet) if root.kind == "array" else None


def _check_version(call: Call) -> None:
    wanted = call.headers.get("if-match", "").removeprefix("W/").strip('"')
    if not wanted:
        return
    untouched = wanted == _UNTOUCHED and call.tailnet.policy is None
    if not untouched and wanted != policy_file.etag(policy_file.text_of(call.tailnet)):
        raise RefusedError(HTTPStatus.PRECONDITION_FAILED, "precondition failed, invalid old hash")


def _text_answer(text: str, call: Call) -> Answer:
    if call.accepts_json():
        return Answer(body=hujson.standardize(text).encode(), content_type=JSON)
    return Answer(body=text.encode(), content_type=HUJSON)


def _text(body: bytes) -> str:
    # Bytes that are not UTF-8 become surrogates, for which the parser has the service's words.
    return body.decode("utf-8", "surrogateescape")


ROUTES = (
    Route(method="GET", path="/tailnet/{tailnet}/acl", handler=get, scopes=("policy_file:read",)),
    Route(method="POST", path="/tailnet/{tailnet}/acl", handler=post, scopes=("policy_file",)),
    Route(method="POST", path="/tailnet/{tailnet}/acl/validate", handler=validate, scopes=("policy_file:read",)),
)
