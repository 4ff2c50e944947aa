"""Whom the service writes to about the tailnet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError, json_answer
from tailstack.sandbox.api.calls import Call
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.tailnet import Contact


def get(call: Call) -> Answer:
    """All three contacts."""
    return json_answer({kind: _shown(contact) for kind, contact in call.tailnet.contacts.items()})


def update(call: Call) -> Answer:
    """Changes one contact's address, which has to be verified then; the same address again changes nothing."""
    kind = call.path["kind"]
    before = call.tailnet.contacts.get(kind)
    if before is None:
        raise RefusedError(HTTPStatus.NOT_FOUND)
    email = call.json().text("email")
    if "@" not in email:
        raise RefusedError(HTTPStatus.BAD_REQUEST, '"email" must be an e-mail address')
    if email == before.email:
        return json_answer({})
    after = Contact(email=email, fallback_email=before.fallback_email or before.email, needs_verification=True)
    return json_answer({}, tailnet=replace(call.tailnet, contacts={**call.tailnet.contacts, kind: after}))


def _shown(contact: Contact) -> Mapping[str, JsonValue]:
    shown: dict[str, JsonValue] = {"email": contact.email, "needsVerification": contact.needs_verification}
    return shown | ({"fallbackEmail": contact.fallback_email} if contact.fallback_email else {})


ROUTES = (
    Route(method="GET", path="/tailnet/{tailnet}/contacts", handler=get, scopes=("account_settings:read",)),
    Route(method="PATCH", path="/tailnet/{tailnet}/contacts/{kind}", handler=update, scopes=("account_settings",)),
)
