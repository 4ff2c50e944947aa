"""Settings, contacts, users and webhooks."""

from __future__ import annotations

import pytest

from tailstack.sandbox.failure import SandboxError
from tests.sandbox.api.conftest import StandIn

SETTINGS = "tailnet/-/settings"
DEFAULTS = {
    "aclsExternallyManagedOn": False,
    "aclsExternalLink": "",
    "devicesApprovalOn": False,
    "devicesAutoUpdatesOn": False,
    "devicesKeyDurationDays": 180,
    "usersApprovalOn": False,
    "usersRoleAllowedToJoinExternalTailnets": "none",
    "networkFlowLoggingOn": False,
    "regionalRoutingOn": False,
    "postureIdentityCollectionOn": False,
    "httpsEnabled": False,
}


def test_settings_change_where_they_are_named(stand_in: StandIn) -> None:
    assert stand_in.admin.get(SETTINGS).json == DEFAULTS
    # The Go client always sends both acls settings, as null where they are to stay.
    body = {
        "aclsExternallyManagedOn": None,
        "aclsExternalLink": None,
        "httpsEnabled": True,
        "devicesKeyDurationDays": 30,
    }
    expected = DEFAULTS | {"httpsEnabled": True, "devicesKeyDurationDays": 30}
    assert stand_in.admin.patch(SETTINGS, body).json == expected
    link = {"aclsExternallyManagedOn": True, "aclsExternalLink": "https://git.example.com/tailnet"}
    assert stand_in.admin.patch(SETTINGS, link).json == expected | link
    assert stand_in.admin.patch(SETTINGS, {"aclsExternalLink": ""}).json == expected | link | {"aclsExternalLink": ""}
    assert stand_in.client.settings() == stand_in.admin.get(SETTINGS).json


@pytest.mark.parametrize(
    "body",
    [
        {"devicesKeyDurationDays": 0},
        {"devicesKeyDurationDays": 181},
        {"usersRoleAllowedToJoinExternalTailnets": "owner"},
        {"httpsEnabled": "yes"},
        {"aclsExternalLink": 1},
    ],
)
def test_values_that_make_no_sense_change_nothing(stand_in: StandIn, body: dict[str, object]) -> None:
    assert stand_in.admin.patch(SETTINGS, {"devicesApprovalOn": True, **body}).status == 400
    assert stand_in.admin.get(SETTINGS).json == DEFAULTS


def test_each_setting_has_its_scope(stand_in: StandIn) -> None:
    network = stand_in.oauth("networking_settings")
    assert network.get(SETTINGS).json == {"httpsEnabled": False}
    assert network.patch(SETTINGS, {"httpsEnabled": True}).json == {"httpsEnabled": True}
    assert network.patch(SETTINGS, {"httpsEnabled": False, "devicesApprovalOn": True}).status == 403
    assert stand_in.admin.get(SETTINGS).json["httpsEnabled"] is True
    features = stand_in.oauth("feature_settings:read", "policy_file:read").get(SETTINGS).json
    assert set(DEFAULTS) - set(features) == {"httpsEnabled", "networkFlowLoggingOn"}
    stranger = stand_in.oauth("dns")
    assert stranger.get(SETTINGS).status == 403
    assert stranger.patch(SETTINGS, {}).status == 403


def test_a_contact_is_to_be_verified_after_a_change(stand_in: StandIn) -> None:
    path = "tailnet/-/contacts"
    before = {"email": "owner@example.com", "needsVerification": False}
    assert stand_in.admin.get(path).json == {"account": before, "support": before, "security": before}
    for _ in range(2):
        assert stand_in.admin.patch(f"{path}/security", {"email": "sec@example.com"}).status == 200
    assert stand_in.admin.get(path).json["security"] == {
        "email": "sec@example.com",
        "fallbackEmail": "owner@example.com",
        "needsVerification": True,
    }
    assert stand_in.admin.patch(f"{path}/billing", {"email": "a@b.c"}).status == 404
    assert stand_in.admin.patch(f"{path}/support", {"email": "nobody"}).status == 400
    assert stand_in.oauth("account_settings:read").patch(f"{path}/support", {"email": "a@b.c"}).status == 403


def test_users_by_role(stand_in: StandIn) -> None:
    id_ = stand_in.client.add_user("ana@example.com", role="network-admin")
    stand_in.client.register_device("laptop", user="ana@example.com")
    users = "tailnet/-/users"
    assert [user["loginName"] for user in stand_in.admin.get(users).json["users"]] == [
        "owner@example.com",
        "ana@example.com",
    ]
    (ana,) = stand_in.admin.get(f"{users}?role=network-admin&type=member").json["users"]
    assert (ana["id"], ana["role"], ana["deviceCount"], ana["currentlyConnected"]) == (id_, "network-admin", 1, True)
    assert stand_in.admin.get(f"users/{id_}").json == ana
    assert stand_in.admin.get(f"{users}?type=shared").json == {"users": []}
    assert stand_in.admin.get(f"{users}?role=king").status == 400
    assert stand_in.admin.get("users/uNobody").status == 404
    assert stand_in.oauth("users:read").get(users).status == 200
    assert stand_in.oauth("dns").get(users).status == 403
    for login_name, role in (("ana@example.com", "member"), ("ben", "member"), ("ben@example.com", "king")):
        with pytest.raises(SandboxError):
            stand_in.client.add_user(login_name, role=role)


def test_a_webhooks_secret_is_shown_when_it_is_made(stand_in: StandIn) -> None:
    path = "tailnet/-/webhooks"
    body = {"endpointUrl": "https://hooks.example.com/x", "providerType": "slack", "subscriptions": ["policyUpdate"]}
    made = stand_in.admin.post(path, body).json
    secret, one = made.pop("secret"), f"webhooks/{made['endpointId']}"
    assert made["creatorLoginName"] == "owner@example.com"
    assert stand_in.admin.get(one).json == made
    assert stand_in.admin.get(path).json == {"webhooks": [made]}
    stand_in.clock.advance(minutes=1)
    rotated = stand_in.admin.post(f"{one}/rotate").json
    assert rotated["secret"] not in ("", secret)
    assert rotated["lastModified"] == "2026-01-05T09:01:00Z"
    assert stand_in.admin.patch(one, {"subscriptions": ["nodeCreated"]}).json["subscriptions"] == ["nodeCreated"]
    assert stand_in.admin.post(f"{one}/test").status == 202
    changes: list[dict[str, object]] = [
        {"endpointUrl": "http://x"},
        {"providerType": "irc"},
        {"subscriptions": []},
        {"subscriptions": ["x"]},
    ]
    for wrong in changes:
        assert stand_in.admin.post(path, body | wrong).status == 400
    assert stand_in.oauth("webhooks:read").delete(one).status == 403
    assert stand_in.oauth("webhooks").post(path, body).json["creatorLoginName"] == ""
    assert stand_in.admin.delete(one).status == 200
    for method, suffix in (("GET", ""), ("DELETE", ""), ("PATCH", ""), ("POST", "/test"), ("POST", "/rotate")):
        assert stand_in.admin.send(method, one + suffix, {}).status == 404
