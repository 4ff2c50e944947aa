"""The policy file, as a resource."""

from __future__ import annotations

import uuid
from typing import Final

from tailstack.access import hujson
from tailstack.sandbox.plugins.frame import PluginError
from tailstack.sandbox.plugins.tailscale.http_api import Api, ApiError
from tailstack.sandbox.plugins.tailscale.kind import Kind
from tailstack.sandbox.plugins.values import Properties

_STALE: Final = 412


def _create_policy(api: Api, inputs: Properties) -> tuple[str, Properties]:
    try:
        api.set_policy(inputs["acl"], if_match="" if inputs["overwriteExistingContent"] else "ts-default")
    except ApiError as error:
        if error.status != _STALE:
            raise
        raise PluginError(
            "Overwrite Protected: You are trying to overwrite a non-default policy. "
            "Please import the ACL first or set overwrite_existing_content = true."
        ) from error
    return str(uuid.uuid4()), {}


def _update_policy(api: Api, _: str, state: Properties) -> Properties:
    api.set_policy(state["acl"])
    return {}


def _reset_policy(api: Api, _: str, state: Properties) -> None:
    if state.get("resetAclOnDestroy"):
        api.set_policy("")


def _same_policy(old: str, new: str) -> bool:
    try:
        return hujson.format(old) == hujson.format(new)
    except hujson.HujsonError:
        return False


def _broken_policy(text: str) -> str | None:
    try:
        hujson.parse(text)
    except hujson.HujsonError as error:
        return f"Invalid ACL: {error}"
    return None


KINDS: Final = (
    Kind(
        type="tailscale:index/acl:Acl",
        label="ACL",
        verbs=("set", "fetch", "update", "reset"),
        required=("acl",),
        optional=("overwriteExistingContent", "resetAclOnDestroy"),
        defaults={"overwriteExistingContent": False, "resetAclOnDestroy": False},
        same={"acl": _same_policy},
        complaints={"acl": _broken_policy},
        create=_create_policy,
        read=lambda api, _, __: {"acl": api.policy()},
        update=_update_policy,
        delete=_reset_policy,
    ),
)
