"""OAuth clients, federated identities and auth keys, which share one collection of the API."""

from __future__ import annotations

from typing import Any, Final

from tailstack.sandbox.plugins.frame import PluginError
from tailstack.sandbox.plugins.tailscale.answers import at_most, found, listed, one_of, remove, table
from tailstack.sandbox.plugins.tailscale.http_api import Api, segment
from tailstack.sandbox.plugins.tailscale.kind import Kind
from tailstack.sandbox.plugins.values import Properties


def _key_outputs(key: dict[str, Any], *names: str) -> Properties:
    times = {"createdAt": "created", "updatedAt": "updated", "expiresAt": "expires"}
    return {name: key.get(times.get(name, name), "") for name in names}


def _client_body(state: Properties) -> dict[str, Any]:
    return {
        "keyType": "client",
        "scopes": state["scopes"],
        "tags": listed(state.get("tags")),
        "description": state.get("description") or "",
    }


def _create_client(api: Api, inputs: Properties) -> tuple[str, Properties]:
    key = api.tailnet("POST", "keys", _client_body(inputs))
    return key["id"], _key_outputs(key, "key", "createdAt", "updatedAt", "userId")


def _read_client(api: Api, id_: str, _: Properties) -> Properties | None:
    key = found(api, f"keys/{segment(id_)}")
    if key is None:
        return None
    lists = {name: listed(key.get(name)) for name in ("scopes", "tags")}
    return lists | _key_outputs(key, "description", "createdAt", "updatedAt", "userId")


def _update_client(api: Api, id_: str, state: Properties) -> Properties:
    return _key_outputs(api.tailnet("PUT", f"keys/{segment(id_)}", _client_body(state)), "updatedAt")


def _delete_key(api: Api, id_: str, _: Properties) -> None:
    remove(api, f"keys/{segment(id_)}")


_CLAIMS: Final = ("audience", "issuer", "subject")


def _identity_body(state: Properties) -> dict[str, Any]:
    claims = {name: state.get(name) or "" for name in _CLAIMS}
    return _client_body(state) | claims | {"keyType": "federated", "customClaimRules": state["customClaimRules"]}


def _identity(key: dict[str, Any]) -> Properties:
    lists = {name: listed(key.get(name)) for name in ("scopes", "tags")}
    rules = {"customClaimRules": table(key.get("customClaimRules"))}
    return lists | rules | _key_outputs(key, "description", *_CLAIMS, "createdAt", "updatedAt", "userId")


def _create_identity(api: Api, inputs: Properties) -> tuple[str, Properties]:
    key = api.tailnet("POST", "keys", _identity_body(inputs))
    return key["id"], _identity(key)


def _read_identity(api: Api, id_: str, _: Properties) -> Properties | None:
    key = found(api, f"keys/{segment(id_)}")
    return None if key is None else _identity(key)


def _update_identity(api: Api, id_: str, state: Properties) -> Properties:
    return _identity(api.tailnet("PUT", f"keys/{segment(id_)}", _identity_body(state)))


def _reserved_claim(rules: dict[str, str]) -> str | None:
    if not {"sub", "iss", "aud"} & rules.keys():
        return None
    return 'Keys "sub", "iss" and "aud" are reserved and must not appear in custom_claim_rules.'


def _not_https(url: str) -> str | None:
    return None if url.startswith("https://") and len(url) > len("https://") else "Must be a valid https:// URL."


_FLAGS: Final = ("reusable", "ephemeral", "preauthorized")


def _create_auth_key(api: Api, inputs: Properties) -> tuple[str, Properties]:
    device = {name: bool(inputs.get(name)) for name in _FLAGS} | {"tags": listed(inputs.get("tags"))}
    body = {"capabilities": {"devices": {"create": device}}, "description": inputs.get("description") or ""}
    if "expiry" in inputs:
        body["expirySeconds"] = inputs["expiry"]
    key = api.tailnet("POST", "keys", body)
    return key["id"], _key_outputs(key, "key", "createdAt", "expiresAt", "userId") | {
        "expiry": key.get("expirySeconds"),
        "invalid": bool(key.get("invalid")),
    }


def _read_auth_key(api: Api, id_: str, state: Properties) -> Properties | None:
    key = found(api, f"keys/{segment(id_)}")
    if key is None:
        return {"invalid": True} if state else None
    if key.get("keyType", "auth") != "auth":
        raise PluginError(f"Invalid key type '{key['keyType']}': Only 'auth' keys are supported by this resource")
    device = key.get("capabilities", {}).get("devices", {}).get("create", {})
    return _key_outputs(key, "description", "createdAt", "expiresAt", "userId") | {
        **{name: bool(device.get(name)) for name in _FLAGS},
        "tags": listed(device.get("tags")),
        "expiry": key.get("expirySeconds"),
        "invalid": bool(key.get("invalid")),
    }


def _spent(state: Properties) -> str | None:
    """A key that is no longer good is made anew where it was reusable, unless the program says otherwise."""
    wish = state.get("recreateIfInvalid") or ("always" if state.get("reusable") else "never")
    return "invalid" if state.get("invalid") and wish == "always" else None


KINDS: Final = (
    Kind(
        type="tailscale:index/oauthClient:OauthClient",
        label="oauth client",
        required=("scopes",),
        optional=("description", "tags"),
        computed=("createdAt", "key", "updatedAt", "userId"),
        stable=("createdAt", "key", "userId"),
        secret=("key",),
        sets=("scopes", "tags"),
        complaints={"description": at_most("description", 50)},
        create=_create_client,
        read=_read_client,
        update=_update_client,
        delete=_delete_key,
    ),
    Kind(
        type="tailscale:index/federatedIdentity:FederatedIdentity",
        label="federated identity",
        required=("issuer", "scopes", "subject"),
        optional=("audience", "customClaimRules", "description", "tags"),
        defaults={"customClaimRules": {}, "tags": []},
        computed=("audience", "createdAt", "updatedAt", "userId"),
        stable=("createdAt", "userId"),
        sets=("scopes", "tags"),
        complaints={
            "customClaimRules": _reserved_claim,
            "description": at_most("description", 50),
            "issuer": _not_https,
        },
        create=_create_identity,
        read=_read_identity,
        update=_update_identity,
        delete=_delete_key,
    ),
    Kind(
        type="tailscale:index/tailnetKey:TailnetKey",
        label="key",
        optional=(*_FLAGS, "description", "expiry", "recreateIfInvalid", "tags", "userId"),
        computed=("createdAt", "expiresAt", "expiry", "invalid", "key", "userId"),
        stable=("createdAt", "expiresAt", "expiry", "invalid", "key", "userId"),
        secret=("key",),
        replaces=(*_FLAGS, "description", "expiry", "tags"),
        sets=("tags",),
        same={name: lambda old, new: bool(old) == bool(new) for name in _FLAGS},
        complaints={
            "description": at_most("description", 50),
            "recreateIfInvalid": one_of("recreate_if_invalid", "", "always", "never"),
        },
        must_replace=_spent,
        create=_create_auth_key,
        read=_read_auth_key,
        delete=_delete_key,
    ),
)
