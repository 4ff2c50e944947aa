"""Tailscale Services, under both of their paths: `vip-services`, which the clients call, and `services`, as documented."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from tailstack.sandbox.api.addresses import is_free_ipv4, names, new_addresses, taken_addresses
from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError, json_answer
from tailstack.sandbox.api.calls import Call, Fields
from tailstack.sandbox.api.joining import offer
from tailstack.sandbox.api.ownership import refuse_foreign_tags
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.tailnet import Approval, Device, Service, Tailnet

_NAME = re.compile(r"svc:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PORT = re.compile(r"tcp:(\d{1,5})(-(\d{1,5}))?")
_LAST_PORT = 65535


def list_services(call: Call) -> Answer:
    """All Services."""
    return json_answer({"vipServices": [_shown(service) for service in call.tailnet.services.values()]})


def get(call: Call) -> Answer:
    """One Service."""
    return json_answer(_shown(_found(call)))


def put(call: Call) -> Answer:
    """Creates a Service or replaces all of it; another name in the body renames one that exists.

    A new one gets its addresses, of which the IPv4 may be wished for; one that exists must be sent with its addresses, and
    its IPv6 stays. What is left out of the body is gone: annotations too, which is how an operator's would be lost.
    """
    path_name, body = call.path["service"], call.json()
    before = call.tailnet.services.get(path_name)
    name = body.text("name") or path_name
    if not _NAME.fullmatch(name):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{name}" is not a valid Service name; it starts with svc:')
    if before is None and name != path_name:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the name in the body must be the one in the path")
    if name.removeprefix("svc:") in names(call.tailnet) and (before is None or name != path_name):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'the name "{name}" is already in use')
    tags = body.texts("tags")
    if set(tags) != set(before.tags if before else ()):
        refuse_foreign_tags(call.tailnet, call.actor, tags)
    service = Service(
        name=name,
        addrs=_kept_addresses(call.tailnet, before, body) if before else _addresses(call.tailnet, name, body),
        ports=_ports(body),
        comment=body.text("comment"),
        tags=tags,
        annotations=body.text_map("annotations"),
        approvals=before.approvals if before else {},
    )
    others = {other: one for other, one in call.tailnet.services.items() if other != path_name}
    tailnet = replace(call.tailnet, services={**others, name: service})
    if before is None:
        for device in tailnet.devices.values():
            tailnet = offer(tailnet, device, name) if name in device.advertised_services else tailnet
    return json_answer(_shown(service), tailnet=tailnet)


def delete(call: Call) -> Answer:
    """Takes a Service out."""
    gone = _found(call).name
    others = {name: service for name, service in call.tailnet.services.items() if name != gone}
    return Answer(tailnet=replace(call.tailnet, services=others))


def list_hosts(call: Call) -> Answer:
    """The devices that offer to host a Service, and whether they may."""
    service = _found(call)
    hosts = [
        {
            "stableNodeID": device.node_id,
            "approvalLevel": service.approvals.get(device.node_id, Approval.NONE),
            "configured": "ready",
        }
        for device in call.tailnet.devices.values()
        if service.name in device.advertised_services
    ]
    return json_answer({"hosts": hosts})


def get_approval(call: Call) -> Answer:
    """Whether a device may host a Service."""
    service, device = _found(call), _host(call)
    return json_answer(_approval_shown(service.approvals.get(device.node_id, Approval.NONE)))


def set_approval(call: Call) -> Answer:
    """Lets a device host a Service, or no longer."""
    service, device = _found(call), _host(call)
    approval = Approval.MANUAL if call.json().required_flag("approved") else Approval.NONE
    service = replace(service, approvals={**service.approvals, device.node_id: approval})
    tailnet = replace(call.tailnet, services={**call.tailnet.services, service.name: service})
    return json_answer(_approval_shown(approval), tailnet=tailnet)


def _found(call: Call) -> Service:
    service = call.tailnet.services.get(call.path["service"])
    if service is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "service not found")
    return service


def _host(call: Call) -> Device:
    device = call.tailnet.devices.get(call.path["device"])
    if device is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "device not found")
    return device


def _addresses(tailnet: Tailnet, name: str, body: Fields) -> tuple[str, ...]:
    ipv4, ipv6 = new_addresses(tailnet, name)
    wished, *more = body.texts("addrs") or (ipv4,)
    if more or not is_free_ipv4(wished, taken_addresses(tailnet)):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "a new Service takes one free IPv4 address, or none")
    return wished, ipv6


def _kept_addresses(tailnet: Tailnet, before: Service, body: Fields) -> tuple[str, ...]:
    wanted, ipv6 = body.texts("addrs"), before.addrs[1]
    if len(wanted) != len(before.addrs) or wanted[1] != ipv6:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"an update must have the Service's addresses; {ipv6} cannot change")
    if wanted[0] != before.addrs[0] and not is_free_ipv4(wanted[0], taken_addresses(tailnet)):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{wanted[0]}" is not a free address of the tailnet')
    return wanted


def _ports(body: Fields) -> tuple[str, ...]:
    ports = body.texts("ports")
    for port in ports:
        match = _PORT.fullmatch(port)
        numbers = [int(number) for number in match.group(1, 3) if number] if match else []
        in_range = bool(numbers) and 0 < numbers[0] <= numbers[-1] <= _LAST_PORT
        if port != "do-not-validate" and not in_range:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f'invalid port "{port}": only tcp:<port> is supported')
    return ports


def _shown(service: Service) -> Mapping[str, JsonValue]:
    shown: dict[str, JsonValue] = {
        "name": service.name,
        "addrs": list(service.addrs),
        "comment": service.comment,
        "ports": list(service.ports),
        "tags": list(service.tags),
    }
    return shown | ({"annotations": service.annotations} if service.annotations else {})


def _approval_shown(approval: Approval) -> Mapping[str, JsonValue]:
    return {"approved": approval is not Approval.NONE, "autoApproved": approval is Approval.AUTOMATIC}


def _routes(base: str) -> tuple[Route, ...]:
    one, both = f"{base}/{{service}}", ("services", "devices:core")
    return (
        Route(method="GET", path=base, handler=list_services, scopes=("services:read",)),
        Route(method="GET", path=one, handler=get, scopes=("services:read",)),
        Route(method="PUT", path=one, handler=put, scopes=("services",)),
        Route(method="DELETE", path=one, handler=delete, scopes=("services",)),
        Route(method="GET", path=f"{one}/devices", handler=list_hosts, scopes=both),
        Route(method="GET", path=f"{one}/device/{{device}}/approved", handler=get_approval, scopes=both),
        Route(method="POST", path=f"{one}/device/{{device}}/approved", handler=set_approval, scopes=both),
    )


ROUTES = (*_routes("/tailnet/{tailnet}/services"), *_routes("/tailnet/{tailnet}/vip-services"))
