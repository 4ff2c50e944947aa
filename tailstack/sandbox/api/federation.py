"""`POST /oauth/token-exchange`: an access token for an identity token of a federated identity.

The claims are checked as the service documents; the signature is not, because the issuer cannot be asked for its keys on a
machine without a network. The stand-in listens on loopback only and guards nothing real.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from tailstack.sandbox.api.answers import Answer, OAuthError
from tailstack.sandbox.api.tailnet import Key, KeyKind, Tailnet
from tailstack.sandbox.api.tokens import issue


def token_exchange(tailnet: Tailnet, form: Mapping[str, Sequence[str]], now: datetime) -> Answer:
    """An access token with all scopes and tags of the identity. Raises OAuthError."""
    client_id, token = (next(iter(form.get(name, ())), "") for name in ("client_id", "jwt"))
    identity = tailnet.keys.get(client_id)
    if identity is None or identity.kind is not KeyKind.FEDERATED or not identity.is_valid(now):
        raise OAuthError(401, "invalid_client", "no federated identity has this client id")
    claims = _claims(token)
    expiry = claims.get("exp")
    if not isinstance(expiry, int) or expiry <= now.timestamp():
        raise OAuthError(400, "invalid_grant", "the identity token has expired, or does not say when")
    if wrong := _mismatch(identity, claims):
        raise OAuthError(400, "invalid_grant", f"the claim {wrong} does not match the federated identity")
    return issue(tailnet, identity, scope="", tags="", now=now)


def _claims(token: str) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(parts) == 3:  # noqa: PLR2004 -- header, payload, signature (RFC 7519)
        try:
            payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except (binascii.Error, ValueError):
            payload = None
        if isinstance(payload, dict):
            return cast("dict[str, Any]", payload)
    raise OAuthError(400, "invalid_grant", "the identity token is not a JSON web token")


def _mismatch(identity: Key, claims: Mapping[str, Any]) -> str:
    """The name of the first claim that does not match, empty if all do. Patterns may hold `*`."""
    audience = claims.get("aud")
    audiences = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    if identity.audience not in audiences:
        return "aud"
    if claims.get("iss") != identity.issuer:
        return "iss"
    rules = {"sub": identity.subject, **identity.custom_claim_rules}
    return next((name for name, rule in rules.items() if not _matches(rule, str(claims.get(name, "")))), "")


def _matches(pattern: str, value: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value, re.DOTALL) is not None
