"""The tailnet's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError, json_answer, names_in_api
from tailstack.sandbox.api.calls import Call, Fields
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.scopes import FORBIDDEN
from tailstack.sandbox.api.tailnet import Settings

_JOINING_ROLES = ("none", "admin", "member")
_LONGEST_KEY_DAYS = 180


# The API's name of each setting, and the scope that governs it.
_NAMES = names_in_api(Settings)
_SCOPES = dict.fromkeys(_NAMES, "feature_settings") | {
    "acls_externally_managed_on": "policy_file",
    "acls_external_link": "policy_file",
    "network_flow_logging_on": "logs:network",
    "https_enabled": "networking_settings",
}


def get(call: Call) -> Answer:
    """The settings that the caller's scopes let it see. Raises RefusedError (403) if there is none."""
    shown = _visible(call.tailnet.settings, call)
    if not shown:
        raise RefusedError(HTTPStatus.FORBIDDEN, FORBIDDEN)
    return json_answer(shown)


def update(call: Call) -> Answer:
    """Changes what is named; a setting that is left out or `null` stays, as the clients send it for that."""
    body = call.json()
    changes: dict[str, Any] = {
        name: _value(body, name, api_name) for name, api_name in _NAMES.items() if api_name in body
    }
    call.actor.need(*{_SCOPES[name] for name in changes})
    if not changes and not any(call.actor.may(scope) for scope in _SCOPES.values()):
        raise RefusedError(HTTPStatus.FORBIDDEN, FORBIDDEN)
    after = replace(call.tailnet.settings, **changes)
    return json_answer(_visible(after, call), tailnet=replace(call.tailnet, settings=after))


def _value(body: Fields, name: str, api_name: str) -> bool | int | str:
    default = getattr(Settings(), name)
    if isinstance(default, bool):
        return body.flag(api_name)
    if isinstance(default, int):
        days = body.number(api_name)
        if not 1 <= days <= _LONGEST_KEY_DAYS:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{api_name}" must be between 1 and {_LONGEST_KEY_DAYS}')
        return days
    text = body.text(api_name)
    if name == "users_role_allowed_to_join_external_tailnets" and text not in _JOINING_ROLES:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{api_name}" must be one of {", ".join(_JOINING_ROLES)}')
    return text


def _visible(settings: Settings, call: Call) -> Mapping[str, JsonValue]:
    return {
        api_name: getattr(settings, name)
        for name, api_name in _NAMES.items()
        if call.actor.may(f"{_SCOPES[name]}:read")
    }


ROUTES = (
    Route(method="GET", path="/tailnet/{tailnet}/settings", handler=get),
    Route(method="PATCH", path="/tailnet/{tailnet}/settings", handler=update),
)
