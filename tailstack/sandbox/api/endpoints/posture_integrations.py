"""Sources of posture attributes. They can be managed, and none is ever asked for anything."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError, json_answer
from tailstack.sandbox.api.calls import Call
from tailstack.sandbox.api.credentials import new_id
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.tailnet import PostureIntegration, Tailnet
from tailstack.sandbox.api.times import written

_PROVIDERS = ("falcon", "fleet", "huntress", "intune", "jamfpro", "kandji", "kolide", "sentinelone")


def list_integrations(call: Call) -> Answer:
    """All of them."""
    return json_answer({"integrations": [_shown(each) for each in call.tailnet.posture_integrations.values()]})


def create(call: Call) -> Answer:
    """A new one; a provider has one at most. Its secret is in no answer."""
    body = call.json()
    provider = body.text("provider")
    if provider not in _PROVIDERS:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{provider}" is no provider of posture attributes')
    if not body.text("clientSecret"):
        raise RefusedError(HTTPStatus.BAD_REQUEST, '"clientSecret" is required')
    if any(each.provider == provider for each in call.tailnet.posture_integrations.values()):
        raise RefusedError(HTTPStatus.CONFLICT, f"there is an integration with {provider} already")
    integration = PostureIntegration(
        id=new_id("p"),
        provider=provider,
        cloud_id=body.text("cloudId"),
        client_id=body.text("clientId"),
        tenant_id=body.text("tenantId"),
        updated=call.now,
    )
    return json_answer(_shown(integration), tailnet=_with(call.tailnet, integration))


def get(call: Call) -> Answer:
    """One of them."""
    return json_answer(_shown(_found(call)))


def update(call: Call) -> Answer:
    """Changes what is named; a secret that is left out or empty stays."""
    before, body = _found(call), call.json()
    body.text("clientSecret")  # refused where it is no text; nothing is kept of it
    after = replace(
        before,
        cloud_id=body.text("cloudId", before.cloud_id),
        client_id=body.text("clientId", before.client_id),
        tenant_id=body.text("tenantId", before.tenant_id),
        updated=call.now,
    )
    return json_answer(_shown(after), tailnet=_with(call.tailnet, after))


def delete(call: Call) -> Answer:
    """Takes one out."""
    gone = _found(call).id
    others = {id_: each for id_, each in call.tailnet.posture_integrations.items() if id_ != gone}
    return Answer(tailnet=replace(call.tailnet, posture_integrations=others))


def _found(call: Call) -> PostureIntegration:
    integration = call.tailnet.posture_integrations.get(call.path["integration"])
    if integration is None:
        raise RefusedError(HTTPStatus.NOT_FOUND)
    return integration


def _with(tailnet: Tailnet, integration: PostureIntegration) -> Tailnet:
    return replace(tailnet, posture_integrations={**tailnet.posture_integrations, integration.id: integration})


def _shown(integration: PostureIntegration) -> dict[str, JsonValue]:
    return {
        "id": integration.id,
        "provider": integration.provider,
        "cloudId": integration.cloud_id,
        "clientId": integration.client_id,
        "tenantId": integration.tenant_id,
        "configUpdated": written(integration.updated),
        "status": {},
    }


_ALL, _ONE = "/tailnet/{tailnet}/posture/integrations", "/posture/integrations/{integration}"
_READ, _WRITE = ("feature_settings:read",), ("feature_settings",)
ROUTES = (
    Route(method="GET", path=_ALL, handler=list_integrations, scopes=_READ),
    Route(method="POST", path=_ALL, handler=create, scopes=_WRITE),
    Route(method="GET", path=_ONE, handler=get, scopes=_READ),
    Route(method="PATCH", path=_ONE, handler=update, scopes=_WRITE),
    Route(method="DELETE", path=_ONE, handler=delete, scopes=_WRITE),
)
