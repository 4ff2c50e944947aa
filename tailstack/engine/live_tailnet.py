"""What is live in the tailnet, read through Tailscale's API and nothing changed. A part that cannot be read is an Unknown.

Scopes that suffice are in `SCOPES`; docs/drift.md and docs/verify.md say what is told without some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar

from tailstack.engine.side_by_side import Failed, side_by_side
from tailstack.engine.tailscale_api import Failure, TailscaleApi, TailscaleApiError
from tailstack.live.model import LiveTailnet, Unknown
from tailstack.live.reading import read_devices, read_keys, read_services
from tailstack.plain import elements, mapping

SECONDS = 60.0
"""How long one part may take: the API's own client tries three times."""

SCOPES: Mapping[str, tuple[str, ...]] = {
    "devices": ("devices:core:read", "devices:routes:read"),
    "Tailscale Services": ("services:read",),
    "keys": ("auth_keys:read", "oauth_keys:read", "federated_keys:read"),
    "settings": ("feature_settings:read", "networking_settings:read"),
    "MagicDNS": ("dns:read",),
    "policy file": ("policy_file:read",),
}
"""What a credential needs to read each part: https://tailscale.com/kb/1623/trust-credentials."""

_Part = TypeVar("_Part")


def read_tailnet(api: TailscaleApi, *, hosted: Collection[str] = (), seconds: float = SECONDS) -> LiveTailnet:
    """Everything that the commands look at. `hosted` are the Tailscale Services of which the hosts are asked for too.

    Raises nothing: each part that cannot be read says why. Two of the credential's scopes that are missing are two Unknowns.
    """
    calls: dict[str, Callable[[], Any]] = {
        "devices": partial(api.get, "devices", query={"fields": "all"}),
        "vipServices": partial(api.get, "vip-services"),
        "keys": partial(_keys, api),
        "settings": partial(api.get, "settings"),
        "dns": partial(api.get, "dns", "preferences"),
        "policy": lambda: api.policy().text,
    }
    calls |= {name: partial(api.get, "vip-services", name, "devices") for name in hosted}
    answers = side_by_side(calls, seconds=seconds)

    def part(name: str, what: str, read: Callable[[Any], _Part]) -> _Part | Unknown:
        answer = answers[name]
        return _unknown(what, answer) if isinstance(answer, Failed) else read(answer)

    hosts = {name: part(name, f"hosts of {name}", lambda answer: answer) for name in hosted}
    return LiveTailnet(
        devices=part("devices", "devices", read_devices),
        services=part("vipServices", "Tailscale Services", lambda answer: read_services(answer, hosts)),
        keys=part("keys", "keys", read_keys),
        settings=part("settings", "settings", mapping),
        magic_dns=part("dns", "MagicDNS", lambda answer: mapping(answer).get("magicDNS") is True),
        policy=part("policy", "policy file", str),
    )


def nothing_readable(reason: str) -> LiveTailnet:
    """The tailnet where there is no credential to look with."""

    def unknown(what: str) -> Unknown:
        return Unknown(what=what, reason=reason)

    return LiveTailnet(
        devices=unknown("devices"),
        services=unknown("Tailscale Services"),
        keys=unknown("keys"),
        settings=unknown("settings"),
        magic_dns=unknown("MagicDNS"),
        policy=unknown("policy file"),
    )


def _keys(api: TailscaleApi) -> Mapping[str, Any]:
    """The list, and each key by itself where the list has nothing but ids (as the API's document still shows it)."""
    listed = elements(mapping(api.get("keys", query={"all": "true"})).get("keys"))
    bare = [str(one["id"]) for one in map(mapping, listed) if "id" in one and "keyType" not in one]
    looked_up = side_by_side({key: partial(api.get, "keys", key) for key in bare}, seconds=SECONDS)
    for answer in looked_up.values():
        if isinstance(answer, Failed):
            raise answer.error
    return {"keys": [looked_up.get(str(mapping(one).get("id")), one) for one in listed]}


def _unknown(what: str, failed: Failed) -> Unknown:
    error = failed.error
    if isinstance(error, TailscaleApiError) and error.failure is Failure.FORBIDDEN:
        needed = "services and devices:core" if what.startswith("hosts of ") else " and ".join(SCOPES[what])
        return Unknown(what=what, reason=f"{error}; the credential needs the scopes {needed}")
    return Unknown(what=what, reason=str(error) or type(error).__name__)
