"""What belongs to the tailnet as a whole beside its policy file: DNS, settings, contacts, webhooks, keys, logs, postures."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from enum import StrEnum
from typing import cast

from pydantic import BaseModel

from tailstack.topology.declaration import (
    ContactsDeclaration,
    DnsDeclaration,
    KeyDeclaration,
    LogStreamingDeclaration,
    PostureIntegrationDeclaration,
    SecretReference,
    TailnetDeclaration,
    WebhookDeclaration,
)
from tailstack.topology.exposing import say_no_effect
from tailstack.topology.extras import (
    Argument,
    ConfigSecret,
    Contacts,
    Dns,
    Extras,
    Key,
    LogStream,
    PostureIntegration,
    Webhook,
)
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.validation import WRONG_VALUE
from tailstack.topology.wording import path_text

_TAILNET: Path = ("tailnet",)
_SECONDS = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_LONGEST_KEY = 90 * 24 * 3600
"""https://tailscale.com/kb/1085/auth-keys#key-expiry."""


def extras(notes: Notes, declared: TailnetDeclaration) -> Extras:
    """All that is declared of it."""
    return Extras(
        dns=_dns(notes, (*_TAILNET, "dns"), declared.dns) if declared.dns else None,
        settings=_arguments(declared.settings) if declared.settings else {},
        contacts=_contacts(notes, declared.contacts) if declared.contacts else None,
        webhooks=tuple(_webhook(notes, name, webhook) for name, webhook in declared.webhooks.items()),
        keys=tuple(_key(notes, name, key) for name, key in declared.keys.items()),
        log_streams=_log_streams(notes, declared.log_streaming) if declared.log_streaming else (),
        posture_integrations=tuple(
            _posture_integration(notes, name, integration)
            for name, integration in declared.posture_integrations.items()
        ),
    )


def _dns(notes: Notes, path: Path, declared: DnsDeclaration) -> Dns:
    _check_nameservers(notes, (*path, "nameservers"), declared.nameservers)
    for domain, nameservers in declared.split_dns.items():
        _check_nameservers(notes, (*path, "splitDNS", domain), nameservers)
    notes.once((*path, "searchPaths"), declared.search_paths)
    if declared.override_local_dns and not declared.nameservers and not notes.may_say(path, "nameservers"):
        say_no_effect(notes, path, "overrideLocalDNS", "no nameservers")
    return Dns(
        nameservers=tuple(declared.nameservers),
        override_local_dns=declared.override_local_dns,
        split_dns=tuple((domain, tuple(nameservers)) for domain, nameservers in declared.split_dns.items()),
        search_paths=tuple(declared.search_paths),
        place=notes.key(*path),
    )


def _check_nameservers(notes: Notes, path: Path, nameservers: Sequence[str]) -> None:
    notes.once(path, nameservers)
    for index, nameserver in enumerate(nameservers):
        if not _is_nameserver(nameserver):
            notes.say(
                WRONG_VALUE,
                notes.value(*path, index),
                message=f"{path_text((*path, index))} is no nameserver.",
                expected="an IP address, or a URL that begins with https://, for example 1.1.1.1",
            )


def _is_nameserver(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return text.startswith("https://")
    return True


def _arguments(declared: BaseModel) -> dict[str, Argument]:
    """What is written, by the provider's names."""
    return {name: _argument(value) for name, value in declared if value is not None}


def _argument(value: object) -> Argument:
    if isinstance(value, SecretReference):
        return ConfigSecret(value.secret)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, bool | int):
        return value
    return tuple(map(str, cast("list[str]", value))) if isinstance(value, list) else str(value)


def _contacts(notes: Notes, declared: ContactsDeclaration) -> Contacts:
    return Contacts(
        account=declared.account,
        support=declared.support,
        security=declared.security,
        place=notes.key(*_TAILNET, "contacts"),
    )


def _webhook(notes: Notes, name: str, declared: WebhookDeclaration) -> Webhook:
    path = (*_TAILNET, "webhooks", name)
    notes.once((*path, "subscriptions"), declared.subscriptions)
    url = declared.endpoint_url
    return Webhook(
        name=name,
        endpoint_url=url if isinstance(url, str) else ConfigSecret(url.secret),
        provider_type=declared.provider_type or "",
        subscriptions=tuple(declared.subscriptions),
        place=notes.key(*path),
    )


def _key(notes: Notes, name: str, declared: KeyDeclaration) -> Key:
    path = (*_TAILNET, "keys", name)
    notes.once((*path, "tags"), declared.tags)
    expiry = declared.expiry
    seconds = int(expiry[:-1]) * _SECONDS[expiry[-1]] if expiry else None
    if seconds is not None and seconds > _LONGEST_KEY:
        notes.say(
            WRONG_VALUE,
            notes.value(*path, "expiry"),
            message=f"{path_text((*path, 'expiry'))} is {expiry}.",
            expected="a time of at most 90d",
        )
    return Key(
        name=name,
        tags=tuple(declared.tags),
        reusable=declared.reusable,
        ephemeral=declared.ephemeral,
        preauthorized=declared.preauthorized,
        expiry=seconds,
        description=declared.description or name,
        place=notes.key(*path),
    )


def _log_streams(notes: Notes, declared: LogStreamingDeclaration) -> tuple[LogStream, ...]:
    path = (*_TAILNET, "logStreaming")
    streams = {"configuration": declared.configuration, "network": declared.network}
    return tuple(
        LogStream(log_type=log_type, arguments=_arguments(stream), place=notes.key(*path, log_type))
        for log_type, stream in streams.items()
        if stream is not None
    )


def _posture_integration(notes: Notes, name: str, declared: PostureIntegrationDeclaration) -> PostureIntegration:
    return PostureIntegration(
        name=name,
        arguments=_arguments(declared),
        place=notes.key(*_TAILNET, "postureIntegrations", name),
    )
