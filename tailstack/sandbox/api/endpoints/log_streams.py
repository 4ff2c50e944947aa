"""Where logs are sent. Streams can be managed, and nothing is ever sent: the sandbox reaches loopback only."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from uuid import uuid4

from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError, json_answer, names_in_api
from tailstack.sandbox.api.calls import Call, Fields
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.tailnet import LogStream

_TYPES = ("configuration", "network")
_BUCKETS = ("s3", "gcs")
_DESTINATIONS = ("axiom", "cribl", "datadog", "elastic", "panther", "splunk", *_BUCKETS)
_COMPRESSIONS = ("", "none", "zstd", "gzip")
_AUTHENTICATIONS = ("accesskey", "rolearn")
_AWS_ACCOUNT = "123456789012"
"""The account that AWS uses in its own examples; not Tailscale's."""


_NAMES = names_in_api(LogStream)


def get(call: Call) -> Answer:
    """The stream of one type of logs, without its secrets."""
    stream = call.tailnet.log_streams.get(_type(call))
    if stream is None:
        raise RefusedError(HTTPStatus.NOT_FOUND)
    return json_answer({"logType": _type(call)} | _shown(stream))


def put(call: Call) -> Answer:
    """Sets the stream as a whole."""
    stream = _read(call, call.json())
    streams = {**call.tailnet.log_streams, _type(call): stream}
    return Answer(tailnet=replace(call.tailnet, log_streams=streams))


def delete(call: Call) -> Answer:
    """Takes the stream out."""
    kind = _type(call)
    if kind not in call.tailnet.log_streams:
        raise RefusedError(HTTPStatus.NOT_FOUND)
    others = {other: stream for other, stream in call.tailnet.log_streams.items() if other != kind}
    return Answer(tailnet=replace(call.tailnet, log_streams=others))


def mint_external_id(call: Call) -> Answer:
    """An id for the trust policy of a role at AWS; a reusable one is given out again until a stream uses it."""
    known = call.tailnet.aws_external_ids
    used = {stream.s3_external_id for stream in call.tailnet.log_streams.values()}
    is_reusable = call.json().flag("reusable")
    again = (
        next((id_ for id_, reusable in known.items() if reusable and id_ not in used), None) if is_reusable else None
    )
    id_ = again or str(uuid4())
    after = replace(call.tailnet, aws_external_ids={**known, id_: is_reusable})
    return json_answer({"externalId": id_, "tailscaleAwsAccountId": _AWS_ACCOUNT}, tailnet=after)


def _type(call: Call) -> str:
    kind = call.path["type"]
    if kind not in _TYPES:
        raise RefusedError(HTTPStatus.NOT_FOUND)
    return kind


def _read(call: Call, body: Fields) -> LogStream:
    destination = body.text("destinationType")
    if destination not in _DESTINATIONS:
        raise _refused(f'"{destination}" is no destination type')
    if body.text("compressionFormat") not in _COMPRESSIONS:
        raise _refused('"compressionFormat" must be none, zstd or gzip')
    match destination:
        case "s3":
            _need(body, "s3Bucket", "s3Region", *_of_s3(call, body))
        case "gcs":
            _need(body, "gcsBucket", "gcsCredentials")
        case _:
            _need(body, "url", "token")
    if destination in _BUCKETS and body.text("user"):
        raise _refused(f'"user" must not be set for {destination}')
    return LogStream(
        upload_period_minutes=body.number("uploadPeriodMinutes"),
        gcs_scopes=body.texts("gcsScopes"),
        **{name: body.text(api_name) for name, api_name in _NAMES.items() if name not in _NO_TEXTS},
    )


_NO_TEXTS = ("upload_period_minutes", "gcs_scopes")


def _of_s3(call: Call, body: Fields) -> tuple[str, ...]:
    """What the kind of authentication asks for."""
    kind = body.text("s3AuthenticationType")
    if kind not in _AUTHENTICATIONS:
        raise _refused(f'"s3AuthenticationType" must be one of {", ".join(_AUTHENTICATIONS)}')
    if kind == "accesskey":
        return ("s3AccessKeyId", "s3SecretAccessKey")
    if body.text("s3ExternalId") not in ("", *call.tailnet.aws_external_ids):
        raise _refused('"s3ExternalId" is none that was given out')
    return ("s3RoleArn", "s3ExternalId")


def _need(body: Fields, *names: str) -> None:
    for name in names:
        if not body.text(name):
            raise _refused(f'"{name}" is required')


def _shown(stream: LogStream) -> dict[str, JsonValue]:
    """Without what is empty, as Go's `omitempty` leaves it out."""
    values: dict[str, JsonValue] = {api_name: getattr(stream, name) for name, api_name in _NAMES.items()}
    return {name: value for name, value in values.items() if value}


def _refused(message: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, message)


_PATH = "/tailnet/{tailnet}/logging/{type}/stream"
_READ, _WRITE = ("log_streaming:read",), ("log_streaming",)
ROUTES = (
    Route(method="GET", path=_PATH, handler=get, scopes=_READ),
    Route(method="PUT", path=_PATH, handler=put, scopes=_WRITE),
    Route(method="DELETE", path=_PATH, handler=delete, scopes=_WRITE),
    Route(method="POST", path="/tailnet/{tailnet}/aws-external-id", handler=mint_external_id, scopes=_WRITE),
)
