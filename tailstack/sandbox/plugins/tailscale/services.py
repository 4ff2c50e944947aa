"""Tailscale Services."""

from __future__ import annotations

from typing import Final

from tailstack.sandbox.plugins.tailscale.answers import found, listed, remove
from tailstack.sandbox.plugins.tailscale.http_api import Api, segment
from tailstack.sandbox.plugins.tailscale.kind import Kind
from tailstack.sandbox.plugins.values import Properties


def _put_service(api: Api, name: str, state: Properties) -> Properties:
    body = {key: state.get(key) for key in ("name", "comment", "ports", "tags")} | {"addrs": listed(state.get("addrs"))}
    path = f"vip-services/{segment(name)}"
    api.tailnet("PUT", path, body)
    return {"addrs": api.tailnet("GET", path).get("addrs") or []}


def _create_service(api: Api, inputs: Properties) -> tuple[str, Properties]:
    return inputs["name"], _put_service(api, inputs["name"], inputs)


def _read_service(api: Api, name: str, _: Properties) -> Properties | None:
    service = found(api, f"vip-services/{segment(name)}")
    if service is None:
        return None
    lists = {key: listed(service.get(key)) for key in ("addrs", "ports", "tags")}
    return lists | {"name": service["name"], "comment": service.get("comment", "")}


def _delete_service(api: Api, name: str, _: Properties) -> None:
    remove(api, f"vip-services/{segment(name)}")


def _not_a_service(name: str) -> str | None:
    return None if name.startswith("svc:") else f"Attribute name must start with svc:, got: {name}"


KINDS: Final = (
    Kind(
        type="tailscale:index/service:Service",
        label="Service",
        required=("name", "ports"),
        named=True,
        optional=("comment", "tags"),
        defaults={"comment": "", "tags": []},
        computed=("addrs",),
        stable=("addrs",),
        replaces=("name",),
        sets=("ports", "tags"),
        complaints={"name": _not_a_service},
        create=_create_service,
        read=_read_service,
        update=_put_service,
        delete=_delete_service,
    ),
)
