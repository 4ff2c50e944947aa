"""The DNS settings of a tailnet, each of them one object that a resource holds."""

from __future__ import annotations

import uuid
from typing import Any, Final

from tailstack.sandbox.plugins.tailscale.answers import listed, table
from tailstack.sandbox.plugins.tailscale.http_api import Api
from tailstack.sandbox.plugins.tailscale.kind import Kind
from tailstack.sandbox.plugins.values import Properties


def _singleton(  # noqa: PLR0917  a row of the table
    token: str, label: str, path: str, property_: str, member: str, empty: object
) -> Kind:
    """A kind with one property, POSTed as one member of an object, and emptied by a delete."""

    def create(api: Api, inputs: Properties) -> tuple[str, Properties]:
        api.tailnet("POST", path, {member: inputs[property_]})
        return str(uuid.uuid4()), {}

    def read(api: Api, _: str, __: Properties) -> Properties | None:
        value = api.tailnet("GET", path).get(member)
        return {property_: empty if value is None else value}

    def update(api: Api, _: str, state: Properties) -> Properties:
        api.tailnet("POST", path, {member: state[property_]})
        return {}

    def delete(api: Api, _: str, __: Properties) -> None:
        api.tailnet("POST", path, {member: empty})

    return Kind(
        type=token,
        label=label,
        verbs=("set", "fetch", "set", "set"),
        required=(property_,),
        create=create,
        read=read,
        update=update,
        delete=delete,
    )


def _resolvers(found: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [
        {"address": resolver["address"], "useWithExitNode": bool(resolver.get("useWithExitNode"))}
        for resolver in found or []
    ]


def _set_dns(api: Api, state: Properties) -> None:
    split = {entry["domain"]: _resolvers(entry.get("nameservers")) for entry in listed(state.get("splitDns"))}
    preferences = {"overrideLocalDNS": state["overrideLocalDns"], "magicDNS": state["magicDns"]}
    body = {
        "nameservers": _resolvers(state.get("nameservers")),
        "splitDNS": split,
        "searchPaths": listed(state.get("searchPaths")),
        "preferences": preferences,
    }
    api.tailnet("POST", "dns/configuration", body)


def _create_dns(api: Api, inputs: Properties) -> tuple[str, Properties]:
    _set_dns(api, inputs)
    return str(uuid.uuid4()), {}


def _read_dns(api: Api, _: str, __: Properties) -> Properties | None:
    found = api.tailnet("GET", "dns/configuration")
    preferences = table(found.get("preferences"))
    split = sorted(table(found.get("splitDNS")).items())
    return {
        "nameservers": _resolvers(found.get("nameservers")),
        "splitDns": [{"domain": domain, "nameservers": _resolvers(resolvers)} for domain, resolvers in split],
        "searchPaths": listed(found.get("searchPaths")),
        "overrideLocalDns": bool(preferences.get("overrideLocalDNS")),
        "magicDns": bool(preferences.get("magicDNS")),
    }


def _update_dns(api: Api, _: str, state: Properties) -> Properties:
    _set_dns(api, state)
    return {}


def _reset_dns(api: Api, _: str, __: Properties) -> None:
    api.tailnet("POST", "dns/configuration", {})


def _same_resolvers(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> bool:
    return _resolvers(old) == _resolvers(new)


def _same_split(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> bool:
    def by_domain(entries: list[dict[str, Any]]) -> dict[str, Any]:
        return {entry["domain"]: _resolvers(entry.get("nameservers")) for entry in entries}

    return by_domain(old or []) == by_domain(new or [])


def _split_dns(api: Api, domain: str, nameservers: object) -> None:
    api.tailnet("PATCH", "dns/split-dns", {domain: nameservers})


def _create_split(api: Api, inputs: Properties) -> tuple[str, Properties]:
    _split_dns(api, inputs["domain"], inputs["nameservers"])
    return inputs["domain"], {}


def _read_split(api: Api, domain: str, _: Properties) -> Properties | None:
    return {"domain": domain, "nameservers": api.tailnet("GET", "dns/split-dns").get(domain) or []}


def _update_split(api: Api, domain: str, state: Properties) -> Properties:
    _split_dns(api, domain, state["nameservers"])
    return {}


def _delete_split(api: Api, domain: str, _: Properties) -> None:
    _split_dns(api, domain, None)


KINDS: Final = (
    _singleton(
        "tailscale:index/dnsPreferences:DnsPreferences",
        "DNS preferences",
        "dns/preferences",
        "magicDns",
        "magicDNS",
        False,  # noqa: FBT003  what a delete sets
    ),
    _singleton(
        "tailscale:index/dnsNameservers:DnsNameservers", "DNS nameservers", "dns/nameservers", "nameservers", "dns", []
    ),
    _singleton(
        "tailscale:index/dnsSearchPaths:DnsSearchPaths",
        "DNS search paths",
        "dns/searchpaths",
        "searchPaths",
        "searchPaths",
        [],
    ),
    Kind(
        type="tailscale:index/dnsSplitNameservers:DnsSplitNameservers",
        label="dns split nameservers",
        verbs=("set", "fetch", "set", "delete"),
        required=("domain", "nameservers"),
        replaces=("domain",),
        sets=("nameservers",),
        create=_create_split,
        read=_read_split,
        update=_update_split,
        delete=_delete_split,
    ),
    Kind(
        type="tailscale:index/dnsConfiguration:DnsConfiguration",
        label="dns configuration",
        verbs=("set", "fetch", "set", "delete"),
        optional=("magicDns", "nameservers", "overrideLocalDns", "searchPaths", "splitDns"),
        defaults={"magicDns": True, "overrideLocalDns": False},
        same={"nameservers": _same_resolvers, "splitDns": _same_split},
        create=_create_dns,
        read=_read_dns,
        update=_update_dns,
        delete=_reset_dns,
    ),
)
