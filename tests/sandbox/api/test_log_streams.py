"""Where logs are sent."""

from __future__ import annotations

import pytest

from tests.sandbox.api.conftest import StandIn

STREAM = "tailnet/-/logging/configuration/stream"
SPLUNK = {
    "destinationType": "splunk",
    "url": "https://siem.example.com",
    "user": "user",
    "token": "s3cret",
    "uploadPeriodMinutes": 5,
    "compressionFormat": "zstd",
}


def test_a_stream_is_set_as_a_whole_and_its_token_is_never_shown(stand_in: StandIn) -> None:
    assert stand_in.admin.get(STREAM).status == 404
    assert stand_in.admin.delete(STREAM).status == 404
    assert stand_in.admin.put(STREAM, SPLUNK).status == 200
    shown = {name: value for name, value in SPLUNK.items() if name != "token"}
    assert stand_in.admin.get(STREAM).json == {"logType": "configuration", **shown}
    assert "s3cret" not in (stand_in.folder / "state.json").read_text()
    assert stand_in.admin.get("tailnet/-/logging/network/stream").status == 404
    assert stand_in.admin.get("tailnet/-/logging/audit/stream").status == 404
    assert stand_in.admin.put(STREAM, {"destinationType": "axiom", "url": "https://a.b", "token": "x"}).status == 200
    assert stand_in.admin.get(STREAM).json == {
        "logType": "configuration",
        "destinationType": "axiom",
        "url": "https://a.b",
    }
    assert stand_in.admin.delete(STREAM).status == 200
    assert stand_in.admin.get(STREAM).status == 404


S3 = {
    "destinationType": "s3",
    "s3Bucket": "logs",
    "s3Region": "eu-west-1",
    "s3AuthenticationType": "accesskey",
    "s3AccessKeyId": "AK",
    "s3SecretAccessKey": "s3cret",
}
GCS = {"destinationType": "gcs", "gcsBucket": "logs", "gcsCredentials": "s3cret", "gcsScopes": ["a"]}


def test_buckets(stand_in: StandIn) -> None:
    assert stand_in.admin.put(STREAM, S3).status == 200
    assert "s3SecretAccessKey" not in stand_in.admin.get(STREAM).json
    assert stand_in.admin.put(STREAM, GCS).status == 200
    assert stand_in.admin.get(STREAM).json == {
        "logType": "configuration",
        "destinationType": "gcs",
        "gcsBucket": "logs",
        "gcsScopes": ["a"],
    }
    role = {**S3, "s3AuthenticationType": "rolearn", "s3RoleArn": "arn:aws:iam::1:role/logs"}
    assert stand_in.admin.put(STREAM, {**role, "s3ExternalId": "made-up"}).message == (
        '"s3ExternalId" is none that was given out'
    )
    minted = stand_in.admin.post("tailnet/-/aws-external-id", {"reusable": True}).json
    assert stand_in.admin.post("tailnet/-/aws-external-id", {"reusable": True}).json == minted
    assert stand_in.admin.post("tailnet/-/aws-external-id", {"reusable": False}).json != minted
    assert stand_in.admin.put(STREAM, {**role, "s3ExternalId": minted["externalId"]}).status == 200
    assert stand_in.admin.post("tailnet/-/aws-external-id", {"reusable": True}).json != minted


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"destinationType": "fax"}, '"fax" is no destination type'),
        ({**SPLUNK, "token": ""}, '"token" is required'),
        ({**SPLUNK, "url": ""}, '"url" is required'),
        ({**SPLUNK, "compressionFormat": "zip"}, '"compressionFormat" must be none, zstd or gzip'),
        ({**S3, "user": "ana"}, '"user" must not be set for s3'),
        ({**S3, "s3SecretAccessKey": ""}, '"s3SecretAccessKey" is required'),
        ({**S3, "s3AuthenticationType": "trust"}, '"s3AuthenticationType" must be one of accesskey, rolearn'),
        ({**GCS, "gcsBucket": ""}, '"gcsBucket" is required'),
    ],
)
def test_what_makes_no_sense_is_refused(stand_in: StandIn, body: dict[str, object], message: str) -> None:
    reply = stand_in.admin.put(STREAM, body)
    assert (reply.status, reply.message) == (400, message)
    assert stand_in.admin.get(STREAM).status == 404


def test_a_scope_is_needed(stand_in: StandIn) -> None:
    assert stand_in.oauth("log_streaming").put(STREAM, SPLUNK).status == 200
    reader = stand_in.oauth("log_streaming:read")
    assert reader.get(STREAM).status == 200
    assert reader.put(STREAM, SPLUNK).status == 403
    assert stand_in.oauth("logs:configuration").get(STREAM).status == 403
