"""What the tailnet has for an environment: credentials with their scopes and tags, the plan's features, and settings.

Nothing is written. Features that a plan lacks are answered with 403 or 404 (https://tailscale.com/api), and a scope that the
credential lacks with 403 too: so a feature is only called missing where the scope is known to be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tailstack.access.policy import Listed
from tailstack.engine.tailscale_api import Failure, TailscaleApi, TailscaleApiError
from tailstack.live.model import LiveKey, LiveTailnet, Unknown
from tailstack.report.diagnosed import Mark, Point
from tailstack.rules.ownership import not_given_by
from tailstack.topology.needed_scopes import NeededScope, needed_scopes
from tailstack.topology.tailnet import Tailnet

AREA = "tailnet"
CONSOLE = "https://login.tailscale.com/admin"

_NOT_THERE = frozenset({Failure.FORBIDDEN, Failure.NOT_FOUND})
_EVERY = "all"
_API = "Tailscale's API"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Feature:
    """Something that not every plan has: where the API lists it, and the scope that listing takes."""

    what: str
    path: tuple[str, ...]
    scope: str


def tailnet_points(
    tailnet: Tailnet, owners: Mapping[str, Listed], api: TailscaleApi, live: LiveTailnet
) -> Iterator[Point]:
    """Everything about the tailnet. `owners` are the tagOwners that the environment's policy will have."""
    if isinstance(refused := _refused(api, live), Point):
        yield refused
        return
    own = _own_key(api, live)
    yield _identity_point(tailnet, live)
    yield from _scope_points(needed_scopes(tailnet), api, own)
    if own is not None:
        yield from _tag_points(tailnet, owners, own)
    yield from _feature_points(tailnet, api, own)
    yield from _setting_points(tailnet, live)


def no_credential_point(reason: str) -> Point:
    """Where there is no credential for the API at all."""
    mend = f"Make an OAuth client at {CONSOLE}/settings/oauth, with the scopes of docs/tailnet.md."
    return Point(area=AREA, what="credential", mark=Mark.MISSING, told=reason, mend=mend)


def _refused(api: TailscaleApi, live: LiveTailnet) -> Point | None:
    """Why nothing can be asked at all; None where the credential is taken, if only for something else."""
    if not isinstance(live.devices, Unknown):
        return None
    if live.devices.is_silent:
        return Point(area=AREA, what=_API, mark=Mark.UNKNOWN, told=live.devices.reason)
    try:
        api.get("devices", query={"fields": "default"})
    except TailscaleApiError as error:
        if error.failure is Failure.UNAUTHORIZED:
            mend = "The credential is wrong, revoked or expired: make another one, and set it for the stack."
            return Point(area=AREA, what="credential", mark=Mark.MISSING, told=str(error), mend=mend)
        if error.failure is Failure.MISCONFIGURED:
            return no_credential_point(str(error))
        if error.failure is not Failure.FORBIDDEN:
            return Point(area=AREA, what=_API, mark=Mark.UNKNOWN, told=str(error))
    return None


def _own_key(api: TailscaleApi, live: LiveTailnet) -> LiveKey | None:
    """The credential as the API lists it; None for an access token, and where keys cannot be read."""
    if isinstance(live.keys, Unknown) or not api.client_id:
        return None
    return next((key for key in live.keys if key.id == api.client_id), None)


def _identity_point(tailnet: Tailnet, live: LiveTailnet) -> Point:
    what = f"tailnet {tailnet.dns_name}"
    if isinstance(live.devices, Unknown) or not (own := [one for one in live.devices if not one.is_external]):
        return Point(area=AREA, what=what, mark=Mark.UNKNOWN, told="no device tells its name")
    domain = own[0].name.partition(".")[2]
    if domain == tailnet.dns_name.lower():
        return Point(area=AREA, what=what, mark=Mark.OK)
    mend = "Use a credential of this tailnet, or mend tailnet.dnsName."
    return Point(area=AREA, what=what, mark=Mark.MISSING, told=f"the credential is for {domain}", mend=mend)


def _scope_points(needed: tuple[NeededScope, ...], api: TailscaleApi, own: LiveKey | None) -> Iterator[Point]:
    if not api.client_id:
        told = "an access token of a user, who may do what the user may"
        yield Point(area=AREA, what="scopes", mark=Mark.OK, told=told)
        return
    unknown: list[str] = []
    lacking = 0
    for each in needed:
        has = _has(each.scope, api, own)
        if has is None:
            unknown.append(each.scope)
        elif not has:
            lacking += 1
            mend = f"Give the credential the scope {each.scope} at {CONSOLE}/settings/oauth."
            yield Point(
                area=AREA, what=f"scope {each.scope}", mark=Mark.MISSING, told=f"needed by {each.why}", mend=mend
            )
    if unknown:
        told = f"{', '.join(unknown)}: a federated identity cannot be asked without the scope federated_keys:read"
        yield Point(area=AREA, what="scopes", mark=Mark.UNKNOWN, told=told)
    elif not lacking:
        told = ", ".join(each.scope for each in needed)
        yield Point(area=AREA, what="scopes", mark=Mark.OK, told=told)


def _has(scope: str, api: TailscaleApi, own: LiveKey | None) -> bool | None:
    if own is not None:
        readable = {f"{_EVERY}:read"} if scope.endswith(":read") else set[str]()
        return not {scope, scope.removesuffix(":read"), _EVERY, *readable}.isdisjoint(own.scopes)
    return api.grants(scope)


def _tag_points(tailnet: Tailnet, owners: Mapping[str, Listed], own: LiveKey) -> Iterator[Point]:
    """A credential gives its own tags, and those that one of these owns: the operators' clients need theirs."""
    if _EVERY in own.scopes:
        return
    lacking: dict[str, str] = {}
    for cluster in tailnet.clusters:
        operator = cluster.operator
        if operator.existing_secret is None and operator.credentials_volume is None:
            for tag in not_given_by(own.tags, operator.tags, owners):
                lacking.setdefault(tag, f"the operator of {cluster.name}")
    for key in tailnet.extras.keys:
        for tag in not_given_by(own.tags, key.tags, owners):
            lacking.setdefault(tag, f"the key {key.name}")
    for tag, who in lacking.items():
        mend = f"Give the credential {tag}, or a tag that owns it in the policy file."
        yield Point(area=AREA, what=f"tag {tag}", mark=Mark.MISSING, told=f"{who} is to wear it", mend=mend)
    if not lacking:
        yield Point(area=AREA, what="tags", mark=Mark.OK, told="the credential may give all that it has to")


def _feature_points(tailnet: Tailnet, api: TailscaleApi, own: LiveKey | None) -> Iterator[Point]:
    for feature in _features(tailnet):
        try:
            api.get(*feature.path)
        except TailscaleApiError as error:
            yield _without(feature, error, has_scope=not api.client_id or _has(feature.scope, api, own) is True)
        else:
            yield Point(area=AREA, what=feature.what, mark=Mark.OK)


def _without(feature: _Feature, error: TailscaleApiError, *, has_scope: bool) -> Point:
    if error.failure not in _NOT_THERE:
        return Point(area=AREA, what=feature.what, mark=Mark.UNKNOWN, told=str(error))
    if feature.path[0] == "logging" and error.failure is Failure.NOT_FOUND:
        # The same answer as where none is set up yet.
        told = "none is set up; whether the plan has them shows when one is"
        return Point(area=AREA, what=feature.what, mark=Mark.UNKNOWN, told=told)
    if not has_scope:
        told = f"cannot be asked without the scope {feature.scope}"
        return Point(area=AREA, what=feature.what, mark=Mark.UNKNOWN, told=told)
    mend = "Choose a plan that has it (https://tailscale.com/pricing), or take it out of the environment."
    return Point(area=AREA, what=feature.what, mark=Mark.MISSING, told=f"the API says {error}", mend=mend)


def _features(tailnet: Tailnet) -> Iterator[_Feature]:
    extras = tailnet.extras
    if extras.webhooks:
        yield _Feature(what="webhooks", path=("webhooks",), scope="webhooks")
    for stream in extras.log_streams:
        path = ("logging", stream.log_type, "stream")
        yield _Feature(what=f"streaming of {stream.log_type} logs", path=path, scope="log_streaming")
    if extras.posture_integrations:
        yield _Feature(what="posture integrations", path=("posture", "integrations"), scope="feature_settings")
    if any(needed.scope == "services" for needed in needed_scopes(tailnet)):
        yield _Feature(what="Tailscale Services", path=("vip-services",), scope="services")


def _setting_points(tailnet: Tailnet, live: LiveTailnet) -> Iterator[Point]:
    is_ours = tailnet.guest_of is None
    magic_dns = live.magic_dns
    yield _switch(
        "MagicDNS", magic_dns if isinstance(magic_dns, bool) else str(magic_dns.reason), tailnet.magic_dns, is_ours
    )
    if isinstance(live.settings, Unknown):
        yield Point(area=AREA, what="settings", mark=Mark.UNKNOWN, told=live.settings.reason)
        return
    https = live.settings.get("httpsEnabled")
    told = https if isinstance(https, bool) else "the credential may not see it without networking_settings:read"
    yield _switch("HTTPS certificates", told, tailnet.https_certificates, is_ours)
    if "regional_routing_on" in tailnet.extras.settings:
        known = "regionalRoutingOn" in live.settings
        told = "" if known else "the API does not tell it; not every plan has it"
        yield Point(area=AREA, what="regional routing", mark=Mark.OK if known else Mark.UNKNOWN, told=told)
    external = live.settings.get("aclsExternallyManagedOn")
    if isinstance(external, bool):
        told = (
            "locked in the admin console" if external else "admins can edit it in the console, and `up` stops at that"
        )
        wanted = tailnet.extras.settings.get("acls_externally_managed_on")
        mend = "" if external or wanted else "Declare aclsExternallyManagedOn: true under tailnet.settings (TS863)."
        yield Point(area=AREA, what="policy file", mark=Mark.OK, told=told, mend=mend)
    else:
        told = "whether it is locked in the console is not shown without policy_file:read"
        yield Point(area=AREA, what="policy file", mark=Mark.UNKNOWN, told=told)


def _switch(what: str, live: bool | str, declared: bool, is_ours: bool) -> Point:  # noqa: FBT001  what is live, what is declared
    if isinstance(live, str):
        return Point(area=AREA, what=what, mark=Mark.UNKNOWN, told=live)
    if live == declared:
        return Point(area=AREA, what=what, mark=Mark.OK, told="on" if live else "off, as declared")
    if is_ours:
        return Point(area=AREA, what=what, mark=Mark.OK, told=f"{_word(live)}; `up` switches it {_word(declared)}")
    mend = f"It belongs to the environment that owns the tailnet: have it switched {_word(declared)} there."
    return Point(area=AREA, what=what, mark=Mark.MISSING, told=_word(live), mend=mend)


def _word(on: bool) -> str:  # noqa: FBT001  the only thing it is about
    return "on" if on else "off"
