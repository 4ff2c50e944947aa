"""Auth keys, OAuth clients, federated identities and API keys."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.api.conftest import StandIn
from tests.sandbox.api.wire import Wire

KEYS = "tailnet/-/keys"


def client_body(**changes: object) -> dict[str, object]:
    return {
        "keyType": "client",
        "scopes": ["devices:core", "auth_keys"],
        "tags": ["tag:k8s-operator"],
        "description": "operator of blue",
        **changes,
    }


def auth_body(*tags: str, **changes: object) -> dict[str, object]:
    create = {"reusable": True, "ephemeral": False, "preauthorized": True, "tags": list(tags)}
    return {"capabilities": {"devices": {"create": create}}, **changes}


def test_an_oauth_client_shows_its_secret_once(tagged: StandIn) -> None:
    made = tagged.admin.post(KEYS, client_body()).json
    owner = tagged.admin.get("tailnet/-/users").json["users"][0]["id"]
    secret = made.pop("key")
    assert secret.startswith(f"tskey-client-{made['id']}-")
    assert made == {
        "id": made["id"],
        "keyType": "client",
        "description": "operator of blue",
        "created": "2026-01-05T09:00:00Z",
        "userId": owner,
        "invalid": False,
        "scopes": ["devices:core", "auth_keys"],
        "tags": ["tag:k8s-operator"],
    }
    assert tagged.admin.get(f"{KEYS}/{made['id']}").json == made
    assert made in tagged.admin.get(KEYS).json["keys"]
    assert secret not in tagged.admin.get(KEYS).text


def test_an_auth_key_has_capabilities_and_an_end(tagged: StandIn) -> None:
    made = tagged.admin.post(KEYS, auth_body("tag:k8s", expirySeconds=3600, description="ci")).json
    assert made["keyType"] == "auth"
    assert made["key"].startswith(f"tskey-auth-{made['id']}-")
    assert (made["created"], made["expires"]) == ("2026-01-05T09:00:00Z", "2026-01-05T10:00:00Z")
    assert made["expirySeconds"] == 3600
    assert made["capabilities"]["devices"]["create"] == {
        "reusable": True,
        "ephemeral": False,
        "preauthorized": True,
        "tags": ["tag:k8s"],
    }
    assert tagged.admin.post(KEYS, auth_body()).json["expirySeconds"] == 7776000
    assert tagged.admin.get(f"{KEYS}/{made['id']}").json["invalid"] is False
    tagged.clock.advance(hours=1)
    assert tagged.admin.get(f"{KEYS}/{made['id']}").json["invalid"] is True
    assert made["id"] not in [key["id"] for key in tagged.admin.get(KEYS).json["keys"]]


@pytest.mark.parametrize("seconds", [-1, 7776001])
def test_an_auth_key_lives_for_90_days_at_most(tagged: StandIn, seconds: int) -> None:
    assert tagged.admin.post(KEYS, auth_body(expirySeconds=seconds)).status == 400


def test_an_auth_key_needs_capabilities_for_devices(tagged: StandIn) -> None:
    assert tagged.admin.post(KEYS, {"capabilities": {"devices": {}}}).status == 200
    bodies: list[dict[str, object]] = [{}, {"capabilities": {}}]
    for body in bodies:
        assert tagged.admin.post(KEYS, body).message == '"capabilities" must have an object "devices"'


@pytest.mark.parametrize(
    "kind", [{"keyType": "auth", **auth_body("tag:nope")}, client_body(tags=["tag:k8s", "tag:nope"])]
)
def test_tags_must_be_declared(tagged: StandIn, kind: dict[str, Any]) -> None:
    reply = tagged.admin.post(KEYS, kind)
    assert reply.status == 400
    assert reply.message.startswith("requested tags [")
    assert reply.message.endswith("tag:nope] are invalid or not permitted")


@pytest.mark.parametrize("scope", ["devices:core", "auth_keys"])
def test_scopes_that_make_devices_need_tags(tagged: StandIn, scope: str) -> None:
    assert tagged.admin.post(KEYS, client_body(scopes=[scope], tags=[])).status == 400
    assert tagged.admin.post(KEYS, client_body(scopes=[f"{scope}:read"], tags=[])).status == 200
    assert tagged.admin.post(KEYS, client_body(scopes=["all"], tags=[])).status == 200


@pytest.mark.parametrize("scopes", [[], ["devices"], ["dns", "dns:write"]])
def test_scopes_must_be_some_that_exist(tagged: StandIn, scopes: list[str]) -> None:
    assert tagged.admin.post(KEYS, client_body(scopes=scopes)).status == 400


@pytest.mark.parametrize(
    ("description", "status"), [("a" * 50, 200), ("A-b 9", 200), ("a" * 51, 400), ("blue/op", 400)]
)
def test_descriptions_are_short_and_plain(tagged: StandIn, description: str, status: int) -> None:
    assert tagged.admin.post(KEYS, client_body(description=description)).status == status
    assert tagged.admin.post(KEYS, auth_body("tag:k8s", description=description)).status == status


@pytest.mark.parametrize("kind", ["api", "other"])
def test_other_kinds_of_keys_are_refused(tagged: StandIn, kind: str) -> None:
    assert tagged.admin.post(KEYS, client_body(keyType=kind)).status == 400


def test_a_federated_identity_has_no_secret_and_gets_an_audience(tagged: StandIn) -> None:
    body = client_body(
        keyType="federated", issuer="https://ci.example.com", subject="repo:*", customClaimRules={"a": "b"}
    )
    made = tagged.admin.post(KEYS, body).json
    assert "key" not in made
    assert made["audience"] == f"api.tailscale.com/{made['id']}"
    assert (made["issuer"], made["subject"], made["customClaimRules"]) == (
        "https://ci.example.com",
        "repo:*",
        {"a": "b"},
    )
    assert tagged.admin.post(KEYS, body | {"audience": "own"}).json["audience"] == "own"
    changes: list[dict[str, object]] = [
        {"issuer": "http://ci"},
        {"issuer": ""},
        {"subject": ""},
        {"scopes": []},
        {"customClaimRules": {"a": 1}},
    ]
    for wrong in changes:
        assert tagged.admin.post(KEYS, body | wrong).status == 400


def test_put_sets_all_of_a_trust_credential(tagged: StandIn) -> None:
    made = tagged.admin.post(KEYS, client_body()).json
    tagged.clock.advance(minutes=1)
    path = f"{KEYS}/{made['id']}"
    changed = tagged.admin.put(path, {"keyType": "client", "scopes": ["dns"], "tags": []}).json
    assert (changed["scopes"], changed["tags"], changed["description"]) == (["dns"], [], "")
    assert changed["updated"] == "2026-01-05T09:01:00Z"
    assert "key" not in changed
    assert tagged.nobody.token(client_secret=made["key"]).json["scope"] == "dns"
    for wrong in (client_body(tags=[]), client_body(tags=["tag:nope"]), client_body(keyType="federated")):
        assert tagged.admin.put(path, wrong).status == 400
    auth = tagged.admin.post(KEYS, auth_body("tag:k8s")).json
    assert tagged.admin.put(f"{KEYS}/{auth['id']}", client_body()).status == 400


@pytest.mark.parametrize("body", [client_body(), auth_body("tag:k8s")])
def test_a_deleted_key_stays_readable_as_invalid(tagged: StandIn, body: dict[str, object]) -> None:
    made = tagged.admin.post(KEYS, body).json
    path = f"{KEYS}/{made['id']}"
    assert tagged.admin.delete(path).status == 200
    gone = tagged.admin.get(path).json
    assert (gone["invalid"], gone["revoked"]) == (True, "2026-01-05T09:00:00Z")
    assert made["id"] not in [key["id"] for key in tagged.admin.get(f"{KEYS}?all=true").json["keys"]]
    assert tagged.admin.delete(path).status == 404
    assert tagged.admin.put(path, client_body()).status == 400


def test_unknown_keys_are_not_found(tagged: StandIn) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert tagged.admin.send(method, f"{KEYS}/kNobody", {}).status == 404


def mint(wire: Wire, *tags: str) -> tuple[int, str]:
    reply = wire.post(KEYS, auth_body(*tags))
    return reply.status, reply.json.get("message", "")


def test_a_clients_auth_keys_have_its_tags_or_tags_that_these_own(tagged: StandIn) -> None:
    wire = tagged.oauth("auth_keys", tags=("tag:k8s-operator",))
    assert mint(wire, "tag:k8s-operator") == (200, "")
    assert mint(wire, "tag:k8s") == (200, "")
    refused = "requested tags [{}] are invalid or not permitted"
    assert mint(wire, "tag:other") == (400, refused.format("tag:other"))
    assert mint(wire, "tag:k8s", "tag:other") == (400, refused.format("tag:k8s tag:other"))
    assert mint(wire, "tag:nope") == (400, refused.format("tag:nope"))
    assert mint(wire) == (400, "tailnet-owned auth key must have tags set")


def test_a_part_of_a_clients_tags_is_refused(tagged: StandIn) -> None:
    wire = tagged.oauth("auth_keys", tags=("tag:k8s-operator", "tag:other"))
    assert mint(wire, "tag:other", "tag:k8s-operator") == (200, "")
    assert mint(wire, "tag:other")[0] == 400
    assert mint(wire, "tag:k8s-operator")[0] == 400
    assert mint(wire, "tag:k8s")[0] == 200
    tagged.client.set_policy('{"tagOwners": {"tag:other": ["tag:other"], "tag:k8s-operator": [], "tag:k8s": []}}')
    assert mint(wire, "tag:other")[0] == 200
    assert mint(wire, "tag:k8s")[0] == 400


def test_a_client_with_all_scopes_may_give_every_declared_tag(tagged: StandIn) -> None:
    wire = tagged.oauth("all")
    assert mint(wire, "tag:other")[0] == 200
    assert mint(wire, "tag:nope")[0] == 400


def test_a_tag_that_is_no_longer_declared_cannot_be_given(tagged: StandIn) -> None:
    wire = tagged.oauth("auth_keys", tags=("tag:k8s-operator",))
    tagged.client.set_policy('{"tagOwners": {"tag:k8s": []}}')
    assert mint(wire, "tag:k8s-operator")[0] == 400


def test_each_kind_of_key_has_its_scope(tagged: StandIn) -> None:
    auth = tagged.admin.post(KEYS, auth_body("tag:k8s")).json["id"]
    client = tagged.admin.post(KEYS, client_body(scopes=["dns"], tags=[])).json["id"]
    auth_keys, oauth_keys = tagged.oauth("auth_keys", tags=("tag:k8s",)), tagged.oauth("oauth_keys", "dns")
    assert auth_keys.get(f"{KEYS}/{auth}").status == 200
    assert auth_keys.get(f"{KEYS}/{client}").status == 403
    assert auth_keys.post(KEYS, client_body(scopes=["dns"], tags=[])).status == 403
    assert oauth_keys.get(f"{KEYS}/{client}").status == 200
    assert oauth_keys.delete(f"{KEYS}/{auth}").status == 403
    assert oauth_keys.post(KEYS, client_body(scopes=["dns"], tags=[])).json["userId"] == ""
    assert oauth_keys.post(KEYS, auth_body("tag:k8s")).status == 403
    assert tagged.oauth("dns").get(KEYS).status == 403


def test_a_client_cannot_make_one_with_more_scopes_than_its_own(tagged: StandIn) -> None:
    wire = tagged.oauth("oauth_keys", "dns:read")
    assert wire.post(KEYS, client_body(scopes=["dns:read"], tags=[])).status == 200
    assert wire.post(KEYS, client_body(scopes=["dns"], tags=[])).status == 403


def test_the_list_depends_on_who_asks(tagged: StandIn) -> None:
    auth = tagged.admin.post(KEYS, auth_body("tag:k8s")).json["id"]
    client = tagged.admin.post(KEYS, client_body()).json["id"]
    wire = tagged.oauth("all:read")

    def kinds(reader: Wire, query: str = "") -> set[str]:
        return {key["keyType"] for key in reader.get(KEYS + query).json["keys"]}

    assert kinds(tagged.admin) == {"api", "auth", "client"}
    assert kinds(wire) == {"client"}
    assert kinds(wire, "?all=true") == {"api", "auth", "client"}
    assert kinds(tagged.oauth("auth_keys:read"), "?all=true") == {"auth"}
    found = {key["id"] for key in wire.get(f"{KEYS}?all=true").json["keys"]}
    assert {auth, client} <= found
