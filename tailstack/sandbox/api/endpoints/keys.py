"""Auth keys, OAuth clients, federated identities and API keys: one collection."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError, json_answer
from tailstack.sandbox.api.calls import Call, Fields
from tailstack.sandbox.api.credentials import digest, new_id, new_secret
from tailstack.sandbox.api.ownership import refuse_foreign_tags, refuse_missing_tags
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.scopes import FORBIDDEN, SCOPES, Actor
from tailstack.sandbox.api.tailnet import Key, KeyKind
from tailstack.sandbox.api.times import written

_SCOPES = {
    KeyKind.AUTH: "auth_keys",
    KeyKind.CLIENT: "oauth_keys",
    KeyKind.FEDERATED: "federated_keys",
    KeyKind.API: "api_access_tokens",
}
_LONGEST_SECONDS = 90 * 24 * 3600
_DESCRIPTION = re.compile(r"[A-Za-z0-9 -]{0,50}")
_TRUST_CREDENTIALS = (KeyKind.CLIENT, KeyKind.FEDERATED)


def list_keys(call: Call) -> Answer:
    """Valid keys the caller may read; without `all=true` a user's own, or all of the caller's kind of credential."""
    readable = {kind for kind, scope in _SCOPES.items() if call.actor.may(f"{scope}:read")}
    if not readable:
        raise RefusedError(HTTPStatus.FORBIDDEN, FORBIDDEN)
    keys = [key for key in call.tailnet.keys.values() if key.kind in readable and key.is_valid(call.now)]
    if call.asks("all") != "true":
        own = KeyKind.FEDERATED if call.actor.is_federated else KeyKind.CLIENT
        keys = [key for key in keys if (key.user_id == call.actor.user_id if call.actor.user_id else key.kind is own)]
    return json_answer({"keys": [_shown(key, call) for key in keys]})


def create(call: Call) -> Answer:
    """A new auth key or trust credential; its secret is in this answer and in no other."""
    body = call.json()
    kind = _kind(body.text("keyType", KeyKind.AUTH), (KeyKind.AUTH, *_TRUST_CREDENTIALS))
    call.actor.need(_SCOPES[kind])
    key = Key(
        id=new_id("k"),
        kind=kind,
        created=call.now,
        description=_description(body),
        user_id=call.actor.user_id,
    )
    key = _auth_key(key, body, call) if kind is KeyKind.AUTH else _trust_credential(key, body, call)
    secret = "" if kind is KeyKind.FEDERATED else new_secret(kind, key.id)
    key = replace(key, secret_digest=digest(secret) if secret else "")
    shown = _shown(key, call) | ({"key": secret} if secret else {})
    return json_answer(shown, tailnet=replace(call.tailnet, keys={**call.tailnet.keys, key.id: key}))


def get(call: Call) -> Answer:
    """A key without its secret. Revoked and expired ones too, with `invalid`; the caller's own with any scope."""
    key = _found(call)
    if key.id != call.actor.key_id:
        call.actor.need(f"{_SCOPES[key.kind]}:read")
    return json_answer(_shown(key, call))


def put(call: Call) -> Answer:
    """Sets all of a trust credential's configuration anew; its secret stays."""
    key = _found(call)
    call.actor.need(_SCOPES[key.kind])
    if key.kind not in _TRUST_CREDENTIALS or key.revoked is not None:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "only valid OAuth clients and federated identities can be changed")
    body = call.json()
    if _kind(body.text("keyType", key.kind), _TRUST_CREDENTIALS) is not key.kind:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"the type of key {key.id} is {key.kind} and cannot be changed")
    changed = _trust_credential(replace(key, description=_description(body), updated=call.now), body, call)
    return json_answer(
        _shown(changed, call), tailnet=replace(call.tailnet, keys={**call.tailnet.keys, key.id: changed})
    )


def delete(call: Call) -> Answer:
    """Revokes a key. It can still be read, as invalid; tokens of an OAuth client end with it."""
    key = _found(call)
    call.actor.need(_SCOPES[key.kind])
    if key.revoked is not None:
        raise RefusedError(HTTPStatus.NOT_FOUND)
    keys = {**call.tailnet.keys, key.id: replace(key, revoked=call.now)}
    tokens = {id_: token for id_, token in call.tailnet.tokens.items() if token.key_id != key.id}
    return Answer(tailnet=replace(call.tailnet, keys=keys, tokens=tokens))


def _found(call: Call) -> Key:
    key = call.tailnet.keys.get(call.path["key"])
    if key is None:
        raise RefusedError(HTTPStatus.NOT_FOUND)
    return key


def _kind(name: str, allowed: Iterable[KeyKind]) -> KeyKind:
    for kind in allowed:
        if kind == name:
            return kind
    raise RefusedError(HTTPStatus.BAD_REQUEST, f'"keyType" must be one of {", ".join(allowed)}')


def _description(body: Fields) -> str:
    description = body.text("description")
    if not _DESCRIPTION.fullmatch(description):
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, "the description may have at most 50 letters, digits, hyphens and spaces"
        )
    return description


def _auth_key(key: Key, body: Fields, call: Call) -> Key:
    if "devices" not in body.inner("capabilities"):
        raise RefusedError(HTTPStatus.BAD_REQUEST, '"capabilities" must have an object "devices"')
    wanted = body.inner("capabilities").inner("devices").inner("create")
    tags = wanted.texts("tags")
    if not tags and not call.actor.user_id:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "tailnet-owned auth key must have tags set")
    refuse_foreign_tags(call.tailnet, call.actor, tags)
    seconds = body.number("expirySeconds") or _LONGEST_SECONDS
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"expirySeconds" must be between 1 and {_LONGEST_SECONDS}')
    return replace(
        key,
        tags=tags,
        reusable=wanted.flag("reusable"),
        ephemeral=wanted.flag("ephemeral"),
        preauthorized=wanted.flag("preauthorized"),
        expiry_seconds=seconds,
        expires=call.now + timedelta(seconds=seconds),
    )


def _trust_credential(key: Key, body: Fields, call: Call) -> Key:
    scopes, tags = body.texts("scopes"), body.texts("tags")
    if not scopes:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "at least one scope is required")
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"invalid scopes: {' '.join(unknown)}")
    _refuse_escalation(call.actor, scopes)
    refuse_missing_tags(scopes, tags)
    refuse_foreign_tags(call.tailnet, call.actor, tags)
    key = replace(key, scopes=scopes, tags=tags)
    return _federated(key, body) if key.kind is KeyKind.FEDERATED else key


def _refuse_escalation(actor: Actor, scopes: Iterable[str]) -> None:
    actor.need(*scopes)


def _federated(key: Key, body: Fields) -> Key:
    issuer, subject = body.text("issuer"), body.text("subject")
    if not issuer.startswith("https://"):
        raise RefusedError(HTTPStatus.BAD_REQUEST, '"issuer" must be an https:// URL')
    if not subject:
        raise RefusedError(HTTPStatus.BAD_REQUEST, '"subject" is required')
    return replace(
        key,
        issuer=issuer,
        subject=subject,
        audience=body.text("audience") or key.audience or f"api.tailscale.com/{key.id}",
        custom_claim_rules=body.text_map("customClaimRules"),
    )


def _shown(key: Key, call: Call) -> dict[str, JsonValue]:
    """The key as the API gives it. Times that are not set are left out: the clients read them as times."""
    shown: dict[str, JsonValue] = {
        "id": key.id,
        "keyType": key.kind,
        "description": key.description,
        "created": written(key.created),
        "userId": key.user_id,
        "invalid": not key.is_valid(call.now),
    }
    times = {"updated": key.updated, "expires": key.expires, "revoked": key.revoked}
    shown |= {name: written(time) for name, time in times.items() if time is not None}
    if key.kind is KeyKind.AUTH:
        capabilities = {
            "reusable": key.reusable,
            "ephemeral": key.ephemeral,
            "preauthorized": key.preauthorized,
            "tags": list(key.tags),
        }
        return shown | {"expirySeconds": key.expiry_seconds, "capabilities": {"devices": {"create": capabilities}}}
    shown |= {"scopes": list(key.scopes), "tags": list(key.tags)}
    if key.kind is KeyKind.FEDERATED:
        shown |= {
            "issuer": key.issuer,
            "subject": key.subject,
            "audience": key.audience,
            "customClaimRules": key.custom_claim_rules,
        }
    return shown


ROUTES = (
    Route(method="GET", path="/tailnet/{tailnet}/keys", handler=list_keys),
    Route(method="POST", path="/tailnet/{tailnet}/keys", handler=create),
    Route(method="GET", path="/tailnet/{tailnet}/keys/{key}", handler=get),
    Route(method="PUT", path="/tailnet/{tailnet}/keys/{key}", handler=put),
    Route(method="DELETE", path="/tailnet/{tailnet}/keys/{key}", handler=delete),
)
