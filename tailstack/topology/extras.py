"""What belongs to the tailnet as a whole beside its policy file, as the provider's resources take it.

Names of settings and of the arguments of log streams and posture integrations are those of pulumi-tailscale 0.29.2, in snake
case. A value that is a `ConfigSecret` is taken from the stack's configuration when the stack runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tailstack.finding import Place


@dataclass(frozen=True, slots=True)
class ConfigSecret:
    """The name of a secret in the stack's configuration."""

    name: str


Argument: TypeAlias = "str | int | bool | tuple[str, ...] | ConfigSecret"


@dataclass(frozen=True, kw_only=True, slots=True)
class Dns:
    """How names outside of the tailnet are resolved: global nameservers, and those of single domains."""

    nameservers: tuple[str, ...] = ()
    override_local_dns: bool = False
    split_dns: tuple[tuple[str, tuple[str, ...]], ...] = ()
    search_paths: tuple[str, ...] = ()
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Contacts:
    """Mail addresses; None leaves one as it is."""

    account: str | None = None
    support: str | None = None
    security: str | None = None
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """`provider_type` is empty for plain JSON."""

    name: str
    endpoint_url: str | ConfigSecret
    provider_type: str
    subscriptions: tuple[str, ...]
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A key by which devices join. `expiry` is in seconds; None for Tailscale's default of 90 days."""

    name: str
    tags: tuple[str, ...]
    reusable: bool
    ephemeral: bool
    preauthorized: bool
    expiry: int | None
    description: str
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class LogStream:
    """Where the logs of one type (`configuration` or `network`) are sent."""

    log_type: str
    arguments: Mapping[str, Argument] = field(hash=False)
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class PostureIntegration:
    """A source of posture attributes."""

    name: str
    arguments: Mapping[str, Argument] = field(hash=False)
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Extras:
    """All of it. `settings` holds those that are declared, by the provider's argument; the others stay as they are."""

    dns: Dns | None = None
    settings: Mapping[str, Argument] = field(default_factory=dict[str, Argument], hash=False)
    contacts: Contacts | None = None
    webhooks: tuple[Webhook, ...] = ()
    keys: tuple[Key, ...] = ()
    log_streams: tuple[LogStream, ...] = ()
    posture_integrations: tuple[PostureIntegration, ...] = ()


NO_EXTRAS = Extras()
