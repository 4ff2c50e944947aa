"""The settings, the contacts and the webhooks of a tailnet."""

from __future__ import annotations

import uuid
from typing import Final

from tailstack.sandbox.plugins.tailscale.answers import found_anywhere, listed, one_of
from tailstack.sandbox.plugins.tailscale.http_api import Api, segment
from tailstack.sandbox.plugins.tailscale.kind import Kind
from tailstack.sandbox.plugins.values import Properties

# The API's name for a setting where it is another than the property's.
_SETTINGS: Final = {
    "aclsExternallyManagedOn": "aclsExternallyManagedOn",
    "aclsExternalLink": "aclsExternalLink",
    "devicesApprovalOn": "devicesApprovalOn",
    "devicesAutoUpdatesOn": "devicesAutoUpdatesOn",
    "devicesKeyDurationDays": "devicesKeyDurationDays",
    "httpsEnabled": "httpsEnabled",
    "networkFlowLoggingOn": "networkFlowLoggingOn",
    "postureIdentityCollectionOn": "postureIdentityCollectionOn",
    "regionalRoutingOn": "regionalRoutingOn",
    "usersApprovalOn": "usersApprovalOn",
    "usersRoleAllowedToJoinExternalTailnet": "usersRoleAllowedToJoinExternalTailnets",
}
_ALWAYS_SENT: Final = ("aclsExternallyManagedOn", "aclsExternalLink")


def _set_settings(api: Api, state: Properties) -> Properties:
    body = {_SETTINGS[name]: state.get(name) for name in _SETTINGS if name in state or name in _ALWAYS_SENT}
    api.tailnet("PATCH", "settings", body)
    return _settings(api)


def _settings(api: Api) -> Properties:
    found = api.tailnet("GET", "settings")
    empty = {"aclsExternalLink": "", "usersRoleAllowedToJoinExternalTailnet": "", "devicesKeyDurationDays": 0}
    return {name: found.get(member, empty.get(name, False)) for name, member in _SETTINGS.items()}


def _create_settings(api: Api, inputs: Properties) -> tuple[str, Properties]:
    return "singleton", _set_settings(api, inputs)


def _read_settings(api: Api, _: str, __: Properties) -> Properties | None:
    return _settings(api)


def _update_settings(api: Api, _: str, state: Properties) -> Properties:
    return _set_settings(api, state)


def _not_a_link(value: str) -> str | None:
    if value.startswith(("http://", "https://")):
        return None
    return f"Attribute acls_external_link must be a valid URL with http or https scheme, got: {value}"


# The bridge makes a list of each of the three blocks, and names it in the plural.
_CONTACTS: Final = {"accounts": "account", "securities": "security", "supports": "support"}


def _set_contacts(api: Api, state: Properties) -> None:
    for name, contact in _CONTACTS.items():
        for entry in listed(state.get(name)):
            api.tailnet("PATCH", f"contacts/{contact}", {"email": entry["email"]})


def _create_contacts(api: Api, inputs: Properties) -> tuple[str, Properties]:
    _set_contacts(api, inputs)
    return str(uuid.uuid4()), {}


def _read_contacts(api: Api, _: str, __: Properties) -> Properties | None:
    found = api.tailnet("GET", "contacts")
    return {name: [{"email": found[contact]["email"]}] for name, contact in _CONTACTS.items()}


def _update_contacts(api: Api, _: str, state: Properties) -> Properties:
    _set_contacts(api, state)
    return {}


def _create_webhook(api: Api, inputs: Properties) -> tuple[str, Properties]:
    body = {"providerType": "", **{name: inputs[name] for name in inputs}}
    webhook = api.tailnet("POST", "webhooks", body)
    return webhook["endpointId"], {"secret": webhook.get("secret", "")}


def _read_webhook(api: Api, id_: str, _: Properties) -> Properties | None:
    webhook = found_anywhere(api, f"webhooks/{segment(id_)}")
    if webhook is None:
        return None
    return {name: webhook.get(name) for name in ("endpointUrl", "providerType", "subscriptions")}


def _update_webhook(api: Api, id_: str, state: Properties) -> Properties:
    api.call("PATCH", f"webhooks/{segment(id_)}", {"subscriptions": state["subscriptions"]})
    return {}


def _delete_webhook(api: Api, id_: str, _: Properties) -> None:
    api.call("DELETE", f"webhooks/{segment(id_)}")


KINDS: Final = (
    Kind(
        type="tailscale:index/tailnetSettings:TailnetSettings",
        label="tailnet settings",
        verbs=("update", "fetch", "update", "delete"),
        optional=tuple(_SETTINGS),
        computed=tuple(_SETTINGS),
        complaints={
            "aclsExternalLink": _not_a_link,
            "usersRoleAllowedToJoinExternalTailnet": one_of(
                "users_role_allowed_to_join_external_tailnet", "none", "member", "admin"
            ),
        },
        create=_create_settings,
        read=_read_settings,
        update=_update_settings,
    ),
    Kind(
        type="tailscale:index/contacts:Contacts",
        label="contacts",
        optional=tuple(_CONTACTS),
        create=_create_contacts,
        read=_read_contacts,
        update=_update_contacts,
    ),
    Kind(
        type="tailscale:index/webhook:Webhook",
        label="webhook",
        required=("endpointUrl", "subscriptions"),
        optional=("providerType",),
        computed=("secret",),
        stable=("secret",),
        secret=("secret",),
        replaces=("endpointUrl", "providerType"),
        sets=("subscriptions",),
        complaints={
            "providerType": one_of("provider_type", "", "slack", "mattermost", "googlechat", "discord"),
        },
        create=_create_webhook,
        read=_read_webhook,
        update=_update_webhook,
        delete=_delete_webhook,
    ),
)
