"""Sources of posture attributes."""

from __future__ import annotations

from typing import Any, Final

from tailstack.sandbox.plugins.tailscale.answers import found_anywhere, one_of
from tailstack.sandbox.plugins.tailscale.http_api import Api, segment
from tailstack.sandbox.plugins.tailscale.kind import Kind
from tailstack.sandbox.plugins.values import Properties

_OPTIONAL: Final = ("clientId", "cloudId", "tenantId")


def _body(state: Properties) -> dict[str, Any]:
    return {name: state.get(name) or "" for name in (*_OPTIONAL, "clientSecret")}


def _shown(integration: dict[str, Any]) -> Properties:
    kept = {name: integration[name] for name in _OPTIONAL if integration.get(name)}
    return {"postureProvider": integration["provider"], **kept}


def _create(api: Api, inputs: Properties) -> tuple[str, Properties]:
    made = api.tailnet("POST", "posture/integrations", {"provider": inputs["postureProvider"], **_body(inputs)})
    return made["id"], _shown(made)


def _read(api: Api, id_: str, _: Properties) -> Properties | None:
    integration = found_anywhere(api, f"posture/integrations/{segment(id_)}")
    return None if integration is None else _shown(integration)


def _update(api: Api, id_: str, state: Properties) -> Properties:
    return _shown(api.call("PATCH", f"posture/integrations/{segment(id_)}", _body(state)))


def _delete(api: Api, id_: str, _: Properties) -> None:
    api.call("DELETE", f"posture/integrations/{segment(id_)}")


KINDS: Final = (
    Kind(
        type="tailscale:index/postureIntegration:PostureIntegration",
        label="posture integration",
        verbs=("create", "find", "update", "delete"),
        required=("clientSecret", "postureProvider"),
        optional=_OPTIONAL,
        secret=("clientSecret",),
        replaces=("postureProvider",),
        complaints={
            "postureProvider": one_of(
                "posture_provider",
                "falcon",
                "fleet",
                "huntress",
                "intune",
                "jamfpro",
                "kandji",
                "kolide",
                "sentinelone",
            ),
        },
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    ),
)
