"""Nodes outside of the clusters: the keys by which they join, the Tailscale Services they serve, and their devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pulumi
from pulumi_tailscale import (
    DeviceAuthorization,
    DeviceKey,
    DeviceSubnetRoutes,
    DeviceTags,
    Service,
    TailnetKey,
    get_devices,
)

from components.options import child
from components.refusal import RefusedError
from tailstack.topology import extras
from tailstack.topology.tailnet import DeviceSettings, Machine, TailscaleService

EVERYWHERE = ("0.0.0.0/0", "::/0")
"""The routes of an exit node."""


def let_join(parent: pulumi.Resource, key: extras.Key, *, depends_on: Sequence[pulumi.Resource]) -> TailnetKey:
    """A key by which devices join. Its `key` is known at creation only, and is a secret output.

    A change of anything is another key. One that has expired is made anew by itself where it is reusable.
    """
    return TailnetKey(
        f"keys.{key.name}",
        tags=list(key.tags),
        reusable=key.reusable,
        ephemeral=key.ephemeral,
        preauthorized=key.preauthorized,
        expiry=key.expiry,
        description=key.description or None,
        opts=child(parent, depends_on=depends_on),
    )


def offer(parent: pulumi.Resource, service: TailscaleService, *, depends_on: Sequence[pulumi.Resource]) -> Service:
    """A Tailscale Service that machines serve. One that clusters serve is their operators', who note down in it that it is
    theirs; the provider would wipe that out."""
    return Service(
        f"services.{service.name}",
        name=service.name,
        ports=[str(port) for port in service.ports],
        tags=list(service.tags),
        comment=service.comment or None,
        opts=child(parent, depends_on=depends_on),
    )


def joined(parent: pulumi.Resource, machines: Sequence[Machine]) -> dict[str, str]:
    """The ids of the devices of those machines of which something is to be set, by the machine's name.

    A machine that has not joined is left out, and named in a warning. Asks the service; raises RefusedError where it
    cannot be asked.
    """
    wanted = [machine for machine in machines if machine.device is not None]
    if not wanted:
        return {}
    try:
        found = get_devices(opts=pulumi.InvokeOptions(parent=parent)).devices or ()
    # Whatever the plugin or the service has against the call, the SDK raises it as a plain Exception.
    except Exception as error:
        raise RefusedError(
            f"The devices of the tailnet could not be looked up: {error}. Nothing was changed."
        ) from error
    ids = {device.name.rstrip("."): device.node_id for device in found}
    if absent := [machine for machine in wanted if machine.fqdn not in ids]:
        pulumi.log.warn(
            "These machines have not joined the tailnet, so that nothing is set on their devices; run `pulumi up` again when "
            "they have:\n" + "\n".join(f"  {machine.name} ({machine.fqdn}), {machine.place}" for machine in absent)
        )
    return {machine.name: ids[machine.fqdn] for machine in wanted if machine.fqdn in ids}


def equip(
    parent: pulumi.Resource, machine: Machine, device: str, *, depends_on: Sequence[pulumi.Resource]
) -> list[pulumi.Resource]:
    """What is to be set on a machine's device; `device` is its id.

    When it is no longer declared it stays: tags cannot be taken off a device, an approval cannot be taken back, and the
    device may be gone, which the provider would not forgive.
    """
    opts = child(parent, depends_on=depends_on, retain_on_delete=True)
    return list(_equip(machine, device, machine.device or DeviceSettings(), opts))


def _equip(
    machine: Machine, device: str, settings: DeviceSettings, opts: pulumi.ResourceOptions
) -> Iterator[pulumi.Resource]:
    name = f"machines.{machine.name}"
    if settings.authorized:
        yield DeviceAuthorization(f"{name}.authorized", device_id=device, authorized=True, opts=opts)
    if settings.tags:
        yield DeviceTags(f"{name}.tags", device_id=device, tags=list(machine.tags), opts=opts)
    if settings.routes:
        routes = [*machine.routes, *(EVERYWHERE if machine.exit_node else ())]
        yield DeviceSubnetRoutes(f"{name}.routes", device_id=device, routes=routes, opts=opts)
    if settings.key_expiry_disabled is not None:
        yield DeviceKey(f"{name}.key", device_id=device, key_expiry_disabled=settings.key_expiry_disabled, opts=opts)
