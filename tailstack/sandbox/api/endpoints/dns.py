"""Nameservers, MagicDNS, search paths, split DNS, and all of them as one configuration."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

from tailstack.sandbox.api.answers import Answer, JsonValue, RefusedError, json_answer
from tailstack.sandbox.api.calls import Call, Fields
from tailstack.sandbox.api.routes import Route
from tailstack.sandbox.api.tailnet import Dns, Resolver


def get_nameservers(call: Call) -> Answer:
    """The global nameservers."""
    return json_answer({"dns": _addresses(call.tailnet.dns.nameservers)})


def set_nameservers(call: Call) -> Answer:
    """Replaces the global nameservers; taking away the last one switches MagicDNS off, as documented."""
    before = call.tailnet.dns
    nameservers = _resolvers(call.json().texts("dns"))
    magic = before.magic and not (before.nameservers and not nameservers)
    after = replace(before, nameservers=nameservers, magic=magic)
    body = {"dns": _addresses(nameservers), "magicDNS": magic}
    return json_answer(body, tailnet=replace(call.tailnet, dns=after))


def get_preferences(call: Call) -> Answer:
    """Whether MagicDNS is on."""
    return json_answer({"magicDNS": call.tailnet.dns.magic})


def set_preferences(call: Call) -> Answer:
    """Switches MagicDNS."""
    magic = call.json().flag("magicDNS")
    after = _checked(replace(call.tailnet.dns, magic=magic), call)
    return json_answer({"magicDNS": magic}, tailnet=replace(call.tailnet, dns=after))


def get_search_paths(call: Call) -> Answer:
    """The search domains."""
    return json_answer({"searchPaths": list(call.tailnet.dns.search_paths)})


def set_search_paths(call: Call) -> Answer:
    """Replaces the search domains."""
    paths = call.json().texts("searchPaths")
    after = replace(call.tailnet.dns, search_paths=paths)
    return json_answer({"searchPaths": list(paths)}, tailnet=replace(call.tailnet, dns=after))


def get_split(call: Call) -> Answer:
    """Nameservers by domain."""
    return json_answer(_split_shown(call.tailnet.dns))


def update_split(call: Call) -> Answer:
    """Sets the domains that are named, and leaves the others alone; `null` or an empty list takes a domain out."""
    return _split(call, dict(call.tailnet.dns.split))


def set_split(call: Call) -> Answer:
    """Replaces all domains."""
    return _split(call, {})


def get_configuration(call: Call) -> Answer:
    """All DNS settings."""
    return json_answer(_configuration_shown(call.tailnet.dns))


def set_configuration(call: Call) -> Answer:
    """Replaces all DNS settings; what is left out is switched off or emptied."""
    body = call.json()
    preferences, split = body.inner("preferences"), body.inner("splitDNS")
    after = _checked(
        Dns(
            nameservers=_configured(body.inners("nameservers")),
            split={domain: found for domain in split.names() if (found := _configured(split.inners(domain)))},
            search_paths=body.texts("searchPaths"),
            override_local=preferences.flag("overrideLocalDNS"),
            magic=preferences.flag("magicDNS"),
        ),
        call,
    )
    return json_answer(_configuration_shown(after), tailnet=replace(call.tailnet, dns=after))


def _checked(dns: Dns, call: Call) -> Dns:
    """The settings, unless MagicDNS is on without a nameserver and the stand-in is told to refuse that."""
    if call.tailnet.behaviour.magic_dns_needs_nameserver and dns.magic and not dns.nameservers:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "need at least one nameserver to enable MagicDNS")
    return dns


def _split(call: Call, domains: dict[str, tuple[Resolver, ...]]) -> Answer:
    body = call.json()
    for domain in body.names():
        domains[domain] = _resolvers(body.texts(domain))
    after = replace(call.tailnet.dns, split={domain: found for domain, found in domains.items() if found})
    return json_answer(_split_shown(after), tailnet=replace(call.tailnet, dns=after))


def _resolvers(addresses: Iterable[str]) -> tuple[Resolver, ...]:
    return tuple(Resolver(address=_address(address)) for address in addresses)


def _configured(resolvers: Iterable[Fields]) -> tuple[Resolver, ...]:
    return tuple(
        Resolver(address=_address(one.text("address")), use_with_exit_node=one.flag("useWithExitNode"))
        for one in resolvers
    )


def _address(text: str) -> str:
    """An IP address, or the URL of a DNS-over-HTTPS server."""
    if urlsplit(text).scheme == "https":
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f'"{text}" is no address of a nameserver') from None


def _addresses(resolvers: Iterable[Resolver]) -> list[str]:
    return [resolver.address for resolver in resolvers]


def _split_shown(dns: Dns) -> Mapping[str, JsonValue]:
    return {domain: _addresses(resolvers) for domain, resolvers in dns.split.items()}


def _configuration_shown(dns: Dns) -> Mapping[str, JsonValue]:
    def shown(resolvers: Iterable[Resolver]) -> list[JsonValue]:
        return [
            {"address": one.address} | ({"useWithExitNode": True} if one.use_with_exit_node else {})
            for one in resolvers
        ]

    return {
        "nameservers": shown(dns.nameservers),
        "splitDNS": cast("JsonValue", {domain: shown(resolvers) for domain, resolvers in dns.split.items()}),
        "searchPaths": list(dns.search_paths),
        "preferences": {"overrideLocalDNS": dns.override_local, "magicDNS": dns.magic},
    }


_READ, _WRITE = ("dns:read",), ("dns",)
_BASE = "/tailnet/{tailnet}/dns"
ROUTES = (
    Route(method="GET", path=f"{_BASE}/nameservers", handler=get_nameservers, scopes=_READ),
    Route(method="POST", path=f"{_BASE}/nameservers", handler=set_nameservers, scopes=_WRITE),
    Route(method="GET", path=f"{_BASE}/preferences", handler=get_preferences, scopes=_READ),
    Route(method="POST", path=f"{_BASE}/preferences", handler=set_preferences, scopes=_WRITE),
    Route(method="GET", path=f"{_BASE}/searchpaths", handler=get_search_paths, scopes=_READ),
    Route(method="POST", path=f"{_BASE}/searchpaths", handler=set_search_paths, scopes=_WRITE),
    Route(method="GET", path=f"{_BASE}/split-dns", handler=get_split, scopes=_READ),
    Route(method="PATCH", path=f"{_BASE}/split-dns", handler=update_split, scopes=_WRITE),
    Route(method="PUT", path=f"{_BASE}/split-dns", handler=set_split, scopes=_WRITE),
    Route(method="GET", path=f"{_BASE}/configuration", handler=get_configuration, scopes=_READ),
    Route(method="POST", path=f"{_BASE}/configuration", handler=set_configuration, scopes=_WRITE),
)
