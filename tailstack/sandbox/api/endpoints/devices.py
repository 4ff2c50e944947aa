"""Devices: their state, tags, routes, keys, names and posture attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import cast

from tailstack.sandbox.api.addresses import checked_routes, free_name, is_free_ipv4, names, taken_addresses
from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError, json_answer
from tailstack.sandbox.api.calls import Call, Fields
from tailstack.sandbox.api.joining import with_device, without_device
from tailstack.sandbox.api.ownership import refuse_foreign_tags
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.tailnet import Attribute, Device, Tailnet
from tailstack.sandbox.api.times import read, written

_ATTRIBUTE_KEY = re.compile(r"custom:[A-Za-z0-9_:]{1,121}")
_ATTRIBUTE_TEXT = re.compile(r"[A-Za-z0-9_.]{0,50}")
_SAFE_INTEGER = 2**53 - 1
_ONLY_IN_ALL = ("sshEnabled", "advertisedRoutes", "enabledRoutes", "clientConnectivity", "distro")


def list_devices(call: Call) -> Answer:
    """All devices that match the query's filters: each must hold; a list must contain every value asked for."""
    filters = {name: values for name, values in call.query.items() if name != "fields"}
    devices = [device_fields(device, call.tailnet) for device in call.tailnet.devices.values()]
    return json_answer({"devices": [_chosen(one, call) for one in devices if _matches(one, filters)]})


def get(call: Call) -> Answer:
    """One device, by its node id or its older numeric id."""
    return json_answer(_chosen(device_fields(_found(call), call.tailnet), call))


def delete(call: Call) -> Answer:
    """Takes a device out of the tailnet."""
    return Answer(tailnet=without_device(call.tailnet, _found(call)))


def expire(call: Call) -> Answer:
    """Ends the device's key now."""
    return _changed(call, replace(_found(call), expires=call.now, key_expiry_disabled=False))


def set_authorized(call: Call) -> Answer:
    """Lets the device in, or out again."""
    return _changed(call, replace(_found(call), authorized=call.json().required_flag("authorized")))


def set_name(call: Call) -> Answer:
    """Renames the device; an empty name gives it the one that follows from its hostname again."""
    device = _found(call)
    wanted = call.json().text("name").removesuffix(f".{call.tailnet.dns_name}")
    if not wanted:
        return _changed(call, replace(device, name=free_name(call.tailnet, device.hostname, but=device.node_id)))
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", wanted):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{wanted}" is not a valid machine name')
    if wanted in names(call.tailnet, but=device.node_id):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'the name "{wanted}" is already in use')
    return _changed(call, replace(device, name=wanted))


def set_tags(call: Call) -> Answer:
    """Replaces the device's tags. A tagged device cannot lose its last tag: nobody would own it then."""
    device, tags = _found(call), call.json().texts("tags")
    refuse_foreign_tags(call.tailnet, call.actor, tags)
    if device.tags and not tags:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "tagged nodes cannot be untagged without re-authentication")
    return _changed(call, replace(device, tags=tuple(dict.fromkeys(tags)), key_expiry_disabled=bool(tags)))


def set_key(call: Call) -> Answer:
    """Switches the expiry of the device's key."""
    return _changed(call, replace(_found(call), key_expiry_disabled=call.json().required_flag("keyExpiryDisabled")))


def set_ip(call: Call) -> Answer:
    """Gives the device another IPv4 address."""
    device, ipv4 = _found(call), call.json().text("ipv4")
    if ipv4 != device.ipv4 and not is_free_ipv4(ipv4, taken_addresses(call.tailnet)):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{ipv4}" is not a free address of the tailnet')
    return _changed(call, replace(device, ipv4=ipv4))


def get_routes(call: Call) -> Answer:
    """Advertised and enabled routes; neither includes the other."""
    return json_answer(_routes_shown(_found(call)))


def set_routes(call: Call) -> Answer:
    """Replaces the enabled routes."""
    device = replace(_found(call), enabled_routes=checked_routes(call.json().texts("routes")))
    return json_answer(_routes_shown(device), tailnet=with_device(call.tailnet, device))


def get_attributes(call: Call) -> Answer:
    """The device's posture attributes: what its client reports, and custom ones that have not expired."""
    return json_answer(_attributes_shown(_found(call), call))


def set_attribute(call: Call) -> Answer:
    """Sets one custom attribute."""
    device, body = _found(call), call.json()
    tailnet = _with_attribute(call.tailnet, device, call.path["attribute"], _attribute(body))
    return json_answer(_attributes_shown(tailnet.devices[device.node_id], call), tailnet=tailnet)


def delete_attribute(call: Call) -> Answer:
    """Takes one custom attribute away."""
    device = _found(call)
    return Answer(tailnet=_with_attribute(call.tailnet, device, call.path["attribute"], None))


def update_attributes(call: Call) -> Answer:
    """Sets and takes away custom attributes of many devices; `null` takes one away. All or nothing."""
    tailnet, nodes = call.tailnet, call.json().inner("nodes")
    for id_ in nodes.names():
        wanted = nodes.inner(id_)
        for name in wanted.names():
            device = find_device(tailnet, id_)
            value = _attribute(wanted.inner(name)) if name in wanted else None
            tailnet = _with_attribute(tailnet, device, name, value)
    return json_answer(None, tailnet=tailnet)


def _found(call: Call) -> Device:
    return find_device(call.tailnet, call.path["device"])


def find_device(tailnet: Tailnet, id_: str) -> Device:
    """The device with this node id or older numeric id. Raises RefusedError (404)."""
    device = tailnet.devices.get(id_) or next((one for one in tailnet.devices.values() if one.legacy_id == id_), None)
    if device is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "device not found")
    return device


def _changed(call: Call, device: Device) -> Answer:
    return json_answer({}, tailnet=with_device(call.tailnet, device))


def _attribute(body: Fields) -> Attribute:
    value, expiry = body.value("value"), body.text("expiry")
    if isinstance(value, str):
        fits = _ATTRIBUTE_TEXT.fullmatch(value) is not None
    else:
        fits = isinstance(value, int) and abs(value) <= _SAFE_INTEGER
    if not fits:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST,
            "an attribute is a boolean, a whole number, or up to 50 letters, digits, underscores and periods",
        )
    return Attribute(value=cast("str | int | bool", value), expiry=read(expiry))


def _with_attribute(tailnet: Tailnet, device: Device, name: str, value: Attribute | None) -> Tailnet:
    if not _ATTRIBUTE_KEY.fullmatch(name):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{name}" is not a custom posture attribute')
    others = {key: attribute for key, attribute in device.attributes.items() if key != name}
    if value is None:
        return with_device(tailnet, replace(device, attributes=others))
    for other in tailnet.devices.values():
        for key, attribute in other.attributes.items():
            if key != name and key.lower() == name.lower():
                raise RefusedError(
                    HTTPStatus.BAD_REQUEST, f'the attribute "{key}" differs in upper and lower case only'
                )
            if key == name and type(attribute.value) is not type(value.value) and other.node_id != device.node_id:
                raise RefusedError(HTTPStatus.BAD_REQUEST, f'other values of "{name}" have another type')
    return with_device(tailnet, replace(device, attributes={**others, name: value}))


def _matches(device: Mapping[str, JsonValue], filters: Mapping[str, Sequence[str]]) -> bool:
    return all(_holds(device.get(name), values) for name, values in filters.items())


def _holds(value: JsonValue, wanted: Iterable[str]) -> bool:
    if isinstance(value, list):
        return set(wanted) <= {str(item) for item in value}
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return all(one == text for one in wanted)


def _chosen(device: Mapping[str, JsonValue], call: Call) -> Mapping[str, JsonValue]:
    if call.asks("fields") == "all":
        return device
    return {name: value for name, value in device.items() if name not in _ONLY_IN_ALL}


def device_fields(device: Device, tailnet: Tailnet) -> dict[str, JsonValue]:
    """All fields of a device as the API gives them."""
    fields: dict[str, JsonValue] = {
        "addresses": [device.ipv4, device.ipv6],
        "id": device.legacy_id,
        "nodeId": device.node_id,
        "user": device.user,
        "name": f"{device.name}.{tailnet.dns_name}",
        "hostname": device.hostname,
        "clientVersion": device.client_version,
        "updateAvailable": False,
        "os": device.os,
        "created": written(device.created),
        "connectedToControl": device.connected,
        "keyExpiryDisabled": device.key_expiry_disabled,
        "expires": written(device.expires),
        "authorized": device.authorized,
        "isExternal": False,
        "machineKey": f"mkey:{device.node_id}",
        "nodeKey": f"nodekey:{device.node_id}",
        "blocksIncomingConnections": False,
        "tailnetLockKey": "",
        "tailnetLockError": "",
        "tags": list(device.tags),
        "isEphemeral": device.ephemeral,
        "sshEnabled": device.ssh_enabled,
        "advertisedRoutes": list(device.advertised_routes),
        "enabledRoutes": list(device.enabled_routes),
    }
    return fields | ({"lastSeen": written(device.last_seen)} if device.last_seen else {})


def _routes_shown(device: Device) -> Mapping[str, JsonValue]:
    return {"advertisedRoutes": list(device.advertised_routes), "enabledRoutes": list(device.enabled_routes)}


def _attributes_shown(device: Device, call: Call) -> Mapping[str, JsonValue]:
    custom = {
        name: attribute
        for name, attribute in device.attributes.items()
        if attribute.expiry is None or call.now < attribute.expiry
    }
    reported: dict[str, JsonValue] = {
        "node:os": device.os,
        "node:osVersion": device.os_version,
        "node:tsReleaseTrack": "stable",
        "node:tsVersion": device.client_version,
        "node:tsAutoUpdate": False,
        "node:tsStateEncrypted": False,
    }
    return {
        "attributes": reported | {name: attribute.value for name, attribute in custom.items()},
        "expiries": {name: written(one.expiry) for name, one in custom.items() if one.expiry is not None},
    }


_CORE, _CORE_READ = ("devices:core",), ("devices:core:read",)
_POSTURE, _POSTURE_READ = ("devices:posture_attributes",), ("devices:posture_attributes:read",)
_ONE = "/device/{device}"
ROUTES = (
    Route(method="GET", path="/tailnet/{tailnet}/devices", handler=list_devices, scopes=_CORE_READ),
    Route(method="PATCH", path="/tailnet/{tailnet}/device-attributes", handler=update_attributes, scopes=_POSTURE),
    Route(method="GET", path=_ONE, handler=get, scopes=_CORE_READ),
    Route(method="DELETE", path=_ONE, handler=delete, scopes=_CORE),
    Route(method="POST", path=f"{_ONE}/expire", handler=expire, scopes=_CORE),
    Route(method="POST", path=f"{_ONE}/authorized", handler=set_authorized, scopes=_CORE),
    Route(method="POST", path=f"{_ONE}/name", handler=set_name, scopes=_CORE),
    Route(method="POST", path=f"{_ONE}/tags", handler=set_tags, scopes=_CORE),
    Route(method="POST", path=f"{_ONE}/key", handler=set_key, scopes=_CORE),
    Route(method="POST", path=f"{_ONE}/ip", handler=set_ip, scopes=_CORE),
    Route(method="GET", path=f"{_ONE}/routes", handler=get_routes, scopes=("devices:routes:read",)),
    Route(method="POST", path=f"{_ONE}/routes", handler=set_routes, scopes=("devices:routes",)),
    Route(method="GET", path=f"{_ONE}/attributes", handler=get_attributes, scopes=_POSTURE_READ),
    Route(method="POST", path=f"{_ONE}/attributes/{{attribute}}", handler=set_attribute, scopes=_POSTURE),
    Route(method="DELETE", path=f"{_ONE}/attributes/{{attribute}}", handler=delete_attribute, scopes=_POSTURE),
)
