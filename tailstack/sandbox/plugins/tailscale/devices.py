"""One property of a device that exists, as a resource."""

from __future__ import annotations

from typing import Final

from tailstack.sandbox.plugins.tailscale.answers import found_anywhere
from tailstack.sandbox.plugins.tailscale.http_api import Api, segment
from tailstack.sandbox.plugins.tailscale.kind import Kind
from tailstack.sandbox.plugins.values import Properties


def _device_kind(
    name: str, label: str, path: str, property_: str, empty: object, *, member: str = "", required: bool = True
) -> Kind:
    """A kind that POSTs one property of a device. `empty` is what a delete sets, or None where a delete does nothing."""
    member = member or property_

    def send(api: Api, device: str, value: object) -> None:
        api.call("POST", f"device/{segment(device)}/{path}", {property_: value})

    def create(api: Api, inputs: Properties) -> tuple[str, Properties]:
        send(api, inputs["deviceId"], inputs[property_])
        return inputs["deviceId"], {}

    def read(api: Api, id_: str, _: Properties) -> Properties | None:
        below = "/routes" if path == "routes" else ""
        device = found_anywhere(api, f"device/{segment(id_)}{below}")
        return None if device is None else {"deviceId": id_, property_: device.get(member, empty)}

    def update(api: Api, id_: str, state: Properties) -> Properties:
        send(api, id_, state[property_])
        return {}

    def delete(api: Api, id_: str, _: Properties) -> None:
        send(api, id_, empty)

    return Kind(
        type=f"tailscale:index/{name[0].lower()}{name[1:]}:{name}",
        label=label,
        verbs=("set", "fetch", "set", "set"),
        required=("deviceId", property_) if required else ("deviceId",),
        optional=() if required else (property_,),
        defaults={} if required else {property_: empty},
        replaces=("deviceId",),
        sets=(property_,),
        create=create,
        read=read,
        update=update,
        delete=None if empty is None else delete,
    )


KINDS: Final = (
    _device_kind("DeviceTags", "device tags", "tags", "tags", []),
    _device_kind("DeviceAuthorization", "device authorization", "authorized", "authorized", None),
    _device_kind(
        "DeviceKey",
        "device key",
        "key",
        "keyExpiryDisabled",
        False,  # noqa: FBT003  what a delete sets
        required=False,
    ),
    _device_kind("DeviceSubnetRoutes", "device subnet routes", "routes", "routes", [], member="enabledRoutes"),
)
