"""Webhook endpoints. They can be managed, and nothing is ever sent to them: the sandbox reaches loopback only."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError, json_answer
from tailstack.sandbox.api.calls import Call, Fields
from tailstack.sandbox.api.credentials import digest, new_id, new_secret
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.tailnet import Tailnet, Webhook
from tailstack.sandbox.api.times import written

_PROVIDERS = ("", "slack", "mattermost", "googlechat", "discord")
_SUBSCRIPTIONS = frozenset(
    {
        "categoryDeviceMisconfigurations",
        "categoryTailnetManagement",
        "exitNodeIPForwardingNotEnabled",
        "nodeApproved",
        "nodeCreated",
        "nodeDeleted",
        "nodeKeyExpired",
        "nodeKeyExpiringInOneDay",
        "nodeNeedsApproval",
        "nodeNeedsSignature",
        "nodeSigned",
        "policyUpdate",
        "subnetIPForwardingNotEnabled",
        "userApproved",
        "userCreated",
        "userDeleted",
        "userNeedsApproval",
        "userRestored",
        "userRoleUpdated",
        "userSuspended",
    }
)


def list_webhooks(call: Call) -> Answer:
    """All endpoints."""
    return json_answer({"webhooks": [_shown(webhook) for webhook in call.tailnet.webhooks.values()]})


def create(call: Call) -> Answer:
    """A new endpoint; its secret is in this answer and in no later one."""
    body = call.json()
    url, provider = body.text("endpointUrl"), body.text("providerType")
    if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
        raise RefusedError(HTTPStatus.BAD_REQUEST, '"endpointUrl" must be an https:// URL')
    if provider not in _PROVIDERS:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{provider}" is no provider type')
    id_ = new_id("w")
    secret = new_secret("webhook", id_)
    user = call.tailnet.users.get(call.actor.user_id)
    webhook = Webhook(
        id=id_,
        url=url,
        provider_type=provider,
        subscriptions=_subscriptions(body),
        secret_digest=digest(secret),
        creator=user.login_name if user else "",
        created=call.now,
        modified=call.now,
    )
    return json_answer(_shown(webhook) | {"secret": secret}, tailnet=_with(call.tailnet, webhook))


def get(call: Call) -> Answer:
    """One endpoint."""
    return json_answer(_shown(_found(call)))


def update(call: Call) -> Answer:
    """Replaces the events that an endpoint is told of."""
    webhook = replace(_found(call), subscriptions=_subscriptions(call.json()), modified=call.now)
    return json_answer(_shown(webhook), tailnet=_with(call.tailnet, webhook))


def delete(call: Call) -> Answer:
    """Takes an endpoint out."""
    gone = _found(call).id
    others = {id_: webhook for id_, webhook in call.tailnet.webhooks.items() if id_ != gone}
    return Answer(tailnet=replace(call.tailnet, webhooks=others))


def test(call: Call) -> Answer:
    """Accepts the request for a test event, and sends none."""
    _found(call)
    return Answer(status=HTTPStatus.ACCEPTED)


def rotate(call: Call) -> Answer:
    """Gives an endpoint another secret, shown in this answer only."""
    webhook = _found(call)
    secret = new_secret("webhook", webhook.id)
    webhook = replace(webhook, secret_digest=digest(secret), modified=call.now)
    return json_answer(_shown(webhook) | {"secret": secret}, tailnet=_with(call.tailnet, webhook))


def _found(call: Call) -> Webhook:
    webhook = call.tailnet.webhooks.get(call.path["webhook"])
    if webhook is None:
        raise RefusedError(HTTPStatus.NOT_FOUND)
    return webhook


def _with(tailnet: Tailnet, webhook: Webhook) -> Tailnet:
    return replace(tailnet, webhooks={**tailnet.webhooks, webhook.id: webhook})


def _subscriptions(body: Fields) -> tuple[str, ...]:
    subscriptions = body.texts("subscriptions")
    if not subscriptions:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "at least one subscription is required")
    if unknown := sorted(set(subscriptions) - _SUBSCRIPTIONS):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"unknown subscriptions: {', '.join(unknown)}")
    return subscriptions


def _shown(webhook: Webhook) -> dict[str, JsonValue]:
    return {
        "endpointId": webhook.id,
        "endpointUrl": webhook.url,
        "providerType": webhook.provider_type,
        "creatorLoginName": webhook.creator,
        "created": written(webhook.created),
        "lastModified": written(webhook.modified),
        "subscriptions": list(webhook.subscriptions),
    }


_READ, _WRITE = ("webhooks:read",), ("webhooks",)
ROUTES = (
    Route(method="GET", path="/tailnet/{tailnet}/webhooks", handler=list_webhooks, scopes=_READ),
    Route(method="POST", path="/tailnet/{tailnet}/webhooks", handler=create, scopes=_WRITE),
    Route(method="GET", path="/webhooks/{webhook}", handler=get, scopes=_READ),
    Route(method="PATCH", path="/webhooks/{webhook}", handler=update, scopes=_WRITE),
    Route(method="DELETE", path="/webhooks/{webhook}", handler=delete, scopes=_WRITE),
    Route(method="POST", path="/webhooks/{webhook}/test", handler=test, scopes=_WRITE),
    Route(method="POST", path="/webhooks/{webhook}/rotate", handler=rotate, scopes=_WRITE),
)
