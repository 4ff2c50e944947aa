"""What holds for the whole tailnet: DNS, settings, and whom Tailscale writes to.

None of it can be taken back by the provider in a way that anybody would want: its delete of DnsPreferences switches MagicDNS
off, that of DnsConfiguration empties everything and switches it off too, and those of TailnetSettings and Contacts do nothing
at all (terraform-provider-tailscale, resource_dns_preferences.go, resource_dns_configuration.go,
resource_tailnet_settings.go, resource_contacts.go). So it is left, and the engine says `[retain]` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_tailscale import (
    Contacts,
    ContactsAccountArgs,
    ContactsSecurityArgs,
    ContactsSupportArgs,
    DnsConfiguration,
    DnsConfigurationNameserverArgs,
    DnsConfigurationSplitDnArgs,
    DnsConfigurationSplitDnNameserverArgs,
    DnsPreferences,
    TailnetSettings,
    TailnetSettingsArgs,
)

from components.options import child
from tailstack.topology import extras


def resolve_names(
    parent: pulumi.Resource, dns: extras.Dns | None, *, magic_dns: bool, protect: bool, reset_on_destroy: bool
) -> list[pulumi.Resource]:
    """MagicDNS, and where nameservers are declared the whole of the DNS configuration before it (decision 0008)."""
    configuration = [] if dns is None else [_dns_configuration(parent, dns, magic_dns=magic_dns, protect=protect)]
    preferences = DnsPreferences(
        "dns",
        magic_dns=magic_dns,
        opts=child(parent, depends_on=configuration, protect=protect, retain_on_delete=not reset_on_destroy),
    )
    return [*configuration, preferences]


def _dns_configuration(parent: pulumi.Resource, dns: extras.Dns, *, magic_dns: bool, protect: bool) -> DnsConfiguration:
    return DnsConfiguration(
        "dns.configuration",
        magic_dns=magic_dns,
        override_local_dns=dns.override_local_dns,
        nameservers=[DnsConfigurationNameserverArgs(address=address) for address in dns.nameservers],
        split_dns=[
            DnsConfigurationSplitDnArgs(
                domain=domain,
                nameservers=[DnsConfigurationSplitDnNameserverArgs(address=address) for address in addresses],
            )
            for domain, addresses in dns.split_dns
        ],
        search_paths=list(dns.search_paths),
        opts=child(parent, protect=protect, retain_on_delete=True),
    )


def set_up(
    parent: pulumi.Resource, settings: Mapping[str, extras.Argument], *, https_certificates: bool, protect: bool
) -> TailnetSettings:
    """The settings that are declared; all others stay as they are."""
    declared: dict[str, Any] = dict(settings)
    return TailnetSettings(
        "settings",
        TailnetSettingsArgs(**declared, https_enabled=https_certificates),
        opts=child(parent, protect=protect, retain_on_delete=True),
    )


def write_to(parent: pulumi.Resource, contacts: extras.Contacts) -> Contacts:
    """Whom Tailscale writes to, of the three kinds those that are declared."""
    return Contacts(
        "contacts",
        accounts=[ContactsAccountArgs(email=contacts.account)] if contacts.account else None,
        securities=[ContactsSecurityArgs(email=contacts.security)] if contacts.security else None,
        supports=[ContactsSupportArgs(email=contacts.support)] if contacts.support else None,
        opts=child(parent, retain_on_delete=True),
    )
