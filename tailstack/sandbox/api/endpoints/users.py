"""The people in the tailnet; read only."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError, json_answer
from tailstack.sandbox.api.calls import Call
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.tailnet import Role, User
from tailstack.sandbox.api.times import written

_TYPES = ("", "member", "shared", "all")


def list_users(call: Call) -> Answer:
    """Users by `type` and `role`. Nobody is shared into this tailnet, so `type=shared` gives none."""
    kind, role = call.asks("type"), call.asks("role")
    if kind not in _TYPES or role not in ("", "all", *Role):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "unknown type or role")
    users = [
        _shown(user, call)
        for user in call.tailnet.users.values()
        if kind != "shared" and role in ("", "all", user.role)
    ]
    return json_answer({"users": users})


def get(call: Call) -> Answer:
    """One user."""
    user = call.tailnet.users.get(call.path["user"])
    if user is None:
        raise RefusedError(HTTPStatus.NOT_FOUND)
    return json_answer(_shown(user, call))


def _shown(user: User, call: Call) -> Mapping[str, JsonValue]:
    devices = [one for one in call.tailnet.devices.values() if one.user == user.login_name and not one.tags]
    return {
        "id": user.id,
        "displayName": user.display_name,
        "loginName": user.login_name,
        "profilePicUrl": "",
        "tailnetId": call.tailnet.name,
        "created": written(user.created),
        "type": "member",
        "role": user.role,
        "status": "active",
        "deviceCount": len(devices),
        "lastSeen": written(call.now),
        "currentlyConnected": any(device.connected for device in devices),
    }


ROUTES = (
    Route(method="GET", path="/tailnet/{tailnet}/users", handler=list_users, scopes=("users:read",)),
    Route(method="GET", path="/users/{user}", handler=get, scopes=("users:read",)),
)
