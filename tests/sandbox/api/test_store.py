"""The folder: what survives a restart, what is secret, and what is wrong with it."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tailstack.sandbox.api.application import Application
from tailstack.sandbox.api.client import SandboxClient
from tailstack.sandbox.api.server import serving
from tailstack.sandbox.api.store import Store
from tailstack.sandbox.api.tailnet import UnwornTags
from tailstack.sandbox.failure import SandboxError
from tests.sandbox.api.conftest import POLICY, Clock, StandIn
from tests.sandbox.api.wire import Wire


def opened(folder: Path) -> Store:
    return Store(folder, name="example.com", dns_name="tail1a2b.ts.net")


def test_everything_survives_a_restart(tagged: StandIn, tmp_path: Path) -> None:
    client = tagged.client
    operator = client.create_oauth_client(scopes=["devices:core", "auth_keys"], tags=["tag:k8s-operator"])
    token = tagged.nobody.token(client_id=operator.id, client_secret=operator.secret).json["access_token"]
    key = client.create_auth_key(tags=["tag:k8s"], reusable=True)
    client.register_device("proxy", auth_key=key.secret, routes=["10.0.0.0/8"], services=["svc:web"])
    tagged.admin.put("tailnet/-/services/svc:web", {"ports": ["tcp:443"], "annotations": {"a": "b"}})
    tagged.admin.post(
        f"device/{client.devices()[0].node_id}/attributes/custom:a", {"value": 1, "expiry": "2027-01-01T00:00:00Z"}
    )
    tagged.admin.post("tailnet/-/dns/configuration", {"splitDNS": {"a.com": [{"address": "10.0.0.1"}]}})
    tagged.admin.patch("tailnet/-/settings", {"httpsEnabled": True})
    tagged.admin.patch("tailnet/-/contacts/support", {"email": "help@example.com"})
    hook = {"endpointUrl": "https://hooks.example.com", "subscriptions": ["policyUpdate"]}
    tagged.admin.post("tailnet/-/webhooks", hook)
    client.change_behaviour(clockOffsetSeconds=1)

    copied = tmp_path / "copy"
    copied.mkdir()
    for file in tagged.folder.iterdir():
        (copied / file.name).write_bytes(file.read_bytes())
    store = opened(copied)
    with serving(Application(store, tagged.clock), poll_seconds=0.005) as server:
        again, admin = (
            SandboxClient.of_folder(server.url, copied),
            Wire(server.url).as_bearer((copied / "api-key").read_text().strip()),
        )
        paths = (
            "acl",
            "devices?fields=all",
            "services",
            "dns/configuration",
            "settings",
            "contacts",
            "webhooks",
            "keys",
        )
        for path in paths:
            assert admin.get(f"tailnet/-/{path}").body == tagged.admin.get(f"tailnet/-/{path}").body, path
        assert Wire(server.url).as_bearer(token).get("tailnet/-/devices").status == 200
        assert again.register_device("proxy", auth_key=key.secret).name.startswith("proxy-1.")
        assert again.get_policy() == client.get_policy()
    store.close()


def test_files_are_private_and_hold_no_secret_but_the_two_that_are_asked_for(tagged: StandIn) -> None:
    operator = tagged.client.create_oauth_client(scopes=["auth_keys"], tags=["tag:k8s"])
    token = tagged.nobody.token(client_id=operator.id, client_secret=operator.secret).json["access_token"]
    key = tagged.client.create_auth_key(tags=["tag:k8s"])
    hook = {"endpointUrl": "https://hooks.example.com", "subscriptions": ["policyUpdate"]}
    webhook = tagged.admin.post("tailnet/-/webhooks", hook).json["secret"]
    admin = (tagged.folder / "api-key").read_text().strip()
    assert stat.S_IMODE(tagged.folder.stat().st_mode) == 0o700
    files = {file.name: file for file in tagged.folder.iterdir()}
    assert set(files) == {"api-key", "control-token", "lock", "state.json"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files.values()} == {0o600}
    state = files["state.json"].read_text()
    assert operator.id in state
    for secret in (operator.secret, token, key.secret, webhook, admin):
        assert secret not in state


def test_two_servers_cannot_share_a_folder(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(SandboxError, match="another server uses"):
        opened(tmp_path)
    store.close()
    opened(tmp_path).close()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 0}', '{"version": 1, "tailnet": {"name": "x"}}', '{"version": 1}']
)
def test_a_state_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    for _ in range(2):
        with pytest.raises(SandboxError, match=r"state\.json .*delete it to start afresh"):
            opened(tmp_path)


def test_a_lost_key_file_gets_a_new_key_in_place_of_the_old_one(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.save(replace(first.tailnet, policy=POLICY))
    old = (tmp_path / "api-key").read_text().strip()
    first.close()
    (tmp_path / "api-key").unlink()
    second = opened(tmp_path)
    new = (tmp_path / "api-key").read_text().strip()
    assert new != old
    assert second.tailnet.policy == POLICY
    with serving(Application(second, Clock()), poll_seconds=0.005) as server:
        assert Wire(server.url).as_bearer(new).get("tailnet/-/settings").status == 200
        assert Wire(server.url).as_bearer(old).get("tailnet/-/settings").status == 401
    second.close()
    (tmp_path / "api-key").write_text("garbage\n")
    with pytest.raises(SandboxError, match="does not hold a secret that was made for it"):
        opened(tmp_path)


def test_names_and_choices_are_those_of_the_latest_start(tmp_path: Path) -> None:
    opened(tmp_path).close()
    store = Store(tmp_path, name="other.com", dns_name="tail9.ts.net", unworn_tags=UnwornTags.FAIL)
    assert (store.tailnet.name, store.tailnet.dns_name) == ("other.com", "tail9.ts.net")
    assert store.tailnet.behaviour.unworn_tags is UnwornTags.FAIL
    store.close()
