"""`/sandbox/…`: what tests and the demo do to the tailnet from outside of the API. Needs the sandbox's control token."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from tailstack.sandbox.api import faults
from tailstack.sandbox.api.answers import Answer, RefusedError, json_answer
from tailstack.sandbox.api.calls import Call, Fields
from tailstack.sandbox.api.credentials import new_id
from tailstack.sandbox.api.endpoints.devices import device_fields, find_device
from tailstack.sandbox.api.faults import Fault
from tailstack.sandbox.api.joining import Joining, advertise, connect, join
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.tailnet import Behaviour, Role, UnwornTags, User
from tailstack.sandbox.api.times import written


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One request to the API that was served; `status` 0 for one that got no answer."""

    method: str
    path: str
    status: int
    time: datetime


class Runtime(Protocol):
    """What lives beside the tailnet's state and ends with the server."""

    faults: tuple[Fault, ...]
    seen: deque[Seen]

    def start_afresh(self) -> None:
        """Forget everything but the tailnet's names and the admin's key."""
        ...


def register_device(call: Call) -> Answer:
    """A node joins with an auth key, or as the device of the user it names."""
    body = call.json()
    joining = Joining(
        auth_key=body.text("authKey"),
        user=body.text("user"),
        hostname=body.text("hostname"),
        os=body.text("os", "linux"),
        os_version=body.text("osVersion"),
        client_version=body.text("clientVersion", "1.102.3"),
        ssh=body.flag("ssh"),
        routes=body.texts("advertisedRoutes"),
        services=body.texts("advertisedServices"),
    )
    tailnet, device = join(call.tailnet, joining, call.now)
    return json_answer(device_fields(device, tailnet), tailnet=tailnet)


def advertise_from_device(call: Call) -> Answer:
    """A node advertises other routes or Services than before; what is left out stays."""
    device, body = find_device(call.tailnet, call.path["device"]), call.json()
    tailnet, device = advertise(
        call.tailnet,
        device,
        routes=body.texts("routes", device.advertised_routes),
        services=body.texts("services", device.advertised_services),
    )
    return json_answer(device_fields(device, tailnet), tailnet=tailnet)


def connect_device(call: Call) -> Answer:
    """A node comes on line or leaves."""
    device = find_device(call.tailnet, call.path["device"])
    connected = call.json().required_flag("connected")
    return json_answer({}, tailnet=connect(call.tailnet, device, connected=connected, now=call.now))


def add_user(call: Call) -> Answer:
    """A person joins the tailnet."""
    body = call.json()
    login_name, role = body.text("loginName"), body.text("role", Role.MEMBER)
    if role not in tuple(Role) or "@" not in login_name:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'a user needs a "loginName" and one of the roles {", ".join(Role)}')
    if any(user.login_name == login_name for user in call.tailnet.users.values()):
        raise RefusedError(HTTPStatus.CONFLICT, f"{login_name} is in the tailnet already")
    name = body.text("displayName") or login_name.partition("@")[0]
    user = User(id=new_id("u"), login_name=login_name, display_name=name, role=Role(role), created=call.now)
    return json_answer({"id": user.id}, tailnet=replace(call.tailnet, users={**call.tailnet.users, user.id: user}))


def get_behaviour(call: Call) -> Answer:
    """The choices where the service's behaviour is not known."""
    return _behaviour_answer(call.tailnet.behaviour)


def change_behaviour(call: Call) -> Answer:
    """Changes the choices that are named."""
    body, before = call.json(), call.tailnet.behaviour
    unworn = body.text("unwornTags", before.unworn_tags)
    if unworn not in tuple(UnwornTags):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"unwornTags" must be one of {", ".join(UnwornTags)}')
    after = Behaviour(
        unworn_tags=UnwornTags(unworn),
        magic_dns_needs_nameserver=body.flag("magicDNSNeedsNameserver", default=before.magic_dns_needs_nameserver),
        clock_offset_seconds=_seconds(body, "clockOffsetSeconds", before.clock_offset_seconds),
        latency_milliseconds=_seconds(body, "latencyMilliseconds", before.latency_milliseconds),
    )
    return replace(_behaviour_answer(after), tailnet=replace(call.tailnet, behaviour=after))


def routes(runtime: Runtime) -> tuple[Route, ...]:
    """The operations, with those bound to the server that they change."""

    def ready(_: Call) -> Answer:
        return json_answer({"ready": True})

    def list_faults(_: Call) -> Answer:
        return json_answer({"faults": [fault.shown() for fault in runtime.faults]})

    def add_fault(call: Call) -> Answer:
        fault = faults.read(call.json())
        runtime.faults = (*runtime.faults, fault)
        return json_answer(fault.shown())

    def clear_faults(_: Call) -> Answer:
        runtime.faults = ()
        return json_answer({})

    def list_requests(_: Call) -> Answer:
        return json_answer({"requests": [_seen_shown(one) for one in runtime.seen]})

    def clear_requests(_: Call) -> Answer:
        runtime.seen.clear()
        return json_answer({})

    def reset(_: Call) -> Answer:
        runtime.start_afresh()
        return json_answer({})

    return tuple(
        Route(method=method, path=path, handler=handler)
        for method, path, handler in (
            ("GET", "ready", ready),
            ("POST", "devices", register_device),
            ("POST", "devices/{device}/advertise", advertise_from_device),
            ("POST", "devices/{device}/connection", connect_device),
            ("POST", "users", add_user),
            ("GET", "behaviour", get_behaviour),
            ("PATCH", "behaviour", change_behaviour),
            ("GET", "faults", list_faults),
            ("POST", "faults", add_fault),
            ("DELETE", "faults", clear_faults),
            ("GET", "requests", list_requests),
            ("DELETE", "requests", clear_requests),
            ("POST", "reset", reset),
        )
    )


def _seen_shown(seen: Seen) -> dict[str, str | int]:
    return {"method": seen.method, "path": seen.path, "status": seen.status, "time": written(seen.time)}


def _seconds(body: Fields, name: str, default: int) -> int:
    number = body.number(name, default)
    if number < 0:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{name}" cannot be negative')
    return number


def _behaviour_answer(behaviour: Behaviour) -> Answer:
    return json_answer(
        {
            "unwornTags": behaviour.unworn_tags,
            "magicDNSNeedsNameserver": behaviour.magic_dns_needs_nameserver,
            "clockOffsetSeconds": behaviour.clock_offset_seconds,
            "latencyMilliseconds": behaviour.latency_milliseconds,
        }
    )
