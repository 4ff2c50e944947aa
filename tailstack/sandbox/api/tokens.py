"""Who calls: reads API keys and access tokens from requests, and gives out access tokens."""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import unquote_plus

from tailstack.sandbox.api.answers import Answer, OAuthError, RefusedError, json_answer
from tailstack.sandbox.api.credentials import digest, key_id_of, new_secret
from tailstack.sandbox.api.ownership import refuse_foreign_tags
from tailstack.sandbox.api.scopes import FORBIDDEN, TAGGED_SCOPES, Actor, implied
from tailstack.sandbox.api.tailnet import AccessToken, Key, KeyKind, Tailnet

TOKEN_SECONDS = 3600


def actor_of(tailnet: Tailnet, headers: Mapping[str, str], now: datetime) -> Actor:
    """The caller of a request: an API key or access token, as the user of Basic authentication or as a bearer.

    Raises RefusedError: 401 for none or one that is not valid; 403 for an OAuth client's secret in place of a token, as
    the service does (tailscale/tailscale#15969).
    """
    secret = _bearer(headers) or (_basic(headers) or ("", ""))[0]
    token = tailnet.tokens.get(digest(secret))
    if (
        token is not None
        and now < token.expires
        and (parent := tailnet.keys.get(token.key_id))
        and parent.is_valid(now)
    ):
        return Actor(
            key_id=parent.id,
            user_id="",
            scopes=frozenset(token.scopes),
            tags=frozenset(token.tags),
            is_federated=parent.kind is KeyKind.FEDERATED,
        )
    key = key_of(tailnet, secret)
    if key is not None and key.kind is KeyKind.API and key.is_valid(now):
        return Actor(key_id=key.id, user_id=key.user_id, scopes=frozenset(key.scopes), tags=frozenset())
    if key is not None and key.kind is KeyKind.CLIENT and key.is_valid(now):
        raise RefusedError(HTTPStatus.FORBIDDEN, FORBIDDEN)
    raise RefusedError(HTTPStatus.UNAUTHORIZED, "API token invalid")


def key_of(tailnet: Tailnet, secret: str) -> Key | None:
    """The key with this secret, whether still valid or not."""
    key = tailnet.keys.get(key_id_of(secret))
    return key if key is not None and key.secret_digest and key.secret_digest == digest(secret) else None


def client_credentials(
    tailnet: Tailnet, headers: Mapping[str, str], form: Mapping[str, Sequence[str]], now: datetime
) -> Answer:
    """`POST /oauth/token`: an access token for an OAuth client (RFC 6749, 4.4), narrowed to `scope` and `tags` if given.

    The secret alone tells the client, as in the service: tailscaled sends a made-up id with it (tailscale.com,
    feature/oauthkey). The id of another credential is refused all the same, because only a mistake can send it.
    Raises OAuthError.
    """
    client_id, secret = _basic(headers) or (_first(form, "client_id"), _first(form, "client_secret"))
    grant = _first(form, "grant_type") or "client_credentials"
    if grant != "client_credentials":
        raise OAuthError(400, "unsupported_grant_type", "the grant type must be client_credentials")
    client = key_of(tailnet, secret)
    if client is None or client.kind is not KeyKind.CLIENT or not client.is_valid(now):
        raise OAuthError(401, "invalid_client", "the client is not known, or its secret is wrong or revoked")
    if client_id in tailnet.keys and client_id != client.id:
        raise OAuthError(401, "invalid_client", "the secret belongs to another client")
    return issue(tailnet, client, scope=_first(form, "scope"), tags=_first(form, "tags"), now=now)


def issue(tailnet: Tailnet, client: Key, *, scope: str, tags: str, now: datetime) -> Answer:
    """A new access token of a trust credential; `scope` and `tags` are lists separated by spaces, empty for all.

    Raises OAuthError: 403 for scopes that the client lacks, 400 for tags that it may not give.
    """
    scopes = tuple(scope.split()) or client.scopes
    if lacking := [name for name in scopes if not implied(name, client.scopes)]:
        raise OAuthError(403, "invalid_scope", f'OAuth client cannot grant scopes "{" ".join(lacking)}"')
    wanted = tuple(tags.split())
    if wanted:
        _refuse_tags(tailnet, client, scopes, wanted)
    secret = new_secret("api", client.id)
    token = AccessToken(
        key_id=client.id, scopes=scopes, tags=wanted or client.tags, expires=now + timedelta(seconds=TOKEN_SECONDS)
    )
    alive = {id_: other for id_, other in tailnet.tokens.items() if now < other.expires}
    body = {
        "access_token": secret,
        "token_type": "Bearer",
        "expires_in": TOKEN_SECONDS,
        "scope": " ".join(token.scopes),
        "tags": " ".join(token.tags),
    }
    after = dataclasses.replace(tailnet, tokens={**alive, digest(secret): token})
    return json_answer(body, tailnet=after, headers={"Cache-Control": "no-store"})


def _refuse_tags(tailnet: Tailnet, client: Key, scopes: Sequence[str], wanted: Sequence[str]) -> None:
    if not any(implied(scope, scopes) for scope in TAGGED_SCOPES):
        raise OAuthError(400, "invalid_request", "tags need the scope devices:core or auth_keys")
    actor = Actor(key_id=client.id, user_id="", scopes=frozenset(client.scopes), tags=frozenset(client.tags))
    try:
        refuse_foreign_tags(tailnet, actor, wanted)
    except RefusedError as error:
        raise OAuthError(400, "invalid_request", error.message) from None


def _first(form: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(form.get(name, ())), "")


def _bearer(headers: Mapping[str, str]) -> str:
    kind, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


def _basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, _, password = text.partition(":")
    # RFC 6749, 2.3.1: both are form-encoded before they go into the header.
    return unquote_plus(user), unquote_plus(password)
