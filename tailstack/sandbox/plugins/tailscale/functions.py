"""The functions of the provider: what can be looked up, and the address that stands for another."""

from __future__ import annotations

import ipaddress
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


_USER: Final = (
    *("created", "currentlyConnected", "deviceCount", "displayName", "id", "lastSeen"),
    *("loginName", "profilePicUrl", "role", "status", "tailnetId", "type"),
)
_VIA: Final = int(ipaddress.IPv6Address("fd7a:115c:a1e0:b1a::"))
_LAST_SITE: Final = 65535
_ADDRESS_BITS: Final = 32


def _get_user(api: Api, arguments: Properties, _: Engine) -> Properties:
    login_name = arguments.get("loginName")
    if arguments.get("id"):
        found = api.call("GET", f"users/{segment(arguments['id'])}")
    elif login_name:
        everyone = api.tailnet("GET", "users")["users"]
        found = next((each for each in everyone if each.get("loginName") == login_name), None)
        if found is None:
            raise PluginError(f"Could not find user with login name {login_name}")
    else:
        raise PluginError("one of `id,login_name` must be specified")
    return {name: found.get(name) for name in _USER}


def _get_users(api: Api, arguments: Properties, _: Engine) -> Properties:
    asked = {name: arguments[name] for name in ("role", "type") if arguments.get(name)}
    query = f"?{urllib.parse.urlencode(asked)}" if asked else ""
    found = api.tailnet("GET", f"users{query}")["users"]
    return {**asked, "id": "users", "users": [{name: each.get(name) for name in _USER} for each in found]}


def _get_4via6(_: Api, arguments: Properties, __: Engine) -> Properties:
    """As `MapVia` of tailscale.com/net/tsaddr: the site and the IPv4 address stand in the last 64 bits."""
    site = arguments["site"]
    if not 0 <= site <= _LAST_SITE:
        raise PluginError(f"expected site to be in the range (0 - {_LAST_SITE}), got {site}")
    try:
        cidr = ipaddress.IPv4Interface(arguments["cidr"])
    except ValueError as error:
        raise PluginError(f"invalid CIDR: {error}") from error
    address = ipaddress.IPv6Address(_VIA | site << _ADDRESS_BITS | int(cidr.ip))
    length = ipaddress.IPV6LENGTH - ipaddress.IPV4LENGTH + cidr.network.prefixlen
    mapped = f"{address}/{length}"
    return {"cidr": arguments["cidr"], "site": site, "id": mapped, "ipv6": mapped}


def _device(found: dict[str, Any]) -> Properties:
    return {name: empty if found.get(name) is None else found[name] for name, empty in _DEVICE.items()}


def _seconds(duration: str) -> float:
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))


Function = Callable[[Api, Properties, Engine], Properties]
FUNCTIONS: Final[dict[str, Function]] = {
    "tailscale:index/get4Via6:get4Via6": _get_4via6,
    "tailscale:index/getAcl:getAcl": _get_acl,
    "tailscale:index/getDevice:getDevice": _get_device,
    "tailscale:index/getDevices:getDevices": _get_devices,
    "tailscale:index/getService:getService": _get_service,
    "tailscale:index/getUser:getUser": _get_user,
    "tailscale:index/getUsers:getUsers": _get_users,
}
"""Every function of the stand-in, by its token."""
