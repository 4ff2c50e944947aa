"""The functions of the provider: `getAcl`, `getDevice`, `getDevices` and `getService`."""

from __future__ import annotations

import re
import time
import urllib.parse
from collections.abc import Callable
from typing import Any, Final

from tailstack.access import hujson
from tailstack.sandbox.plugins.frame import Engine, PluginError
from tailstack.sandbox.plugins.tailscale.answers import listed
from tailstack.sandbox.plugins.tailscale.http_api import Api, segment
from tailstack.sandbox.plugins.values import Properties

# A device as `GetDevicesDeviceResult` of pulumi-tailscale has it, each member with what stands for none.
_DEVICE: Final[dict[str, Any]] = {
    "addresses": [],
    "tags": [],
    **dict.fromkeys(
        ("authorized", "blocksIncomingConnections", "isExternal", "keyExpiryDisabled", "updateAvailable"), False
    ),
    **dict.fromkeys(("clientVersion", "created", "expires", "hostname", "id", "lastSeen", "machineKey", "name"), ""),
    **dict.fromkeys(("nodeId", "nodeKey", "os", "tailnetLockError", "tailnetLockKey", "user"), ""),
}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def _get_acl(api: Api, _: Properties, __: Engine) -> Properties:
    text = api.policy()
    return {"id": "acl", "hujson": text, "json": hujson.standardize(text)}


def _get_devices(api: Api, arguments: Properties, _: Engine) -> Properties:
    filters = [(each["name"], value) for each in listed(arguments.get("filters")) for value in each["values"]]
    query = f"?{urllib.parse.urlencode(filters)}" if filters else ""
    prefix = arguments.get("namePrefix") or ""
    found = api.tailnet("GET", f"devices{query}")["devices"]
    devices = [_device(each) for each in found if each.get("name", "").startswith(prefix)]
    return {**arguments, "id": "devices", "devices": devices}


def _get_device(api: Api, arguments: Properties, engine: Engine) -> Properties:
    key = "name" if arguments.get("name") else "hostname"
    wanted = arguments.get(key) or ""
    until = time.monotonic() + _seconds(arguments.get("waitFor") or "")
    while True:
        for each in api.tailnet("GET", "devices")["devices"]:
            if each.get(key) == wanted:
                return {**arguments, **_device(each)}
        if time.monotonic() >= until or engine.cancelled.wait(1.0):
            raise PluginError(f"Could not find device with {key} {wanted}")


def _get_service(api: Api, arguments: Properties, _: Engine) -> Properties:
    service = api.tailnet("GET", f"vip-services/{segment(arguments['name'])}")
    lists = {key: listed(service.get(key)) for key in ("addrs", "ports", "tags")}
    return {**arguments, **lists, "id": arguments["name"], "comment": service.get("comment", "")}


def _device(found: dict[str, Any]) -> Properties:
    return {name: empty if found.get(name) is None else found[name] for name, empty in _DEVICE.items()}


def _seconds(duration: str) -> float:
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))


Function = Callable[[Api, Properties, Engine], Properties]
FUNCTIONS: Final[dict[str, Function]] = {
    "tailscale:index/getAcl:getAcl": _get_acl,
    "tailscale:index/getDevice:getDevice": _get_device,
    "tailscale:index/getDevices:getDevices": _get_devices,
    "tailscale:index/getService:getService": _get_service,
}
"""Every function of the stand-in, by its token."""
