"""Where the tailnet's logs are sent, and the ids for roles at AWS."""

from __future__ import annotations

from typing import Any, Final

from tailstack.sandbox.plugins.tailscale.answers import found, one_of, remove
from tailstack.sandbox.plugins.tailscale.http_api import Api, segment
from tailstack.sandbox.plugins.tailscale.kind import Kind
from tailstack.sandbox.plugins.values import Properties

_SECRET: Final = ("gcsCredentials", "s3SecretAccessKey", "token")
_SHOWN: Final = (
    "compressionFormat",
    "destinationType",
    "gcsBucket",
    "gcsKeyPrefix",
    "gcsScopes",
    "s3AccessKeyId",
    "s3AuthenticationType",
    "s3Bucket",
    "s3ExternalId",
    "s3KeyPrefix",
    "s3Region",
    "s3RoleArn",
    "uploadPeriodMinutes",
    "url",
    "user",
)
_BUCKETS: Final = ("s3", "gcs")
_NOBODY: Final = "user"
"""What the provider takes for a user where none is given, and does not send where a bucket is written to."""


def _path(log_type: str) -> str:
    return f"logging/{segment(log_type)}/stream"


def _set_stream(api: Api, state: Properties) -> None:
    body: dict[str, Any] = {name: state[name] for name in (*_SHOWN, *_SECRET) if state.get(name) is not None}
    if body["destinationType"] in _BUCKETS and body["user"] == _NOBODY:
        del body["user"]
    api.tailnet("PUT", _path(state["logType"]), body)


def _create_stream(api: Api, inputs: Properties) -> tuple[str, Properties]:
    _set_stream(api, inputs)
    return inputs["logType"], {}


def _read_stream(api: Api, log_type: str, _: Properties) -> Properties | None:
    stream = found(api, _path(log_type))
    if stream is None:
        return None
    return {"logType": log_type, **{name: stream.get(name) for name in _SHOWN}, "user": stream.get("user") or _NOBODY}


def _update_stream(api: Api, _: str, state: Properties) -> Properties:
    _set_stream(api, state)
    return {}


def _delete_stream(api: Api, log_type: str, _: Properties) -> None:
    remove(api, _path(log_type))


def _mint(api: Api, _: Properties) -> tuple[str, Properties]:
    minted = api.tailnet("POST", "aws-external-id", {"reusable": False})
    names = ("externalId", "tailscaleAwsAccountId")
    return minted["externalId"], {name: minted[name] for name in names}


KINDS: Final = (
    Kind(
        type="tailscale:index/logstreamConfiguration:LogstreamConfiguration",
        label="logstream configuration",
        required=("destinationType", "logType"),
        optional=(*(name for name in _SHOWN if name != "destinationType"), *_SECRET),
        defaults={"compressionFormat": "none", "user": _NOBODY},
        secret=("s3SecretAccessKey", "token"),
        replaces=("logType",),
        sets=("gcsScopes",),
        complaints={
            "compressionFormat": one_of("compression_format", "none", "zstd", "gzip"),
            "destinationType": one_of(
                "destination_type", "splunk", "elastic", "panther", "cribl", "datadog", "axiom", "s3", "gcs"
            ),
            "logType": one_of("log_type", "configuration", "network"),
            "s3AuthenticationType": one_of("s3_authentication_type", "accesskey", "rolearn"),
        },
        create=_create_stream,
        read=_read_stream,
        update=_update_stream,
        delete=_delete_stream,
    ),
    Kind(
        type="tailscale:index/awsExternalId:AwsExternalId",
        label="AWS External ID",
        computed=("externalId", "tailscaleAwsAccountId"),
        stable=("externalId", "tailscaleAwsAccountId"),
        create=_mint,
        # The API can neither be asked for one nor be told to forget it.
        read=lambda _, __, state: state,
    ),
)
