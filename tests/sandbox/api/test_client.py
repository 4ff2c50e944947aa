"""The client of the stand-in where it has more to say than the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailstack.engine.tailscale_api import Failure, TailscaleApiError
from tailstack.sandbox.api.client import SandboxClient
from tailstack.sandbox.failure import SandboxError
from tests.sandbox.api.conftest import POLICY, StandIn


def test_the_policy_is_replaced_only_where_it_is_the_version_that_was_read(stand_in: StandIn) -> None:
    before = stand_in.client.get_policy()
    stand_in.client.set_policy(POLICY, if_match=before.etag)
    with pytest.raises(TailscaleApiError) as raised:
        stand_in.client.set_policy(before.text, if_match=before.etag)
    assert raised.value.failure is Failure.CHANGED
    assert stand_in.client.get_policy().text == POLICY


def test_secrets_are_in_no_repr(tagged: StandIn) -> None:
    key = tagged.client.create_auth_key(tags=["tag:k8s"])
    assert key.secret.startswith("tskey-auth-")
    assert key.tags == ("tag:k8s",)
    assert "tskey" not in repr(key)
    found = tagged.client.keys()
    assert {key.secret for key in found} == {""}


def test_a_folder_without_secrets_and_a_server_that_is_gone_are_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="the API stand-in's secrets cannot be read"):
        SandboxClient.of_folder("http://127.0.0.1:1", tmp_path)
    client = SandboxClient("http://127.0.0.1:1", api_key="tskey-api-k-s", control_token="t")
    with pytest.raises(SandboxError, match="does not answer"):
        client.reset()
