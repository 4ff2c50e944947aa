"""The tailnet as it is read, against the stand-in of the API: everything, or what a credential may see."""

from __future__ import annotations

import io
from collections.abc import Generator
from pathlib import Path

import pytest

from tailstack.engine.live_tailnet import SCOPES, nothing_readable, read_tailnet
from tailstack.engine.tailscale_api import ApiKey, OAuthClient, TailscaleApi
from tailstack.live.model import Unknown
from tailstack.sandbox.api.application import Application
from tailstack.sandbox.api.client import SandboxClient
from tailstack.sandbox.api.server import serving
from tailstack.sandbox.api.store import Store

POLICY = """{
  "tagOwners": {"tag:a": []},
  "grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}],
  "autoApprovers": {"services": {"svc:web": ["tag:a"]}},
}"""


@pytest.fixture
def client(tmp_path: Path) -> Generator[SandboxClient]:
    store = Store(tmp_path / "api", name="example.com", dns_name="tail1a2b.ts.net")
    with serving(Application(store), log=io.StringIO(), poll_seconds=0.005) as server:
        made = SandboxClient.of_folder(server.url, tmp_path / "api")
        made.set_policy(POLICY)
        body = {"name": "svc:web", "ports": ["tcp:443"], "tags": ["tag:a"]}
        made.api.send("PUT", "vip-services", "svc:web", body=body)
        key = made.create_auth_key(tags=["tag:a"], reusable=True)
        made.register_device("host", auth_key=key.secret, services=["svc:web"], routes=["10.0.0.0/8"])
        yield made


def with_scopes(client: SandboxClient, *scopes: str) -> TailscaleApi:
    key = client.create_oauth_client(scopes=scopes, tags=["tag:a"] if "devices:core" in scopes else [])
    return TailscaleApi(OAuthClient(client_id=key.id, secret=key.secret), base_url=client.url)


def test_everything_is_read_at_once(client: SandboxClient) -> None:
    live = read_tailnet(client.api, hosted=["svc:web"])
    assert live.unknown == ()
    assert isinstance(live.devices, tuple)
    (device,) = live.devices
    assert (device.name, device.tags, device.advertised) == ("host.tail1a2b.ts.net", ("tag:a",), ("10.0.0.0/8",))
    assert isinstance(live.services, tuple)
    (service,) = live.services
    assert isinstance(service.hosts, tuple)
    assert [(host.device, host.is_approved) for host in service.hosts] == [(device.id, True)]
    assert isinstance(live.keys, tuple)
    assert {key.kind for key in live.keys} == {"api", "auth"}
    assert live.policy == POLICY
    assert live.magic_dns in (True, False)


def test_nothing_is_written(client: SandboxClient) -> None:
    client.clear_requests()
    read_tailnet(client.api, hosted=["svc:web"])
    assert {request.method for request in client.requests()} == {"GET"}


def test_the_documented_scopes_read_everything_but_hosts(client: SandboxClient) -> None:
    scopes = {scope for every in SCOPES.values() for scope in every}
    assert all(scope.endswith(":read") for scope in scopes)
    live = read_tailnet(with_scopes(client, *sorted(scopes)), hosted=["svc:web"])
    assert live.unknown == ()
    assert isinstance(live.services, tuple)
    hosts = live.services[0].hosts
    assert isinstance(hosts, Unknown)
    assert hosts.reason.endswith("the credential needs the scopes services and devices:core")


def test_each_scope_that_is_missing_is_named(client: SandboxClient) -> None:
    live = read_tailnet(with_scopes(client, "policy_file:read"))
    assert isinstance(live.devices, Unknown)
    assert live.devices.reason.endswith("the credential needs the scopes devices:core:read and devices:routes:read")
    assert isinstance(live.services, Unknown)
    assert not live.services.is_silent
    assert live.policy == POLICY


def test_a_service_that_does_not_answer_is_unknown(client: SandboxClient, tmp_path: Path) -> None:
    client.inject_fault(500, path="/devices", times=0)
    key = (tmp_path / "api" / "api-key").read_text().strip()
    api = TailscaleApi(ApiKey(secret=key), base_url=client.url, pause=lambda _: None)
    live = read_tailnet(api)
    assert isinstance(live.devices, Unknown)
    assert [(one.what, one.is_silent) for one in live.unknown] == [("devices", True)]


def test_keys_that_are_listed_by_their_ids_are_looked_up(
    client: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = client.api.get

    def only_ids(*path: str, query: dict[str, str] | None = None) -> object:
        answer = whole(*path, query=query)
        return {"keys": [{"id": key["id"]} for key in answer["keys"]]} if path == ("keys",) else answer

    monkeypatch.setattr(client.api, "get", only_ids)
    live = read_tailnet(client.api)
    assert isinstance(live.keys, tuple)
    assert {key.kind for key in live.keys} == {"api", "auth"}
    client.inject_fault(403, path="/keys/", times=0)
    assert isinstance(read_tailnet(client.api).keys, Unknown)


def test_a_key_that_was_revoked_is_told_only_where_somebody_asks_for_it(client: SandboxClient) -> None:
    revoked = client.create_oauth_client(scopes=["dns:read"], description="old")
    client.api.send("DELETE", "keys", revoked.id)
    listed = read_tailnet(client.api).keys
    asked = read_tailnet(client.api, credentials=[revoked.id, "kNobodyCNTRL"]).keys
    assert isinstance(listed, tuple)
    assert isinstance(asked, tuple)
    (more,) = set(asked) - set(listed)
    assert (more.id, more.is_revoked) == (revoked.id, True)
    assert not any(key.is_revoked for key in listed)
    unseen = read_tailnet(with_scopes(client, "auth_keys:read"), credentials=[revoked.id]).keys
    assert isinstance(unseen, tuple)
    assert revoked.id not in {key.id for key in unseen}


def test_without_a_credential_nothing_is_known() -> None:
    live = nothing_readable("there is none")
    assert len(live.unknown) == 6
    assert {one.reason for one in live.unknown} == {"there is none"}
