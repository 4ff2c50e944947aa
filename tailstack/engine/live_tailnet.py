"""What is live in the tailnet, read through Tailscale's API and nothing changed. A part that cannot be read is an Unknown.

Scopes that suffice are in `SCOPES`; docs/drift.md and docs/verify.md say what is told without some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar

from tailstack.engine.side_by_side import Failed, side_by_side
from tailstack.engine.tailscale_api import PASSING, Failure, TailscaleApi, TailscaleApiError
from tailstack.live.model import LiveTailnet, Unknown
from tailstack.live.reading import read_devices, read_keys, read_services
from tailstack.plain import entries, mapping

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

_HIDDEN = frozenset({Failure.NOT_FOUND, Failure.FORBIDDEN})

_Part = TypeVar("_Part")


def read_tailnet(
    api: TailscaleApi, *, hosted: Collection[str] = (), credentials: Collection[str] = (), seconds: float = SECONDS
) -> LiveTailnet:
    """Everything that the commands look at. `hosted` are the Tailscale Services of which the hosts are asked for too, and
    `credentials` the ids of keys that are looked up where they are not listed, because a list leaves out what was revoked.

    Raises nothing: each part that cannot be read says why. Two of the credential's scopes that are missing are two Unknowns.
    """
    calls: dict[str, Callable[[], Any]] = {
        "devices": partial(api.get, "devices", query={"fields": "all"}),
        "vipServices": partial(api.get, "vip-services"),
        "keys": partial(_keys, api, credentials),
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


def _keys(api: TailscaleApi, wanted: Collection[str]) -> Mapping[str, Any]:
    """The list, and by itself each key where the list has nothing but ids (as the API's document still shows it), and each
    wanted one that it leaves out."""
    listed = {str(one.get("id")): one for one in entries(mapping(api.get("keys", query={"all": "true"})).get("keys"))}
    bare = [key for key, one in listed.items() if "keyType" not in one]
    unlisted = [key for key in wanted if key not in listed]
    looked_up = side_by_side({key: partial(api.get, "keys", key) for key in (*bare, *unlisted)}, seconds=SECONDS)
    found: dict[str, Any] = {**listed, **looked_up}
    for key in unlisted:
        # Gone without a trace, or of a kind that the credential may not see: either is the engine's to tell, which reads it too.
        if isinstance(answer := found[key], Failed) and _failure(answer.error) in _HIDDEN:
            del found[key]
    for answer in found.values():
        if isinstance(answer, Failed):
            raise answer.error
    return {"keys": list(found.values())}


def _failure(error: Exception) -> Failure | None:
    return error.failure if isinstance(error, TailscaleApiError) else None


def _unknown(what: str, failed: Failed) -> Unknown:
    error = failed.error
    is_silent = isinstance(error, TimeoutError) or _failure(error) in PASSING
    if _failure(error) is Failure.FORBIDDEN:
        needed = "services and devices:core" if what.startswith("hosts of ") else " and ".join(SCOPES[what])
        return Unknown(what=what, reason=f"{error}; the credential needs the scopes {needed}")
    return Unknown(what=what, reason=str(error) or type(error).__name__, is_silent=is_silent)
