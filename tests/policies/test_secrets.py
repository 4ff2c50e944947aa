"""What a policy says is searched for what resources keep as secrets."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.secrets import without_secrets
from tests.policies.judging import OPTIONS

SECRET = "kubernetes:core/v1:Secret"
RELEASE = "kubernetes:helm.sh/v3:Release"


def resource(kind: str, props: dict[str, Any]) -> PolicyResource:
    return PolicyResource(kind, unknown_checking_proxy(props), "urn", "it", OPTIONS, None, None, [], {})


@pytest.mark.parametrize(
    ("kind", "props"),
    [
        (SECRET, {"stringData": {"a": "hunter2"}}),
        (SECRET, {"data": {"a": "aHVudGVyMg=="}}),
        (SECRET, {"data": {"a": "hunter2"}}),
        (SECRET, {"data": UNKNOWN_STRING_VALUE, "stringData": {"x": UNKNOWN_STRING_VALUE, "a": "hunter2"}}),
        (RELEASE, {"values": {"oauth": {"clientSecret": "hunter2", "clientId": UNKNOWN_STRING_VALUE}}}),
        (RELEASE, {"values": {"env": [UNKNOWN_STRING_VALUE, {"name": "A", "token": "hunter2"}]}}),
        ("tailscale:index/oauthClient:OauthClient", {"key": "hunter2", "id": "k1"}),
        ("aws:rds/instance:Instance", {"password": "hunter2"}),
        ("x:y:Z", {"credentials": {"api_key": {"value": "hunter2"}}}),
    ],
)
def test_the_value_of_a_secret_is_hidden(kind: str, props: dict[str, Any]) -> None:
    assert without_secrets("Service hunter2 is wrong.", [resource(kind, props)]) == "Service [secret] is wrong."


@pytest.mark.parametrize(
    ("kind", "props"),
    [
        ("kubernetes:apps/v1:Deployment", {"spec": {"tolerations": [{"key": "hunter2"}]}}),
        ("x:y:Z", {"monkey": "hunter2", "keys": "hunter2", "name": "hunter2"}),
        (SECRET, {"metadata": {"name": "hunter2"}}),
        (SECRET, {"stringData": {"a": "hunt"}}),
    ],
)
def test_what_is_no_secret_or_too_short_stays(kind: str, props: dict[str, Any]) -> None:
    assert without_secrets("Service hunter2 is wrong.", [resource(kind, props)]) == "Service hunter2 is wrong."


def test_the_longer_of_two_secrets_is_hidden_whole_and_keys_of_tailscale_always() -> None:
    both = [resource(SECRET, {"stringData": {"a": "hunter", "b": "hunter2hunter2"}})]
    assert without_secrets("hunter2hunter2 hunter tskey-auth-k1-x", both) == "[secret] [secret] [secret]"
