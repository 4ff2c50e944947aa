"""How the tailscale provider gets at the API, and its functions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailstack.sandbox.plugins.frame import Engine, PluginError
from tailstack.sandbox.plugins.tailscale.http_api import ApiKey
from tailstack.sandbox.plugins.tailscale.provider import TailscaleProvider
from tailstack.sandbox.plugins.values import Properties
from tests.sandbox.plugins.service import Service

POLICY = '{"tagOwners": {"tag:op": []}, // why\n}'


def provider(service: Service, **config: str) -> TailscaleProvider:
    made = TailscaleProvider(Engine(""))
    made.configure({"baseUrl": service.url, **config})
    return made


def policy_through(access: TailscaleProvider) -> str:
    return access.invoke("tailscale:index/getAcl:getAcl", {})["hujson"]


def oauth_client(service: Service, *scopes: str) -> dict[str, str]:
    made = service.post("tailnet/-/keys", {"keyType": "client", "scopes": [*scopes], "tags": []})
    return {"oauthClientId": made["id"], "oauthClientSecret": made["key"]}


def test_an_api_key_from_the_config_the_environment_or_a_file(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.save_policy(POLICY)
    assert policy_through(provider(service, apiKey=service.key)) == POLICY
    file = tmp_path / "key"
    file.write_text(service.key + "\n", "utf-8")
    assert policy_through(provider(service, apiKey=f"file:{file}")) == POLICY
    monkeypatch.setenv("TAILSCALE_API_KEY", service.key)
    monkeypatch.setenv("TAILSCALE_BASE_URL", service.url + "/")
    monkeypatch.setenv("TAILSCALE_TAILNET", "example.com")
    assert policy_through(provider(service, baseUrl="")) == POLICY


def test_an_oauth_client_fetches_one_token_for_the_scopes_asked_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.save_policy(POLICY)
    client = oauth_client(service, "policy_file:read", "dns:read")
    access = provider(service, **client)
    assert policy_through(access) == policy_through(access) == POLICY
    assert service.statuses("POST", "/oauth/token") == [200]
    narrow = provider(service, **client, scopes=json.dumps(["dns:read"]))
    with pytest.raises(PluginError, match=r"\(403\)"):
        policy_through(narrow)
    monkeypatch.setenv("TAILSCALE_OAUTH_CLIENT_ID", client["oauthClientId"])
    monkeypatch.setenv("OAUTH_CLIENT_SECRET", client["oauthClientSecret"])
    assert policy_through(provider(service)) == POLICY
    with pytest.raises(PluginError, match="oauth2: cannot fetch token: "):
        policy_through(provider(service, **{**client, "oauthClientSecret": "wrong"}))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "credentials are empty"),
        ({"apiKey": "a", "oauthClientId": "b"}, "credentials are conflicting"),
        ({"oauthClientId": "a", "oauthClientSecret": "b", "audience": "c"}, "'audience' conflicts with"),
        ({"oauthClientSecret": "b"}, "'oauth_client_id' is empty"),
        ({"oauthClientId": "b"}, "are mandatory with 'oauth_client_id'"),
    ],
)
def test_credentials_that_cannot_be_are_refused(config: dict[str, str], reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        TailscaleProvider(Engine("")).configure({**config})


def test_a_wrong_key_is_refused_by_the_api_and_shown_nowhere(service: Service) -> None:
    with pytest.raises(PluginError) as raised:
        policy_through(provider(service, apiKey="tskey-api-wrong"))
    assert "(401)" in str(raised.value)
    assert "wrong" not in str(raised.value)
    assert "secret" not in repr(ApiKey("secret"))


def test_an_api_that_is_not_there_is_named() -> None:
    access = TailscaleProvider(Engine(""))
    access.configure({"baseUrl": "http://127.0.0.1:1", "apiKey": "x"})
    with pytest.raises(PluginError, match=r'GET "http://127.0.0.1:1/api/v2/tailnet/-/acl": .*refused'):
        policy_through(access)


def test_the_policy_comes_as_written_and_as_json(service: Service) -> None:
    service.save_policy(POLICY)
    found = provider(service, apiKey=service.key).invoke("tailscale:index/getAcl:getAcl", {})
    assert found["hujson"] == POLICY
    assert json.loads(found["json"]) == {"tagOwners": {"tag:op": []}}


def test_devices_by_prefix_by_filter_and_by_name(service: Service) -> None:
    service.save_policy(POLICY)
    for hostname in ("alpha", "beta"):
        create = {"tags": ["tag:op"], "preauthorized": True}
        key = service.post("tailnet/-/keys", {"capabilities": {"devices": {"create": create}}})["key"]
        service.control("devices", {"authKey": key, "hostname": hostname})
    access = provider(service, apiKey=service.key)

    def names(arguments: Properties) -> set[str]:
        found = access.invoke("tailscale:index/getDevices:getDevices", arguments)
        return {device["hostname"] for device in found["devices"]}

    assert names({}) == {"alpha", "beta"}
    assert names({"namePrefix": "al"}) == {"alpha"}
    assert names({"filters": [{"name": "hostname", "values": ["beta"]}]}) == {"beta"}
    one = access.invoke("tailscale:index/getDevice:getDevice", {"hostname": "alpha"})
    assert one["tags"] == ["tag:op"]
    assert access.invoke("tailscale:index/getDevice:getDevice", {"name": one["name"]})["nodeId"] == one["nodeId"]
    with pytest.raises(PluginError, match="Could not find device with hostname gamma"):
        access.invoke("tailscale:index/getDevice:getDevice", {"hostname": "gamma"})


def test_waiting_for_a_device_ends_when_the_user_interrupts(service: Service) -> None:
    engine = Engine("")
    access = TailscaleProvider(engine)
    access.configure({"baseUrl": service.url, "apiKey": service.key})
    engine.cancelled.set()
    with pytest.raises(PluginError, match="Could not find device"):
        access.invoke("tailscale:index/getDevice:getDevice", {"hostname": "gamma", "waitFor": "1h"})


def test_a_tailscale_service_can_be_looked_up(service: Service) -> None:
    service.post("tailnet/-/vip-services/svc:pay", {"name": "svc:pay", "ports": ["tcp:443"]}, method="PUT")
    found = provider(service, apiKey=service.key).invoke("tailscale:index/getService:getService", {"name": "svc:pay"})
    assert found["ports"] == ["tcp:443"]
    assert len(found["addrs"]) == 2


def test_people_by_id_by_login_name_and_by_role(service: Service) -> None:
    access = provider(service, apiKey=service.key)
    id_ = service.control("users", {"loginName": "ana@example.com", "role": "auditor"})["id"]
    for arguments in ({"id": id_}, {"loginName": "ana@example.com"}):
        found = access.invoke("tailscale:index/getUser:getUser", arguments)
        assert (found["id"], found["role"], found["status"]) == (id_, "auditor", "active")
    auditors = access.invoke("tailscale:index/getUsers:getUsers", {"role": "auditor"})
    assert [each["loginName"] for each in auditors["users"]] == ["ana@example.com"]
    assert len(access.invoke("tailscale:index/getUsers:getUsers", {})["users"]) == 2
    with pytest.raises(PluginError, match="Could not find user with login name li@"):
        access.invoke("tailscale:index/getUser:getUser", {"loginName": "li@example.com"})
    with pytest.raises(PluginError, match="must be specified"):
        access.invoke("tailscale:index/getUser:getUser", {})


def test_the_address_that_stands_for_another_site(service: Service) -> None:
    access = provider(service, apiKey=service.key)

    def mapped(site: int, cidr: str) -> str:
        found = access.invoke("tailscale:index/get4Via6:get4Via6", {"site": site, "cidr": cidr})
        assert found["id"] == found["ipv6"]
        return found["ipv6"]

    # The example of https://tailscale.com/kb/1201/4via6-subnets
    assert mapped(7, "10.1.1.0/24") == "fd7a:115c:a1e0:b1a:0:7:a01:100/120"
    assert mapped(65535, "10.0.0.1/32") == "fd7a:115c:a1e0:b1a:0:ffff:a00:1/128"
    with pytest.raises(PluginError, match="expected site to be in the range"):
        mapped(65536, "10.0.0.0/8")
    with pytest.raises(PluginError, match="invalid CIDR"):
        mapped(1, "fd00::/8")
