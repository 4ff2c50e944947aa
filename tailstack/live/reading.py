"""From the answers of Tailscale's API to what is live. Keys are compared without case, as the service's own client does.

Shapes: https://tailscale.com/api, and `tailscale.com/client/tailscale/v2` of the operator's sources (tailscale.com v1.104.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tailstack.access.facts import OWNER_ANNOTATION
from tailstack.live.model import Json, LiveDevice, LiveKey, LiveService, ServiceHost, Unknown
from tailstack.plain import elements, mapping, texts

_TRUST_CREDENTIALS = ("client", "federated")
_NOT_ASKED = Unknown(what="hosts", reason="nobody asked")


def read_devices(answer: object) -> tuple[LiveDevice, ...]:
    """Of GET /tailnet/-/devices?fields=all."""
    return tuple(map(_device, elements(mapping(answer).get("devices"))))


def read_keys(answer: object) -> tuple[LiveKey, ...]:
    """Of GET /tailnet/-/keys?all=true, without those that have expired or are spent."""
    found = [_folded(one) for one in elements(mapping(answer).get("keys"))]
    keys = ((_key(fields), fields.get("invalid")) for fields in found)
    return tuple(key for key, is_invalid in keys if key.is_revoked or not is_invalid)


def read_services(answer: object, hosts: Mapping[str, object]) -> tuple[LiveService, ...]:
    """Of GET /tailnet/-/vip-services; `hosts` are the answers of GET …/vip-services/NAME/devices by name, or Unknowns."""
    return tuple(_service(_folded(one), hosts) for one in elements(mapping(answer).get("vipServices")))


def _device(value: object) -> LiveDevice:
    fields = _folded(value)
    connected = fields.get("connectedtocontrol")
    return LiveDevice(
        id=_text(fields, "nodeid") or _text(fields, "id"),
        name=_text(fields, "name").rstrip(".").lower(),
        hostname=_text(fields, "hostname"),
        user=_text(fields, "user"),
        tags=texts(fields.get("tags")),
        addresses=texts(fields.get("addresses")),
        routes=texts(fields.get("enabledroutes")),
        advertised=texts(fields.get("advertisedroutes")),
        authorized=fields.get("authorized") is not False,
        connected=connected if isinstance(connected, bool) else None,
        is_external=fields.get("isexternal") is True,
    )


def _key(fields: Json) -> LiveKey:
    capabilities = mapping(fields.get("capabilities"))
    create = _folded(mapping(capabilities.get("devices")).get("create"))
    kind = _text(fields, "keytype")
    # Trust credentials do not expire, so that of these nothing else makes one invalid.
    is_revoked = bool(fields.get("revoked") or (fields.get("invalid") and kind in _TRUST_CREDENTIALS))
    return LiveKey(
        id=_text(fields, "id"),
        kind=kind,
        description=_text(fields, "description"),
        tags=texts(fields.get("tags")) or texts(create.get("tags")),
        scopes=texts(fields.get("scopes")),
        is_reusable=create.get("reusable") is True,
        is_revoked=is_revoked,
    )


def _service(fields: Json, hosts: Mapping[str, object]) -> LiveService:
    name = _text(fields, "name")
    found = hosts.get(name, _NOT_ASKED)
    return LiveService(
        name=name,
        tags=texts(fields.get("tags")),
        ports=texts(fields.get("ports")),
        addresses=texts(fields.get("addrs")),
        has_owner=OWNER_ANNOTATION in mapping(fields.get("annotations")),
        hosts=found if isinstance(found, Unknown) else _hosts(found),
    )


def _hosts(answer: object) -> tuple[ServiceHost, ...]:
    hosts = (_folded(one) for one in elements(mapping(answer).get("hosts")))
    return tuple(
        ServiceHost(device=_text(one, "stablenodeid"), is_approved=_text(one, "approvallevel").startswith("approved"))
        for one in hosts
    )


def _folded(value: object) -> dict[str, Any]:
    return {key.casefold(): one for key, one in mapping(value).items()}


def _text(fields: Json, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
