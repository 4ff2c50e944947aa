"""Devices that join, advertise and leave, as the service does it when a node talks to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from tailstack.sandbox.api import policy_file
from tailstack.sandbox.api.addresses import checked_routes, free_name, new_addresses
from tailstack.sandbox.api.answers import RefusedError
from tailstack.sandbox.api.approvals import approved_routes, service_approval
from tailstack.sandbox.api.credentials import digest, new_id
from tailstack.sandbox.api.ownership import not_permitted
from tailstack.sandbox.api.tailnet import Approval, Device, Key, KeyKind, Tailnet
from tailstack.sandbox.api.times import NEVER
from tailstack.sandbox.api.tokens import key_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Joining:
    """What a node says of itself when it joins: by an auth key, or as the device of a user who has logged in."""

    auth_key: str = ""
    user: str = ""
    hostname: str
    os: str = "linux"
    os_version: str = ""
    client_version: str = "1.102.3"
    ssh: bool = False
    routes: Sequence[str] = ()
    services: Sequence[str] = ()


def join(tailnet: Tailnet, joining: Joining, now: datetime) -> tuple[Tailnet, Device]:
    """The tailnet with a new device.

    Raises RefusedError (400): the key is not valid, its tags are no longer declared, or nobody has the login name.
    """
    tailnet, key, user = _admitted(tailnet, joining, now)
    settings, node_id = tailnet.settings, new_id("n")
    tags = key.tags if key else ()
    ipv4, ipv6 = new_addresses(tailnet, node_id)
    device = Device(
        node_id=node_id,
        legacy_id=str(int(digest(node_id)[:13], 16)),
        name=free_name(tailnet, joining.hostname),
        hostname=joining.hostname,
        ipv4=ipv4,
        ipv6=ipv6,
        user=user,
        created=now,
        # A tagged device belongs to nobody who could log in again, so its key does not expire.
        expires=NEVER if tags else now + timedelta(days=settings.devices_key_duration_days),
        key_expiry_disabled=bool(tags),
        tags=tags,
        os=joining.os,
        os_version=joining.os_version,
        client_version=joining.client_version,
        authorized=not settings.devices_approval_on or bool(key and key.preauthorized),
        ephemeral=bool(key and key.ephemeral),
        ssh_enabled=joining.ssh,
    )
    tailnet = with_device(tailnet, device)
    return advertise(tailnet, device, routes=joining.routes, services=joining.services)


def advertise(
    tailnet: Tailnet, device: Device, *, routes: Iterable[str], services: Iterable[str]
) -> tuple[Tailnet, Device]:
    """The tailnet where the device advertises these routes and Services, and what is new approved by the policy.

    What was advertised before keeps its approval or lack of it: a later change of the policy does not touch it.
    """
    routes, services = checked_routes(routes), tuple(services)
    new_routes = [route for route in routes if route not in device.advertised_routes]
    approved = approved_routes(tailnet, device, new_routes)
    enabled = tuple(dict.fromkeys((*device.enabled_routes, *approved)))
    new_services = [name for name in services if name not in device.advertised_services]
    device = replace(device, advertised_routes=routes, enabled_routes=enabled, advertised_services=services)
    tailnet = with_device(tailnet, device)
    for name in new_services:
        tailnet = offer(tailnet, device, name)
    return tailnet, device


def offer(tailnet: Tailnet, device: Device, name: str) -> Tailnet:
    """The tailnet where the device's offer to host a Service has been judged; unchanged if there is no such Service."""
    service = tailnet.services.get(name)
    if service is None or service.approvals.get(device.node_id) is Approval.MANUAL:
        return tailnet
    approvals = {**service.approvals, device.node_id: service_approval(tailnet, device, service)}
    return replace(tailnet, services={**tailnet.services, name: replace(service, approvals=approvals)})


def connect(tailnet: Tailnet, device: Device, *, connected: bool, now: datetime) -> Tailnet:
    """The tailnet where the device is on line or not; an ephemeral device that leaves is taken out."""
    if device.ephemeral and not connected:
        return without_device(tailnet, device)
    return with_device(tailnet, replace(device, connected=connected, last_seen=None if connected else now))


def with_device(tailnet: Tailnet, device: Device) -> Tailnet:
    """The tailnet with this device added, or in place of the one with its node id."""
    return replace(tailnet, devices={**tailnet.devices, device.node_id: device})


def without_device(tailnet: Tailnet, device: Device) -> Tailnet:
    """The tailnet without the device, as host of Services too."""
    devices = {id_: other for id_, other in tailnet.devices.items() if id_ != device.node_id}
    services = {
        name: replace(service, approvals={id_: how for id_, how in service.approvals.items() if id_ != device.node_id})
        for name, service in tailnet.services.items()
    }
    return replace(tailnet, devices=devices, services=services)


def _admitted(tailnet: Tailnet, joining: Joining, now: datetime) -> tuple[Tailnet, Key | None, str]:
    """The tailnet after the key was used, the key, and the login name of the device's user."""
    if not joining.auth_key:
        if all(user.login_name != joining.user for user in tailnet.users.values()):
            raise RefusedError(HTTPStatus.BAD_REQUEST, f'no user has the login name "{joining.user}"')
        return tailnet, None, joining.user
    key = key_of(tailnet, joining.auth_key)
    if key is None or key.kind is not KeyKind.AUTH:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "invalid key: unable to validate API key")
    if not key.is_valid(now):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"invalid key: API key {key.id} not valid")
    declared = policy_file.tag_owners(tailnet)
    if undeclared := [tag for tag in key.tags if tag not in declared]:
        raise not_permitted(undeclared)
    if not key.reusable:
        # The service forgets a single-use key that was used; the Terraform provider reckons with that.
        tailnet = replace(tailnet, keys={id_: other for id_, other in tailnet.keys.items() if id_ != key.id})
    user = tailnet.users.get(key.user_id)
    return tailnet, key, "tagged-devices" if key.tags or user is None else user.login_name
